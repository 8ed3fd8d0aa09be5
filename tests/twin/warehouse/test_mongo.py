"""The warehouse on a MongoDB server: its schema, its limits, and where the server says no."""

import socket
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.collection import Collection

from tests.kit.warehouses import FEED, contents, crawl, document, mongo_database, stored
from twin.errors import ConsistencyError, InputError, StoreError
from twin.models import Author, Category, Link, State, WriteReport
from twin.warehouse import MongoWarehouse, mongo_schema
from twin.warehouse.base import TABLES
from twin.warehouse.mongo_schema import MIGRATIONS
from twin.warehouse.rows import Row, crawl_row, stamp


def test_a_row_that_was_added_by_hand_without_an_id_of_ours_is_named(mongo_uri: str) -> None:
    warehouse = MongoWarehouse(mongo_uri, "by_hand")
    warehouse.upsert_documents(State.RAW, [document(1)])
    row = document(2).model_dump(mode="json") | {"removed_at": None}
    added = mongo_database(warehouse)["raw"].insert_one(row).inserted_id
    with pytest.raises(ConsistencyError, match=str(added)):
        stored(warehouse)


def test_a_row_that_is_not_a_document_of_ours_ends_a_dump_by_its_id(mongo_uri: str) -> None:
    warehouse = MongoWarehouse(mongo_uri, "dumped_by_hand")
    warehouse.upsert_documents(State.RAW, [document(1)])
    added = mongo_database(warehouse)["raw"].insert_one({"author": "ada", "link": "x"}).inserted_id
    with pytest.raises(ConsistencyError, match=f"The raw row {added} of the warehouse was added by hand"):
        list(warehouse.dump("raw"))


def test_a_link_that_was_added_by_hand_changes_the_mark_of_its_author(mongo_uri: str) -> None:
    warehouse = MongoWarehouse(mongo_uri, "marked_by_hand")
    warehouse.upsert_authors([Author(slug="ada", name="Ada"), Author(slug="bob", name="Bob")])
    link = Link(author="ada", url=FEED, kind="feed", categories=(Category.ARTICLES,))
    before = warehouse.link_marks()
    mongo_database(warehouse)["links"].insert_one(link.model_dump(mode="json") | {"removed_at": None})
    after = warehouse.link_marks()
    assert warehouse.links("ada") == [link]
    assert {slug for slug in before if before[slug] != after[slug]} == {"ada"}


# -- the schema and its versions --------------------------------------------------------------------------------------


def version_1(warehouse: MongoWarehouse) -> None:
    """Fill a database as the first release did: no `schema`, times as dates, and none of the newer fields."""
    database = mongo_database(warehouse)
    moment = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    times = {"created_at": moment, "updated_at": moment, "removed_at": None}
    author = {"slug": "ada", "name": "Ada Löve", "headline": None, "language": None}
    link = {"author": "ada", "url": FEED, "kind": "feed", "categories": ["articles"], "origin": "file"}
    database["authors"].insert_one({"_id": "ada", **author, **times})
    database["links"].insert_one(
        {"_id": f"ada {FEED}", **link, "include": [], "exclude": [], "location": None, **times}
    )
    rows = [document(number) for number in range(300)]
    for state in State:
        stored_rows = [
            {"_id": each.id, **each.model_dump(mode="json", exclude={"capture"}), "content_hash": each.content_hash}
            for each in rows
        ]
        stored_rows[7] |= {"text": "", "title": None, "metadata": {}, "content_hash": ""}
        dates = [times | ({"removed_at": moment} if number == 7 else {}) for number in range(300)]
        database[state].insert_many([row | dated for row, dated in zip(stored_rows, dates, strict=True)])
        database[state].create_index([("author", 1), ("category", 1)])
    log = crawl_row(crawl(FEED))
    log["_id"] = log.pop("id")
    ahead = stamp(datetime.now(UTC) + timedelta(days=365))  # by a clock that was wrong
    database["crawl_log"].insert_many([log | times, log | times | {"_id": "ahead", "checked_at": ahead}])
    database["crawl_log"].create_index([("author", 1), ("category", 1), ("url", 1), ("checked_at", 1)])


def test_a_database_of_version_1_moves_to_the_newest_and_keeps_every_row(mongo_uri: str) -> None:
    warehouse = MongoWarehouse(mongo_uri, "version_1")
    version_1(warehouse)
    database = mongo_database(warehouse)
    assert len(stored(warehouse)) == 299
    assert database["schema"].find_one({"_id": "schema"}) == {"_id": "schema", "version": len(MIGRATIONS)}
    after = contents(warehouse)
    assert {table: len(rows) for table, rows in after.items()} == {
        "authors": 1, "links": 1, "raw": 300, "cleaned": 300, "crawl_log": 2, "captures": 0,
    }  # fmt: skip
    assert (after["authors"][0]["aliases"], after["links"][0]["also"]) == ([], [])
    text = "2026-01-02T03:04:05.678000+00:00"
    for row in [*after["authors"], *after["links"], *after["raw"], *after["cleaned"]]:
        assert (row["created_at"], row["updated_at"]) == (text, text)
        assert row["removed_at"] in (None, text)
    assert sum(row["removed_at"] == text for row in after["raw"]) == 1
    other = MongoWarehouse(mongo_uri, "version_1_moved")
    after["crawl_log"] = [row for row in after["crawl_log"] if row["id"] != "ahead"]
    for table in TABLES:  # every row of it is a row of today
        assert other.restore(table, after[table]).inserted == len(after[table])
    assert contents(other) == after
    assert warehouse.upsert_documents(State.RAW, stored(warehouse)).unchanged == 299
    link = Link(author="ada", url=FEED, kind="feed", categories=(Category.ARTICLES,))
    assert warehouse.upsert_links([link]).unchanged == 1
    assert warehouse.upsert_authors([Author(slug="ada", name="Ada Löve")]).unchanged == 1
    assert warehouse.last_crawls("ada", Category.ARTICLES) == {FEED: crawl(FEED)}


