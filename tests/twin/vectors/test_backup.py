"""Backup and restore of points: one format for every engine."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from qdrant_client import QdrantClient
from typer.testing import CliRunner

from tests.kit.vectorstores import (
    ARTICLES,
    DIMENSION,
    MODEL,
    OTHER,
    POSTS,
    QUIET,
    both,
    expected,
    near,
    point,
    published,
    put,
    terms,
)
from twin.cli.main import app
from twin.errors import ConsistencyError, InputError, StoreError
from twin.vectors import VectorStore
from twin.vectors.backup import backup, restore
from twin.vectors.base import Point, Where
from twin.vectors.edge.store import EdgeVectorStore
from twin.vectors.qdrant.store import QdrantVectorStore

pytestmark = QUIET


def fill(store: VectorStore) -> None:
    put(store, *(point(number) for number in range(300)), published(300, 2020, "medium", None))
    put(store, point(1, "bob"), point(2, "bob")._replace(sparse=terms()))
    put(store, point(1, "ada", POSTS))


@pytest.fixture(params=["edge", "qdrant"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    """A second, empty store of either engine: another machine."""
    if request.param == "edge":
        made: VectorStore = EdgeVectorStore(tmp_path / "elsewhere")
    else:
        made = QdrantVectorStore("http://elsewhere", client=QdrantClient(":memory:"))
    yield made
    made.close()


@pytest.mark.slow
def test_a_backup_brings_every_point_back_on_either_engine(
    store: VectorStore, other: VectorStore, tmp_path: Path
) -> None:
    fill(store)
    saved = backup(store, tmp_path / "backup")
    assert [(each.category, each.author, each.points, each.model) for each in saved] == [
        (ARTICLES, "ada", 301, MODEL),
        (ARTICLES, "bob", 2, MODEL),
        (POSTS, "ada", 1, MODEL),
    ]
    assert restore(other, tmp_path / "backup") == saved
    for category, author in ((ARTICLES, "ada"), (ARTICLES, "bob"), (POSTS, "ada")):
        assert other.hashes(category, author, MODEL) == store.hashes(category, author, MODEL)
        assert other.model(category, author) == MODEL
        there = list(other.points(category, author, MODEL))
        for was, now in zip(store.points(category, author, MODEL), there, strict=True):
            assert was.chunk == now.chunk
            assert now.vector == pytest.approx(was.vector, abs=1e-6)
            assert was.sparse.indices.tolist() == now.sparse.indices.tolist()
            assert was.sparse.values.tolist() == now.sparse.values.tolist()
    here, again = (both(each, Where(author="ada"), 400) for each in (store, other))
    for one, two in ((here.dense, again.dense), (here.sparse, again.sparse)):
        assert [each.id for each in two] == [each.id for each in one]
        assert [each.score for each in two] == pytest.approx([each.score for each in one], abs=1e-4)


def test_a_backup_of_the_same_points_is_the_same_files(store: VectorStore, tmp_path: Path) -> None:
    fill(store)
    folder = tmp_path / "backup"
    backup(store, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(before) == 4
    backup(store, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    put(store, point(1, "bob", text="changed"))
    backup(store, folder, "bob")
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(after) == 4
    assert len(after.items() & before.items()) == 2, "another author's file changed, or bob's did not"


def test_restoring_twice_writes_once(store: VectorStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    backup(store, tmp_path / "backup")
    written: list[str] = []
    apply = type(store).apply

    def counted(self: VectorStore, *args: object, upserts: Iterator[Point], **options: object) -> None:
        def seen() -> Iterator[Point]:
            for item in upserts:
                written.append(item.chunk.id)
                yield item

        apply(self, *args, upserts=seen(), **options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(store), "apply", counted)
    restore(store, tmp_path / "backup")
    assert written == []
    put(store, point(5, text="newer"), point(400), deletes=(point(6).chunk.id,))
    written.clear()
    restore(store, tmp_path / "backup")
    assert sorted(written) == sorted(point(number).chunk.id for number in (5, 6))
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(
        *(point(number) for number in range(300)), published(300, 2020, "medium", None)
    )


def test_a_restore_of_one_author_leaves_the_others(store: VectorStore, tmp_path: Path) -> None:
    fill(store)
    backup(store, tmp_path / "backup")
    put(store, point(1, text="newer"))
    put(store, point(1, "bob", text="newer"))
    put(store, point(1, "cy"))
    restore(store, tmp_path / "backup", "bob")
    assert store.hashes(ARTICLES, "bob", MODEL)[point(1, "bob").chunk.id] == point(1, "bob").chunk.content_hash
    assert store.hashes(ARTICLES, "ada", MODEL)[point(1).chunk.id] == point(1, text="newer").chunk.content_hash
    assert store.count(ARTICLES, "cy") == 1
    with pytest.raises(InputError, match="holds no points of nobody"):
        restore(store, tmp_path / "backup", "nobody")


def test_a_restore_switches_models_at_once_and_never_mixes_them(store: VectorStore, tmp_path: Path) -> None:
    put(store, point(1), point(2))
    backup(store, tmp_path / "backup")
    put(store, point(3), model=OTHER)
    assert [found.id for found in near(store, 1)] == [point(3).chunk.id]
    restore(store, tmp_path / "backup")
    assert store.model(ARTICLES, "ada") == MODEL
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(point(1), point(2))
    assert store.hashes(ARTICLES, "ada", OTHER) == {}
    assert {found.id for found in near(store, 1)} == {point(1).chunk.id, point(2).chunk.id}


def test_a_killed_restore_leaves_the_old_points_and_the_next_ends_it(store: VectorStore, tmp_path: Path) -> None:
    put(store, *(point(number) for number in range(300)))
    backup(store, tmp_path / "backup")
    put(store, point(3), model=OTHER)

    with pytest.MonkeyPatch.context() as patched:

        def killed(folder: Path, saved: object) -> Iterator[Point]:
            yield from (point(number) for number in range(260))
            raise KeyboardInterrupt

        patched.setattr("twin.vectors.backup._points", killed)
        with pytest.raises(KeyboardInterrupt):
            restore(store, tmp_path / "backup")
    assert [found.id for found in near(store, 1)] == [point(3).chunk.id]
    restore(store, tmp_path / "backup")
    assert store.count(ARTICLES, "ada") == 300


def test_what_is_no_sound_backup_is_refused_before_anything_is_written(store: VectorStore, tmp_path: Path) -> None:
    fill(store)
    (saved, *_) = backup(store, tmp_path / "backup")
    fresh = EdgeVectorStore(tmp_path / "fresh")

    def refused(change: Callable[[Path], object], message: str) -> None:
        folder = tmp_path / "copy"
        shutil.copytree(tmp_path / "backup", folder)
        change(folder)
        with pytest.raises(InputError, match=message):
            restore(fresh, folder)
        shutil.rmtree(folder)
        assert not (tmp_path / "fresh").exists()

    def edited(**fields: object) -> Callable[[Path], object]:
        def change(folder: Path) -> object:
            manifest = json.loads((folder / "manifest.json").read_text())
            manifest["collections"][0] |= fields
            return (folder / "manifest.json").write_text(json.dumps(manifest))

        return change

    def foreign(folder: Path) -> object:
        """Ada's points under bob's name."""
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["collections"] = [manifest["collections"][0] | {"author": "bob"}]
        return (folder / "manifest.json").write_text(json.dumps(manifest))

    refused(lambda folder: (folder / saved.file).unlink(), "is missing")
    refused(lambda folder: (folder / saved.file).write_bytes(b"PAR1"), "is damaged")
    refused(lambda folder: (folder / "manifest.json").write_text("{"), "is not the manifest")
    refused(lambda folder: (folder / "manifest.json").unlink(), "is no backup of points")
    refused(edited(points=3), "is damaged")
    refused(edited(file="../../x.parquet"), "is not the manifest")
    refused(edited(author="../x"), "is not the manifest")
    refused(edited(format="other"), "is not the manifest")
    refused(foreign, "holds a chunk of ada/articles")
    (tmp_path / "something").mkdir()
    (tmp_path / "something" / "else.txt").touch()
    with pytest.raises(InputError, match="holds something else"):
        backup(store, tmp_path / "something")
    with pytest.raises(InputError, match="holds no points"):
        backup(fresh, tmp_path / "empty")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        backup(store, tmp_path / "file")


def test_a_backup_that_is_killed_leaves_the_one_before_it(store: VectorStore, tmp_path: Path) -> None:
    put(store, point(1), point(2))
    put(store, point(1, category=POSTS))
    backup(store, tmp_path / "backup")
    put(store, point(1, text="changed"))
    put(store, point(1, category=POSTS, text="changed"))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("twin.vectors.backup._replace", killed)
        with pytest.raises(KeyboardInterrupt):
            backup(store, tmp_path / "backup")
    restore(store, tmp_path / "backup")
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(point(1), point(2))
    assert len(list((tmp_path / "backup").iterdir())) == 5
    backup(store, tmp_path / "backup")
    assert len(list((tmp_path / "backup").iterdir())) == 3


def test_a_store_that_loses_points_is_told(store: VectorStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, point(1), point(2))
    backup(store, tmp_path / "backup")
    fresh = EdgeVectorStore(tmp_path / "fresh")
    monkeypatch.setattr(EdgeVectorStore, "apply", lambda *_, **__: None)
    with pytest.raises(ConsistencyError, match="does not hold the 2 articles of ada"):
        restore(fresh, tmp_path / "backup")


@pytest.mark.slow
def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = CliRunner().invoke
    for name in ("MONGO_URI", "QDRANT_URL", "TWIN_QUANTIZATION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TWIN_STORE", str(tmp_path / "one"))
    first = EdgeVectorStore(tmp_path / "one" / "vectors")
    fill(first)
    assert f"articles of ada: 301 points of {MODEL}; segments 1" in run(app, ["vectors", "status"]).stdout
    done = run(app, ["vectors", "backup", str(tmp_path / "backup")])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        f"articles of ada: 301 points of {MODEL}",
        f"articles of bob: 2 points of {MODEL}",
        f"posts of ada: 1 points of {MODEL}",
        f"304 points written to {tmp_path / 'backup'}",
    ]
    monkeypatch.setenv("TWIN_STORE", str(tmp_path / "two"))
    done = run(app, ["vectors", "restore", str(tmp_path / "backup"), "--author", "bob"])
    assert done.stdout.splitlines()[-1] == f"2 points restored to {tmp_path / 'two' / 'vectors'}"
    (row,) = json.loads(run(app, ["vectors", "status", "--json"]).stdout)
    assert (row["category"], row["author"], row["points"], row["model"]) == ("articles", "bob", 2, MODEL)
    assert row["index"]["m"] > 0
    failed = run(app, ["vectors", "restore", str(tmp_path)])
    assert isinstance(failed.exception, InputError)


def test_the_file_is_plain_parquet(tmp_path: Path) -> None:
    store = EdgeVectorStore(tmp_path / "vectors")
    put(store, point(3))
    (saved,) = backup(store, tmp_path / "backup")
    table = pq.read_table(tmp_path / "backup" / saved.file)
    assert table.schema.field("vector").type == pa.list_(pa.float32(), DIMENSION)
    assert json.loads(table.column("chunk")[0].as_py())["text"] == "text 3 🤖"
