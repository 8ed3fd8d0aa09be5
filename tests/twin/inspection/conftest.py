"""The inspection's tests work on stored chunks and embeddings of one author."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.inspected import Stores


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    made = Stores(tmp_path)
    yield made
    made.warehouse.close()
