"""The warehouse in an SQLite file: its schema, and where the disk or another process says no."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.warehouses import NOW, document, stored
from twin.errors import StoreError
from twin.models import Author, Category, State, WriteReport
from twin.warehouse import SqliteWarehouse
from twin.warehouse.base import TABLES
from twin.warehouse.rows import stamp
from twin.warehouse.sqlite_file import SqliteFile
from twin.warehouse.sqlite_schema import MIGRATIONS

ADA = Author(slug="ada", name="Ada")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(exclude_categories=["Cs"])),
    title=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    published=st.none() | st.datetimes(timezones=st.just(UTC)),
    metadata=st.dictionaries(st.text(max_size=5), json_values, max_size=3),
)
def test_any_document_keeps_its_hash(
    tmp_path: Path, text: str, title: str | None, published: datetime | None, metadata: dict[str, object]
) -> None:
    warehouse = SqliteWarehouse(tmp_path / "any.sqlite")
    written = document(text=text, title=title, published_at=published, metadata=metadata)
    warehouse.upsert_documents(State.RAW, [written])
    read = warehouse.document(State.RAW, written.id)
    assert read is not None
    assert read.content_hash == written.content_hash
    assert warehouse.upsert_documents(State.RAW, [read]) == WriteReport(unchanged=1)
    warehouse.close()


def test_what_is_removed_is_overwritten_in_the_file(tmp_path: Path) -> None:
    warehouse = SqliteWarehouse(tmp_path / "w.sqlite")
    said = [document(number, text=f"Said once: {number} " * 500) for number in range(40)]
    warehouse.upsert_documents(State.RAW, said)
    warehouse.close()
    assert b"Said once" in (tmp_path / "w.sqlite").read_bytes()
    assert warehouse.remove_documents(State.RAW, [each.id for each in said[:20]]) == 20
    assert warehouse.remove_author("ada") == 40
    warehouse.close()  # and with that the write-ahead log goes
    assert [path.name for path in tmp_path.iterdir()] == ["w.sqlite"]
    assert b"Said once" not in (tmp_path / "w.sqlite").read_bytes()


# -- SQLite where the disk or another process says no -----------------------------------------------------------------


def test_a_locked_file_is_one_sentence(tmp_path: Path) -> None:
    warehouse = SqliteWarehouse(tmp_path / "w.sqlite", busy_timeout_s=0.1)
    warehouse.upsert_documents(State.RAW, [document(1)])
    with sqlite3.connect(tmp_path / "w.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"w\.sqlite is locked: another process"):
            warehouse.upsert_documents(State.RAW, [document(2)])
        assert stored(warehouse) == [document(1)]  # a reader never waits
        other.execute("ROLLBACK")
    assert warehouse.upsert_documents(State.RAW, [document(2)]).inserted == 1


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    warehouse = SqliteWarehouse(tmp_path / "w.sqlite")
    warehouse.upsert_documents(State.RAW, [document(1)])
    pages = warehouse._file.select("PRAGMA page_count")[0][0]
    warehouse._file.select(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="disk is full: free up disk space"):
        warehouse.upsert_documents(State.RAW, [document(number, text="x" * 9000) for number in range(2, 9)])
    assert stored(warehouse) == [document(1)]
    warehouse._file.select("PRAGMA max_page_count = 4294967294")
    assert warehouse.upsert_documents(State.RAW, [document(2)]).inserted == 1


def test_a_truly_full_disk_is_one_sentence(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    try:
        warehouse = SqliteWarehouse(disk / "w.sqlite")
        warehouse.upsert_documents(State.RAW, [document(1)])
        with pytest.raises(StoreError, match="free up disk space"):
            warehouse.upsert_documents(State.RAW, [document(number, text="x" * 90_000) for number in range(2, 20)])
        assert stored(warehouse) == [document(1)]
        warehouse.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_file_that_is_not_a_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "w.sqlite").write_bytes(b"This is a diary, not a database. " * 100)
    with pytest.raises(StoreError, match="is not an SQLite database"):
        SqliteWarehouse(tmp_path / "w.sqlite").authors()


def test_a_file_that_cannot_be_written_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a b#c?d%.sqlite"
    warehouse = SqliteWarehouse(path)
    warehouse.upsert_authors([ADA])
    warehouse.close()
    monkeypatch.setattr("os.access", lambda *_: False)
    again = SqliteWarehouse(path)
    assert again.authors() == [ADA]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name], "a file was made beside it"
    with pytest.raises(StoreError, match="is read-only"):
        again.upsert_authors([ADA.model_copy(update={"name": "Other"})])
    again.close()


def test_a_text_that_is_no_text_keeps_no_other_row_from_being_read(tmp_path: Path) -> None:
    warehouse = SqliteWarehouse(tmp_path / "w.sqlite")
    warehouse.upsert_authors([ADA, ADA.model_copy(update={"slug": "bob"})])
    with warehouse._file.transaction() as connection:
        connection.execute("UPDATE authors SET name = CAST(? AS TEXT) WHERE slug = 'ada'", (b"A\xffda",))
    assert [author.name for author in warehouse.authors()] == ["A\\xffda", ADA.name]


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "w.sqlite"
    warehouse = SqliteWarehouse(path)
    warehouse.upsert_documents(State.RAW, [document(number, text="x" * 3000) for number in range(200)])
    warehouse.close()
    content = bytearray(path.read_bytes())
    content[8192:] = os.urandom(len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        stored(SqliteWarehouse(path))


# -- the schema and its versions -------------------------------------------------------------------------------------

VERSION_1 = Path(__file__).with_name("warehouse_version_1.sql")
"""What `sqlite3 warehouse.sqlite .dump` said of a warehouse that the first release wrote."""


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    path = tmp_path / "w.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(VERSION_1.read_text(encoding="utf-8"))
    connection.close()
    return path


def rows_of(path: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, as SQLite itself reads it."""
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in tables}  # noqa: S608


