"""The contract of vector stores is tested on each of them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from tests.kit.qdrantserver import QdrantServer
from twin.vectors import VectorStore
from twin.vectors.edge.store import EdgeVectorStore
from twin.vectors.qdrant.store import QdrantVectorStore


@pytest.fixture(params=["edge", "qdrant", pytest.param("http", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    """Each implementation in turn, empty; the server's with the in-memory engine, inside the client and behind HTTP."""
    with contextlib.ExitStack() as stack:
        if request.param == "edge":
            made: VectorStore = EdgeVectorStore(tmp_path / "vectors")
        elif request.param == "qdrant":
            made = QdrantVectorStore("http://memory", client=QdrantClient(":memory:"))
        else:
            made = QdrantVectorStore(stack.enter_context(contextlib.closing(QdrantServer())).url)
        yield stack.enter_context(contextlib.closing(made))
