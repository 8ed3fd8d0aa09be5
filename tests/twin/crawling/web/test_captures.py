"""Captures: what was fetched is kept as it came, read again without a request, and gone when it should be."""

import gzip
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.kit.clock import Clock
from tests.kit.webserver import PAGE, Server, send
from twin.artifacts import ArtifactStore
from twin.authors.declarations import declare_link
from twin.crawling import Captures, CrawlReport, Fetcher, Tools, crawl_author, crawl_tools
from twin.crawling.sources.article import ArticleCrawler
from twin.errors import ConsistencyError
from twin.identity import sha256
from twin.models import Author, Category, Document, State
from twin.warehouse.sqlite import SqliteWarehouse

ARTICLES = Category.ARTICLES


@pytest.fixture
def warehouse(warehouse: SqliteWarehouse) -> SqliteWarehouse:
    warehouse.upsert_authors([Author(slug="ada", name="Ada Lovelace")])
    return warehouse


@pytest.fixture
def tools(warehouse: SqliteWarehouse, artifacts: ArtifactStore, fetcher: Fetcher) -> Tools:
    return crawl_tools(fetcher, artifacts, warehouse, "ada")


def declare(warehouse: SqliteWarehouse, *urls: str) -> None:
    warehouse.upsert_links([declare_link("ada", url, base=Path()) for url in urls])


def crawl(warehouse: SqliteWarehouse, tools: Tools, *, replay: bool = False) -> CrawlReport:
    return crawl_author(warehouse, "ada", ARTICLES, tools=tools, replay=replay)


def documents(warehouse: SqliteWarehouse) -> dict[str, Document]:
    return {document.link: document for document in warehouse.documents(State.RAW, "ada", ARTICLES)}


def pages(server: Server) -> list[str]:
    """What was asked for, but for robots.txt."""
    return [path for path, _ in server.asked if path != "/robots.txt"]


def files(artifacts: ArtifactStore) -> set[str]:
    folder = artifacts.path("captures", "ada")
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_a_page_is_kept_as_it_came_and_its_document_points_to_it(
    server: Server, warehouse: SqliteWarehouse, artifacts: ArtifactStore, tools: Tools
) -> None:
    server.handlers["/moved"] = lambda handler: send(handler, 301, Location="/a")
    server.handlers["/a"] = lambda handler: send(handler, 200, PAGE.encode(), ETag='"1"')
    declare(warehouse, f"{server.root}/moved")
    crawl(warehouse, tools)
    (capture,) = warehouse.captures("ada")
    assert (capture.url, capture.final_url) == (f"{server.root}/moved", f"{server.root}/a")
    assert (capture.size, capture.headers["etag"]) == (len(PAGE.encode()), '"1"')
    assert capture.content_type.startswith("text/html")
    assert documents(warehouse)[f"{server.root}/moved"].capture == capture.sha256 == sha256(PAGE)
    packed = artifacts.read_bytes("captures", "ada", f"{capture.sha256}.gz")
    assert packed is not None
    assert gzip.decompress(packed) == PAGE.encode()


def test_another_version_of_a_crawler_reads_again_without_a_request(
    server: Server, warehouse: SqliteWarehouse, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 200, PAGE.encode(), ETag='"1"')
    declare(warehouse, f"{server.root}/a")
    crawl(warehouse, tools)
    assert pages(server) == ["/a"]
    monkeypatch.setattr(ArticleCrawler, "version", "article-of-tomorrow")
    again = crawl(warehouse, tools)
    assert pages(server) == ["/a"]
    assert (again.links_ok, again.unchanged, again.written) == (1, 1, 0)
    server.handlers["/a"] = lambda handler: send(handler, 304, ETag='"1"')
    third = crawl(warehouse, tools)  # asked again, with the validators of what was captured
    assert pages(server) == ["/a", "/a"]
    assert server.asked[-1][1]["If-None-Match"] == '"1"'
    assert third.links_unchanged == 1


