"""Tests of retrieval use a store that contains the `MEMORY` of the test module, embedded with its `EMBEDDER`."""

from collections.abc import Iterator

import pytest

from tests.kit.memory import fill_store
from twin.vectors.edge.store import EdgeVectorStore


@pytest.fixture(scope="module")
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeVectorStore]:
    opened = fill_store(tmp_path_factory.mktemp("memory"), request.module.EMBEDDER, request.module.MEMORY)
    yield opened
    opened.close()
