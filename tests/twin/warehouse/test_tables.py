"""Rows in and out of every warehouse: an author's removal, dump and restore."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.kit.warehouses import FEED, Opener, capture, contents, crawl, document, fill
from twin.errors import RemovedError
from twin.models import Author, Document, State
from twin.warehouse import Warehouse
from twin.warehouse.base import TABLES, RestoreReport
from twin.warehouse.rows import WRITE_BATCH, stamp


def test_an_author_goes_with_everything_and_for_good(warehouse: Warehouse, opener: Opener) -> None:
    fill(warehouse)
    before = contents(warehouse)
    theirs = {table: list(warehouse.dump(table, "ada-li")) for table in TABLES}
    assert all(theirs.values())
    count = sum(len(before[table]) - len(theirs[table]) for table in TABLES)
    assert warehouse.remove_author("ada") == count
    assert contents(warehouse) == theirs
    assert warehouse.remove_author("ada") == 0
    again = opener()
    assert again.author("ada") is None
    again.close()


def test_nothing_is_written_of_a_removed_author_until_they_are_registered(warehouse: Warehouse, opener: Opener) -> None:
    fill(warehouse)
    before = contents(warehouse)
    counted = Counter(row["author"] for table in TABLES[1:] for row in before[table])
    assert warehouse.owners() == dict(counted)
    running = opener()  # of another process
    assert running.removal("ada") is None
    warehouse.remove_author("ada")
    left = contents(warehouse)
    writes: list[Callable[[], object]] = [
        lambda: running.upsert_documents(State.CLEANED, [document(9)]),
        lambda: running.log_crawl([crawl(FEED)]),
        lambda: running.upsert_captures([capture()]),
        lambda: running.upsert_authors([Author(slug="ada", name="Ada")], known={"ada": None}),  # decided before
        lambda: running.restore("raw", before["raw"]),
        lambda: running.restore("links", before["links"]),
    ]
    for write in writes:
        with pytest.raises(RemovedError, match="ada was removed"):
            write()
        assert contents(warehouse) == left
    known = running.removal("ada")
    assert known is not None
    assert "ada" not in known
    warehouse.begin_removal("ada")
    with pytest.raises(RemovedError):
        running.upsert_authors([Author(slug="ada", name="Ada")], known={"ada": known})
    running.upsert_authors([Author(slug="ada", name="Ada")], known={"ada": running.removal("ada")})
    running.upsert_documents(State.CLEANED, [document(9)])
    assert running.removal("ada") is None
    warehouse.remove_author("ada")
    with pytest.raises(RemovedError):  # an import that began before the removal
        running.restore("authors", before["authors"])
    running.end_removal("ada")  # the beginning of a new one
    assert running.restore("authors", before["authors"]).inserted == 1
    assert running.restore("raw", before["raw"]).inserted > 0
    running.close()


def test_a_removal_in_the_middle_of_a_write_is_final(warehouse: Warehouse, opener: Opener) -> None:
    fill(warehouse)
    running = opener()

    def documents() -> Iterator[Document]:
        for number in range(2 * WRITE_BATCH):
            if number == WRITE_BATCH + 1:  # one batch is written, and the next one is being made
                warehouse.remove_author("ada")
            yield document(number)

    with pytest.raises(RemovedError):
        running.upsert_documents(State.RAW, documents())
    assert "ada" not in warehouse.owners()
    running.close()


def test_a_dump_holds_every_row_in_order_and_goes_back(
    warehouse: Warehouse, new_warehouse: Callable[[str], Warehouse]
) -> None:
    assert contents(warehouse) == {table: [] for table in TABLES}
    fill(warehouse)
    dumped = contents(warehouse)
    assert {table: len(rows) for table, rows in dumped.items()} == {
        "authors": 2, "links": 3, "raw": 8, "cleaned": 8, "crawl_log": 3, "captures": 3,
    }  # fmt: skip
    for table in ("raw", "cleaned", "crawl_log", "captures"):
        assert [row["id"] for row in dumped[table]] == sorted(str(row["id"]) for row in dumped[table])
    assert [(row["author"], row["url"]) for row in dumped["links"]] == [
        ("ada", FEED), ("ada", "local:posts/*.md"), ("ada-li", FEED),
    ]  # fmt: skip
    assert json.loads(json.dumps(dumped, allow_nan=False)) == dumped
    for kind in ("sqlite", "mongo"):
        other = new_warehouse(kind)
        for table in TABLES:
            report = other.restore(table, json.loads(json.dumps(dumped[table])))
            assert report == RestoreReport(inserted=len(dumped[table]))
            assert other.restore(table, iter(dumped[table])) == RestoreReport(unchanged=len(dumped[table]))
        assert contents(other) == dumped


def test_the_newer_one_of_two_rows_stays(warehouse: Warehouse) -> None:
    fill(warehouse)
    old = contents(warehouse)
    newer = stamp(datetime.now(UTC) + timedelta(minutes=1))
    edited = old["raw"][0] | {"text": "another", "updated_at": newer}
    looked_at = old["raw"][1] | {"checked_at": newer}
    later = old["captures"][0] | {"fetched_at": newer}
    renamed = old["authors"][0] | {"name": "Ada", "updated_at": newer}
    assert warehouse.restore("raw", [edited, looked_at]) == RestoreReport(updated=2)
    assert warehouse.restore("captures", [later]) == RestoreReport(updated=1)
    assert warehouse.restore("authors", [renamed]) == RestoreReport(updated=1)
    assert warehouse.restore("raw", old["raw"]) == RestoreReport(kept=2, unchanged=6)
    assert warehouse.restore("captures", old["captures"]) == RestoreReport(kept=1, unchanged=2)
    now = contents(warehouse)
    assert now["raw"] == [edited, looked_at, *old["raw"][2:]]
    assert (now["captures"][0], now["authors"][0]) == (later, renamed)


def test_a_row_of_the_future_replaces_none_and_gives_way(
    warehouse: Warehouse, new_warehouse: Callable[[str], Warehouse]
) -> None:
    """The clock of a machine was wrong when it wrote the row."""
    fill(warehouse)
    old = contents(warehouse)
    future = "2999-01-01T00:00:00.000000+00:00"
    wrong = {
        "raw": old["raw"][0] | {"text": "another", "updated_at": future},
        "captures": old["captures"][0] | {"fetched_at": future},
        "authors": old["authors"][0] | {"name": "Ada", "updated_at": future},
        "links": old["links"][0] | {"kind": "files", "updated_at": future},
    }
    other = new_warehouse("sqlite")
    for table, row in wrong.items():
        assert warehouse.restore(table, [row]) == RestoreReport(kept=1)
        assert other.restore(table, [row]) == RestoreReport(inserted=1)
        assert other.restore(table, [row]) == RestoreReport(unchanged=1)
        assert other.restore(table, [old[table][0]]) == RestoreReport(updated=1)
        assert list(other.dump(table)) == [old[table][0]]
    assert contents(warehouse) == old


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("raw", {"color": "red"}, "has the unknown field color"),
        ("raw", {"text": None}, "damaged at text"),
        ("raw", {"link": "https://ada.example/elsewhere"}, "has id "),
        ("raw", {"updated_at": "yesterday"}, "has updated_at 'yesterday', which is not a time"),
        ("raw", {"checked_at": "2026-01-02T03:04:05Z"}, "not a time like 2026-01-02T00:00:00\\.0"),
        ("raw", {"created_at": None}, "has created_at None"),
        ("raw", {"title": "half \ud83d"}, "not Unicode"),
        ("raw", {"content_hash": 7}, "content_hash that is not text"),
        ("captures", {"sha256": "0" * 64}, "has id "),
        ("captures", {"headers": {"etag": float("nan")}}, "cannot be read|no JSON"),
        ("crawl_log", {"status": "perhaps"}, "damaged at status"),
        ("links", {"kind": "No Kind"}, "damaged at kind"),
        ("authors", {"slug": "Not A Slug"}, "damaged at slug"),
    ],
)
def test_what_is_not_a_row_is_refused_by_name_and_affects_nothing_else(
    warehouse: Warehouse, new_warehouse: Callable[[str], Warehouse], table: str, change: dict[str, object], said: str
) -> None:
    source = new_warehouse("sqlite")
    fill(source)
    rows = list(source.dump(table))
    bad = rows[1] | change
    report = warehouse.restore(table, [rows[0], bad, *rows[2:]])
    assert (report.inserted, len(report.refused)) == (len(rows) - 1, 1)
    assert re.match(f"The {table} row .*({said})", report.refused[0])
    assert list(warehouse.dump(table)) == [rows[0], *rows[2:]]
    lacking = {name: value for name, value in rows[1].items() if name not in {"author", "name"}}
    (refused,) = warehouse.restore(table, [lacking]).refused
    assert re.match(f"The {table} row .* lacks (author|name)", refused)
