"""What the embedded vector store must bear besides the contract: other processes, kills, full disks."""

import errno
import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest

from tests.kit.vectorstores import (
    ARTICLES,
    DIMENSION,
    MODEL,
    both,
    expected,
    near,
    point,
    published,
    put,
    run,
    terms,
    texts,
    vector,
    with_terms,
)
from twin.errors import InputError, StoreError
from twin.identity import content_hash, sha256
from twin.models import Chunk
from twin.vectors.base import Point, Where
from twin.vectors.edge.store import EdgeVectorStore
from twin.vectors.edge.versions import Index, copy_sparse
from twin.vectors.payload import chunk_of


@pytest.mark.slow
def test_readers_never_see_a_half_written_version(tmp_path: Path) -> None:
    """Every version holds one generation of ten points; a reader must never find two generations or a gap."""
    root = tmp_path / "vectors"
    put(EdgeVectorStore(root), *(point(number, text="0") for number in range(10)))
    script = """
    store = EdgeVectorStore(Path(sys.argv[1]))
    seen = set()
    print("ready", flush=True)
    deadline = time.monotonic() + 30
    while "12" not in seen and time.monotonic() < deadline:
        found = near(store, 1, limit=20)
        assert len(found) == 10, len(found)
        said = store.chunks(ARTICLES, found)
        assert len(said) == 10
        assert len({chunk.text for chunk in said.values()}) == 1
        seen.add(said[found[0].id].text)
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


def test_old_versions_go(tmp_path: Path) -> None:
    store = EdgeVectorStore(tmp_path)
    for generation in range(5):
        put(store, point(1, text=str(generation)))
    folder = tmp_path / "articles" / "ada"
    assert sorted(path.name for path in folder.iterdir()) == ["00000004", "00000005", "CURRENT", "LOCK"]


def test_nothing_is_touched_when_there_is_nothing_to_do(tmp_path: Path) -> None:
    store = EdgeVectorStore(tmp_path)
    put(store)
    assert list(tmp_path.iterdir()) == []
    put(store, point(1))
    before = (tmp_path / "articles" / "ada" / "CURRENT").stat().st_mtime_ns
    put(store)
    assert (tmp_path / "articles" / "ada" / "CURRENT").stat().st_mtime_ns == before


@pytest.mark.parametrize("after", [1, 300])
@pytest.mark.slow
def test_a_killed_writer_changes_nothing_and_the_next_one_converges(tmp_path: Path, after: int) -> None:
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
    found = store.search(ARTICLES, Where(author="ada"), vector=None, sparse=terms(*range(1, 8)), limit=999).sparse
    assert sorted(each.id for each in found) == sorted(item.chunk.id for item in left)
    folder = tmp_path / "articles" / "ada"
    assert sorted(path.name for path in folder.iterdir()) == ["00000001", "00000002", "CURRENT", "LOCK"]


def test_writers_exclude_each_other_and_a_lasting_lock_is_one_sentence(tmp_path: Path) -> None:
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
    with pytest.raises(StoreError, match="locked by another process"):
        put(store, point(3))
    assert store.count(ARTICLES, "ada") == 1, "a reader was blocked or saw what is not finished"
    leave.set()
    first.join()
    put(store, point(3))
    assert store.count(ARTICLES, "ada") == 3


@pytest.mark.slow
def test_many_writers_lose_nothing(tmp_path: Path) -> None:
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


def test_what_is_open_survives_its_removal(tmp_path: Path) -> None:
    store = EdgeVectorStore(tmp_path)
    put(store, *(point(number) for number in range(50)))
    opened = store._open(ARTICLES, "ada")
    assert opened is not None
    shutil.rmtree(tmp_path / "articles")
    from qdrant_edge import Query, QueryRequest

    request = QueryRequest(limit=1, query=Query.Nearest(vector(7).tolist(), using="dense"), with_payload=True)
    assert chunk_of(opened[1].query(request)[0].payload).ordinal == 7


def test_a_damaged_shard_is_one_sentence(tmp_path: Path) -> None:
    put(EdgeVectorStore(tmp_path), point(1))
    folder = tmp_path / "articles" / "ada"
    shutil.rmtree(folder / "00000001" / "segments")
    with pytest.raises(StoreError):
        EdgeVectorStore(tmp_path).count(ARTICLES, "ada")
    (folder / "CURRENT").write_text("{")
    with pytest.raises(StoreError, match="is damaged"):
        EdgeVectorStore(tmp_path).count(ARTICLES, "ada")


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EdgeVectorStore(tmp_path)
    put(store, point(1))
    monkeypatch.setattr("twin.vectors.edge.shard._SPARE_BYTES", 1 << 62)
    with pytest.raises(StoreError, match="disk is full"):
        put(store, point(2))
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(point(1))


def test_a_full_disk_stops_the_first_write_before_the_engine_maps_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of a mapped file that the disk cannot hold ends the process with SIGBUS."""
    monkeypatch.setattr("twin.vectors.edge.shard._SPARE_BYTES", 1 << 62)
    monkeypatch.setattr("twin.vectors.edge.shard._load_or_create", lambda *_: pytest.fail("the engine was started"))
    with pytest.raises(StoreError, match="disk is full"):
        put(EdgeVectorStore(tmp_path), point(1))


def test_a_root_that_is_no_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="TWIN_STORE"):
        put(EdgeVectorStore(tmp_path / "file"), point(1))


