"""The crawl stage on a real warehouse: what is written, kept, tombstoned and logged, and what a kill cannot spoil."""

import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

from tests.kit.clock import Clock
from tests.kit.repositories import commit
from tests.kit.webserver import PAGE, Server, send
from twin.authors.declarations import declare_link
from twin.crawling import Crawl, Crawler, CrawlReport, Fetcher, Tools, crawl_author, stage
from twin.crawling import base as registry
from twin.crawling.checks import check_raw
from twin.errors import StoreError
from twin.models import IMPORT, Author, Category, Document, Link, State
from twin.warehouse.sqlite import SqliteWarehouse

POSTS, ARTICLES, REPOSITORIES = Category.POSTS, Category.ARTICLES, Category.REPOSITORIES
ESSAY = "# On {0}\n\nA page about {0}, which is long enough to be read as one.\n"


@pytest.fixture
def warehouse(warehouse: SqliteWarehouse) -> SqliteWarehouse:
    warehouse.upsert_authors([Author(slug="ada", name="Ada")])
    return warehouse


@pytest.fixture
def essays(tmp_path: Path) -> Path:
    folder = tmp_path / "essays"
    folder.mkdir()
    for topic in ("mills", "stores", "cards"):
        (folder / f"{topic}.md").write_text(ESSAY.format(topic))
    return folder


def declare(warehouse: SqliteWarehouse, base: Path, *declarations: object) -> list[Link]:
    links = [declare_link("ada", each, base=base) for each in declarations]  # type: ignore[arg-type]
    warehouse.upsert_links(links)
    return links


def texts(warehouse: SqliteWarehouse, category: Category = ARTICLES) -> dict[str, str]:
    return {document.link: document.text for document in warehouse.documents(State.RAW, "ada", category)}


def crawl(warehouse: SqliteWarehouse, category: Category = ARTICLES) -> CrawlReport:
    return crawl_author(warehouse, "ada", category, tools=Tools(Fetcher(allow_loopback=True, sleep=lambda _: None)))


def test_second_crawl_writes_nothing_and_a_change_writes_one(
    warehouse: SqliteWarehouse, essays: Path, tmp_path: Path
) -> None:
    declare(warehouse, tmp_path, {"files": "essays/*.md"})
    first = crawl(warehouse)
    assert (first.total, first.new, first.written, first.links_ok) == (3, 3, 3, 1)
    second = crawl(warehouse)
    assert (second.written, second.links_unchanged, second.unchanged) == (0, 1, 3)
    assert second.data_version == first.data_version
    (essays / "mills.md").write_text(ESSAY.format("mills and more"))
    (essays / "cards.md").unlink()
    third = crawl(warehouse)
    assert (third.total, third.changed, third.removed, third.unchanged) == (2, 1, 1, 1)
    assert third.data_version != first.data_version
    assert sorted(texts(warehouse)) == ["local:essays/mills.md", "local:essays/stores.md"]


@pytest.mark.parametrize("away", [timedelta(days=365), timedelta(days=-365 * 50)], ids=["ahead", "behind"])
def test_after_a_clock_was_wrong_every_change_is_read_and_a_failure_shows(
    warehouse: SqliteWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, away: timedelta
) -> None:
    clock, page, url = Clock(monkeypatch), tmp_path / "page.md", "local:page.md"
    declare(warehouse, tmp_path, {"files": "page.md"})

    def crawled(text: str) -> CrawlReport:
        page.write_text(ESSAY.format(text))
        report = crawl(warehouse)
        assert texts(warehouse) == {url: ESSAY.format(text)}
        assert check_raw(warehouse, "ada", ARTICLES)["links_are_readable"].problems == []
        return report

    assert crawled("one").new == 1
    clock.ahead = away
    assert crawled("two").changed == 1
    clock.ahead = timedelta()
    for text in ("one", "two", "one", "two"):
        assert crawled(text).changed == 1
        assert crawled(text).links_unchanged == 1
    clock.ahead = away
    page.unlink()
    assert crawl(warehouse).links_failed == 1
    for clock.ahead in (timedelta(), away):
        assert warehouse.last_crawls("ada", ARTICLES)[url].status == "failed"
        assert check_raw(warehouse, "ada", ARTICLES)["links_are_readable"].problems != []
        assert texts(warehouse) == {url: ESSAY.format("two")}
    assert crawled("two").links_ok == 1  # a failure has no validators


