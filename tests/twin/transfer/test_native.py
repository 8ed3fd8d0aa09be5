"""A warehouse as a folder: out of any store and into any other, the same bytes; and what is refused."""

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner, Result

from tests.kit.warehouses import capture, contents, document, fill, stored
from twin.artifacts import ArtifactStore
from twin.cli.main import app
from twin.errors import InputError, RemovedError
from twin.identity import sha256
from twin.models import Author, State
from twin.opening import Stores
from twin.settings import Settings
from twin.transfer import native
from twin.transfer.native import MANIFEST, export_folder, import_folder, is_export
from twin.warehouse import SqliteWarehouse, Warehouse
from twin.warehouse.base import TABLES, RestoreReport

NewWarehouse = Callable[[str], Warehouse]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def stores(tmp_path: Path) -> tuple[ArtifactStore, ArtifactStore]:
    """One that is filled, and one that is empty."""
    return ArtifactStore(str(tmp_path / "store")), ArtifactStore(str(tmp_path / "another store"))


@pytest.fixture
def artifacts(stores: tuple[ArtifactStore, ArtifactStore]) -> ArtifactStore:
    return stores[0]


@pytest.fixture
def empty(stores: tuple[ArtifactStore, ArtifactStore]) -> ArtifactStore:
    return stores[1]


def fill_all(warehouse: Warehouse, artifacts: ArtifactStore) -> None:
    """A warehouse with the bytes of its captures, compressed as one may have been years ago."""
    fill(warehouse)
    for author, content in (("ada", b"<p>One</p>"), ("ada", b"two"), ("ada-li", b"<p>One</p>")):
        packed = gzip.compress(content, 1 if content == b"two" else 9, mtime=7)
        artifacts.write_bytes("captures", author, f"{sha256(content)}.gz", content=packed)


@pytest.fixture
def exported(new_warehouse: NewWarehouse, artifacts: ArtifactStore, tmp_path: Path) -> Path:
    source = new_warehouse("sqlite")
    fill_all(source, artifacts)
    export_folder(tmp_path / "exported", source, artifacts)
    return tmp_path / "exported"


# -- there and back ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", list(product(("sqlite", "mongo"), repeat=2)), ids="-".join)
def test_everything_moves_and_the_next_export_is_the_same_bytes(
    new_warehouse: NewWarehouse, artifacts: ArtifactStore, empty: ArtifactStore, tmp_path: Path, kinds: tuple[str, str]
) -> None:
    first, second = (new_warehouse(kind) for kind in kinds)
    fill_all(first, artifacts)
    written = export_folder(tmp_path / "first", first, artifacts)
    assert written.rows == {
        "authors": 2, "links": 3, "raw": 8, "cleaned": 8, "crawl_log": 3, "captures": 3,
    }  # fmt: skip
    assert (written.captures, written.errors) == (3, [])
    report = import_folder(tmp_path / "first", second, empty)
    assert (report.restored, report.captures, report.errors) == (RestoreReport(inserted=27), 3, [])
    assert contents(second) == contents(first)
    again = import_folder(tmp_path / "first", second, empty)
    assert (again.restored, again.captures, again.written) == (RestoreReport(unchanged=27), 0, 0)
    export_folder(tmp_path / "second", second, empty)
    assert files_of(tmp_path / "second") == files_of(tmp_path / "first")
    assert files_of(Path(empty.root.path)) == files_of(Path(artifacts.root.path))


def test_the_folder_is_what_it_says(exported: Path) -> None:
    manifest = json.loads((exported / MANIFEST).read_text())
    files = files_of(exported)
    del files[MANIFEST]
    assert (manifest["format"], manifest["version"]) == ("llm-twin-warehouse", 1)
    assert manifest["files"].keys() == files.keys()
    for name, content in files.items():
        assert manifest["files"][name]["sha256"] == hashlib.sha256(content).hexdigest()
        if name.endswith(".jsonl"):
            lines = content.decode().split("\n")
            assert (len(lines) - 1, lines[-1]) == (manifest["files"][name]["rows"], "")
            for line in lines[:-1]:
                row = json.loads(line)
                assert line == json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert "床前明月光" in files["raw.jsonl"].decode()
    assert str(exported.parent) not in b"".join(files.values()).decode(errors="replace")


def test_one_author_moves_alone(
    new_warehouse: NewWarehouse, artifacts: ArtifactStore, empty: ArtifactStore, tmp_path: Path
) -> None:
    source, target = new_warehouse("sqlite"), new_warehouse("sqlite")
    fill_all(source, artifacts)
    written = export_folder(tmp_path / "li", source, artifacts, author="ada-li")
    assert written.rows == dict.fromkeys(TABLES, 1)
    import_folder(tmp_path / "li", target, empty)
    assert contents(target) == {table: list(source.dump(table, "ada-li")) for table in TABLES}
    assert set(files_of(Path(empty.root.path))) == {f"captures/ada-li/{sha256(b'<p>One</p>')}.gz"}
    assert json.loads((tmp_path / "li" / MANIFEST).read_text())["author"] == "ada-li"


