"""Articles from a real server on loopback: in every script, of every platform, and what stands in place of one."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.kit.feeds import answering, item, rss
from tests.kit.webserver import BODY, PAGE, Server, send
from twin.artifacts import ArtifactStore
from twin.authors.declarations import declare_link
from twin.crawling import CrawlReport, Fetcher, crawl_author, crawl_tools
from twin.crawling.base import Crawl
from twin.crawling.sources.article import ArticleCrawler
from twin.crawling.tools import Tools
from twin.errors import CrawlError
from twin.models import Author, Category, Document, Link, State
from twin.warehouse.sqlite import SqliteWarehouse

ARTICLES = Category.ARTICLES
SUBSTACK = '<link rel="preload" as="script" href="https://substackcdn.com/bundle/static/js/main.js">'
MEDIUM = '<meta property="al:ios:app_name" content="Medium">'


def read(fetcher: Fetcher, url: str, **validators: str) -> Crawl:
    link = Link(author="ada", url=url, kind="article", categories=(ARTICLES,))
    return ArticleCrawler(Tools(fetcher)).read(link, ARTICLES, validators)


def document(crawl: Crawl) -> Document:
    (found,) = crawl.documents
    return found


def page(head: str = "", body: str = BODY, title: str = "On engines", lang: str = "en") -> str:
    return (
        f'<!doctype html><html lang="{lang}"><head><title>{title}</title>{head}</head><body><nav><a href="/">Home</a> '
        f'<a href="/login">Sign in</a></nav><article><h1>{title}</h1>{body}</article></body></html>'
    )


def fresh() -> Fetcher:
    """One that remembers nothing of an earlier crawl."""
    return Fetcher(allow_loopback=True, requests_per_second=math.inf)


def redirect(target: str) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: send(handler, 302, Location=target)


@pytest.fixture
def warehouse(warehouse: SqliteWarehouse) -> SqliteWarehouse:
    warehouse.upsert_authors([Author(slug="ada", name="Ada Lovelace")])
    return warehouse


SCRIPTS = {
    "ar": ("عن المحركات", "<p>للمحرك مطحنة ومخزن وجدول من البطاقات يخبره بما يفعل بكل واحد منهما في كل يوم.</p>" * 4),
    "he": ("על המנועים", "<p>למנוע יש מטחנה ומחסן וטבלה של כרטיסים שאומרת לו מה לעשות עם כל אחד מהם בכל יום.</p>" * 4),
    "fa": ("درباره موتورها", "<p>موتور یک آسیاب و یک انبار دارد و جدولی از کارت که به او گفته است چه کند.</p>" * 4),
    "ja": ("機関について", "<p>機関には製粉所と倉庫があり、カードの表がそれぞれをどう使うかを教えてくれます。</p>" * 4),
    "zh": ("论机器", "<p>机器有一个磨坊和一个仓库，还有一张卡片表，告诉它应该如何处理这两样东西。</p>" * 4),
    "ko": ("기관에 대하여", "<p>기관에는 방앗간과 창고가 있고 카드 표가 그것들로 무엇을 할지 알려 줍니다.</p>" * 4),
    "ru": (
        "О машинах",
        "<p>У машины есть мельница и склад и таблица карточек, которая говорит ей, что делать.</p>" * 4,
    ),
}


@pytest.mark.parametrize("language", SCRIPTS)
def test_every_script_is_read_as_it_was_written(server: Server, fetcher: Fetcher, language: str) -> None:
    title, body = SCRIPTS[language]
    server.handlers["/a"] = answering(page(title=title, body=body, lang=language))
    found = document(read(fetcher, f"{server.root}/a"))
    assert (found.title, found.language) == (title, language)
    assert body.removeprefix("<p>").partition("</p>")[0] in found.text


@pytest.mark.parametrize(
    ("language", "encoding", "header"),
    [
        ("ja", "shift_jis", "text/html; charset=Shift_JIS"), ("ru", "koi8-r", 'text/html; charset="koi8-r"'),
        ("he", "windows-1255", "text/html;charset=windows-1255"), ("zh", "utf-8", "text/html; charset=gbk"),
        ("ar", "utf-8", "text/html; charset=rot13"), ("ko", "utf-8", "text/html; charset=iso-8859-1"),
    ],
)  # fmt: skip
def test_a_header_is_believed_where_nothing_else_tells_the_encoding(
    server: Server, fetcher: Fetcher, language: str, encoding: str, header: str
) -> None:
    title, body = SCRIPTS[language]
    content = page(title=title, body=body, lang=language).encode(encoding)
    server.handlers["/a"] = lambda handler: send(handler, 200, content, Content_Type=header)
    found = document(read(fetcher, f"{server.root}/a"))
    assert found.title == title
    assert body.removeprefix("<p>")[:20] in found.text


def test_what_a_page_says_of_itself_goes_into_the_fields(server: Server, fetcher: Fetcher) -> None:
    described = (
        '{"@context":"https://schema.org","@type":"BlogPosting","headline":"On engines","author":{"@type":"Person",'
        '"name":"Ada Lovelace"},"datePublished":"2026-02-24T01:09:00+01:00"}'
    )
    head = (
        f'<script type="application/ld+json">{described}</script><link rel="canonical" href="https://other.example/e">'
        '<meta property="og:site_name" content="Notes"><meta name="generator" content="Ghost 5.80">'
    )
    server.handlers["/a"] = answering(page(head, f'<h2 class="subtitle">How they turn</h2>{BODY}'), ETag='"1"')
    url = f"{server.root}/a"
    crawl = read(fetcher, url)
    found = document(crawl)
    assert (found.link, found.source, found.platform) == (url, url, "ghost")
    assert found.published_at == datetime(2026, 2, 24, 0, 9, tzinfo=UTC)
    assert found.metadata == {
        "author": "Ada Lovelace", "site": "Notes", "canonical": "https://other.example/e", "subtitle": "How they turn",
    }  # fmt: skip
    assert crawl.validators == {"etag": '"1"'}
    assert read(fetcher, url, **crawl.validators).status == "unchanged"


def test_a_page_keeps_the_links_address_where_it_moved_and_the_headers_language(
    server: Server, fetcher: Fetcher
) -> None:
    server.handlers["/old"] = redirect("/new")
    plain = page().replace(' lang="en"', "")
    server.handlers["/new"] = lambda handler: send(handler, 200, plain.encode(), Content_Language="de-AT")
    found = document(read(fetcher, f"{server.root}/old"))
    assert (found.link, found.language) == (f"{server.root}/old", "de")
    server.handlers["/new"] = lambda handler: send(handler, 200, plain.encode(), Content_Language="de, en")
    assert document(read(fetcher, f"{server.root}/old")).language is None


def test_plain_text_and_markdown_are_articles_as_they_are(server: Server, fetcher: Fetcher) -> None:
    markdown = "# Other\n\nלמנוע יש מטחנה ומחסן וטבלה.\n\n```py\nx  =  1\n```\n"
    text = f"---\ntitle: 'מנועים'\nauthor: Ada\nlang: he\n---\n{markdown}"
    kinds = {
        "/front.md": (text, "text/markdown"),
        "/README": ("Engines\n=======\n\nA mill and a store.\n", "text/plain"),
    }
    for path, (content, kind) in kinds.items():
        server.handlers[path] = answering(content, Content_Type=f"{kind}; charset=utf-8")
    front, readme = (document(read(fetcher, server.root + path)) for path in kinds)
    assert (front.title, front.language, front.metadata) == ("מנועים", "he", {"author": "Ada"})
    assert front.text == markdown
    assert (readme.title, readme.text, readme.platform) == ("Engines", kinds["/README"][0], "web")
    server.handlers["/page.txt"] = answering(page(), Content_Type="text/plain")
    assert document(read(fetcher, f"{server.root}/page.txt")).text.count("<p>") == 0
    server.handlers["/void.txt"] = answering(" \n", Content_Type="text/plain")
    with pytest.raises(CrawlError, match="contains no text"):
        read(fetcher, f"{server.root}/void.txt")


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("application/pdf", b"%PDF-1.7", r"is application/pdf, not a web page: save its text as \.md or \.txt"),
        ("text/html", b"%PDF-1.7 ...", "is application/pdf, not a web page"),
        ("", b"\x89PNG\r\n\x1a\n", "is image/png, not a web page: declare the page that links to it"),
        ("image/webp", b"RIFF", "is image/webp, not a web page"),
        ("application/octet-stream", b"PK\x03\x04", "is application/zip, not a web page: declare an export archive"),
        ("application/rss+xml", rss(), "is application/rss\\+xml, not a web page: declare it with `feed:`"),
        ("text/xml", rss(), "is application/rss\\+xml, not a web page: declare it with `feed:`"),
        ("text/plain", b"\x00\x01\x02\x03 binary", "is a binary file, not text"),
        ("application/xml", b"<!---->" * 250, "is application/xml, not a web page"),
    ],
)
def test_what_is_not_a_page_is_named_with_a_way_to_fix_it(
    server: Server, fetcher: Fetcher, kind: str, content: bytes, expected: str
) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 200, content, Content_Type=kind)
    with pytest.raises(CrawlError, match=expected) as caught:
        read(fetcher, f"{server.root}/a")
    assert str(caught.value).startswith(f"{server.root}/a ")


def test_xhtml_is_a_page_whatever_xml_it_is_called(server: Server, fetcher: Fetcher) -> None:
    xhtml = '<?xml version="1.0" encoding="UTF-8"?>\n' + page().replace(
        "<html", '<html xmlns="http://www.w3.org/1999/xhtml"'
    )
    for path, kind in (("/a", "application/xhtml+xml"), ("/b", "application/xml")):
        server.handlers[path] = answering(xhtml, Content_Type=kind)
        assert "An engine has a mill" in document(read(fetcher, server.root + path)).text


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/login?next=/a", "leads to a sign-in page of 127.0.0.1"),
        ("/users/sign_in", "leads to a sign-in page of 127.0.0.1"),
        ("/m/signin?operation=login&redirect=%2Fa", "leads to a sign-in page of 127.0.0.1"),
    ],
)
def test_a_redirect_to_a_sign_in_page_is_told(server: Server, fetcher: Fetcher, target: str, expected: str) -> None:
    long = page(body=BODY * 6, title="Welcome back") if "?" in target else page("", "<p>Enter your name.</p>")
    server.handlers |= {"/a": redirect(target), target: answering(long)}
    with pytest.raises(CrawlError, match=expected) as caught:
        read(fetcher, f"{server.root}/a")
    assert "sign in, save the page from your browser and declare the file with `files:`" in str(caught.value)


def test_an_article_about_signing_in_may_move_and_be_called_so(server: Server, fetcher: Fetcher) -> None:
    server.handlers |= {"/12": redirect("/posts/login"), "/posts/login": answering(page(body=BODY * 6))}
    server.handlers["/login"] = answering(page(body=BODY * 6, title="Login forms, a memoir"))
    for path in ("/12", "/login"):
        assert "An engine has a mill" in document(read(fetcher, server.root + path)).text


def test_a_post_of_substack_on_a_host_of_its_own_is_read_by_its_feed(server: Server, fetcher: Fetcher) -> None:
    url = f"{server.root}/p/on-engines"
    server.handlers["/p/on-engines"] = answering(page(SUBSTACK), ETag='"1"')
    server.handlers["/feed"] = answering(
        rss(item(url), more="<generator>Substack</generator>"), Content_Type="application/rss+xml"
    )
    crawl = read(fetcher, url)
    found = document(crawl)
    assert (found.link, found.source, found.platform) == (url, url, "substack")
    assert found.text.endswith("Ada.")  # the feed's last paragraph
    assert [path for path, _ in server.asked] == ["/p/on-engines", "/feed"]
    again = read(fresh(), url, **crawl.validators)
    assert (document(again), again.validators) == (found, crawl.validators)
    assert [path for path, _ in server.asked[2:]] == ["/feed"]
    server.handlers["/about"] = answering(page(SUBSTACK))
    about = document(read(fetcher, f"{server.root}/about"))
    assert (about.platform, about.link) == ("substack", f"{server.root}/about")  # a page, but no post


def test_a_publication_that_moved_to_other_software_is_read_as_a_page(server: Server, fetcher: Fetcher) -> None:
    url = f"{server.root}/"
    server.handlers["/"] = answering(page(SUBSTACK))
    server.handlers["/feed"] = lambda handler: send(
        handler, 200, rss(item(f"{url}p/a")), Content_Type="application/rss+xml",
        Last_Modified="Thu, 01 Jan 2026 00:00:00 GMT",
    )  # fmt: skip
    crawl = read(fetcher, url)
    assert [each.link for each in crawl.documents] == [f"{url}p/a"]
    assert not crawl.complete
    del server.handlers["/feed"]
    server.handlers["/"] = answering(page('<meta name="generator" content="Hugo 0.1">'))
    moved = read(fresh(), url, **crawl.validators)
    assert (document(moved).platform, document(moved).link) == ("hugo", url)
    assert "If-Modified-Since" not in server.asked[-1][1]  # it spoke of the feed
    assert "software" not in moved.validators


def test_a_teaser_on_a_custom_domain_gets_the_advice_of_its_platform(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/on-engines-0123456789ab"] = answering(page(MEDIUM))
    cut_off = item(
        "https://ada.example/on-engines-0123456789ab", "", guid="https://medium.com/p/0123456789ab",
        summary='<p class="medium-feed-snippet">It begins.</p><p class="medium-feed-link">'
        '<a href="https://ada.example/on-engines-0123456789ab">Continue reading on Medium »</a></p>',
    )  # fmt: skip
    feed = rss(cut_off, more="<generator>Medium</generator>")
    server.handlers["/feed"] = answering(feed, Content_Type="application/rss+xml")
    crawl = read(fetcher, f"{server.root}/on-engines-0123456789ab")
    assert crawl.status == "skipped"
    assert "medium_export:" in (crawl.message or "")


def test_a_stranger_is_flagged_and_captures_give_the_same_again(
    server: Server, fetcher: Fetcher, warehouse: SqliteWarehouse, tmp_path: Path
) -> None:
    guest = page('<meta name="author" content="Charles Babbage">')
    server.handlers["/guest"] = answering(guest, ETag='"1"')
    server.handlers["/own"] = answering(PAGE, ETag='"1"')
    server.handlers["/wall"] = answering(page(body="<p>Verify you are human by completing the action below.</p>"))
    title, body = SCRIPTS["ar"]
    server.handlers["/ar"] = answering(page(title=title, body=body, lang="ar"), ETag='"1"')
    paths = ("/guest", "/own", "/wall", "/ar")
    warehouse.upsert_links([declare_link("ada", f"{server.root}{path}", base=tmp_path) for path in paths])
    tools = crawl_tools(fetcher, ArtifactStore(str(tmp_path / "store")), warehouse, "ada")

    def crawl(*, replay: bool = False) -> CrawlReport:
        return crawl_author(warehouse, "ada", ARTICLES, tools=tools, replay=replay)

    first = crawl()
    assert (first.new, first.links_failed, first.by_others) == (3, 1, 1)
    assert first.failures[0].startswith(f"{server.root}/wall shows a bot check instead of its article")
    found = {each.link: each for each in warehouse.documents(State.RAW, "ada", ARTICLES)}
    assert found[f"{server.root}/guest"].metadata["by_other"] == "Charles Babbage"
    assert "by_other" not in found[f"{server.root}/own"].metadata
    again = crawl()
    assert (again.written, again.links_unchanged) == (0, 3)
    asked = len(server.asked)
    replayed = crawl(replay=True)
    assert len(server.asked) == asked
    assert (replayed.data_version, replayed.written) == (first.data_version, 0)