def test_version_depends_on_contents_alone(warehouse: SqliteWarehouse, essays: Path, tmp_path: Path) -> None:
    declare(warehouse, tmp_path, {"files": "essays/*.md"})
    version = crawl(warehouse).data_version
    other = SqliteWarehouse(tmp_path / "other.db")
    elsewhere = tmp_path / "elsewhere"
    essays.rename(elsewhere.mkdir() or elsewhere / "essays")  # type: ignore[func-returns-value]
    declare(other, elsewhere, {"files": "essays/*.md"})
    assert crawl(other).data_version == version
    other.close()


def test_failing_link_keeps_its_documents_and_fails_no_other(
    warehouse: SqliteWarehouse, essays: Path, tmp_path: Path
) -> None:
    declare(warehouse, tmp_path, {"files": "essays/mills.md"}, {"files": "essays/stores.md"})
    crawl(warehouse)
    (essays / "mills.md").unlink()
    (essays / "stores.md").write_text(ESSAY.format("new stores"))
    report = crawl(warehouse)
    assert (report.total, report.changed, report.removed, report.links_failed, report.links_ok) == (2, 1, 0, 1, 1)
    assert report.failures == ["local:essays/mills.md names no .html, .md or .txt file: check the path."]
    assert "about mills" in texts(warehouse)["local:essays/mills.md"]
    record = warehouse.last_crawls("ada", ARTICLES)["local:essays/mills.md"]
    assert (record.status, record.message) == ("failed", report.failures[0])
    (essays / "mills.md").write_text(ESSAY.format("mills"))
    assert crawl(warehouse).links_failed == 0