def test_without_a_capture_another_version_asks_again(
    server: Server, warehouse: SqliteWarehouse, artifacts: ArtifactStore, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 200, PAGE.encode(), ETag='"1"')
    declare(warehouse, f"{server.root}/a")
    crawl(warehouse, tools)
    warehouse.remove_captures("ada", [capture.id for capture in warehouse.captures("ada")])
    monkeypatch.setattr(ArticleCrawler, "version", "article-of-tomorrow")
    assert crawl(warehouse, tools).links_ok == 1
    assert pages(server) == ["/a", "/a"]


def test_replay_gives_the_same_documents_and_asks_nobody(
    server: Server, warehouse: SqliteWarehouse, tools: Tools
) -> None:
    for path in ("/a", "/b"):
        server.handlers[path] = lambda handler: send(handler, 200, PAGE.encode())
    declare(warehouse, f"{server.root}/a", f"{server.root}/b")
    first = crawl(warehouse, tools)
    found = documents(warehouse)
    asked = len(server.asked)
    declare(warehouse, f"{server.root}/never-fetched")
    again = crawl(warehouse, tools, replay=True)
    assert len(server.asked) == asked
    assert documents(warehouse) == found
    assert (again.data_version, again.written, again.links_ok) == (first.data_version, 0, 2)
    assert again.failures == [
        f"{server.root}/never-fetched was never captured, so it cannot be read offline: crawl it first."
    ]


def test_the_newest_versions_are_kept_and_a_document_points_to_one(
    server: Server, warehouse: SqliteWarehouse, artifacts: ArtifactStore, tools: Tools
) -> None:
    declare(warehouse, f"{server.root}/a")
    for visit in range(4):
        page = PAGE.replace("</body>", f"<!-- visitor {visit} --></body>").encode()
        server.handlers["/a"] = lambda handler, page=page: send(handler, 200, page)  # type: ignore[misc]
        report = crawl(warehouse, tools)
        assert (report.written, report.total) == (int(visit == 0), 1)  # other bytes, the same document
    captures = warehouse.captures("ada")
    assert len(captures) == 2
    assert files(artifacts) == {f"{capture.sha256}.gz" for capture in captures}
    assert documents(warehouse)[f"{server.root}/a"].capture == captures[0].sha256 == sha256(page)


