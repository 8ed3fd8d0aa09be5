"""One contract, every warehouse: SQLite in a file, and MongoDB over the wire through real pymongo."""

import signal
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.kit.warehouses import (
    FEED,
    NOW,
    Opener,
    capture,
    contents,
    crawl,
    delete_link,
    document,
    edit_link,
    edit_row,
    raw_row,
    start_writer,
    stored,
)
from twin.errors import ConsistencyError, InputError, RemovedError
from twin.models import Author, Category, CrawlRecord, Document, Link, State, WriteReport
from twin.settings import Settings
from twin.warehouse import Warehouse, open_warehouse
from twin.warehouse.rows import MAX_DOCUMENT_BYTES, bson_size, capture_row, crawl_row, document_row, stamp

A_YEAR_AHEAD = datetime.now(UTC) + timedelta(days=365)

# -- authors and links -----------------------------------------------------------------------------------------------


def test_authors_are_kept_changed_and_left_alone(warehouse: Warehouse) -> None:
    ada = Author(slug="ada", name="Ada Löve 🧮", aliases=("Countess", "@ada"))
    bob = Author(slug="bob", name="Bob", headline="h", language="en")
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
        also=("comments",),
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
        capture="f" * 64,
    )
    bare = document(1, title=None)
    assert warehouse.upsert_documents(State.RAW, [full, bare]) == WriteReport(inserted=2)
    assert warehouse.document(State.RAW, full.id) == full
    assert {each.id: each for each in stored(warehouse)} == {full.id: full, bare.id: bare}
    expected = {full.id: full.content_hash, bare.id: bare.content_hash}
    assert warehouse.hashes(State.RAW, "ada", Category.ARTICLES) == expected
    assert warehouse.document(State.CLEANED, full.id) is None


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
    secret = document(
        1, text="a secret of Ada", title="a secret title", metadata={"note": "a secret note"}, capture="f" * 64
    )
    warehouse.upsert_documents(State.RAW, [secret, document(2)])
    assert warehouse.remove_documents(State.RAW, [secret.id, "no-such-id"]) == 1
    assert warehouse.remove_documents(State.RAW, [secret.id]) == 0
    assert warehouse.document(State.RAW, secret.id) is None
    assert stored(warehouse) == [document(2)]
    assert secret.id not in warehouse.hashes(State.RAW, "ada", Category.ARTICLES)
    row = raw_row(warehouse, secret.id)
    assert "secret" not in repr(row)
    assert row["capture"] is None
    assert row["removed_at"] is not None
    assert warehouse.upsert_documents(State.RAW, [secret]) == WriteReport(inserted=1)
    assert warehouse.document(State.RAW, secret.id) == secret
    assert warehouse.upsert_documents(State.RAW, [secret]) == WriteReport(unchanged=1)


def test_unchanged_documents_are_not_touched(warehouse: Warehouse) -> None:
    warehouse.upsert_documents(State.RAW, [document(1, capture="e" * 64)])
    before = raw_row(warehouse, document(1).id)
    time.sleep(0.01)
    warehouse.upsert_documents(State.RAW, [document(1, capture="f" * 64)])
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
    assert warehouse.stored_hashes(State.RAW, "ada", Category.ARTICLES) == {source.id: source.content_hash}
    assert warehouse.upsert_documents(State.RAW, [source]) == WriteReport(unchanged=1)
    assert stored(warehouse) == [edited]
    changed = document(1, text="a new version")
    assert warehouse.upsert_documents(State.RAW, [changed]) == WriteReport(updated=1)
    assert stored(warehouse) == [changed]


def test_a_row_in_a_wrong_place_comes_back_to_its_own(warehouse: Warehouse) -> None:
    warehouse.upsert_documents(State.RAW, [document(1)])
    edit_row(warehouse, document(1).id, "category", "posts")
    assert stored(warehouse) == []
    assert warehouse.upsert_documents(State.RAW, [document(1)]) == WriteReport(updated=1)
    assert stored(warehouse) == [document(1)]
    warehouse.remove_documents(State.RAW, [document(1).id])
    assert warehouse.stored_hashes(State.RAW, "ada", Category.ARTICLES) == {}


