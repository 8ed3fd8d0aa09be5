"""The vector store on a server: the alias, and what the in-memory engine cannot show."""

from collections.abc import Iterator

import pytest
from qdrant_client import QdrantClient

from tests.twin.vectorstores import ARTICLES, DIMENSION, OTHER, QUIET, point, put
from twin.errors import StoreError
from twin.vectors.base import Point
from twin.vectors.qdrant import QdrantVectorStore

pytestmark = QUIET


def test_the_alias_moves_when_every_author_is_there() -> None:
    client = QdrantClient(":memory:")
    store = QdrantVectorStore("http://memory", client=client)
    put(store, point(1), point(2))
    put(store, point(1, author="bob"))
    put(store, point(3), model=OTHER)
    assert store.count(ARTICLES, "ada") == 2, "searches see the old collection while bob is missing in the new one"
    assert not store.serves(ARTICLES, "ada", OTHER)
    put(store, point(4, author="bob"), model=OTHER)
    assert (store.count(ARTICLES, "ada"), store.count(ARTICLES, "bob")) == (1, 1)
    assert [found.name for found in client.get_collections().collections] == ["articles__other-def-8"]


def test_a_half_loaded_author_does_not_count() -> None:
    store = QdrantVectorStore("http://memory", client=QdrantClient(":memory:"))
    put(store, point(1), point(2))

    def killed() -> Iterator[Point]:
        yield from (point(number) for number in range(300))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.apply(ARTICLES, "ada", OTHER, dimension=DIMENSION, upserts=killed(), deletes=[])
    assert store.count(ARTICLES, "ada") == 2
    store.apply(ARTICLES, "ada", OTHER, dimension=DIMENSION, upserts=[], deletes=[])
    assert store.count(ARTICLES, "ada") == 256


def test_an_unreachable_server_is_one_sentence_without_secrets() -> None:
    store = QdrantVectorStore("http://user:secret@127.0.0.1:9", api_key="key-of-mine")
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:9 cannot be reached") as failure:
        store.count(ARTICLES, "ada")
    assert "secret" not in str(failure.value)
    assert "key-of-mine" not in str(failure.value)
    assert store.address == "http://127.0.0.1:9"