def test_after_a_clock_was_wrong_the_last_page_is_the_newest(
    server: Server,
    warehouse: SqliteWarehouse,
    artifacts: ArtifactStore,
    tools: Tools,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ETags as well: what a server says about the last page is sent, not what it said about the one of the future."""
    clock, tag = Clock(monkeypatch), ""

    def conditional(handler: BaseHTTPRequestHandler) -> None:
        same = handler.headers["If-None-Match"] == f'"{tag}"'
        page = PAGE.replace("</p>", f" Version {tag}.</p>", 1).encode()
        send(handler, 304 if same else 200, b"" if same else page, ETag=f'"{tag}"')

    server.handlers["/a"] = conditional
    declare(warehouse, f"{server.root}/a")
    for tag, clock.ahead in (  # noqa: B007 - the handler reads it
        ("one", timedelta(days=365)),
        ("two", timedelta()),
        ("one", timedelta()),
        ("three", timedelta(days=-9999)),
        ("two", timedelta(days=-1)),
    ):
        assert crawl(warehouse, tools).written == 1
        captures = warehouse.captures("ada")
        assert documents(warehouse)[f"{server.root}/a"].capture == captures[0].sha256
        assert len(captures) <= 2
        assert crawl(warehouse, tools).links_unchanged == 1
        assert crawl(warehouse, tools, replay=True).written == 0


def stored(warehouse: SqliteWarehouse, artifacts: ArtifactStore) -> dict[str, object]:
    """All that a crawl may write but its log: rows without the time of the last look, and files with theirs."""
    rows = {
        table: [row | {"checked_at": None} for row in warehouse.dump(table, "ada")] for table in ("raw", "captures")
    }
    folder = artifacts.path("captures", "ada")
    return rows | {"files": {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}}


def test_an_unchanged_page_costs_one_request_and_touches_the_time_of_the_look_alone(
    server: Server, warehouse: SqliteWarehouse, artifacts: ArtifactStore, tools: Tools
) -> None:
    def conditional(handler: BaseHTTPRequestHandler) -> None:
        same = handler.headers["If-None-Match"] == '"1"'
        send(handler, 304 if same else 200, b"" if same else PAGE.encode(), ETag='"1"')

    server.handlers["/a"] = conditional
    declare(warehouse, f"{server.root}/a")
    crawl(warehouse, tools)
    before = stored(warehouse, artifacts)
    (looked,) = (row["checked_at"] for row in warehouse.dump("raw", "ada"))
    for visit in range(1, 4):
        report = crawl(warehouse, tools)
        assert (report.links_unchanged, report.written, report.total) == (1, 0, 1)
        assert pages(server) == ["/a"] * (visit + 1)
        assert stored(warehouse, artifacts) == before
    (again,) = (row["checked_at"] for row in warehouse.dump("raw", "ada"))
    assert str(again) > str(looked)


def test_captures_of_a_removed_link_go_with_it(
    server: Server, warehouse: SqliteWarehouse, artifacts: ArtifactStore, tools: Tools
) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 200, PAGE.encode())
    server.handlers["/b"] = lambda handler: send(handler, 200, PAGE.encode())
    declare(warehouse, f"{server.root}/a", f"{server.root}/b")
    crawl(warehouse, tools)
    assert len(warehouse.captures("ada")) == 2
    assert len(files(artifacts)) == 1  # equal bytes are stored once
    warehouse.remove_links("ada", [f"{server.root}/a"])
    crawl(warehouse, tools)
    assert [capture.link for capture in warehouse.captures("ada")] == [f"{server.root}/b"]
    assert len(files(artifacts)) == 1
    warehouse.remove_links("ada", [f"{server.root}/b"])
    crawl(warehouse, tools)
    assert warehouse.captures("ada") == []
    assert files(artifacts) == set()


def test_nothing_is_kept_where_the_user_wants_so(
    server: Server, warehouse: SqliteWarehouse, artifacts: ArtifactStore, fetcher: Fetcher
) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 200, PAGE.encode())
    declare(warehouse, f"{server.root}/a")
    crawl(warehouse, crawl_tools(fetcher, artifacts, warehouse, "ada", keep=0))
    assert warehouse.captures("ada") == []
    assert files(artifacts) == set()
    assert documents(warehouse)[f"{server.root}/a"].capture is None


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"no gzip",
        gzip.compress(b"something else", mtime=0),
        gzip.compress(b"<html>", mtime=0)[:-1],
        gzip.compress(b"", mtime=0),
    ],
)
def test_a_damaged_capture_is_named(
    warehouse: SqliteWarehouse, artifacts: ArtifactStore, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    captures = Captures(artifacts, warehouse, "ada").of("https://a.example/x")
    digest = captures.keep("https://a.example/x", "https://a.example/x", b"<html>")
    assert captures.read(digest) == b"<html>"
    artifacts.write_bytes("captures", "ada", f"{digest}.gz", content=damage)
    with pytest.raises(ConsistencyError, match=rf"{digest}\.gz is missing or damaged"):
        captures.read(digest)
    with monkeypatch.context() as patched:  # a bomb ends at the limit, whatever its name says
        patched.setattr("twin.crawling.web.captures.MAX_SIZE", 1000)
        bomb = captures.keep("https://a.example/x", "https://a.example/x", bytes(1001))
        with pytest.raises(ConsistencyError, match=rf"{bomb}\.gz is missing or damaged"):
            captures.read(bomb)
    artifacts.remove("captures", "ada", f"{digest}.gz")
    with pytest.raises(ConsistencyError, match="is missing or damaged"):
        captures.read(digest)