def test_what_is_newer_here_stays(exported: Path, new_warehouse: NewWarehouse, artifacts: ArtifactStore) -> None:
    target = new_warehouse("sqlite")
    import_folder(exported, target, artifacts)
    edited = stored(target)[0]
    target.edit_document(State.RAW, edited.id, "newer")
    target.remove_documents(State.CLEANED, [edited.id])
    target.upsert_authors([Author(slug="ada", name="Ada")])
    before = contents(target)
    report = import_folder(exported, target, artifacts)
    assert report.restored == RestoreReport(kept=3, unchanged=24)
    assert contents(target) == before
    found = target.document(State.RAW, edited.id)
    assert found is not None
    assert found.text == "newer"


def test_an_empty_warehouse_moves(new_warehouse: NewWarehouse, artifacts: ArtifactStore, tmp_path: Path) -> None:
    assert export_folder(tmp_path / "out", new_warehouse("sqlite"), artifacts).captures == 0
    target = new_warehouse("sqlite")
    assert import_folder(tmp_path / "out", target, artifacts).written == 0
    assert contents(target) == {table: [] for table in TABLES}


@pytest.mark.slow
def test_many_documents_take_little_memory(
    new_warehouse: NewWarehouse, artifacts: ArtifactStore, tmp_path: Path
) -> None:
    source, target = new_warehouse("sqlite"), new_warehouse("sqlite")
    count, size = 1000, 20_000
    source.upsert_documents(State.RAW, (document(number, text=f"{number} " * (size // 5)) for number in range(count)))
    tracemalloc.start()
    try:
        export_folder(tmp_path / "out", source, artifacts)
        import_folder(tmp_path / "out", target, artifacts)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "out" / "raw.jsonl").stat().st_size > 15e6
    assert peak < 10e6
    assert len(list(target.dump("raw"))) == count


# -- bytes that are gone -----------------------------------------------------------------------------------------------


def test_a_capture_without_its_bytes_is_named_and_all_else_moves(
    new_warehouse: NewWarehouse, artifacts: ArtifactStore, empty: ArtifactStore, tmp_path: Path
) -> None:
    source, target = new_warehouse("sqlite"), new_warehouse("sqlite")
    fill_all(source, artifacts)
    name = f"{sha256(b'two')}.gz"
    artifacts.remove("captures", "ada", name)
    written = export_folder(tmp_path / "out", source, artifacts)
    assert written.captures == 2
    assert len(written.errors) == 1
    assert f"{name} is missing" in written.errors[0]
    import_folder(tmp_path / "out", target, empty)
    assert contents(target) == contents(source)


# -- killed, and run again ---------------------------------------------------------------------------------------------

EXPORT = """
import sys
from pathlib import Path
from twin.transfer import native as transfer
from twin.artifacts import ArtifactStore
from twin.warehouse import SqliteWarehouse

path, store, out, name = sys.argv[1:]
real = transfer._write
def write(path, parts):
    if path.name == name:
        with path.open("wb") as file:
            file.write(next(iter(parts), b"")[:20])
        print("half", flush=True)
        sys.stdin.readline()
    return real(path, parts)
transfer._write = write
transfer.export_folder(Path(out), SqliteWarehouse(Path(path)), ArtifactStore(store))
"""


@pytest.mark.parametrize("where", ["captures.jsonl", "authors.jsonl", f"{sha256(b'two')}.gz", f".{MANIFEST}.part"])
def test_an_export_that_is_killed_looks_like_none_and_begins_again(
    new_warehouse: NewWarehouse, artifacts: ArtifactStore, repository: Path, exported: Path, where: str
) -> None:
    source = new_warehouse("sqlite")
    import_folder(exported, source, artifacts)
    out = exported.parent / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", EXPORT, source.address, str(artifacts.root), str(out), where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=repository,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert is_export(out)
    with pytest.raises(InputError, match=r"is not a complete export \(manifest\.json is missing\)"):
        import_folder(out, new_warehouse("sqlite"), artifacts)
    export_folder(out, source, artifacts)
    assert files_of(out) == files_of(exported)


def test_the_next_import_repairs_one_that_broke_off(
    exported: Path, new_warehouse: NewWarehouse, empty: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = new_warehouse("sqlite")
    real = SqliteWarehouse.restore

    def breaks_off(self: SqliteWarehouse, table: str, rows: Any) -> RestoreReport:
        if table == "crawl_log":
            raise KeyboardInterrupt
        return real(self, table, rows)

    with monkeypatch.context() as patched:
        patched.setattr(SqliteWarehouse, "restore", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            import_folder(exported, target, empty)
    report = import_folder(exported, target, empty)
    assert report.restored == RestoreReport(inserted=6, unchanged=21)


# -- where it is refused -----------------------------------------------------------------------------------------------


def test_an_export_overwrites_nothing(new_warehouse: NewWarehouse, artifacts: ArtifactStore, exported: Path) -> None:
    before = files_of(exported)
    with pytest.raises(InputError, match="exported already contains an export: give a new folder"):
        export_folder(exported, new_warehouse("sqlite"), artifacts)
    assert files_of(exported) == before
    diary = exported.parent / "diary"
    diary.mkdir()
    (diary / "raw.jsonl").write_text("Dear diary")
    with pytest.raises(InputError, match="diary contains other files: give a folder that is new or empty"):
        export_folder(diary, new_warehouse("sqlite"), artifacts)
    assert files_of(diary) == {"raw.jsonl": b"Dear diary"}
    with pytest.raises(InputError, match="cannot be written"):
        export_folder(diary / "raw.jsonl" / "below", new_warehouse("sqlite"), artifacts)


def edited(folder: Path, name: str, change: Callable[[bytes], bytes], *, sealed: bool = False) -> None:
    """Change a file of an export; `sealed` corrects the manifest, as a forger would."""
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    if sealed:
        manifest = json.loads((folder / MANIFEST).read_text())
        content = path.read_bytes()
        manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "rows": content.count(b"\n")}
        (folder / MANIFEST).write_text(json.dumps(manifest))


def in_line(number: int, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def changed(content: bytes) -> bytes:
        lines = content.split(b"\n")
        lines[number - 1] = change(lines[number - 1])
        return b"\n".join(lines)

    return changed


RAW, TWO = "raw.jsonl", f"captures/ada/{sha256(b'two')}.gz"


class Damage(NamedTuple):
    said: str
    name: str
    change: Callable[[bytes], bytes]
    sealed: bool = False


DAMAGES = [
    Damage(r"raw\.jsonl line 3 is not JSON", RAW, in_line(3, lambda line: line[:50])),
    Damage(r"raw\.jsonl line 3 is not JSON", RAW, in_line(3, lambda line: b"\xff" + line)),
    Damage(r"raw\.jsonl line 2 is not JSON", RAW, in_line(2, lambda _: b"[" * 100_000), sealed=True),
    Damage(r"raw\.jsonl line 2 is not a JSON object", RAW, in_line(2, lambda _: b"[1]"), sealed=True),
    Damage(r"raw\.jsonl line 2: The raw row \? lacks", RAW, in_line(2, lambda _: b"{}"), sealed=True),
    Damage("links.jsonl line 1: .* kind", "links.jsonl", in_line(1, lambda x: x.replace(b'"feed"', b'"No"')), True),
    Damage("raw.jsonl .*sha256 differs", RAW, in_line(4, lambda line: line.replace(b"Ada", b"Eve"))),
    Damage("raw.jsonl ends at line 7", RAW, lambda content: content[: content[:-1].rfind(b"\n") + 1]),
    Damage("cleaned.jsonl ends at line 9.* 8 rows", "cleaned.jsonl", lambda x: x + x.split(b"\n")[0] + b"\n"),
    Damage(r"\.gz .*sha256 differs", TWO, lambda content: content[:-1]),
    Damage("manifest.json is not JSON", MANIFEST, lambda content: content[:-9]),
    Damage("manifest.json is not JSON", MANIFEST, lambda _: b"[" * 100_000),
    Damage("manifest.json is not the manifest of a warehouse", MANIFEST, lambda _: b'{"name": "my-app"}'),
    Damage("install a newer one", MANIFEST, lambda content: content.replace(b'"version": 1', b'"version": 2')),
    Damage("damaged at files", MANIFEST, lambda content: content.replace(b'"sha256"', b'"md5"', 1)),
    Damage("does not name raw.jsonl", MANIFEST, lambda content: content.replace(b"raw.jsonl", b"row.jsonl")),
    Damage("not a file of an export", MANIFEST, lambda content: content.replace(b"captures/ada/", b"captures/../")),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_folder_is_one_sentence_and_nothing_is_written(
    exported: Path, new_warehouse: NewWarehouse, empty: ArtifactStore, damage: Damage
) -> None:
    edited(exported, damage.name, damage.change, sealed=damage.sealed)
    target = new_warehouse("sqlite")
    with pytest.raises(InputError, match=damage.said) as caught:
        import_folder(exported, target, empty)
    assert "\n" not in str(caught.value)
    assert contents(target) == {table: [] for table in TABLES}
    assert not Path(empty.root.path).exists()


@pytest.mark.parametrize("name", ["links.jsonl", TWO])
def test_a_file_that_is_missing_is_named(
    exported: Path, new_warehouse: NewWarehouse, empty: ArtifactStore, name: str
) -> None:
    (exported / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing, but manifest.json names it"):
        import_folder(exported, new_warehouse("sqlite"), empty)


@pytest.mark.parametrize("name", ["manifest.json", "links.jsonl", TWO])
def test_what_is_not_a_file_is_not_opened(
    exported: Path, new_warehouse: NewWarehouse, empty: ArtifactStore, name: str
) -> None:
    (exported / name).unlink()
    os.mkfifo(exported / name)
    with pytest.raises(InputError, match=rf"{name} cannot be read \(it is a named pipe, not a file\)"):
        import_folder(exported, new_warehouse("sqlite"), empty)


def test_what_the_other_store_cannot_take_is_named_and_takes_nothing_with_it(
    new_warehouse: NewWarehouse, artifacts: ArtifactStore, tmp_path: Path
) -> None:
    source, target = new_warehouse("sqlite"), new_warehouse("mongo")
    source.upsert_documents(State.RAW, [document(1), document(2, metadata={"big": 2**70}), document(3)])
    export_folder(tmp_path / "out", source, artifacts)
    report = import_folder(tmp_path / "out", target, artifacts)
    assert report.restored.inserted == 2
    assert len(report.errors) == 1
    assert f"The raw row {document(2).id} has metadata that MongoDB cannot store" in report.errors[0]


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_commands_move_a_warehouse(
    tmp_path: Path, artifacts: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twin(store: str, *arguments: str) -> Result:
        monkeypatch.setenv("TWIN_STORE", str(tmp_path / store))
        return CliRunner().invoke(app, arguments)

    monkeypatch.delenv("MONGO_URI", raising=False)
    source = SqliteWarehouse(tmp_path / "store" / "warehouse.sqlite")
    fill_all(source, artifacts)
    source.upsert_captures([capture(b"gone", 9)])
    source.close()
    done = twin("store", "export", str(tmp_path / "out"))
    assert done.exit_code == 1
    assert done.stdout.startswith("2 authors, 3 links, 8 raw, 8 cleaned, 3 crawl_log, 3 captures written to ")
    assert f"twin: {tmp_path}/store/captures/ada/{sha256(b'gone')}.gz is missing" in done.stderr
    done = twin("new", "import", str(tmp_path / "out"))
    assert (done.exit_code, done.stderr) == (0, "")
    assert "28 rows new, 0 changed, 0 unchanged, 0 kept because the stored row is newer; 3 new captures" in done.stdout
    assert "0 rows new, 0 changed, 28 unchanged" in twin("new", "import", str(tmp_path / "out")).stdout
    assert twin("new", "export", str(tmp_path / "li"), "ada-li").exit_code == 0
    assert "There is no author 'eve'" in str(twin("new", "export", str(tmp_path / "eve"), "eve").exception)
    done = twin("new", "export", str(tmp_path / "handbook"), "ada", "--format", "handbook")
    assert (done.exit_code, done.stdout) == (0, f"6 documents of ada written to {tmp_path}/handbook\n")
    assert (tmp_path / "handbook" / "ArticleDocument.json").exists()
    assert "6 documents of ada-love: 6 new" in twin("other", "import", str(tmp_path / "handbook")).stdout
    assert "contains no warehouse export" in str(twin("other", "import", str(tmp_path)).exception)


def test_a_backup_of_a_removed_author_comes_back_unless_the_removal_is_newer(exported: Path, tmp_path: Path) -> None:
    def opened() -> Stores:
        return Stores(Settings(store=str(tmp_path / "guarded")))

    with opened() as stores:
        import_folder(exported, stores.warehouse, stores.artifacts)
        stores.warehouse.remove_author("ada")
        stores.artifacts.remove_tree("captures", "ada")
        import_folder(exported, stores.warehouse, stores.artifacts)  # with her captures
        assert stores.warehouse.author("ada") is not None
        assert stores.artifacts.count_files("captures", "ada") == 2

        check = native._check

        def removed(folder: Path, *arguments: Any) -> None:
            with opened() as others:
                others.warehouse.remove_author("ada")
            check(folder, *arguments)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(native, "_check", removed)
            with pytest.raises(RemovedError):
                import_folder(exported, stores.warehouse, stores.artifacts)
        assert stores.warehouse.author("ada") is None
