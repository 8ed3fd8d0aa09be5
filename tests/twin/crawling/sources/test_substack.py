"""Substack: the export archive, of which only posts are opened, the feed, and the list that nobody promised."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.kit.feeds import ARTICLE, FENCED, answering, item, rss
from tests.kit.webserver import BODY, PAGE, Server, send
from twin.artifacts import ArtifactStore
from twin.authors.declarations import declare_link
from twin.crawling import Fetcher, crawl_author, crawl_tools
from twin.crawling.base import Crawl, Crawler, classify, crawler_of
from twin.crawling.sources.publication import read_publication
from twin.crawling.sources.substack import SubstackCrawler
from twin.crawling.tools import Tools
from twin.errors import CrawlError, InputError
from twin.models import Author, Category, Document, Link, State
from twin.warehouse.sqlite import SqliteWarehouse

ARTICLES = Category.ARTICLES
ROOT = "https://ada.substack.com/"
HEADER = "post_id,post_date,is_published,email_sent_at,inbox_sent_at,type,audience,title,subtitle,podcast_url\n"
ROWS = (
    '101.on-engines,2026-02-24T00:09:12.345Z,true,,,newsletter,everyone,"On engines, and mills",How they turn,\n'
    '102.paid,2026-02-25T00:00:00.000Z,true,,,newsletter,only_paid,"For\nreaders",,\n'
    "103.draft,,false,,,newsletter,everyone,Secret plans,,\n"
    "104.talk,2026-02-26T00:00:00.000Z,true,,,podcast,everyone,מנוע,,https://ada.example/1.mp3\n"
    "105.gone,2026-02-27T00:00:00.000Z,true,,,newsletter,everyone,Gone,,\n"
    "106.empty,2026-02-28T00:00:00.000Z,true,,,thread,everyone,Empty,,\n"
)
POST = (
    '<div class="captioned-image-container"><figure><img src="x"><figcaption>The mill</figcaption>'
    '</figure></div><div class="subscription-widget-wrap"><form><input value="Subscribe"></form></div>'
    f'{ARTICLE}<p class="button-wrapper"><a href="https://ada.substack.com/subscribe">Subscribe now</a></p>'
    '<p>A note<a class="footnote-anchor" href="#footnote-1">1</a>.</p>'
    """<div class="latex-rendered" data-attrs='{"persistentExpression":"a^2"}'></div>"""
    '<div class="youtube-wrap"><iframe src="https://www.youtube-nocookie.com/embed/x?rel=0"></iframe></div>'
)


def pack(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in members.items():
            packed.writestr(name, text)
    return path


MEMBERS = {
    "posts.csv": "\ufeff" + HEADER + ROWS,
    "posts/101.on-engines.html": POST,
    "posts/102.paid.html": BODY,
    "posts/103.draft.html": BODY,
    "posts/104.talk.html": "<p>על המטחנה ועל המחסן</p>",
    "posts/106.empty.html": "<p> </p>",
    "posts/101.delivers.csv": "email\nbob@example.com\n",
    "email_list.ada.csv": "email\nbob@example.com\n",
}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return pack(tmp_path / "substack.zip", **MEMBERS)


def read_export(path: Path, validators: dict[str, str] | None = None) -> tuple[Crawl, dict[str, Document]]:
    declared = declare_link("ada", {"substack_export": path.name}, base=path.parent)
    crawl = crawler_of("substack_export")(Tools(Fetcher())).read(declared, ARTICLES, validators or {})
    return crawl, {each.link: each for each in crawl.documents}


def test_archive_gives_what_is_published_and_opens_nothing_else(export: Path) -> None:
    crawl, found = read_export(export)
    engines, paid, talk = (found[f"{ROOT}p/{slug}"] for slug in ("on-engines", "paid", "talk"))
    assert len(found) == 3
    assert (engines.title, engines.platform, engines.metadata) == (
        "On engines, and mills", "substack", {"subtitle": "How they turn"},
    )  # fmt: skip
    assert engines.published_at == datetime(2026, 2, 24, 0, 9, 12, 345000, tzinfo=UTC)
    assert engines.text.startswith("The mill\n\nAn engine has a mill")
    assert FENCED in engines.text
    assert "ubscribe" not in engines.text
    assert engines.text.endswith("Ada.\n\nA note1.\n\n$$\na^2\n$$\n\n<https://www.youtube-nocookie.com/embed/x?rel=0>")
    assert (paid.title, paid.metadata) == ("For\nreaders", {"audience": "only_paid"})
    assert (talk.text, talk.metadata) == ("על המטחנה ועל המחסן", {"type": "podcast"})
    assert crawl.skipped == {"draft": 1, "without_page": 1, "empty": 1}
    assert read_export(export, crawl.validators)[0].status == "unchanged"
    changed = pack(export.with_name("substack.zip"), **MEMBERS | {"email_list.ada.csv": "email\neve@example.com\n"})
    assert read_export(changed, crawl.validators)[0].status == "unchanged"  # readers come and go


def test_archive_without_the_publications_name_has_addresses_of_its_own(tmp_path: Path) -> None:
    members = {f"export/{name}": text for name, text in MEMBERS.items() if name != "email_list.ada.csv"}
    _, found = read_export(pack(tmp_path / "mine.zip", **members))
    assert sorted(found) == [f"local:mine.zip#{number}" for number in (101, 102, 104)]
    declared = declare_link("ada", "mine.zip", base=tmp_path)
    assert declared.kind == "substack_export"
    pack(tmp_path / "other.zip", **{"posts.csv": HEADER, "Shares.csv": "ShareCommentary\n"})
    assert declare_link("ada", "other.zip", base=tmp_path).kind != "substack_export"


def test_a_name_that_makes_no_address_takes_no_other_post_with_it(tmp_path: Path) -> None:
    row = "107.odd,2026-02-28T00:00:00.000Z,true,,,newsletter,everyone,Odd,,\n"
    members = MEMBERS | {"posts.csv": HEADER + ROWS + row, "posts/107.o\tdd.html": BODY}
    _, found = read_export(pack(tmp_path / "odd.zip", **members))
    assert set(found) == {*(f"{ROOT}p/{slug}" for slug in ("on-engines", "paid", "talk")), "local:odd.zip#107"}


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("id,title\n1,x\n", "posts.csv has no columns post_id and is_published"),
        ("", "posts.csv has no columns post_id"),
        (None, "has no posts.csv, so it is not a Substack export"),
    ],
)
def test_what_is_not_an_archive_of_substacks(tmp_path: Path, table: str | None, expected: str) -> None:
    path = pack(tmp_path / "x.zip", **({} if table is None else {"posts.csv": table}), **{"posts/1.x.html": BODY})
    with pytest.raises(CrawlError, match=expected) as caught:
        read_export(path)
    assert str(caught.value).startswith("local:x.zip")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ada.substack.com", ROOT),
        ("https://ada.substack.com/archive?sort=new", ROOT),
        ("https://ada.substack.com/p/on-engines?r=1&utm_medium=ios", f"{ROOT}p/on-engines"),
        ("https://ada.substack.com/p/on-engines/comments", f"{ROOT}p/on-engines"),
        ("https://open.substack.com/pub/ada/p/on-engines?r=1", f"{ROOT}p/on-engines"),
        ("https://open.substack.com/pub/Ada", ROOT),
    ],
)
def test_addresses(url: str, expected: str) -> None:
    crawler, address = classify(url)
    assert (crawler.kind, address) == ("substack", expected)
    assert classify(address)[1] == address


@pytest.mark.parametrize(
    "url", ["https://substack.com/@ada", "https://substack.com/home/post/p-1", "https://substack.com"]
)
def test_pages_of_substacks_own_are_not_a_source(url: str) -> None:
    with pytest.raises(InputError, match=r"give the publication's address, https://NAME.substack.com"):
        classify(url)
    assert classify("https://substack.com.evil.example/p/x")[0].kind == "article"
    assert classify("https://ada.substack.com/feed")[0].kind == "feed"


@pytest.fixture
def substack(server: Server) -> type[Crawler]:
    return type("Local", (SubstackCrawler,), {"server": server.root})


def feed(*items: str) -> bytes:
    return rss(*items, title="Notes of Ada", more="<generator>Substack</generator>")


def cut_off(slug: str) -> str:
    link = f"{ROOT}p/{slug}"
    return item(link, f'{BODY}<p>\n<a href="{link}">\n Read more\n</a>\n</p>', summary="Sub")


def listing(*posts: dict[str, object]) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked = parse_qs(urlsplit(handler.path).query)
        start, count = int(asked["offset"][0]), int(asked["limit"][0])
        send(handler, 200, json.dumps(posts[start : start + count]).encode(), Content_Type="application/json")

    return answer


def listed(slug: str, **more: object) -> dict[str, object]:
    return {
        "canonical_url": f"{ROOT}p/{slug}", "title": f"On {slug}", "subtitle": "Sub", "type": "newsletter",
        "audience": "everyone", "post_date": "2025-01-01T00:00:00.000Z", "publishedBylines": [{"name": "Ada"}],
    } | more  # fmt: skip


def archive_path(offset: int = 0) -> str:
    return f"/api/v1/archive?sort=new&search=&offset={offset}&limit=50"


def read(crawler: type[Crawler], fetcher: Fetcher, url: str = ROOT, **validators: str) -> tuple[Crawl, list[Document]]:
    link = Link(author="ada", url=url, kind="substack", categories=(ARTICLES,))
    crawl = crawler(Tools(fetcher)).read(link, ARTICLES, validators)
    return crawl, list(crawl.documents)


def fresh() -> Fetcher:
    return Fetcher(allow_loopback=True, requests_per_second=1e9, sleep=lambda _: None)


def test_publication_is_its_feed_and_what_its_archive_lists(server: Server, substack: type[Crawler]) -> None:
    server.handlers["/feed"] = answering(feed(item(f"{ROOT}p/new", summary="In short"), cut_off("dear")), ETag='"1"')
    posts = [listed("new"), listed("dear", audience="only_paid"), listed("old"), listed("talk", type="podcast")]
    posts += [listed(f"secret-{n}", audience="founding") for n in range(50)] + [listed("oldest")]
    server.handlers[archive_path()] = server.handlers[archive_path(50)] = listing(*posts)
    server.handlers["/p/old"] = server.handlers["/p/oldest"] = answering(PAGE)
    crawl, found = read(substack, fresh())
    assert [each.link for each in found] == [f"{ROOT}p/{slug}" for slug in ("new", "old", "oldest")]
    assert found[0].metadata["subtitle"] == "In short"
    assert (found[1].title, found[1].platform, found[1].metadata["subtitle"]) == ("On old", "substack", "Sub")
    assert found[1].published_at == datetime(2025, 1, 1, tzinfo=UTC)
    assert crawl.skipped == {"paid": 51, "podcast": 1}
    assert not crawl.complete
    # A post that leaves the feed was read well there, so neither it nor the others are asked for again.
    server.handlers["/feed"] = answering(feed(item(f"{ROOT}p/newest")), ETag='"2"')
    server.handlers[archive_path()] = server.handlers[archive_path(50)] = listing(listed("newest"), *posts)
    server.asked.clear()
    second, (newest,) = read(substack, fresh(), **crawl.validators)
    assert newest.link == f"{ROOT}p/newest"
    assert second.unchanged == {f"{ROOT}p/{slug}" for slug in ("new", "old", "oldest")}
    assert [path for path, _ in server.asked] == ["/feed", archive_path(), archive_path(50)]


@pytest.mark.parametrize(
    "answer", [b"<html>", b'{"error": 1}', b"[1, null, {}, " + b'{"canonical_url": 3}]', b"[" * 9999]
)
def test_list_that_answers_otherwise_fails_nothing(server: Server, substack: type[Crawler], answer: bytes) -> None:
    server.handlers["/feed"] = answering(feed(item(f"{ROOT}p/new")))
    server.handlers[archive_path()] = answering(answer)
    crawl, found = read(substack, fresh())
    assert ([each.link for each in found], crawl.skipped) == ([f"{ROOT}p/new"], {})


def test_post_by_feed_or_page_and_never_a_paid_one_in_part(server: Server, substack: type[Crawler]) -> None:
    server.handlers["/feed"] = answering(feed(item(f"{ROOT}p/new"), cut_off("dear")))
    server.handlers["/p/old"] = answering(PAGE, ETag='"1"')
    crawl, (new,) = read(substack, fresh(), f"{ROOT}p/new")
    assert (new.link, new.metadata["author"], crawl.validators["via"]) == (f"{ROOT}p/new", "Ada Lovelace", "feed")
    crawl, (old,) = read(substack, fresh(), f"{ROOT}p/old")
    assert (old.title, crawl.validators) == ("On engines", {"etag": '"1"', "via": "page"})
    crawl, nothing = read(substack, fresh(), f"{ROOT}p/dear")
    assert (crawl.status, nothing) == ("skipped", [])
    assert crawl.message
    assert "declare your own archive with `substack_export:`" in crawl.message


def test_paid_post_that_left_the_feed_is_not_stored_in_part(server: Server, substack: type[Crawler]) -> None:
    server.handlers["/feed"] = answering(feed(item(f"{ROOT}p/new")))
    box = '<div data-testid="paywall" data-component-name="Paywall" role="region" class="paywall">Keep reading</div>'
    for wall in (box, '<script type="application/ld+json">{"@type":"Article","isAccessibleForFree":false}</script>'):
        server.handlers["/p/dear"] = answering(PAGE.replace("</article>", f"</article>{wall}"))
        crawl, nothing = read(substack, fresh(), f"{ROOT}p/dear")
        assert (crawl.status, nothing) == ("skipped", [])
    # The list calls it free, and its page does not: the others are read all the same.
    server.handlers[archive_path()] = listing(listed("dear"), listed("old"))
    server.handlers["/p/old"] = answering(PAGE)
    crawl, found = read(substack, fresh())
    assert ([each.link for each in found], crawl.skipped) == ([f"{ROOT}p/new", f"{ROOT}p/old"], {"paid": 1})


def test_publication_with_a_host_of_its_own_is_read_as_substack(server: Server, tmp_path: Path) -> None:
    server.handlers["/feed"] = answering(feed(item(f"{server.root}/p/new")))
    for path, count in (("/p/new", 1), ("/", 1), ("/archive", 1), ("/about", None)):
        server.handlers[path] = answering(PAGE)
        declared = Link(author="ada", url=server.root + path, kind="article", categories=(ARTICLES,))
        fetcher = fresh()
        page = fetcher.get(declared.url)
        crawl = read_publication(declared, ARTICLES, {}, Tools(fetcher), software="substack", page=page)
        found = [each.link for each in crawl.documents] if crawl else None
        assert found == (count and [f"{server.root}/p/new"])
    declared = declare_link("ada", {"substack": f"{server.root}/"}, base=tmp_path)
    assert [each.link for each in SubstackCrawler(Tools(fresh())).read(declared, ARTICLES, {}).documents] == [
        f"{server.root}/p/new"
    ]


def test_page_with_substacks_markup_on_another_host_is_read_by_its_feed(server: Server) -> None:
    loaded = '<script src="https://substackcdn.com/bundle/static/js/main.js"></script>'
    server.handlers["/feed"] = answering(feed(item(f"{server.root}/p/new")))
    for path in ("/p/new", "/", "/archive", "/about"):
        server.handlers[path] = answering(PAGE.replace("<head>", f"<head>{loaded}"))
        declared = Link(author="ada", url=server.root + path, kind="article", categories=(ARTICLES,))
        (found,) = crawler_of("article")(Tools(fresh())).read(declared, ARTICLES, {}).documents
        expected = (f"{server.root}/about", False) if path == "/about" else (f"{server.root}/p/new", True)
        assert (found.link, "feed" in found.metadata) == expected


def test_archive_and_publication_are_one_document(
    server: Server, fetcher: Fetcher, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SubstackCrawler, "server", server.root)
    server.handlers["/feed"] = answering(feed(item(f"{ROOT}p/on-engines"), cut_off("paid"), item(f"{ROOT}p/new")))
    server.handlers[archive_path()] = listing(listed("old"))
    server.handlers["/p/old"] = answering(PAGE)
    warehouse = SqliteWarehouse(export.parent / "warehouse.db")
    warehouse.upsert_authors([Author(slug="ada", name="Ada Lovelace")])
    warehouse.upsert_links([declare_link("ada", each, base=export.parent) for each in (export.name, ROOT)])
    tools = crawl_tools(fetcher, ArtifactStore(str(export.parent / "store")), warehouse, "ada")
    report = crawl_author(warehouse, "ada", ARTICLES, tools=tools)
    assert report.failures == []
    assert {each.link for each in warehouse.documents(State.RAW, "ada", ARTICLES)} == {
        f"{ROOT}p/{slug}" for slug in ("on-engines", "paid", "talk", "new", "old")
    }
    asked = len(server.asked)
    again = crawl_author(warehouse, "ada", ARTICLES, tools=tools, replay=True)
    assert (again.failures, again.written, again.data_version, len(server.asked)) == ([], 0, report.data_version, asked)
    warehouse.close()