@pytest.mark.slow
def test_a_migration_that_broke_off_begins_again_and_two_may_run_at_once(
    mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouses = [MongoWarehouse(mongo_uri, "broke_off") for _ in range(4)]
    version_1(warehouses[0])
    changed = 0

    def breaks_off(text: str) -> str:
        nonlocal changed
        changed += 1
        if changed > 250:
            raise KeyboardInterrupt
        return text

    with monkeypatch.context() as patched:
        patched.setattr(mongo_schema, "stamp", lambda moment: breaks_off(stamp(moment)))
        with pytest.raises(KeyboardInterrupt):
            warehouses[0].authors()
    assert mongo_database(warehouses[0])["schema"].find_one({"_id": "schema"}) == {"_id": "schema", "version": 1}
    with ThreadPoolExecutor(3) as threads:
        counts = list(threads.map(lambda each: len(stored(each)), warehouses[1:]))
    assert counts == [299] * 3
    assert all(isinstance(row["created_at"], str) for row in mongo_database(warehouses[0])["cleaned"].find())


def test_a_newer_schema_is_refused(mongo_uri: str) -> None:
    warehouse = MongoWarehouse(mongo_uri, "newer")
    mongo_database(warehouse)["schema"].insert_one({"_id": "schema", "version": 99})
    with pytest.raises(StoreError, match="'newer' has schema 99 of a newer LLM Twin"):
        warehouse.authors()


def test_rows_that_another_process_inserts_in_between_are_looked_at_again(
    mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race of two writers, every time: the other one writes between the look and the insertion."""
    warehouse, other = MongoWarehouse(mongo_uri, "race"), MongoWarehouse(mongo_uri, "race")
    mine = [document(number) for number in range(10)]
    theirs = [document(number, text="theirs") if number < 3 else document(number) for number in range(5)]
    real = Collection.insert_many

    def late(collection: Collection[Row], *args: Any, **options: Any) -> Any:
        monkeypatch.setattr(Collection, "insert_many", real)
        assert other.upsert_documents(State.RAW, theirs).inserted == 5
        return real(collection, *args, **options)

    warehouse.authors()
    monkeypatch.setattr(Collection, "insert_many", late)
    assert warehouse.upsert_documents(State.RAW, mine) == WriteReport(inserted=5, updated=3, unchanged=2)
    assert stored(warehouse) == sorted(mine, key=lambda each: each.id)


# -- where the server says no -----------------------------------------------------------------------------------------


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
        "mongodb://ada:s3cret",
        "mongodb://ada:s3cret;127.0.0.1:1",
        "mongodb://ada:s3cret@127.0.0.1:99999",
        "mongodb://ada:s3cret@127.0.0.1:1/?tls=true&tlsCAFile=/nonexistent",
        "mongodb+srv://ada:s3cret@nobody.invalid:27017",
    ],
)
def test_a_malformed_address_is_one_sentence_without_the_password(uri: str) -> None:
    with pytest.raises((InputError, StoreError), match="MONGO_URI") as caught:
        MongoWarehouse(uri, timeout_s=0.2).authors()
    seen: BaseException | None = caught.value
    assert "s3" not in "".join(traceback.format_exception(seen))
    assert seen is not None
    assert seen.__suppress_context__ or seen.__context__ is None


def test_files_and_options_are_named_when_it_is_opened(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InputError, match=r"MONGO_URI names a file .*No such file.*: correct its tlsCAFile"):
        MongoWarehouse("mongodb://127.0.0.1:1/?tls=true&tlsCAFile=/nonexistent")
    with pytest.raises(InputError, match="MONGO_URI has an option that cannot be used, such as a TLS file"):
        MongoWarehouse(f"mongodb://127.0.0.1:1/?tls=true&tlsCertificateKeyFile={__file__}")
    with pytest.raises(StoreError, match=r"mongodb\+srv://nobody\.invalid/twin cannot be looked up in DNS: check"):
        MongoWarehouse("mongodb+srv://ada:s3cret@nobody.invalid", timeout_s=0.2).authors()
    with caplog.at_level("WARNING", "twin"), pytest.raises(StoreError, match="does not answer"):
        MongoWarehouse("mongodb://127.0.0.1:1/?s3cret=s3cret", timeout_s=0.2).authors()
    assert caplog.messages == ["MONGO_URI has an option that is unknown or has no usable value: it is ignored."]


def test_a_document_over_16_mib_is_refused_by_name(mongo_uri: str) -> None:
    warehouse = MongoWarehouse(mongo_uri, "big")
    with pytest.raises(InputError, match=r"https://ada\.example/7.*17\.0 MiB, but MongoDB accepts at most 16"):
        warehouse.upsert_documents(State.RAW, [document(1), document(7, text="x" * 17 * 1024 * 1024)])
    assert stored(warehouse) == [document(1)]
    with pytest.raises(InputError, match=r"https://ada\.example/8.*metadata that MongoDB cannot store"):
        warehouse.upsert_documents(State.RAW, [document(8, metadata={"n": 2**70})])


@pytest.mark.slow
def test_a_server_that_ends_is_one_sentence(tmp_path: Path) -> None:
    warehouse = MongoWarehouse("mongodb://127.0.0.1:1", timeout_s=0.2)
    with pytest.raises(StoreError, match="start it, correct MONGO_URI"):
        warehouse.upsert_documents(State.RAW, [document(1)])
    with pytest.raises(StoreError, match="start it, correct MONGO_URI"):
        stored(warehouse)
