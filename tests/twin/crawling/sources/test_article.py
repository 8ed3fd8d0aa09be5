"""Pages and feeds from a real server on loopback."""

import gzip
from datetime import UTC, datetime

import pytest

from tests.kit.webserver import BODY, PAGE, Server, send
from twin.crawling.base import Crawl, crawler_of
from twin.crawling.sources.article import ArticleCrawler
from twin.crawling.sources.feed import FeedCrawler
from twin.crawling.tools import Tools
from twin.crawling.web.fetcher import Fetcher
from twin.errors import CrawlError
from twin.models import Category, Document, Link
from twin.text.platforms import platform_at


def link(url: str, kind: str = "article") -> Link:
    return Link(author="ada", url=url, kind=kind, categories=(Category.ARTICLES,))


def read(fetcher: Fetcher, url: str, **validators: str) -> Crawl:
    return ArticleCrawler(Tools(fetcher)).read(link(url), Category.ARTICLES, validators)


def document(crawl: Crawl) -> Document:
    (found,) = crawl.documents
    return found


def test_article_is_read_with_its_code_and_its_metadata(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 200, PAGE.encode(), ETag='"1"')
    crawl = read(fetcher, f"{server.root}/a")
    found = document(crawl)
    assert "```python\ndef mill(x):\n    if x:\n\treturn  x   # two  spaces\n```" in found.text
    assert "Ä ö ü ß: the store keeps" in found.text
    assert "Home" not in found.text
    assert (found.title, found.language, found.platform) == ("On engines", "de", "web")
    assert found.link == found.source == f"{server.root}/a"
    assert found.metadata == {
        "author": "Ada Lovelace", "canonical": "https://ada.example/engines", "site": "ada.example",
    }  # fmt: skip
    assert crawl.validators == {"etag": '"1"'}
    assert "llm-twin" in server.asked[0][1]["User-Agent"]


def test_unchanged_page_is_asked_for_and_not_sent(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 304, ETag='"1"')
    crawl = read(fetcher, f"{server.root}/a", etag='"1"', last_modified="Thu, 01 Jan 2026 00:00:00 GMT")
    assert crawl.status == "unchanged"
    headers = server.asked[0][1]
    assert headers["If-None-Match"] == '"1"'
    assert headers["If-Modified-Since"] == "Thu, 01 Jan 2026 00:00:00 GMT"


def test_gzip_and_wrong_charset(server: Server, fetcher: Fetcher) -> None:
    latin = PAGE.replace("<head>", '<head><meta charset="iso-8859-1">').encode("latin-1")
    server.handlers["/gzip"] = lambda handler: send(handler, 200, gzip.compress(PAGE.encode()), Content_Encoding="gzip")
    server.handlers["/latin"] = lambda handler: send(handler, 200, latin, Content_Type="text/html; charset=utf-8")
    server.handlers["/none"] = lambda handler: send(handler, 200, PAGE.encode(), Content_Type="text/html")
    for path in ("/gzip", "/latin", "/none"):
        assert "Ä ö ü ß" in document(read(fetcher, server.root + path)).text, path


def test_what_is_not_an_article_is_not_stored(server: Server, fetcher: Fetcher) -> None:
    challenge = b"<html><title>Just a moment...</title><body>Verify you are human</body></html>"
    server.handlers["/challenge"] = lambda handler: send(handler, 200, challenge)
    server.handlers["/empty"] = lambda handler: send(handler, 200, b"<html><body></body></html>")
    server.handlers["/nothing"] = lambda handler: send(handler, 200, b"")
    server.handlers["/pdf"] = lambda handler: send(handler, 200, b"%PDF", Content_Type="application/pdf")
    for path, expected in (
        ("/challenge", "shows a bot check"), ("/empty", "answered 200 OK but contains no article"),
        ("/nothing", "answered 200 OK but contains no article"), ("/pdf", "is application/pdf, not a web page"),
    ):  # fmt: skip
        with pytest.raises(CrawlError, match=expected) as caught:
            read(fetcher, server.root + path)
        assert str(caught.value).startswith(server.root + path)


RSS = f"""<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Ada</title><link>https://ada.example</link>
<item><title>On engines</title><link>https://Ada.example/engines/?utm_source=rss</link><dc:creator>Ada</dc:creator>
<pubDate>Tue, 24 Feb 2026 00:09:00 GMT</pubDate><content:encoded><![CDATA[{BODY}]]></content:encoded></item>
<item><title>Teaser</title><link>https://ada.example/teaser</link><description>Read more</description></item>
<item><title>No link</title><content:encoded><![CDATA[{BODY}]]></content:encoded></item></channel></rss>"""

ATOM = f"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>On engines</title>
<link rel="edit" href="/edit"/><link rel="alternate" href="/engines"/><published>2026-02-24T00:09:00+01:00</published>
<content type="html">{BODY.replace("<", "&lt;")}</content></entry></feed>"""


def test_feed_gives_the_items_that_are_complete(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/rss"] = lambda handler: send(handler, 200, RSS.encode(), Content_Type="application/rss+xml")
    crawl = FeedCrawler(Tools(fetcher)).read(link(f"{server.root}/rss", "feed"), Category.ARTICLES, {})
    found = document(crawl)
    assert found.link == "https://ada.example/engines"
    assert found.title == "On engines"
    assert found.published_at == datetime(2026, 2, 24, 0, 9, tzinfo=UTC)
    assert found.metadata["author"] == "Ada"
    assert crawl.skipped == {"excerpt_only": 1, "without_link": 1}
    assert not crawl.complete  # what a feed no longer shows was not removed


def test_atom_feed(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/atom"] = lambda handler: send(handler, 200, ATOM.encode(), Content_Type="application/atom+xml")
    crawl = crawler_of("feed")(Tools(fetcher)).read(link(f"{server.root}/atom", "feed"), Category.ARTICLES, {})
    found = document(crawl)
    assert found.link == f"{server.root}/engines"
    assert found.text.startswith("An engine has a mill")


def test_feed_with_entities_and_what_is_not_a_feed(server: Server, fetcher: Fetcher) -> None:
    evil = b'<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><channel>&a;</channel></rss>'
    server.handlers["/evil"] = lambda handler: send(handler, 200, evil)
    server.handlers["/page"] = lambda handler: send(handler, 200, PAGE.encode())
    for path, expected in (("/evil", "declares XML entities"), ("/page", "is not an RSS or Atom feed")):
        with pytest.raises(CrawlError, match=expected):
            FeedCrawler(Tools(fetcher)).read(link(server.root + path, "feed"), Category.ARTICLES, {})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ada.substack.com/p/x", "substack"), ("https://medium.com/@ada/x", "medium"),
        ("https://notmedium.com/x", "web"), ("https://medium.com.evil.example/", "web"),
    ],
)  # fmt: skip
def test_platform(url: str, expected: str) -> None:
    assert platform_at(url) == expected