def test_failure_names_the_link_as_it_was_declared(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    declared = ["https://ada.example/on-engines", "https://dev.to/ada", "https://medium.com/@ada"]
    declare(warehouse, tmp_path, *declared)
    # Nothing was ever captured, so each fails at the first address that it would ask.
    failures = crawl_author(warehouse, "ada", ARTICLES, tools=Tools(Fetcher()), replay=True).failures
    assert [failure.startswith(link) for link, failure in zip(declared, failures, strict=True)] == [True] * 3
    assert failures[0].count(declared[0]) == 1


def test_removed_link_takes_its_documents_with_it(warehouse: SqliteWarehouse, essays: Path, tmp_path: Path) -> None:
    declare(warehouse, tmp_path, {"files": "essays/mills.md"}, {"files": "essays/stores.md"})
    crawl(warehouse)
    warehouse.remove_links("ada", ["local:essays/mills.md"])
    report = crawl(warehouse)
    assert (report.total, report.removed, report.links_unchanged) == (1, 1, 1)
    declare(warehouse, tmp_path, {"files": "essays/mills.md"})
    report = crawl(warehouse)
    assert (report.total, report.new, report.links_unchanged) == (2, 1, 1)


def test_document_deleted_by_hand_comes_back_from_an_unchanged_source(
    warehouse: SqliteWarehouse, essays: Path, tmp_path: Path
) -> None:
    declare(warehouse, tmp_path, {"files": "essays/*.md"})
    version = crawl(warehouse).data_version
    warehouse.remove_documents(State.RAW, [next(warehouse.documents(State.RAW, "ada", ARTICLES)).id])
    report = crawl(warehouse)
    assert (report.new, report.data_version) == (1, version)


def test_document_that_two_links_give_outlives_either(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.html").write_text(PAGE)
    declare(warehouse, tmp_path, {"files": "a.html"}, {"files": "b.html"})
    first = crawl(warehouse)
    assert (first.total, first.links_ok, first.skipped_files) == (1, 2, {"given_by_another_link": 1})
    assert crawl(warehouse).written == 0
    warehouse.remove_links("ada", ["local:a.html"])
    assert crawl(warehouse).total == 1
    (document,) = warehouse.documents(State.RAW, "ada", ARTICLES)
    assert document.source == "local:b.html"
    declare(warehouse, tmp_path, {"files": "a.html"})
    crawl(warehouse)
    # Now the owner stays and stops giving it, in the same run in which nothing else changes.
    (tmp_path / "b.html").write_text(PAGE.replace("ada.example/engines", "ada.example/others"))
    report = crawl(warehouse)
    assert sorted(texts(warehouse)) == ["https://ada.example/engines", "https://ada.example/others"]
    assert crawl(warehouse).data_version == report.data_version


def test_imported_documents_are_left_alone(warehouse: SqliteWarehouse) -> None:
    url = "https://ada.example/old"
    warehouse.upsert_links([Link(author="ada", url=url, kind=IMPORT, categories=(ARTICLES,), origin="import")])
    warehouse.upsert_documents(
        State.RAW,
        [Document(author="ada", category=ARTICLES, link=url, source=url, platform="web", text="kept")],
    )
    report = crawl(warehouse)
    assert (report.total, report.written, report.links, report.links_ok) == (1, 0, 1, 0)


def test_linkedin_address_is_skipped_with_the_steps(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    declare(warehouse, tmp_path, "https://uk.linkedin.com/in/ada")
    report = crawl(warehouse, POSTS)
    assert (report.links_skipped, report.links_failed, report.total) == (1, 0, 0)
    assert "Get a copy of your data" in report.skipped[0]
    assert warehouse.last_crawls("ada", POSTS)["https://www.linkedin.com/in/ada"].status == "skipped"


def test_author_without_links_has_a_report_of_zeros(warehouse: SqliteWarehouse) -> None:
    for category in Category:
        report = crawl(warehouse, category)
        assert (report.total, report.written, report.links) == (0, 0, 0)
        assert len(report.data_version) == 64


def test_repository_changes_touch_only_the_files_that_changed(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    commit(tmp_path / "engine", {"a.py": b"1\n", "b.py": b"2\n", "c.py": b"3\n", "poetry.lock": b"x"})
    declare(warehouse, tmp_path, {"repository": "engine"})
    first = crawl(warehouse, REPOSITORIES)
    assert (first.total, first.skipped_files) == (3, {"lock": 1})
    assert crawl(warehouse, REPOSITORIES).links_unchanged == 1
    commit(tmp_path / "engine", {"b.py": b"changed\n"})
    report = crawl(warehouse, REPOSITORIES)
    assert (report.written, report.changed, report.unchanged) == (1, 1, 2)
    declare(warehouse, tmp_path, {"repository": "engine", "exclude": ["a.py"]})
    report = crawl(warehouse, REPOSITORIES)  # the same commit, but another declaration
    assert (report.total, report.removed) == (2, 1)


def test_page_answers_304_and_nothing_is_written(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    server = Server()
    server.handlers["/a"] = lambda handler: send(
        handler, 304 if handler.headers.get("If-None-Match") else 200, PAGE.encode(), ETag='"1"'
    )
    try:
        url = declare(warehouse, tmp_path, f"{server.root}/a", f"{server.root}/gone")[0].url
        first, second, third = crawl(warehouse), crawl(warehouse), crawl(warehouse)
        assert (first.total, first.links_ok, first.links_failed) == (1, 1, 1)
        assert f"{server.root}/gone answered 404 Not Found" in first.failures[0]
        assert (second.links_unchanged, second.written, third.links_unchanged) == (1, 0, 1)
        assert warehouse.last_crawls("ada", ARTICLES)[url].documents == 1
        server.handlers["/a"] = lambda handler: send(handler, 503)
        assert crawl(warehouse).total == 1
    finally:
        server.close()


def test_kill_before_the_record_is_written_changes_nothing_in_the_end(
    warehouse: SqliteWarehouse, essays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(warehouse, tmp_path, {"files": "essays/*.md"})
    crawl(warehouse)
    (essays / "cards.md").unlink()
    (essays / "mills.md").write_text(ESSAY.format("other mills"))
    for name in ("remove", "_log"):
        with monkeypatch.context() as patched:

            def killed(*_: object, **__: object) -> None:
                raise KeyboardInterrupt

            patched.setattr(stage._Stage, name, killed)
            with pytest.raises(KeyboardInterrupt):
                crawl(warehouse)
    crawl(warehouse)
    assert sorted(texts(warehouse)) == ["local:essays/mills.md", "local:essays/stores.md"]
    assert "other mills" in texts(warehouse)["local:essays/mills.md"]


def test_store_that_fails_is_not_a_failed_link(
    warehouse: SqliteWarehouse, essays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(warehouse, tmp_path, {"files": "essays/*.md"})

    def full(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(warehouse, "upsert_documents", full)
    with pytest.raises(StoreError):
        crawl(warehouse)
    assert warehouse.last_crawls("ada", ARTICLES) == {}


def test_files_are_read_by_type_and_what_cannot_be_is_counted(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    (folder / "sub").mkdir(parents=True)
    (folder / "engines.html").write_text(PAGE)
    (folder / "sub" / "note.txt").write_bytes("Grüße, ein kurzer Text.".encode("cp1252"))
    (folder / "empty.md").write_text("\n")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / "draft.md").write_text("# Draft\n\nnot yet")
    (folder / "wall.html").write_text("<title>Just a moment...</title><body>Wait</body>")
    declare(warehouse, tmp_path, {"files": "pages", "exclude": ["draft*"]})
    report = crawl(warehouse)
    assert texts(warehouse).keys() == {"https://ada.example/engines", "local:pages/sub/note.txt"}
    assert texts(warehouse)["local:pages/sub/note.txt"] == "Grüße, ein kurzer Text."
    assert report.skipped_files == {"challenge": 1, "empty": 1, "excluded": 1, "other_type": 1}
    declare(warehouse, tmp_path, {"files": "pages/empty.md"})
    assert crawl(warehouse).failures == ["local:pages/empty.md gives no article (1 empty): check the files."]


def test_folders_above_a_pattern_are_called_as_they_like(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    base = tmp_path / "[odd]*"
    (base / "authors").mkdir(parents=True)
    (base / "deep" / "er").mkdir(parents=True)
    (base / "deep" / "er" / "a.md").write_text(ESSAY.format("mills"))
    declare(warehouse, base / "authors", {"files": "../deep/**/*.md"})
    crawl(warehouse)
    assert list(texts(warehouse)) == ["local:../deep/er/a.md"]


def test_damaged_archive_keeps_the_posts_of_the_good_one(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    rows = "Date,ShareLink,ShareCommentary\n" + "".join(
        f"2026-01-0{day} 10:00:00,https://www.linkedin.com/feed/update/urn:li:share:{day},Post {day}\n"
        for day in (1, 2)
    )
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as packed:
        packed.writestr("Shares.csv", rows)
    declare(warehouse, tmp_path, {"linkedin_export": "export.zip"})
    assert crawl(warehouse, POSTS).total == 2
    (tmp_path / "export.zip").write_text("not a zip")
    report = crawl(warehouse, POSTS)
    assert (report.total, report.links_failed, report.written) == (2, 1, 0)


def test_report_is_made_of_plain_values(warehouse: SqliteWarehouse, essays: Path, tmp_path: Path) -> None:
    declare(warehouse, tmp_path, {"files": "essays/*.md"}, {"files": "nothing.md"})
    fields = json.loads(crawl(warehouse).model_dump_json())
    for value in fields.values():
        assert isinstance(value, int | str | list | dict)


def row(warehouse: SqliteWarehouse, link: str) -> dict[str, object]:
    return next(row for row in warehouse.dump("raw") if row["link"] == link)


def test_an_unchanged_page_touches_the_time_of_the_check_and_nothing_else(
    server: Server, warehouse: SqliteWarehouse, tmp_path: Path
) -> None:
    server.handlers["/a"] = lambda handler: send(
        handler, 304 if handler.headers.get("If-None-Match") else 200, PAGE.encode(), ETag='"1"'
    )
    (link,) = declare(warehouse, tmp_path, f"{server.root}/a")
    crawl(warehouse)
    first = row(warehouse, link.url)
    crawl(warehouse)
    second = row(warehouse, link.url)
    assert str(second.pop("checked_at")) > str(first.pop("checked_at"))
    assert second == first


class Shelf(Crawler):
    """A source of several addresses, each of which may be unchanged, as a profile has several repositories."""

    kind: ClassVar[str] = "shelf"
    version: ClassVar[str] = "shelf-1"
    categories: ClassVar[tuple[Category, ...]] = (ARTICLES,)
    volumes: ClassVar[dict[str, str]] = {}

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        unchanged = {name for name, text in self.volumes.items() if validators.get(name) == text}
        documents = [
            Document(
                author=link.author, category=category, link=f"https://shelf.example/{name}", source=link.url,
                platform="web", text=text,
            )
            for name, text in self.volumes.items() if name not in unchanged
        ]  # fmt: skip
        return Crawl(
            documents,
            validators=self.volumes,
            unchanged=frozenset(f"https://shelf.example/{name}" for name in unchanged),
        )


def test_what_a_source_says_is_unchanged_is_kept_and_the_rest_is_compared(
    warehouse: SqliteWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._CRAWLERS, "shelf", Shelf)
    declare(warehouse, tmp_path, {"shelf": "https://shelf.example/"})
    monkeypatch.setattr(Shelf, "volumes", {"one": "1", "two": "2", "three": "3"})
    assert crawl(warehouse).new == 3
    monkeypatch.setattr(Shelf, "volumes", {"one": "1", "two": "zwei", "four": "4"})
    report = crawl(warehouse)
    assert (report.new, report.changed, report.unchanged, report.removed) == (1, 1, 1, 1)
    assert texts(warehouse) == {
        "https://shelf.example/one": "1", "https://shelf.example/two": "zwei", "https://shelf.example/four": "4",
    }  # fmt: skip
    assert warehouse.last_crawls("ada", ARTICLES)["https://shelf.example/"].documents == 3
    assert crawl(warehouse).written == 0


def test_a_page_of_somebody_else_is_flagged_and_counted(
    server: Server, warehouse: SqliteWarehouse, tmp_path: Path
) -> None:
    server.handlers["/own"] = lambda handler: send(handler, 200, PAGE.encode())
    server.handlers["/other"] = lambda handler: send(handler, 200, PAGE.replace("Ada Lovelace", "Eve Byron").encode())
    declare(warehouse, tmp_path, f"{server.root}/own", f"{server.root}/other")
    assert crawl(warehouse).by_others == 1
    flags = {d.link: d.metadata.get("by_other") for d in warehouse.documents(State.RAW, "ada", ARTICLES)}
    assert flags == {f"{server.root}/own": None, f"{server.root}/other": "Eve Byron"}


def test_who_answers_first_changes_nothing(server: Server, warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    """Two links give the same document: the first in their order owns it, although it answers last."""

    def slow(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.3)
        send(handler, 200, PAGE.encode())

    for name in ("a", "b"):
        (tmp_path / f"{name}.html").write_text(PAGE)
    server.handlers["/a"] = slow
    server.handlers["/b"] = lambda handler: send(handler, 200, PAGE.encode())
    declare(warehouse, tmp_path, f"{server.root}/a", f"{server.root}/b", {"files": "a.html"}, {"files": "b.html"})
    report = crawl(warehouse)
    assert report.links_ok == 4
    sources = {d.link: d.source for d in warehouse.documents(State.RAW, "ada", ARTICLES)}
    assert sources["https://ada.example/engines"] == "local:a.html"


CRAWL = """
import sys
from pathlib import Path
from twin.crawling import crawl_author
from twin.models import Category
from twin.warehouse.sqlite import SqliteWarehouse
crawl_author(SqliteWarehouse(Path(sys.argv[1])), "ada", Category.ARTICLES)
"""


@pytest.mark.slow
def test_two_crawls_of_the_same_links_at_once_give_each_document_once(
    warehouse: SqliteWarehouse, tmp_path: Path
) -> None:
    names = [f"{number}.md" for number in range(200)]
    for name in names:
        (tmp_path / name).write_text(ESSAY.format(name))
    declare(warehouse, tmp_path, *({"files": name} for name in names))
    crawls = [subprocess.Popen([sys.executable, "-c", CRAWL, str(tmp_path / "warehouse.sqlite")]) for _ in range(2)]
    assert [process.wait(120) for process in crawls] == [0, 0]
    rows = list(warehouse.dump("raw"))
    assert len(rows) == len({row["id"] for row in rows}) == 200
    assert texts(warehouse).keys() == {f"local:{name}" for name in names}
    assert crawl(warehouse).written == 0


@pytest.mark.parametrize("error", [RuntimeError("odd\ud800\n"), KeyError("x"), OSError(36, "File name too long")])
def test_whatever_a_link_makes_fail_is_its_own_failure(
    error: Exception, warehouse: SqliteWarehouse, essays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(Crawler):
        kind: ClassVar[str] = "odd"
        version: ClassVar[str] = "odd-1"
        categories: ClassVar[tuple[Category, ...]] = (ARTICLES,)
        place = "path"

        def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
            def documents() -> Iterator[Document]:
                raise error
                yield

            if "at once" in link.url:
                raise error
            return Crawl(documents())

    monkeypatch.setitem(registry._CRAWLERS, "odd", Odd)
    declare(warehouse, tmp_path, {"odd": "at once"}, {"odd": "later"}, {"files": "essays/*.md"})
    report = crawl(warehouse)
    assert (report.links_failed, report.links_ok, report.total) == (2, 1, 3)
    for sentence in report.failures:
        assert sentence.startswith(("local:at once: it cannot be read (", "local:later: it cannot be read ("))
        assert sentence.isprintable()
    assert {record.status for record in warehouse.last_crawls("ada", ARTICLES).values()} == {"ok", "failed"}


def test_a_link_of_two_categories_is_warned_about_once_in_a_run(
    warehouse: SqliteWarehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    declare(warehouse, tmp_path, {"linkedin_export": "gone.zip"})
    sentence = "local:gone.zip does not exist: give the path of the archive that you received."
    for _ in range(2):  # two runs
        tools = Tools(Fetcher(allow_loopback=True))
        for category in (POSTS, ARTICLES):
            assert crawl_author(warehouse, "ada", category, tools=tools).failures == [sentence]
    assert caplog.messages == [sentence] * 2
