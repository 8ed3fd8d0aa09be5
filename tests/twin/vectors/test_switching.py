"""A search while a writer replaces all points of an author: never short, never a mixture where versions are kept."""

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from tests.kit.memory import WordEmbedder, chunks_of
from tests.kit.vectorstores import ARTICLES, MODEL, QUIET, expected, near, point, put, texts
from twin.models import Category, Chunk
from twin.retrieval import Retriever
from twin.terms.bm25 import encode_chunk
from twin.vectors import VectorStore
from twin.vectors.base import Found, Point, Scored, points_model
from twin.vectors.edge.store import EdgeVectorStore
from twin.vectors.qdrant.store import QdrantVectorStore

pytestmark = QUIET

EMBEDDER = WordEmbedder()
SUBJECTS = ("mountains", "rivers", "engines", "poems", "gardens")


def generation(number: int) -> list[Chunk]:
    """Five documents that say their generation; nothing of a generation is in another one."""
    return [
        chunk
        for subject in SUBJECTS
        for chunk in chunks_of([f"Notes about {subject}, written in generation{number}."], name=f"{subject}{number}")
    ]


class Writer:
    """Replaces all points of an author by those of the next generation."""

    def __init__(self, store: VectorStore) -> None:
        self.store, self.generation, self.old = store, 0, list[str]()

    def __call__(self) -> None:
        chunks = generation(self.generation)
        vectors = EMBEDDER.embed([chunk.embedded_text for chunk in chunks])
        points = [Point(chunk, vector, encode_chunk(chunk)) for chunk, vector in zip(chunks, vectors, strict=True)]
        self.store.apply(
            ARTICLES,
            "ada",
            points_model(EMBEDDER),
            dimension=EMBEDDER.dimension,
            upserts=points,
            deletes=self.old,
        )
        self.old, self.generation = [chunk.id for chunk in chunks], self.generation + 1


class Interrupted:
    """A reader's store in which the writer comes at the worst moment, between a search and the reading of chunks."""

    def __init__(self, store: VectorStore, write: Callable[[], None], times: int) -> None:
        self._store, self._write, self.times = store, write, times

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def chunks(self, category: Category, found: list[Scored]) -> dict[str, Chunk]:
        if self.times:
            self.times -= 1
            self._write()
        return self._store.chunks(category, found)


@pytest.fixture(params=["edge", "qdrant"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[VectorStore, VectorStore]]:
    """The store of a long-lived reader and that of a writer; both are the same server, or the same folder."""
    with contextlib.ExitStack() as stack:
        if request.param == "edge":
            made: list[VectorStore] = [EdgeVectorStore(tmp_path), EdgeVectorStore(tmp_path)]
        else:
            server = QdrantClient(":memory:")
            made = [QdrantVectorStore("http://memory", client=server) for _ in range(2)]
        for store in made:
            stack.enter_context(contextlib.closing(store))
        yield made[0], made[1]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_switch_between_search_and_reading_loses_no_hit(pair: tuple[VectorStore, VectorStore], times: int) -> None:
    reader, writer = pair[0], Writer(pair[1])
    writer()
    for _ in range(3):
        retriever = Retriever(Interrupted(reader, writer, times), EMBEDDER)  # type: ignore[arg-type]
        result = retriever.search("notes about rivers", author="ada", limit=5)
        assert len(result.hits) == 5
        assert len({hit.text.rpartition("generation")[2] for hit in result.hits}) == 1
        assert result.hits[0].text.startswith("Notes about rivers")


@pytest.mark.slow
def test_a_long_lived_search_never_comes_back_short(tmp_path: Path) -> None:
    reader = Retriever(EdgeVectorStore(tmp_path), EMBEDDER)
    writer, done = Writer(EdgeVectorStore(tmp_path)), threading.Event()
    writer()

    def switch() -> None:
        for _ in range(10):
            writer()
        done.set()

    thread = threading.Thread(target=switch)
    thread.start()
    seen = set()
    while not done.is_set():
        hits = reader.search("notes about rivers", author="ada", limit=5).hits
        assert len(hits) == 5
        (number,) = {hit.text.rpartition("generation")[2] for hit in hits}
        seen.add(number)
    thread.join()
    assert len(seen) > 1, "no switch was seen, so this proves nothing"


def test_what_a_search_found_is_read_after_a_switch_without_a_pin(tmp_path: Path) -> None:
    reader, writer = EdgeVectorStore(tmp_path), EdgeVectorStore(tmp_path)
    put(writer, *(point(number) for number in range(9)))
    found = near(reader, 1)
    put(writer, *(point(number) for number in range(20, 29)), deletes=tuple(each.id for each in found))
    assert len(texts(reader, found)) == 9
    assert {each.id for each in near(reader, 1)} == expected(*(point(number) for number in range(20, 29))).keys()


def test_a_pinned_version_outlives_its_files_and_another_thread_sees_the_new_one(tmp_path: Path) -> None:
    reader, writer = EdgeVectorStore(tmp_path), EdgeVectorStore(tmp_path)
    put(writer, point(1), point(2))
    later: list[Found] = []
    with reader.pinned():
        assert len(near(reader, 1)) == 2
        for number in range(3, 7):
            put(writer, point(number))
        shutil.rmtree(tmp_path / "articles" / "ada" / "00000004")
        assert reader.count(ARTICLES, "ada") == len(texts(reader, near(reader, 1))) == 2
        with reader.pinned():
            assert reader.hashes(ARTICLES, "ada", MODEL) == expected(point(1), point(2))
        other = threading.Thread(target=lambda: later.append(Found(near(reader, 1), [])))
        other.start()
        other.join()
    assert len(later[0].dense) == len(near(reader, 1)) == 6
