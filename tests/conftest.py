"""Fixtures that every test may use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from twin.artifacts import ArtifactStore
from twin.warehouse import SqliteWarehouse

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of this checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside the checkout; it is nobody's to publish, so tests without it are skipped."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real test data is not at {folder}")
    return folder


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    """An empty artifact store."""
    return ArtifactStore(str(tmp_path / "store"))


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[SqliteWarehouse]:
    """An empty warehouse in a file; a module that needs authors in it overrides this with one that adds them."""
    opened = SqliteWarehouse(tmp_path / "warehouse.sqlite")
    yield opened
    opened.close()