def test_only_live_documents_can_be_edited(warehouse: Warehouse) -> None:
    assert not warehouse.edit_document(State.RAW, document(1).id, "x")
    warehouse.upsert_documents(State.RAW, [document(1)])
    warehouse.remove_documents(State.RAW, [document(1).id])
    assert not warehouse.edit_document(State.RAW, document(1).id, "x")
    with pytest.raises(InputError, match="invalid character"):
        warehouse.edit_document(State.RAW, document(1).id, "\ud800")


@pytest.mark.parametrize(("field", "value"), [("link", "https://ada.example/other"), ("category", "novels")])
def test_a_row_that_was_edited_into_something_else_is_named(warehouse: Warehouse, field: str, value: str) -> None:
    warehouse.upsert_documents(State.RAW, [document(1)])
    edit_row(warehouse, document(1).id, field, value)
    with pytest.raises(ConsistencyError, match=document(1).id):
        warehouse.document(State.RAW, document(1).id)


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


@pytest.mark.parametrize(("over", "text"), [(0, "x"), (1, "x"), (0, "語"), (1, "語")])
@pytest.mark.slow
def test_a_document_of_exactly_16_mib_fits_and_one_byte_more_is_refused_by_name(
    warehouse: Warehouse, over: int, text: str
) -> None:
    warehouse.upsert_documents(State.RAW, [document(7)])
    times = dict.fromkeys(("created_at", "updated_at", "checked_at", "removed_at"), NOW.isoformat())
    empty = document_row(document(1, text=""))
    room = MAX_DOCUMENT_BYTES - bson_size(empty | times, "it") + over
    each = len(text.encode())
    big = document(1, text=text * (room // each) + "x" * (room % each))
    if over:
        with pytest.raises(InputError, match=r"https://ada\.example/1' is 16\.0 MiB.*\(it is 1 bytes too large\)"):
            warehouse.upsert_documents(State.RAW, [document(0), big, document(2)])
        with pytest.raises(InputError, match=r"https://ada\.example/7' is 16"):
            warehouse.edit_document(State.RAW, document(7).id, big.text)
        assert {each.link[-1] for each in stored(warehouse)} == {"0", "2", "7"}
    else:
        assert warehouse.upsert_documents(State.RAW, [big]).inserted == 1
        assert warehouse.check_documents(State.RAW, "ada", Category.ARTICLES, source=FEED, moment=NOW) == 2
        assert warehouse.document(State.RAW, big.id) == big


# -- checks ----------------------------------------------------------------------------------------------------------


def test_a_check_touches_checked_at_alone_and_only_of_its_link(warehouse: Warehouse) -> None:
    mine = [document(1, capture="a" * 64), document(2), document(3)]
    others = [document(4, source="https://ada.example/other"), document(5, author="bob")]
    warehouse.upsert_documents(State.RAW, [*mine, *others])
    warehouse.upsert_documents(State.CLEANED, mine)
    warehouse.remove_documents(State.RAW, [mine[2].id])
    before = contents(warehouse)

    def check(minutes: int, captures: dict[str, str] | None = None) -> int:
        moment = NOW + timedelta(minutes=minutes)
        return warehouse.check_documents(
            State.RAW, "ada", Category.ARTICLES, source=FEED, moment=moment, captures=captures
        )

    assert check(0) == 2
    named = {mine[0].id: "b" * 64, mine[1].id: "c" * 64, mine[2].id: "d" * 64, others[0].id: "e" * 64, "unknown": "f"}
    assert check(5, named) == 2
    assert check(1, {}) == 2  # a check that was slow turns no clock back
    assert warehouse.check_documents(State.RAW, "ada", Category.POSTS, source=FEED, moment=NOW) == 0
    after = contents(warehouse)
    assert after["cleaned"] == before["cleaned"]
    changed = {mine[0].id: "b" * 64, mine[1].id: "c" * 64}
    for old, new in zip(before["raw"], after["raw"], strict=True):
        if old["id"] in changed:
            assert new["checked_at"] == "2026-01-02T03:09:05.678901+00:00"
            assert new == old | {"checked_at": new["checked_at"], "capture": changed[str(old["id"])]}
        else:
            assert new == old
    assert warehouse.upsert_documents(State.RAW, mine[:2]) == WriteReport(unchanged=2)
    assert contents(warehouse) == after
    assert [each.capture for each in stored(warehouse) if each.id in changed] == [changed[i] for i in sorted(changed)]


def test_a_check_by_a_clock_that_was_wrong_does_not_stay(warehouse: Warehouse) -> None:
    warehouse.upsert_documents(State.RAW, [document(1)])
    for moment, kept in ((A_YEAR_AHEAD, A_YEAR_AHEAD), (NOW, NOW), (NOW - timedelta(days=1), NOW)):
        warehouse.check_documents(State.RAW, "ada", Category.ARTICLES, source=FEED, moment=moment)
        assert raw_row(warehouse, document(1).id)["checked_at"] == stamp(kept)


# -- crawl log -------------------------------------------------------------------------------------------------------


def test_the_newest_crawl_of_each_url_counts(warehouse: Warehouse) -> None:
    newest = crawl(
        "u1", 2, status="failed", message="It is gone.", validators={"etag": '"x.y"'}, skipped_files={"big": 1}
    )
    records = [crawl("u1", 1), newest, crawl("u2", 0), crawl("u1", 9, author="bob")]
    assert warehouse.last_crawls("ada", Category.ARTICLES) == {}
    warehouse.log_crawl([])
    warehouse.log_crawl(records)
    warehouse.log_crawl(records[:1])
    assert warehouse.last_crawls("ada", Category.ARTICLES) == {"u1": newest, "u2": records[2]}
    assert warehouse.last_crawls("ada", Category.POSTS) == {}


def test_the_crawl_that_was_logged_last_counts_whatever_the_clock_said(warehouse: Warehouse, opener: Opener) -> None:
    """A clock that was a year ahead, then right, then years behind; each attempt by another process."""
    for moment in (A_YEAR_AHEAD, datetime.now(UTC), datetime(1970, 1, 1, tzinfo=UTC)):
        for status in ("ok", "failed"):
            attempt = crawl("u", checked_at=moment, status=status, message="No.")
            other = opener()
            other.log_crawl([attempt, crawl("another", checked_at=moment)])
            other.close()
            assert warehouse.last_crawls("ada", Category.ARTICLES)["u"] == attempt


def test_imported_crawls_are_compared_by_their_times_and_never_by_one_of_the_future(warehouse: Warehouse) -> None:
    def restore(*records: CrawlRecord) -> CrawlRecord:
        assert warehouse.restore("crawl_log", map(crawl_row, records)).refused == []
        return warehouse.last_crawls("ada", Category.ARTICLES)["u"]

    wrong = crawl("u", checked_at=A_YEAR_AHEAD)
    assert restore(wrong) == wrong  # there is no other
    assert restore(crawl("u", 5), crawl("u", 1), crawl("u", 3)) == crawl("u", 5)
    assert restore(crawl("u", checked_at=A_YEAR_AHEAD, status="failed", message="No.")) == crawl("u", 5)
    mine = crawl("u", 4, status="unchanged")
    warehouse.log_crawl([mine])
    assert warehouse.last_crawls("ada", Category.ARTICLES)["u"] == mine
    assert restore(crawl("u", 2), wrong) == mine
    assert restore(crawl("u", 8), crawl("u", 7)) == crawl("u", 8)  # from a machine that crawled later
    warehouse.log_crawl([crawl("u", checked_at=A_YEAR_AHEAD, documents=7)])
    assert restore(crawl("u", 10), crawl("u", 9)) == crawl("u", 10)


def test_every_attempt_is_logged(warehouse: Warehouse) -> None:
    records = [crawl(f"u{number % 3}", number, status="failed", message="No.") for number in range(450)]
    warehouse.log_crawl(records)
    assert len(list(warehouse.dump("crawl_log"))) == 450
    assert warehouse.last_crawls("ada", Category.ARTICLES) == {
        f"u{number}": records[447 + number] for number in (0, 1, 2)
    }


# -- captures ---------------------------------------------------------------------------------------------------------


def test_captures_come_newest_first_and_keep_their_newest_time(warehouse: Warehouse) -> None:
    old, new = capture(b"old", 1), capture(b"new", 2, headers={"etag": '"2"', "x.y": "z"})
    page = capture(b"old", 3, url="https://ada.example/1")
    other, theirs = capture(b"old", 4, link="https://ada.example/2"), capture(b"old", 5, author="bob")
    assert warehouse.upsert_captures([]) == WriteReport()
    assert warehouse.upsert_captures([old, theirs, new, page, other]) == WriteReport(inserted=5)
    assert warehouse.captures("ada") == [other, page, new, old]
    assert warehouse.captures("ada", FEED) == [page, new, old]
    assert warehouse.captures("ada", FEED, FEED) == [new, old]
    assert warehouse.captures("eve") == []
    again = capture(b"old", 9)
    assert warehouse.upsert_captures([again]) == WriteReport(updated=1)
    assert warehouse.upsert_captures([again]) == WriteReport(unchanged=1)
    assert warehouse.captures("ada", FEED, FEED) == [again, new]
    twice = [capture(b"twice", 7), capture(b"twice", 6)]
    warehouse.upsert_captures(twice)
    assert warehouse.captures("ada", FEED, FEED) == [twice[1], again, new]
    assert warehouse.remove_captures("ada", [twice[0].id]) == 1
    assert warehouse.captures("ada", FEED, FEED) == [again, new]
    assert warehouse.remove_captures("ada", [new.id, theirs.id, "unknown"]) == 1
    assert warehouse.remove_captures("ada", [new.id]) == 0
    assert warehouse.captures("ada") == [again, other, page]
    assert warehouse.captures("bob") == [theirs]


def test_the_capture_that_was_written_last_is_the_newest_whatever_the_clock_said(warehouse: Warehouse) -> None:
    wrong, right = capture(b"one", fetched_at=A_YEAR_AHEAD), capture(b"two", fetched_at=datetime.now(UTC))
    warehouse.upsert_captures([wrong])
    warehouse.upsert_captures([right])
    assert warehouse.captures("ada", FEED, FEED) == [right, wrong]
    back = capture(b"one", fetched_at=datetime.now(UTC))
    assert warehouse.upsert_captures([back]) == WriteReport(updated=1)
    assert warehouse.captures("ada", FEED, FEED) == [back, right]


def test_imported_captures_are_compared_by_their_times_and_never_by_one_of_the_future(warehouse: Warehouse) -> None:
    wrong = capture(b"wrong", fetched_at=A_YEAR_AHEAD)
    old, new = capture(b"old", 1), capture(b"new", 2)
    warehouse.restore("captures", map(capture_row, [new, wrong, old]))
    assert warehouse.captures("ada", FEED, FEED) == [new, old, wrong]
    mine = capture(b"mine", 3)
    warehouse.upsert_captures([mine])
    later, earlier = capture(b"later", 4), capture(b"earlier", 2, headers={"etag": "x"})
    warehouse.restore("captures", map(capture_row, [later, earlier]))
    assert warehouse.captures("ada", FEED, FEED)[:3] == [later, mine, earlier]


# -- what changed -----------------------------------------------------------------------------------------------------


def test_a_mark_says_whose_links_changed_whatever_changed_them(warehouse: Warehouse, opener: Opener) -> None:
    def link(author: str, number: int) -> Link:
        url = f"https://{author}.example/{number}"
        return Link(author=author, url=url, kind="article", categories=(Category.ARTICLES,))

    assert warehouse.link_marks() == {}
    warehouse.upsert_authors([Author(slug="ada", name="Ada"), Author(slug="bob", name="Bob")])
    marks, seen = warehouse.link_marks(), list[dict[str, str]]()
    assert marks.keys() == {"ada", "bob"}
    changes = [
        lambda: warehouse.upsert_links([link("ada", number) for number in range(300)]),
        lambda: warehouse.upsert_links([link("ada", 1).model_copy(update={"location": "/elsewhere"})]),
        lambda: warehouse.upsert_authors([Author(slug="ada", name="Ada L.")]),
        lambda: warehouse.remove_links("ada", [link("ada", 2).url]),
        lambda: warehouse.upsert_links([link("ada", 2)]),
        lambda: edit_link(warehouse, link("ada", 3), "kind", "feed"),
        lambda: edit_link(warehouse, link("ada", 3), "kind", "article"),
        lambda: delete_link(warehouse, link("ada", 4)),
    ]
    for change in changes:
        change()
        seen.append(marks)
        other = opener()
        marks = other.link_marks()
        other.close()
        assert warehouse.link_marks() == marks
        assert marks.keys() == {"ada", "bob"}
        assert marks["bob"] == seen[0]["bob"]
        assert marks["ada"] != seen[-1]["ada"]
    warehouse.upsert_links([link("ada", number) for number in range(300) if number not in (1, 4)])
    warehouse.upsert_documents(State.RAW, [document(1)])
    warehouse.log_crawl([crawl("u")])
    assert warehouse.link_marks() == marks  # nothing of it was a change of links
    warehouse.remove_author("ada")
    assert warehouse.link_marks() == {"bob": marks["bob"]}


# -- several writers, and death ---------------------------------------------------------------------------------------


@pytest.mark.slow
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
    assert len(warehouse.links("ada")) == 200
    assert {len(rows) for rows in (contents(warehouse)["raw"], contents(warehouse)["links"])} == {200}


def test_the_next_run_repairs_what_a_killed_writer_left(warehouse: Warehouse) -> None:
    writer = start_writer(warehouse, 100_000)  # so many that it is never done before it is killed
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write("go\n")
    writer.stdin.flush()
    writer.stdout.readline()  # the first 200 are in
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    there = len(stored(warehouse))
    assert 200 <= there < 100_000
    count = there + 400
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


# -- which one ---------------------------------------------------------------------------------------------------------


def test_settings_choose_the_warehouse(tmp_path: Path) -> None:
    local = open_warehouse(Settings.from_env({"TWIN_STORE": str(tmp_path / "store")}))
    assert local.address == str(tmp_path / "store" / "warehouse.sqlite")
    assert not (tmp_path / "store").exists()
    remote = open_warehouse(Settings.from_env({"MONGO_URI": "mongodb://u:p@h:1", "TWIN_STORE": "s3://bucket/x"}))
    assert remote.address == "mongodb://h:1/twin"
    with pytest.raises(InputError, match="MONGO_URI"):
        open_warehouse(Settings.from_env({"TWIN_STORE": "s3://bucket/x"}))


def test_a_digest_is_equal_if_and_only_if_nothing_changed(warehouse: Warehouse, opener: Opener) -> None:
    def digest() -> str:
        return warehouse.digest(State.RAW, "ada", Category.ARTICLES)

    empty = digest()
    warehouse.upsert_documents(State.RAW, [document(1), document(2)])
    seen = {empty, digest()}
    assert len(seen) == 2
    for change in (
        lambda: warehouse.upsert_documents(State.RAW, [document(2, text="other")]),
        lambda: warehouse.edit_document(State.RAW, document(1).id, "edited"),
        lambda: warehouse.upsert_documents(State.RAW, [document(3, title=None)]),
        lambda: warehouse.remove_documents(State.RAW, [document(1).id]),
    ):
        change()
        assert digest() not in seen
        seen.add(digest())
    warehouse.upsert_documents(State.RAW, [document(9, author="bob"), document(8, category=Category.POSTS)])
    warehouse.upsert_documents(State.CLEANED, [document(1)])
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    warehouse.check_documents(State.RAW, "ada", Category.ARTICLES, source=document(2).source, moment=moment)
    other = opener()
    assert other.digest(State.RAW, "ada", Category.ARTICLES) == digest() in seen
    other.close()


def test_a_mark_is_kept_for_an_author(warehouse: Warehouse) -> None:
    warehouse.upsert_authors([Author(slug="ada", name="Ada"), Author(slug="bob", name="Bob")])
    assert warehouse.mark("ada", "a") is None
    for content in ("one", "two"):
        warehouse.put_mark("ada", "a", content)
        assert warehouse.mark("ada", "a") == content
    warehouse.put_mark("bob", "a", "theirs")
    warehouse.remove_author("ada")
    assert (warehouse.mark("ada", "a"), warehouse.mark("bob", "a")) == (None, "theirs")
    with pytest.raises(RemovedError):
        warehouse.put_mark("ada", "a", "late")
