"""Checksums of a shard: damage never reaches the engine, and a store that cannot be written can be read."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.vectorstores import ARTICLES, MODEL, expected, near, point, put, texts
from twin.errors import DamagedError, StoreError
from twin.vectors.edge import checksums, shard
from twin.vectors.edge.store import EdgeVectorStore
from twin.vectors.edge.versions import copy_sparse

POINTS = [point(number) for number in range(20)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with one shard."""
    put(EdgeVectorStore(tmp_path / "vectors"), *POINTS)
    return tmp_path / "vectors"


def version(root: Path) -> Path:
    return root / "articles" / "ada" / "00000001"


def status(root: Path) -> Path:
    return sorted(version(root).rglob("*null/has_values/status.dat"))[0]


@pytest.mark.parametrize("content", [b"\xff" * 16, b"\x01", b""], ids=["eats memory", "panics", "empty"])
def test_a_damaged_file_is_refused_before_the_engine_sees_it(
    root: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    status(root).write_bytes(content)
    monkeypatch.setattr(shard, "opened", lambda _: pytest.fail("the engine was started"))
    store = EdgeVectorStore(root)
    for use in (
        lambda: near(store, 1),
        lambda: store.hashes(ARTICLES, "ada", MODEL),
        lambda: store.count(ARTICLES, "ada"),
    ):
        with pytest.raises(DamagedError, match=r"status.dat is not what was written\): run the collection stage again"):
            use()
    assert "status.dat is not what was written" in store.damage(ARTICLES, "ada")


def test_a_panic_of_the_engine_is_one_sentence(root: Path) -> None:
    """In a shard of an older version, which has no checksums."""
    forget(root)
    status(root).write_bytes(b"\x01")
    with pytest.raises(StoreError, match=r"cannot be used \(.*\): run the collection stage again") as caught:
        EdgeVectorStore(root).count(ARTICLES, "ada")
    assert "\n" not in str(caught.value)
    assert EdgeVectorStore(root).damage(ARTICLES, "ada") == str(caught.value)


def test_every_byte_is_read_where_points_are_loaded(root: Path) -> None:
    """A byte that changed on the disk, without a write: a search does not look for it, a build does."""
    path = next(version(root).rglob("vector_storage-dense/vectors/chunk_0.mmap"))
    state = path.stat()
    with path.open("r+b") as stream:
        stream.write(b"\x7f")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    store = EdgeVectorStore(root)
    assert store.count(ARTICLES, "ada") == 20
    assert "chunk_0.mmap is not what was written" in store.damage(ARTICLES, "ada")


def test_opening_and_copying_a_shard_is_no_damage(root: Path, tmp_path: Path) -> None:
    for _ in range(3):
        assert len(near(EdgeVectorStore(root), 1)) == 9
        assert EdgeVectorStore(root).damage(ARTICLES, "ada") == ""
    copy_sparse(root, tmp_path / "sparse")
    shutil.copytree(root, tmp_path / "whole")  # other times, and zeros where there were holes
    for copy in (tmp_path / "sparse", tmp_path / "whole"):
        assert EdgeVectorStore(copy).damage(ARTICLES, "ada") == ""
        assert EdgeVectorStore(copy).hashes(ARTICLES, "ada", MODEL) == expected(*POINTS)


def test_a_shard_of_an_older_version_gets_checksums_once(root: Path) -> None:
    forget(root)
    store = EdgeVectorStore(root)
    assert len(near(store, 1)) == 9
    assert not (version(root) / checksums.NAME).exists()
    assert store.damage(ARTICLES, "ada") == ""
    noted = json.loads((root / "articles" / "ada" / "CURRENT").read_text())
    assert noted["checksums"]
    assert noted["version"] == "00000001"
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(*POINTS)
    before = (root / "articles" / "ada" / "CURRENT").stat().st_mtime_ns
    assert store.damage(ARTICLES, "ada") == ""
    assert (root / "articles" / "ada" / "CURRENT").stat().st_mtime_ns == before
    with status(root).open("ab") as stream:
        stream.write(b"more")
    assert store.damage(ARTICLES, "ada")


def test_what_the_engine_says_of_its_index_is_not_asked_of_a_damaged_shard(root: Path) -> None:
    status(root).unlink()
    with pytest.raises(DamagedError, match="is not there"):
        EdgeVectorStore(root).index(ARTICLES, "ada")


def refused(_: object, mode: int) -> bool:
    return mode != os.W_OK


def mounted(root: Path) -> Iterator[Path]:
    """The folder at another place, where it is read-only."""
    place = root.parent / "read-only"
    place.mkdir()
    if subprocess.run(["mount", "--bind", root, place], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True, capture_output=True)
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.fixture(params=["no permission", "mount"])
def read_only(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store that cannot be written: by permission (which this process is told), or on a read-only mount."""
    if request.param == "mount":
        yield from mounted(root)
        return
    monkeypatch.setattr(os, "access", refused)
    monkeypatch.setattr("twin.vectors.edge.versions.replacing", lambda _: pytest.fail("a write was tried"))
    yield root  # noqa: PT022 - the other kind has a teardown


@pytest.mark.parametrize("noted", [True, False])
def test_a_read_only_store_is_searched_and_verified(
    read_only: Path, root: Path, noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not noted:
        forget(root)
        monkeypatch.setattr("twin.vectors.edge.versions.replacing", refuse)
    before = {path: path.stat().st_mtime_ns for path in version(root).rglob("*")}
    store = EdgeVectorStore(read_only)
    assert store.damage(ARTICLES, "ada") == ""
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(*POINTS)
    assert len(texts(store, near(store, 1))) == 9
    assert sorted(item.chunk.id for item in store.points(ARTICLES, "ada", MODEL)) == sorted(expected(*POINTS))
    assert store.index(ARTICLES, "ada")["segments"] == 1
    put(store)  # nothing to write
    changed = [path for path, modified in before.items() if path.exists() and path.stat().st_mtime_ns != modified]
    assert [path.name for path in changed if path.is_file()] == []


def refuse(_: Path) -> object:
    raise OSError(30, "Read-only file system")


def test_a_read_only_store_without_space_for_a_copy_is_one_sentence(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", refused)
    monkeypatch.setattr(shard, "_SPARE_BYTES", 1 << 62)
    with pytest.raises(StoreError, match=r"is read-only, and a copy of it in .*No space left on device.*set TMPDIR"):
        EdgeVectorStore(root).count(ARTICLES, "ada")


def forget(root: Path) -> None:
    """Make the shard as older versions wrote it."""
    (version(root) / checksums.NAME).unlink()
    pointer = root / "articles" / "ada" / "CURRENT"
    fields = json.loads(pointer.read_text())
    pointer.write_text(json.dumps({name: fields[name] for name in fields if name not in ("checksums", "digest")}))


def test_a_file_is_the_same_with_and_without_holes(tmp_path: Path) -> None:
    def made(name: str, write: Callable[[Path], object]) -> str:
        folder = tmp_path / name
        folder.mkdir()
        write(folder / "file")
        (folder / "file").chmod(0o644)
        os.utime(folder / "file", ns=(0, 0))
        return checksums.note(folder)

    def holes(path: Path) -> None:
        with path.open("wb") as stream:
            stream.write(b"begin")
            stream.seek(300_000)
            stream.write(b"middle")
            stream.truncate(1 << 20)

    content = b"begin".ljust(300_000, b"\0") + b"middle"
    with_holes = made("holes", holes)
    assert made("zeros", lambda path: path.write_bytes(content.ljust(1 << 20, b"\0"))) == with_holes
    assert made("shorter", lambda path: path.write_bytes(content)) != with_holes
    assert made("moved", lambda path: path.write_bytes((b"\0" + content).ljust(1 << 20, b"\0"))) != with_holes
