"""One contract for every vector store, and what Edge must bear besides: other processes, kills, full disks."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from twin.errors import InputError, StoreError
from twin.models import Category, Chunk
from twin.settings import Settings
from twin.vectors import VectorStore, open_vector_store
from twin.vectors.base import Point
from twin.vectors.edge import EdgeVectorStore
from twin.vectors.qdrant import QdrantVectorStore
from twin.vectors.versions import copy_sparse

pytestmark = pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect",  # says the in-memory engine, of the indexes that a server uses
    "ignore:Api key is used with an insecure connection",
)

DIMENSION = 8
MODEL = f"tiny@abc/{DIMENSION}"
OTHER = f"other@def/{DIMENSION}"
ARTICLES, POSTS = Category.ARTICLES, Category.POSTS


def point(number: int, author: str = "ada", category: Category = ARTICLES, text: str = "") -> Point:
    """Points of different numbers differ; the nearest to `vector(n)` is the point n."""
    document = str(uuid.uuid5(uuid.NAMESPACE_URL, author))
    chunk = Chunk(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{author}{category}{number}")),
        document_id=document,
        author=author,
        category=category,
        ordinal=number,
        start=number,
        end=number + 1,
        text=text or f"text {number} 🤖",
        tokens=3,
        link="https://example.org/a",
        platform="web",
    )
    return Point(chunk, vector(number))


def vector(number: int) -> np.ndarray:
    values = np.random.default_rng(number).normal(size=DIMENSION).astype(np.float32)
    return values / np.linalg.norm(values)


def expected(*points: Point) -> dict[str, str]:
    return {item.chunk.id: item.chunk.content_hash for item in points}


def put(store: VectorStore, *points: Point, model: str = MODEL, deletes: tuple[str, ...] = ()) -> None:
    chunk = points[0].chunk if points else point(0).chunk
    store.apply(chunk.category, chunk.author, model, dimension=DIMENSION, upserts=iter(points), deletes=deletes)


@pytest.fixture(params=["edge", "qdrant"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    if request.param == "edge":
        made: VectorStore = EdgeVectorStore(tmp_path / "vectors")
    else:
        from qdrant_client import QdrantClient

        made = QdrantVectorStore("http://memory", client=QdrantClient(":memory:"))
    yield made
    made.close()


class TestEveryStore:
    def test_an_unknown_author_has_nothing(self, store: VectorStore) -> None:
        assert store.hashes(ARTICLES, "nobody", MODEL) == {}
        assert store.count(ARTICLES, "nobody") == 0
        assert store.search([ARTICLES, POSTS], "nobody", vector(1), limit=3) == []

    def test_points_come_back_whole(self, store: VectorStore) -> None:
        points = [point(number) for number in range(600)]
        put(store, *points)
        assert store.count(ARTICLES, "ada") == 600
        assert store.hashes(ARTICLES, "ada", MODEL) == expected(*points)
        (hit,) = store.search([ARTICLES], "ada", vector(417), limit=1)
        assert hit.chunk == points[417].chunk
        assert hit.score == pytest.approx(1, abs=1e-5)

    def test_the_search_is_exact_and_ordered(self, store: VectorStore) -> None:
        points = [point(number) for number in range(100)]
        put(store, *points)
        query = vector(1000)
        hits = store.search([ARTICLES], "ada", query, limit=10)
        scores = sorted((float(item.vector @ query) for item in points), reverse=True)
        assert [hit.score for hit in hits] == pytest.approx(scores[:10], abs=1e-5)

    def test_equal_scores_come_in_the_order_of_ids(self, store: VectorStore) -> None:
        points = [point(number)._replace(vector=vector(1)) for number in range(5)]
        put(store, *points)
        hits = store.search([ARTICLES], "ada", vector(1), limit=5)
        assert [hit.chunk.id for hit in hits] == sorted(item.chunk.id for item in points)

    def test_categories_are_merged_by_score(self, store: VectorStore) -> None:
        put(store, point(1), point(2))
        put(store, point(3, category=POSTS), point(4, category=POSTS))
        hits = store.search([ARTICLES, POSTS], "ada", vector(3), limit=4)
        assert hits[0].chunk.category is POSTS
        assert len(hits) == 4
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert len(store.search([ARTICLES, ARTICLES], "ada", vector(3), limit=9)) == 2

    def test_authors_do_not_see_each_other(self, store: VectorStore) -> None:
        put(store, point(1), point(2))
        put(store, point(1, author="bob"))
        assert (store.count(ARTICLES, "ada"), store.count(ARTICLES, "bob")) == (2, 1)
        assert {hit.chunk.author for hit in store.search([ARTICLES], "bob", vector(2), limit=9)} == {"bob"}
        put(store, deletes=tuple(store.hashes(ARTICLES, "ada", MODEL)))
        assert (store.count(ARTICLES, "ada"), store.count(ARTICLES, "bob")) == (0, 1)

    def test_writing_twice_is_writing_once(self, store: VectorStore) -> None:
        put(store, point(1), point(2))
        put(store, point(1), point(2))
        assert store.hashes(ARTICLES, "ada", MODEL) == expected(point(1), point(2))

    def test_changes_and_deletions_in_one_call(self, store: VectorStore) -> None:
        put(store, point(1), point(2), point(3))
        changed = point(2, text="changed")
        put(store, changed, point(4), deletes=(point(1).chunk.id, str(uuid.uuid4())))
        assert store.hashes(ARTICLES, "ada", MODEL) == expected(changed, point(3), point(4))
        assert store.search([ARTICLES], "ada", vector(2), limit=1)[0].chunk.text == "changed"

    def test_nothing_to_do_is_no_error(self, store: VectorStore) -> None:
        put(store)
        put(store, point(1))
        put(store)
        assert store.count(ARTICLES, "ada") == 1

    def test_models_never_mix(self, store: VectorStore) -> None:
        assert store.serves(ARTICLES, "ada", MODEL)
        put(store, point(1), point(2))
        assert store.serves(ARTICLES, "ada", MODEL)
        assert not store.serves(ARTICLES, "ada", OTHER)
        assert store.hashes(ARTICLES, "ada", OTHER) == {}
        put(store, point(3), model=OTHER)
        assert store.hashes(ARTICLES, "ada", OTHER) == expected(point(3))
        assert store.hashes(ARTICLES, "ada", MODEL) == {}
        assert store.serves(ARTICLES, "ada", OTHER)
        assert [hit.chunk.id for hit in store.search([ARTICLES], "ada", vector(1), limit=9)] == [point(3).chunk.id]

    def test_another_model_may_leave_nothing(self, store: VectorStore) -> None:
        put(store, point(1))
        put(store, model=OTHER)
        assert store.count(ARTICLES, "ada") == 0

    def test_a_query_of_another_dimension_is_one_sentence(self, store: VectorStore) -> None:
        put(store, point(1))
        with pytest.raises(StoreError, match="TWIN_EMBEDDING_MODEL"):
            store.search([ARTICLES], "ada", np.ones(3, dtype=np.float32), limit=1)

    def test_an_error_of_the_source_is_passed_on(self, store: VectorStore) -> None:
        put(store, point(1))

        def broken() -> Iterator[Point]:
            yield point(2)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            store.apply(ARTICLES, "ada", MODEL, dimension=DIMENSION, upserts=broken(), deletes=[])
        assert store.search([ARTICLES], "ada", vector(1), limit=1)[0].chunk == point(1).chunk

    def test_a_closed_store_opens_again(self, tmp_path: Path) -> None:
        store = EdgeVectorStore(tmp_path)
        put(store, point(1))
        assert store.count(ARTICLES, "ada") == 1
        store.close()
        assert store.count(ARTICLES, "ada") == 1


class TestQdrant:
    def test_the_alias_moves_when_every_author_is_there(self) -> None:
        from qdrant_client import QdrantClient

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

    def test_a_half_loaded_author_does_not_count(self) -> None:
        from qdrant_client import QdrantClient

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

    def test_an_unreachable_server_is_one_sentence_without_secrets(self) -> None:
        store = QdrantVectorStore("http://user:secret@127.0.0.1:9", api_key="key-of-mine")
        with pytest.raises(StoreError, match=r"127\.0\.0\.1:9 cannot be reached") as failure:
            store.count(ARTICLES, "ada")
        assert "secret" not in str(failure.value)
        assert "key-of-mine" not in str(failure.value)
        assert store.address == "http://127.0.0.1:9"


def run(script: str, *args: object) -> "subprocess.Popen[str]":
    """Start a Python process that can use this module's helpers."""
    header = "from tests.twin.test_vectors import *\nimport sys, time\n"
    command = [sys.executable, "-c", header + textwrap.dedent(script), *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


class TestEdge:
    def test_readers_never_see_a_half_written_version(self, tmp_path: Path) -> None:
        """Every version holds one generation of ten points; a reader must never find two generations or a gap."""
        root = tmp_path / "vectors"
        put(EdgeVectorStore(root), *(point(number, text="0") for number in range(10)))
        script = """
        store = EdgeVectorStore(Path(sys.argv[1]))
        seen = set()
        print("ready", flush=True)
        deadline = time.monotonic() + 30
        while "12" not in seen and time.monotonic() < deadline:
            hits = store.search([ARTICLES], "ada", vector(1), limit=20)
            assert len(hits) == 10, len(hits)
            assert len({hit.chunk.text for hit in hits}) == 1
            seen.add(hits[0].chunk.text)
        print(len(seen), "12" in seen)
        """
        readers = [run(script, root) for _ in range(2)]
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
        writer = EdgeVectorStore(root)
        for generation in range(1, 13):
            put(writer, *(point(number, text=str(generation)) for number in range(10)))
        for reader in readers:
            out, _ = reader.communicate(timeout=40)
            assert reader.returncode == 0
            count, last = out.split()
            assert last == "True"
            assert int(count) > 1, "the reader saw no switch, so this test proved nothing"

    def test_old_versions_go(self, tmp_path: Path) -> None:
        store = EdgeVectorStore(tmp_path)
        for generation in range(5):
            put(store, point(1, text=str(generation)))
        folder = tmp_path / "articles" / "ada"
        assert sorted(path.name for path in folder.iterdir()) == ["00000004", "00000005", "CURRENT", "LOCK"]

    def test_nothing_is_touched_when_there_is_nothing_to_do(self, tmp_path: Path) -> None:
        store = EdgeVectorStore(tmp_path)
        put(store)
        assert list(tmp_path.iterdir()) == []
        put(store, point(1))
        before = (tmp_path / "articles" / "ada" / "CURRENT").stat().st_mtime_ns
        put(store)
        assert (tmp_path / "articles" / "ada" / "CURRENT").stat().st_mtime_ns == before

    @pytest.mark.parametrize("after", [1, 300])
    def test_a_killed_writer_changes_nothing_and_the_next_one_converges(self, tmp_path: Path, after: int) -> None:
        store = EdgeVectorStore(tmp_path)
        put(store, point(1), point(2))
        script = """
        def points():
            for number in range(int(sys.argv[2])):
                yield point(number, text="new")
            print("writing", flush=True)
            time.sleep(60)
        EdgeVectorStore(Path(sys.argv[1])).apply(
            ARTICLES, "ada", MODEL, dimension=DIMENSION, upserts=points(), deletes=[point(2).chunk.id])
        """
        writer = run(script, tmp_path, after)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        assert store.hashes(ARTICLES, "ada", MODEL) == expected(point(1), point(2))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert store.hashes(ARTICLES, "ada", MODEL) == expected(point(1), point(2))
        new = [point(number, text="new") for number in range(after)]
        put(store, *new, deletes=(point(2).chunk.id,) if after < 3 else ())
        left = new if after > 2 else [*new, point(1)]
        assert store.hashes(ARTICLES, "ada", MODEL) == expected(*left)
        folder = tmp_path / "articles" / "ada"
        assert sorted(path.name for path in folder.iterdir()) == ["00000001", "00000002", "CURRENT", "LOCK"]

    def test_writers_exclude_each_other_and_a_lasting_lock_is_one_sentence(self, tmp_path: Path) -> None:
        store = EdgeVectorStore(tmp_path, lock_timeout_s=0.2)
        put(store, point(1))
        inside, leave = threading.Event(), threading.Event()

        def slow() -> Iterator[Point]:
            yield point(2)
            inside.set()
            leave.wait(20)

        args = (ARTICLES, "ada", MODEL)
        first = threading.Thread(
            target=lambda: store.apply(*args, dimension=DIMENSION, upserts=slow(), deletes=[]), daemon=True
        )
        first.start()
        assert inside.wait(20)
        with pytest.raises(StoreError, match="being written by another process"):
            put(store, point(3))
        assert store.count(ARTICLES, "ada") == 1, "a reader was blocked or saw what is not finished"
        leave.set()
        first.join()
        put(store, point(3))
        assert store.count(ARTICLES, "ada") == 3

    def test_many_writers_lose_nothing(self, tmp_path: Path) -> None:
        script = """
        number = int(sys.argv[2])
        put(EdgeVectorStore(Path(sys.argv[1])), *(point(number * 10 + extra) for extra in range(10)))
        """
        writers = [run(script, tmp_path, number) for number in range(3)]
        assert [writer.wait(60) for writer in writers] == [0, 0, 0]
        for writer in writers:
            writer.communicate()
        store = EdgeVectorStore(tmp_path)
        assert store.hashes(ARTICLES, "ada", MODEL) == expected(*(point(number) for number in range(30)))

    def test_what_is_open_survives_its_removal(self, tmp_path: Path) -> None:
        store = EdgeVectorStore(tmp_path)
        put(store, *(point(number) for number in range(50)))
        opened = store._open(ARTICLES, "ada")
        assert opened is not None
        shutil.rmtree(tmp_path / "articles")
        from qdrant_edge import Query, QueryRequest

        request = QueryRequest(limit=1, query=Query.Nearest(vector(7).tolist(), using="dense"), with_payload=True)
        assert opened[1].query(request)[0].payload["ordinal"] == 7

    def test_a_damaged_shard_is_one_sentence(self, tmp_path: Path) -> None:
        put(EdgeVectorStore(tmp_path), point(1))
        folder = tmp_path / "articles" / "ada"
        shutil.rmtree(folder / "00000001" / "segments")
        with pytest.raises(StoreError):
            EdgeVectorStore(tmp_path).count(ARTICLES, "ada")
        (folder / "CURRENT").write_text("{")
        with pytest.raises(StoreError, match="is damaged"):
            EdgeVectorStore(tmp_path).count(ARTICLES, "ada")

    def test_a_full_disk_is_one_sentence(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        store = EdgeVectorStore(tmp_path)
        put(store, point(1))
        monkeypatch.setattr("twin.vectors.edge._SPARE_BYTES", 1 << 62)
        with pytest.raises(StoreError, match="disk is full"):
            put(store, point(2))
        assert store.hashes(ARTICLES, "ada", MODEL) == expected(point(1))

    def test_a_full_disk_stops_the_first_write_before_the_engine_maps_a_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A page of a mapped file that the disk cannot hold ends the process with SIGBUS."""
        monkeypatch.setattr("twin.vectors.edge._SPARE_BYTES", 1 << 62)
        monkeypatch.setattr("twin.vectors.edge._load_or_create", lambda *_: pytest.fail("the engine was started"))
        with pytest.raises(StoreError, match="disk is full"):
            put(EdgeVectorStore(tmp_path), point(1))

    def test_a_root_that_is_no_folder_is_one_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match="TWIN_STORE"):
            put(EdgeVectorStore(tmp_path / "file"), point(1))

    def test_a_slug_is_no_path(self, tmp_path: Path) -> None:
        with pytest.raises(InputError):
            EdgeVectorStore(tmp_path).count(ARTICLES, "../other")


def test_a_sparse_copy_is_equal_and_stays_sparse(tmp_path: Path) -> None:
    source = tmp_path / "a"
    (source / "sub").mkdir(parents=True)
    with (source / "sub" / "holes").open("wb") as stream:
        stream.write(b"begin")
        stream.seek(20 << 20)
        stream.write(os.urandom(3 << 20))
        stream.truncate(40 << 20)
    (source / "empty").touch()
    copy_sparse(source, tmp_path / "b")
    for name in ("sub/holes", "empty"):
        assert (tmp_path / "b" / name).read_bytes() == (source / name).read_bytes()
    blocks = (source / "sub" / "holes").stat().st_blocks
    assert (tmp_path / "b" / "sub" / "holes").stat().st_blocks <= blocks + 64


def test_the_settings_choose_the_store(tmp_path: Path) -> None:
    assert isinstance(open_vector_store(Settings(store=str(tmp_path))), EdgeVectorStore)
    assert isinstance(open_vector_store(Settings(qdrant_url="http://localhost:6333")), QdrantVectorStore)
    with pytest.raises(InputError, match="QDRANT_URL"):
        open_vector_store(Settings(store="s3://bucket/twin"))
    assert list(tmp_path.iterdir()) == []
