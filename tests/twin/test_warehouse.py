"""One contract, every warehouse: SQLite in a file, and MongoDB over the wire through real pymongo."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.errors import ConsistencyError, InputError, StoreError
from twin.models import Author, Category, CrawlRecord, Document, Link, State, WriteReport
from twin.settings import Settings
from twin.warehouse import MongoWarehouse, SqliteWarehouse, Warehouse, open_warehouse

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "nx-27017 ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nx-27017 does not listen after 10 s")


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that speaks MongoDB's wire protocol, on a free loopback port."""
    if find_spec("nx_27017") is None:
        pytest.skip("the nx-27017 package (extra `dev`) is not installed, so there is no MongoDB to talk to")
    folder = tmp_path_factory.mktemp("mongo")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("nx-27017")), "-p", str(port), "--data-dir", str(folder / "data")]
    command += ["--log-file", str(folder / "log"), "--pid-file", str(folder / "pid")]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder)
    try:
        wait_for_port(port, process)
        yield f"mongodb://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


Opener = Callable[[], Warehouse]


@pytest.fixture(params=["sqlite", "mongo"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the same empty store again and again."""
    if request.param == "sqlite":
        return lambda: SqliteWarehouse(tmp_path / "warehouse.sqlite")
    uri = request.getfixturevalue("mongo_uri")
    return lambda: MongoWarehouse(uri, database=f"t{abs(hash(tmp_path))}")


@pytest.fixture
def warehouse(opener: Opener) -> Iterator[Warehouse]:
    opened = opener()
    yield opened
    opened.close()


def document(number: int = 0, **fields: object) -> Document:
    given = {
        "author": "ada",
        "category": Category.ARTICLES,
        "link": f"https://ada.example/{number}",
        "source": "https://ada.example/feed",
        "platform": "web",
        "title": f"Note {number}",
        "text": f"Text {number} of Ada.",
    }
    return Document.model_validate(given | fields)


def stored(warehouse: Warehouse, category: Category = Category.ARTICLES) -> list[Document]:
    return list(warehouse.documents(State.RAW, "ada", category))


# -- authors and links -----------------------------------------------------------------------------------------------


def test_authors_are_kept_changed_and_left_alone(warehouse: Warehouse) -> None:
    ada, bob = Author(slug="ada", name="Ada Löve 🧮"), Author(slug="bob", name="Bob", headline="h", language="en")
    assert warehouse.authors() == []
    assert warehouse.upsert_authors([bob, ada]) == WriteReport(inserted=2)
    assert warehouse.upsert_authors([ada, bob]) == WriteReport(unchanged=2)
    renamed = ada.model_copy(update={"headline": "counts"})
    assert warehouse.upsert_authors([renamed]) == WriteReport(updated=1)
    assert warehouse.authors() == [renamed, bob]
    assert warehouse.author("bob") == bob
    assert warehouse.author("eve") is None


def test_links_are_kept_removed_and_revived(warehouse: Warehouse) -> None:
    feed = Link(author="ada", url="https://b.example/feed", kind="feed", categories=(Category.ARTICLES,))
    files = Link(
        author="ada",
        url="local:posts/*.md",
        kind="files",
        categories=(Category.POSTS, Category.ARTICLES),
        origin="added",
        include=("*.md",),
        exclude=("draft*",),
        location="/somewhere/posts/*.md",
    )
    other = feed.model_copy(update={"author": "bob"})
    assert warehouse.upsert_links([files, feed, other]).inserted == 3
    assert warehouse.links("ada") == [feed, files]
    assert warehouse.upsert_links([files, feed]) == WriteReport(unchanged=2)
    moved = files.model_copy(update={"location": "/elsewhere"})
    assert warehouse.upsert_links([moved]) == WriteReport(updated=1)
    assert warehouse.remove_links("ada", [feed.url, "https://unknown.example"]) == 1
    assert warehouse.remove_links("ada", [feed.url]) == 0
    assert warehouse.links("ada") == [moved]
    assert warehouse.links("bob") == [other]
    assert warehouse.upsert_links([feed]) == WriteReport(inserted=1)
    assert warehouse.links("ada") == [feed, moved]


# -- documents -------------------------------------------------------------------------------------------------------


def test_a_document_comes_back_as_it_went_in(warehouse: Warehouse) -> None:
    full = document(
        path="src/häß lich.py",
        title="Ünïcode 👩‍🔬",
        text="\ufeffline\r\nNUL:\x00 \u2028 e\u0301 \U0001f468\u200d👩 \t\n",
        language="de",
        published_at=datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=timezone(timedelta(hours=2))),
        metadata={"a.b": {"$c": [1, 2.5, None, True, "ü"]}, "": []},
    )
    bare = document(1, title=None)
    assert warehouse.upsert_documents(State.RAW, [full, bare]) == WriteReport(inserted=2)
    assert warehouse.document(State.RAW, full.id) == full
    assert {each.id: each for each in stored(warehouse)} == {full.id: full, bare.id: bare}
    expected = {full.id: full.content_hash, bare.id: bare.content_hash}
    assert warehouse.hashes(State.RAW, "ada", Category.ARTICLES) == expected
    assert warehouse.document(State.CLEANED, full.id) is None


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


def test_many_documents_stream_in_order_and_only_changes_are_written(warehouse: Warehouse) -> None:
    count = 450  # more than two batches, and seven pages
    first = [document(number) for number in range(count)]
    assert warehouse.upsert_documents(State.RAW, iter(first)) == WriteReport(inserted=count)
    assert warehouse.upsert_documents(State.RAW, iter(first)) == WriteReport(unchanged=count)
    second = [document(number, text="new") if number % 100 == 0 else document(number) for number in range(count + 1)]
    assert warehouse.upsert_documents(State.RAW, second) == WriteReport(inserted=1, updated=5, unchanged=count - 5)
    assert stored(warehouse) == sorted(second, key=lambda each: each.id)
    assert stored(warehouse, Category.POSTS) == []


def test_a_stream_blocks_no_writer(warehouse: Warehouse, opener: Opener) -> None:
    warehouse.upsert_documents(State.RAW, [document(number) for number in range(200)])
    stream = warehouse.documents(State.RAW, "ada", Category.ARTICLES)
    seen = [next(stream)]
    other = opener()
    victim = max(document(number).id for number in range(200))
    assert other.remove_documents(State.RAW, [victim]) == 1
    other.close()
    seen += stream
    assert len(seen) == 199  # the last page was read after the removal


def test_an_id_given_twice_is_one_document(warehouse: Warehouse) -> None:
    twice = [document(1, text="first"), document(1, text="second")]
    assert warehouse.upsert_documents(State.RAW, twice).inserted == 1
    assert [each.text for each in stored(warehouse)] == ["second"]


def test_a_removed_document_loses_its_text_and_comes_back(warehouse: Warehouse, opener: Opener) -> None:
    secret = document(1, text="a secret of Ada", title="a secret title", metadata={"note": "a secret note"})
    warehouse.upsert_documents(State.RAW, [secret, document(2)])
    assert warehouse.remove_documents(State.RAW, [secret.id, "no-such-id"]) == 1
    assert warehouse.remove_documents(State.RAW, [secret.id]) == 0
    assert warehouse.document(State.RAW, secret.id) is None
    assert stored(warehouse) == [document(2)]
    assert secret.id not in warehouse.hashes(State.RAW, "ada", Category.ARTICLES)
    row = raw_row(warehouse, secret.id)
    assert "secret" not in repr(row)
    assert row["removed_at"] is not None
    assert warehouse.upsert_documents(State.RAW, [secret]) == WriteReport(inserted=1)
    assert warehouse.document(State.RAW, secret.id) == secret
    assert warehouse.upsert_documents(State.RAW, [secret]) == WriteReport(unchanged=1)


def raw_row(warehouse: Warehouse, identifier: str) -> dict[str, object]:
    """The row as the store's own tools show it."""
    if isinstance(warehouse, SqliteWarehouse):
        with sqlite3.connect(warehouse.address) as connection:
            connection.row_factory = sqlite3.Row
            return dict(connection.execute("SELECT * FROM raw WHERE id = ?", (identifier,)).fetchone())
    row = mongo_database(warehouse)["raw"].find_one({"_id": identifier})
    assert row is not None
    return dict(row)


def mongo_database(warehouse: Warehouse):  # type: ignore[no-untyped-def]
    from pymongo import MongoClient

    server, _, name = warehouse.address.rpartition("/")
    return MongoClient(server)[name]


def edit_row(warehouse: Warehouse, identifier: str, field: str, value: object) -> None:
    """Change a field as a person would, with the store's own tools."""
    if isinstance(warehouse, SqliteWarehouse):
        with sqlite3.connect(warehouse.address) as connection:
            connection.execute(f"UPDATE raw SET {field} = ? WHERE id = ?", (value, identifier))  # noqa: S608
    else:
        mongo_database(warehouse)["raw"].update_one({"_id": identifier}, {"$set": {field: value}})


def test_unchanged_documents_are_not_touched(warehouse: Warehouse) -> None:
    warehouse.upsert_documents(State.RAW, [document(1)])
    before = raw_row(warehouse, document(1).id)
    time.sleep(0.01)
    warehouse.upsert_documents(State.RAW, [document(1)])
    assert raw_row(warehouse, document(1).id) == before
    warehouse.upsert_documents(State.RAW, [document(1, text="new")])
    after = raw_row(warehouse, document(1).id)
    assert after["created_at"] == before["created_at"]
    assert after["updated_at"] != before["updated_at"]


@pytest.mark.parametrize("by", ["the store's own tools", "edit_document"])
def test_an_edit_shows_at_once_and_lives_until_the_source_changes(warehouse: Warehouse, by: str) -> None:
    source, edited = document(1), document(1, text="edited")
    warehouse.upsert_documents(State.RAW, [source])
    if by == "edit_document":
        assert warehouse.edit_document(State.RAW, source.id, "edited")
    else:
        edit_row(warehouse, source.id, "text", "edited")
    assert stored(warehouse) == [edited]
    assert warehouse.hashes(State.RAW, "ada", Category.ARTICLES) == {source.id: edited.content_hash}
    assert warehouse.upsert_documents(State.RAW, [source]) == WriteReport(unchanged=1)
    assert stored(warehouse) == [edited]
    changed = document(1, text="a new version")
    assert warehouse.upsert_documents(State.RAW, [changed]) == WriteReport(updated=1)
    assert stored(warehouse) == [changed]


def test_only_live_documents_can_be_edited(warehouse: Warehouse) -> None:
    assert not warehouse.edit_document(State.RAW, document(1).id, "x")
    warehouse.upsert_documents(State.RAW, [document(1)])
    warehouse.remove_documents(State.RAW, [document(1).id])
    assert not warehouse.edit_document(State.RAW, document(1).id, "x")
    with pytest.raises(InputError, match="half a character"):
        warehouse.edit_document(State.RAW, document(1).id, "\ud800")


@pytest.mark.parametrize(("field", "value"), [("link", "https://ada.example/other"), ("category", "novels")])
def test_a_row_that_was_edited_into_something_else_is_named(warehouse: Warehouse, field: str, value: str) -> None:
    warehouse.upsert_documents(State.RAW, [document(1)])
    edit_row(warehouse, document(1).id, field, value)
    with pytest.raises(ConsistencyError, match=document(1).id):
        warehouse.document(State.RAW, document(1).id)


def test_a_row_that_was_added_by_hand_without_an_id_of_ours_is_named(mongo_uri: str) -> None:
    warehouse = MongoWarehouse(mongo_uri, "by_hand")
    warehouse.upsert_documents(State.RAW, [document(1)])
    row = document(2).model_dump(mode="json") | {"removed_at": None}
    added = mongo_database(warehouse)["raw"].insert_one(row).inserted_id
    with pytest.raises(ConsistencyError, match=str(added)):
        stored(warehouse)


@pytest.mark.parametrize(
    "bad",
    [
        document(1, text="half \ud83d"),
        document(1, metadata={"x": ["half \udcff"]}),
        document(1, metadata={"x": b"\xff"}),
        document(1, metadata={"x": object()}),
    ],
    ids=["surrogate in the text", "surrogate in the metadata", "bytes", "object"],
)
def test_what_cannot_be_stored_is_refused_by_name_and_takes_nothing_with_it(
    warehouse: Warehouse, bad: Document
) -> None:
    with pytest.raises(InputError, match=r"https://ada\.example/1'"):
        warehouse.upsert_documents(State.RAW, [document(0), bad, document(2)])
    assert {each.link for each in stored(warehouse)} == {document(0).link, document(2).link}


def test_an_empty_path_is_another_document_than_none(warehouse: Warehouse) -> None:
    both = [document(1), document(1, path="")]
    assert warehouse.upsert_documents(State.RAW, both).inserted == 2
    assert {each.id for each in stored(warehouse)} == {each.id for each in both}


def test_several_refusals_are_counted(warehouse: Warehouse) -> None:
    with pytest.raises(InputError, match="1 more"):
        warehouse.upsert_documents(State.RAW, [document(number, text="\ud83d") for number in range(2)])


# -- crawl log -------------------------------------------------------------------------------------------------------


def test_the_newest_crawl_of_each_url_counts(warehouse: Warehouse) -> None:
    def crawl(url: str, minute: int, **fields: object) -> CrawlRecord:
        base = {"author": "ada", "url": url, "category": Category.ARTICLES, "status": "ok"}
        return CrawlRecord.model_validate(base | {"checked_at": NOW + timedelta(minutes=minute)} | fields)

    newest = crawl(
        "u1", 2, status="failed", message="It is gone.", validators={"etag": '"x.y"'}, skipped_files={"big": 1}
    )
    records = [newest, crawl("u1", 1), crawl("u2", 0), crawl("u1", 9, author="bob")]
    assert warehouse.last_crawls("ada", Category.ARTICLES) == {}
    warehouse.log_crawl([])
    warehouse.log_crawl(records)
    warehouse.log_crawl(records[:1])
    assert warehouse.last_crawls("ada", Category.ARTICLES) == {"u1": newest, "u2": records[2]}
    assert warehouse.last_crawls("ada", Category.POSTS) == {}


# -- several writers, and death ---------------------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from twin.models import State
from twin.warehouse import MongoWarehouse, SqliteWarehouse
from tests.twin.test_warehouse import document

kind, where, name, count, go = sys.argv[1:]
warehouse = SqliteWarehouse(Path(where)) if kind == "sqlite" else MongoWarehouse(where, name)
print("ready", flush=True)
sys.stdin.readline()
for start in range(0, int(count), 200):
    batch = [document(number, text="x" * 2000) for number in range(start, start + 200)]
    print(warehouse.upsert_documents(State.RAW, batch), flush=True)
"""


def start_writer(warehouse: Warehouse, count: int) -> subprocess.Popen[str]:
    if isinstance(warehouse, SqliteWarehouse):
        where = ["sqlite", warehouse.address, "-"]
    else:
        server, _, name = warehouse.address.rpartition("/")
        where = ["mongo", server, name]
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, *where, str(count), "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
    return process


def test_two_processes_write_the_same_documents_at_once(warehouse: Warehouse) -> None:
    writers = [start_writer(warehouse, 200) for _ in range(2)]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors
    assert len(stored(warehouse)) == 200


def test_a_writer_killed_in_the_middle_is_made_good_by_the_next_run(warehouse: Warehouse) -> None:
    count = 4000
    writer = start_writer(warehouse, count)
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write("go\n")
    writer.stdin.flush()
    writer.stdout.readline()  # the first 200 are in
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    there = len(stored(warehouse))
    assert 200 <= there < count
    everything = [document(number, text="x" * 2000) for number in range(count)]
    report = warehouse.upsert_documents(State.RAW, everything)
    assert report == WriteReport(inserted=count - there, unchanged=there)
    assert stored(warehouse) == sorted(everything, key=lambda each: each.id)


def test_threads_share_one_warehouse(warehouse: Warehouse) -> None:
    problems: list[BaseException] = []

    def work(offset: int) -> None:
        try:
            for number in range(offset, offset + 40, 10):
                warehouse.upsert_documents(State.RAW, [document(each) for each in range(number, number + 10)])
                stored(warehouse)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in (0, 20, 40, 60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(stored(warehouse)) == 100


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
    with pytest.raises(StoreError, match="disk is full: free some space"):
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
        with pytest.raises(StoreError, match=r"free some space|free space"):
            warehouse.upsert_documents(State.RAW, [document(number, text="x" * 90_000) for number in range(2, 20)])
        assert stored(warehouse) == [document(1)]
        warehouse.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "w.sqlite").write_bytes(b"This is a diary, not a database. " * 100)
    with pytest.raises(StoreError, match="is not an SQLite database"):
        SqliteWarehouse(tmp_path / "w.sqlite").authors()


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


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "w.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="schema 99 of a newer LLM Twin"):
        SqliteWarehouse(tmp_path / "w.sqlite").authors()


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
    assert "cannot be made (Permission denied): make it writable" in said


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


# -- MongoDB where the server says no ---------------------------------------------------------------------------------


def test_no_server_is_one_sentence_without_the_password() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    warehouse = MongoWarehouse(f"mongodb://ada:s3cret@127.0.0.1:{port}/?authSource=admin", timeout_s=0.3)
    assert warehouse.address == f"mongodb://127.0.0.1:{port}/twin"
    with pytest.raises(StoreError, match="does not answer") as caught:
        warehouse.authors()
    assert "s3cret" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:The value of tls")
@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://ada:s3cret@x@127.0.0.1:1",
        "mongodb://ada:s3/cret@127.0.0.1:1",
        "mongodb://ada:s3cret@127.0.0.1:port",
        "mongodb://ada:s3cret@127.0.0.1:1/?tls=perhaps",
        "https://ada:s3cret@127.0.0.1",
        "ada:s3cret@127.0.0.1",
    ],
)
def test_a_malformed_address_is_one_sentence_without_the_password(uri: str) -> None:
    with pytest.raises((InputError, StoreError), match="MONGO_URI") as caught:
        MongoWarehouse(uri, timeout_s=0.2).authors()
    seen: BaseException | None = caught.value
    assert "s3" not in str(seen)
    assert seen is not None
    assert seen.__suppress_context__ or seen.__context__ is None


def test_a_document_over_16_mib_is_refused_by_name(mongo_uri: str) -> None:
    warehouse = MongoWarehouse(mongo_uri, "big")
    with pytest.raises(InputError, match=r"https://ada\.example/7.*17\.0 MiB, and MongoDB takes at most 16"):
        warehouse.upsert_documents(State.RAW, [document(1), document(7, text="x" * 17 * 1024 * 1024)])
    assert stored(warehouse) == [document(1)]
    with pytest.raises(InputError, match=r"https://ada\.example/8.*metadata that MongoDB cannot keep"):
        warehouse.upsert_documents(State.RAW, [document(8, metadata={"n": 2**70})])


def test_a_server_that_ends_is_one_sentence(tmp_path: Path) -> None:
    warehouse = MongoWarehouse("mongodb://127.0.0.1:1", timeout_s=0.2)
    with pytest.raises(StoreError, match="start it, or correct MONGO_URI"):
        warehouse.upsert_documents(State.RAW, [document(1)])
    with pytest.raises(StoreError, match="start it, or correct MONGO_URI"):
        stored(warehouse)


# -- which one ---------------------------------------------------------------------------------------------------------


def test_settings_choose_the_warehouse(tmp_path: Path) -> None:
    local = open_warehouse(Settings.from_env({"TWIN_STORE": str(tmp_path / "store")}))
    assert local.address == str(tmp_path / "store" / "warehouse.sqlite")
    assert not (tmp_path / "store").exists()
    remote = open_warehouse(Settings.from_env({"MONGO_URI": "mongodb://u:p@h:1", "TWIN_STORE": "s3://bucket/x"}))
    assert remote.address == "mongodb://h:1/twin"
    with pytest.raises(InputError, match="MONGO_URI"):
        open_warehouse(Settings.from_env({"TWIN_STORE": "s3://bucket/x"}))