def schema_of(path: Path) -> set[tuple[str, str]]:
    """Every column of every table, every index and every trigger, whatever their order."""
    with sqlite3.connect(path) as connection:
        columns = {
            (table, repr(column[1:]))
            for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            for column in connection.execute(f"PRAGMA table_info({table})")
        }
        others = "SELECT name, ifnull(sql, '') FROM sqlite_schema WHERE type IN ('index', 'trigger')"
        return columns | set(connection.execute(others))


def test_a_warehouse_of_version_1_moves_to_the_newest_and_keeps_every_row(version_1: Path, tmp_path: Path) -> None:
    before = rows_of(version_1)
    assert {name: len(rows) for name, rows in before.items()} == {
        "authors": 2, "links": 3, "raw": 8, "cleaned": 8, "crawl_log": 3,
    }  # fmt: skip
    warehouse = SqliteWarehouse(version_1)
    assert warehouse.author("ada") == Author(slug="ada", name="Ada Löve 🧮", headline="counts", language="en")
    after = rows_of(version_1)
    assert {row["author"] for row in after.pop("link_marks")} == {"ada", "ada-li"}
    new: dict[str, dict[str, object]] = {
        "authors": {"aliases": "[]"}, "links": {"also": "[]"}, "crawl_log": {"number": 0},
        "raw": {"capture": None, "checked_at": None}, "cleaned": {"capture": None, "checked_at": None},
    }  # fmt: skip
    kept = {name: [row | new[name] for row in rows] for name, rows in before.items()}
    assert after == kept | {name: [] for name in ("captures", "removals", "marks")}
    documents = stored(warehouse)
    assert len(documents) == 6
    assert warehouse.upsert_documents(State.RAW, [each for each in documents if each.text != "edited"]).unchanged == 5
    assert warehouse.check_documents(State.RAW, "ada", Category.ARTICLES, source=documents[0].source, moment=NOW) == 6
    assert len(warehouse.last_crawls("ada", Category.ARTICLES)) == 1
    other = SqliteWarehouse(tmp_path / "new.sqlite")
    for table in TABLES:  # every row of it is a row of today
        rows = list(warehouse.dump(table))
        assert other.restore(table, rows).inserted == len(rows)
        assert list(other.dump(table)) == rows
    assert schema_of(version_1) == schema_of(tmp_path / "new.sqlite")


def test_what_an_older_version_wrote_with_a_wrong_clock_is_the_oldest(version_1: Path) -> None:
    wrong = datetime.now(UTC) + timedelta(days=365)
    with sqlite3.connect(version_1) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(crawl_log)")]
        found = connection.execute("SELECT * FROM crawl_log WHERE author = 'ada' ORDER BY checked_at DESC").fetchone()
        row = dict(zip(names, found, strict=True)) | {"id": "wrong", "status": "failed", "checked_at": stamp(wrong)}
        connection.execute(f"INSERT INTO crawl_log VALUES ({','.join('?' * len(row))})", list(row.values()))  # noqa: S608
    connection.close()
    (record,) = SqliteWarehouse(version_1).last_crawls("ada", Category.ARTICLES).values()
    assert stamp(record.checked_at) == dict(zip(names, found, strict=True))["checked_at"]


OPEN = """
import sys
from pathlib import Path
from twin.warehouse import SqliteWarehouse
print("ready", flush=True)
sys.stdin.readline()
print(len(SqliteWarehouse(Path(sys.argv[1])).authors()))
"""


def test_two_processes_may_migrate_at_once(version_1: Path, repository: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(version_1)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, cwd=repository, text=True, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    for process in processes:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, output) == (0, "2\n"), errors
    assert len(rows_of(version_1)["raw"]) == 8