def test_a_slug_is_no_path(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        EdgeVectorStore(tmp_path).count(ARTICLES, "../other")


def test_a_chunk_is_stored_as_what_its_hash_is_made_of() -> None:
    chunk = published(1, 2020).chunk
    hour = timezone(timedelta(hours=1))
    for fields in (
        {},
        {"published_at": None, "path": "a/b.py"},
        {"published_at": datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)},
        {"published_at": datetime(2020, 1, 2, tzinfo=hour)},
        {"published_at": datetime(1869, 1, 2)},
        {"text": 'quotes " and \\ \n\t \x00 \x7f \u2028 😀', "title": None},
    ):
        made = Chunk.model_validate({**chunk.model_dump(), **fields})
        for each in (made, Chunk.model_validate_json(made.model_dump_json())):
            assert sha256(each.canonical) == each.content_hash == content_hash(each.model_dump(mode="json"))


def test_times_before_1970_and_without_a_zone_are_found(tmp_path: Path) -> None:
    store = EdgeVectorStore(tmp_path)
    for number, moment in ((1, datetime(1869, 1, 2, tzinfo=UTC)), (2, datetime(1969, 12, 31))):
        made = point(number)
        put(store, made._replace(chunk=made.chunk.model_copy(update={"published_at": moment})))
    for year, count in ((1860, 2), (1900, 1), (1970, 0)):
        where = Where(author="ada", published_from=datetime(year, 1, 1, tzinfo=UTC))
        assert len(both(store, where).dense) == count


def test_a_shard_of_an_older_layout_answers_nothing_and_goes_with_the_next_build(tmp_path: Path) -> None:
    store = EdgeVectorStore(tmp_path)
    put(store, point(1), point(2))
    pointer = tmp_path / "articles" / "ada" / "CURRENT"
    manifest = json.loads(pointer.read_text())
    assert manifest["index"]["m"] > 0
    pointer.write_text(json.dumps({name: manifest[name] for name in ("version", "model", "dimension", "points")}))
    assert store.hashes(ARTICLES, "ada", MODEL) == {}
    assert list(store.points(ARTICLES, "ada", MODEL)) == []
    with pytest.raises(StoreError, match="build the collections again"):
        near(store, 1)
    put(store, point(1))
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(point(1))
    assert [found.id for found in with_terms(store, 1001)] == [point(1).chunk.id]


@pytest.fixture
def small_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of the tests are large enough for a graph."""
    small = partial(Index, threshold_kb=1, full_scan_kb=1, m=8)
    monkeypatch.setattr("twin.vectors.edge.store.Index", small)


@pytest.mark.usefixtures("small_graphs")
@pytest.mark.slow
def test_a_graph_and_small_vectors_follow_the_settings(tmp_path: Path) -> None:
    """With nothing to write, a version with other settings is made of the points that are there."""
    points = [point(number) for number in range(300)]
    full = EdgeVectorStore(tmp_path)
    put(full, *points)
    wanted = [found.id for found in near(full, 1000)]
    small = EdgeVectorStore(tmp_path, quantized=True)
    assert small.index(ARTICLES, "ada")["quantized"] is False
    assert not list(tmp_path.rglob("*quantized*"))
    put(small)
    assert small.index(ARTICLES, "ada")["quantized"] is full.index(ARTICLES, "ada")["quantized"] is True
    assert list(tmp_path.rglob("*quantized*"))
    assert small.hashes(ARTICLES, "ada", MODEL) == expected(*points)
    found = small.search(ARTICLES, Where(author="ada"), vector=vector(1000), sparse=None, limit=9).dense
    assert [each.id for each in found] == wanted
    right = {item.chunk.id: float(item.vector @ vector(1000)) for item in points}
    assert [each.score for each in found] == pytest.approx([right[each.id] for each in found], abs=1e-5)
    assert [each.id for each in with_terms(small, 1100)] == [points[100].chunk.id]
    put(full)
    assert small.index(ARTICLES, "ada")["quantized"] is False
    before = (tmp_path / "articles" / "ada" / "CURRENT").read_bytes()
    put(full)
    assert (tmp_path / "articles" / "ada" / "CURRENT").read_bytes() == before


@pytest.mark.usefixtures("small_graphs")
def test_an_indexed_shard_takes_changes(tmp_path: Path) -> None:
    store = EdgeVectorStore(tmp_path)
    put(store, *(point(number) for number in range(300)))
    changed = [point(number, text="changed")._replace(vector=vector(5000 + number)) for number in range(20)]
    put(store, *changed, point(400), deletes=tuple(point(number).chunk.id for number in range(20, 120)))
    left = [*changed, point(400), *(point(number) for number in range(120, 300))]
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(*left)
    assert texts(store, near(store, 5007, limit=1)) == ["changed"]
    query = vector(1000)
    scores = sorted((float(item.vector @ query) for item in left), reverse=True)
    assert [found.score for found in near(store, 1000)] == pytest.approx(scores[:9], abs=1e-5)
    assert with_terms(store, 1050) == []
    assert {found.id for found in with_terms(store, 1)} <= {item.chunk.id for item in left}


def test_a_closed_store_opens_again(tmp_path: Path) -> None:
    store = EdgeVectorStore(tmp_path)
    put(store, point(1))
    assert store.count(ARTICLES, "ada") == 1
    store.close()
    assert store.count(ARTICLES, "ada") == 1


@pytest.mark.parametrize("kernel", [True, False])
def test_a_sparse_copy_is_equal_and_stays_sparse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: bool) -> None:
    def refuses(*_: object) -> int:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    if not kernel:
        monkeypatch.setattr(os, "copy_file_range", refuses)
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
