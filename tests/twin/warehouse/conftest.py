"""The warehouse's own tests run on each kind of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.warehouses import Opener
from twin.warehouse import MongoWarehouse, SqliteWarehouse, Warehouse


@pytest.fixture(params=["sqlite", "mongo"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the same empty store again and again."""
    if request.param == "sqlite":
        return lambda: SqliteWarehouse(tmp_path / "warehouse.sqlite")
    uri = request.getfixturevalue("mongo_uri")
    return lambda: MongoWarehouse(uri, database=f"t{abs(hash(tmp_path))}")


@pytest.fixture
def warehouse(opener: Opener) -> Iterator[Warehouse]:
    opened = opener()
    yield opened
    opened.close()