@pytest.mark.parametrize("statements", range(1, 13))
def test_a_migration_killed_anywhere_begins_again(version_1: Path, statements: int) -> None:
    """The process dies after so many statements of the migration, without any clean-up."""
    before = rows_of(version_1)
    child = os.fork()
    if child == 0:
        count = 0

        def die_after(statement: str) -> None:
            nonlocal count
            count += statement.startswith(("ALTER", "CREATE", "DROP", "PRAGMA user_version ="))
            if count > statements:
                os.kill(os.getpid(), signal.SIGKILL)

        def migration(connection: sqlite3.Connection) -> None:
            connection.set_trace_callback(lambda statement: die_after(statement.strip()))
            MIGRATIONS[1](connection)

        SqliteFile(version_1, [MIGRATIONS[0], migration], 1.0).select("SELECT 1")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert rows_of(version_1) == before
    assert len(stored(SqliteWarehouse(version_1))) == 6


def test_two_rows_that_are_one_document_stop_the_migration_with_one_sentence(version_1: Path) -> None:
    with sqlite3.connect(version_1) as connection:
        names = ",".join(row[1] for row in connection.execute("PRAGMA table_info(raw)") if row[1] != "id")
        added = f"INSERT INTO raw (id, {names}) SELECT 'by hand', {names} FROM raw WHERE path IS NULL LIMIT 1"  # noqa: S608
        connection.execute(added)
    connection.close()
    before = rows_of(version_1)
    with pytest.raises(
        StoreError, match=r"w\.sqlite cannot be upgraded to schema 4 .*delete the one that was added by hand"
    ):
        SqliteWarehouse(version_1).authors()
    assert rows_of(version_1) == before


def test_the_same_document_cannot_be_added_by_hand_a_second_time(tmp_path: Path) -> None:
    warehouse = SqliteWarehouse(tmp_path / "w.sqlite")
    warehouse.upsert_documents(State.RAW, [document(1)])
    with sqlite3.connect(tmp_path / "w.sqlite") as connection:
        names = ",".join(row[1] for row in connection.execute("PRAGMA table_info(raw)") if row[1] != "id")
        with pytest.raises(sqlite3.IntegrityError, match="raw_identity"):
            connection.execute(f"INSERT INTO raw (id, {names}) SELECT 'by hand', {names} FROM raw")  # noqa: S608


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "w.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="schema 99 of a newer LLM Twin"):
        SqliteWarehouse(tmp_path / "w.sqlite").authors()


@pytest.mark.parametrize(
    "call",
    [
        lambda warehouse: warehouse.last_crawls("ada", Category.ARTICLES),
        lambda warehouse: warehouse.captures("ada", "l", "u"),
        lambda warehouse: warehouse.check_documents(State.RAW, "ada", Category.ARTICLES, source="s", moment=NOW),
    ],
    ids=["last_crawls", "captures", "check_documents"],
)
def test_what_is_asked_for_each_link_reads_an_index(tmp_path: Path, call: Callable[[SqliteWarehouse], object]) -> None:
    warehouse = SqliteWarehouse(tmp_path / "w.sqlite")
    warehouse.authors()
    asked: list[str] = []
    warehouse._file._connected().set_trace_callback(asked.append)
    call(warehouse)
    warehouse._file._connected().set_trace_callback(None)
    plans = [
        step["detail"]
        for statement in asked
        if statement.startswith(("SELECT", "UPDATE"))
        for step in warehouse._file.select(f"EXPLAIN QUERY PLAN {statement}")
    ]
    assert plans
    for step in plans:
        assert not step.startswith("SCAN") or step == "SCAN last", plans


def as_nobody(action: Callable[[], object]) -> str:
    """What `action` raises for a user who is not root."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            action()
            said = "nothing"
        except StoreError as error:
            said = str(error)
        except BaseException as error:
            said = repr(error)
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as output:
        return output.read()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def test_a_folder_that_may_not_be_made_is_one_sentence(open_folder: Path) -> None:
    (open_folder / "locked").mkdir(mode=0o555)
    said = as_nobody(SqliteWarehouse(open_folder / "locked" / "store" / "w.sqlite").authors)
    assert "cannot be created (Permission denied): make it writable" in said


def test_a_read_only_file_is_one_sentence(open_folder: Path) -> None:
    path = open_folder / "w.sqlite"
    warehouse = SqliteWarehouse(path)
    warehouse.upsert_documents(State.RAW, [document(1)])
    warehouse.close()
    path.chmod(0o444)
    open_folder.chmod(0o555)
    said = as_nobody(lambda: SqliteWarehouse(path).upsert_documents(State.RAW, [document(2)]))
    assert "w.sqlite" in said
    assert "writable" in said
