"""Pages and feeds from a real server on loopback, and everything that must not be fetched."""

import gzip
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

import pytest

from tests.twin.webserver import BODY, PAGE, Server, send
from twin.crawling.base import Crawl, Tools, crawler_of
from twin.crawling.feed import FeedCrawler
from twin.crawling.page import ArticleCrawler, platform
from twin.crawling.web import Fetcher, Limits
from twin.errors import CrawlError
from twin.models import Category, Document, Link


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


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (404, "answered 404 Not Found: correct or remove the link"),
        (410, "answered 410 Gone"),
        (403, "answered 403 Forbidden: it refuses programs; save the page"),
        (418, "answered 418 I'm a Teapot"),
        (599, "answered 599"),
    ],
)
def test_refusals_are_not_retried(server: Server, fetcher: Fetcher, status: int, expected: str) -> None:
    server.handlers["/a"] = lambda handler: send(handler, status, b"no")
    with pytest.raises(CrawlError, match=expected) as caught:
        read(fetcher, f"{server.root}/a")
    assert str(caught.value).startswith(f"{server.root}/a")
    assert not caught.value.retryable
    assert len(server.asked) == 1


def test_busy_server_is_asked_again_when_it_says(server: Server, fetcher: Fetcher, naps: list[float]) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
    answers = iter(["7", soon])

    def busy_twice(handler: BaseHTTPRequestHandler) -> None:
        after = next(answers, None)
        if after:
            send(handler, 429, b"busy", Retry_After=after)
        else:
            send(handler, 200, PAGE.encode())

    server.handlers["/a"] = busy_twice
    assert document(read(fetcher, f"{server.root}/a")).title == "On engines"
    assert naps == [7.0, 30.0]  # the second asked for a day


def test_server_that_stays_busy_is_a_failure_to_retry(server: Server, fetcher: Fetcher, naps: list[float]) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 503, b"down")
    with pytest.raises(CrawlError, match="answered 503 Service Unavailable: try again later") as caught:
        read(fetcher, f"{server.root}/a")
    assert caught.value.retryable
    assert len(server.asked) == 3
    assert naps == [2.0, 4.0]


def test_redirects_are_followed_within_bounds(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/old"] = lambda handler: send(handler, 301, Location="/new")
    server.handlers["/new"] = lambda handler: send(handler, 200, PAGE.encode())
    server.handlers["/loop"] = lambda handler: send(handler, 302, Location="/loop")
    assert document(read(fetcher, f"{server.root}/old")).link == f"{server.root}/old"
    with pytest.raises(CrawlError, match="redirects more than 5 times"):
        read(fetcher, f"{server.root}/loop")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://10.0.0.1/x", "private address"),
        ("http://169.254.169.254/latest/meta-data", "private address"),
        ("http://[::ffff:10.0.0.1]/", "private address"),
        ("http://100.64.0.1/", "private address"),
        ("file:///etc/passwd", "not an http or https address"),
        ("gopher://127.0.0.1/", "not an http or https address"),
        ("https://www.linkedin.com/in/ada", "LinkedIn is never fetched"),
    ],
)
def test_no_redirect_leads_where_a_link_may_not(server: Server, fetcher: Fetcher, target: str, expected: str) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 302, Location=target)
    with pytest.raises(CrawlError, match=expected):
        read(fetcher, f"{server.root}/a")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://2130706433/", "http://0x7f.1/",
        "http://0.0.0.0/", "http://169.254.169.254/", "http://10.1.2.3/", "http://100.64.0.1/",
        "http://[::ffff:127.0.0.1]/", "http://192.0.0.1/", "http://198.18.0.1/", "http://224.0.0.1/",
        "http://[64:ff9b::7f00:1]/", "http://[fe80::1]/",
    ],
)  # fmt: skip
def test_private_addresses_are_never_connected_to(url: str) -> None:
    with pytest.raises(CrawlError, match="leads to a private address, which is never fetched"):
        Fetcher(sleep=lambda _: None).get(url)


def test_loopback_server_is_out_of_reach_without_the_flag(server: Server) -> None:
    with pytest.raises(CrawlError, match="only 80 and 443 are fetched"):
        Fetcher().get(server.root)
    assert server.asked == []


def test_proxy_of_the_environment_is_not_used(
    server: Server, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.handlers["/a"] = lambda handler: send(handler, 200, PAGE.encode())
    assert document(read(fetcher, f"{server.root}/a"))


def test_credentials_in_a_link_are_neither_sent_nor_shown(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 200, PAGE.encode())
    fetcher.get(f"{server.root.replace('http://', 'http://me:secret@')}/a")
    assert "Authorization" not in server.asked[0][1]


def test_bomb_is_cut_off(server: Server, fetcher: Fetcher) -> None:
    bomb = gzip.compress(b"\0" * 2**26)
    server.handlers["/bomb"] = lambda handler: send(handler, 200, bomb, Content_Encoding="gzip")
    with pytest.raises(CrawlError, match="is larger than 1 MiB"):
        read(fetcher, f"{server.root}/bomb")


def test_slow_and_broken_servers_end_in_time(server: Server, fetcher: Fetcher) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.write(b"<html>")
        handler.close_connection = True

    server.handlers["/drip"], server.handlers["/cut"] = drip, cut
    server.handlers["/hang"] = lambda handler: time.sleep(1)
    once = Fetcher(allow_loopback=True, limits=Limits(connect_s=1, read_s=0.5, total_s=1, attempts=1))
    for path, expected in (("/drip", "takes more than 1 s"), ("/cut", "broke off"), ("/hang", "does not answer")):
        started = time.monotonic()
        with pytest.raises(CrawlError, match=expected) as caught:
            read(once, server.root + path)
        assert caught.value.retryable
        assert time.monotonic() - started < 3


def test_unreachable_and_unknown_hosts(fetcher: Fetcher) -> None:
    with pytest.raises(CrawlError, match="connection refused"):
        fetcher.get("http://127.0.0.1:1/")
    with pytest.raises(CrawlError, match=r"ada\.invalid/ does not answer \(its host name is unknown\)"):
        fetcher.get("http://ada.invalid/")


def test_what_is_no_article_is_not_stored(server: Server, fetcher: Fetcher) -> None:
    challenge = b"<html><title>Just a moment...</title><body>Verify you are human</body></html>"
    server.handlers["/challenge"] = lambda handler: send(handler, 200, challenge)
    server.handlers["/empty"] = lambda handler: send(handler, 200, b"<html><body></body></html>")
    server.handlers["/nothing"] = lambda handler: send(handler, 200, b"")
    server.handlers["/pdf"] = lambda handler: send(handler, 200, b"%PDF", Content_Type="application/pdf")
    for path, expected in (
        ("/challenge", "shows a check for robots"), ("/empty", "answered 200 OK but has no article"),
        ("/nothing", "answered 200 OK but has no article"), ("/pdf", "is application/pdf and not a web page"),
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


def test_feed_with_entities_and_what_is_no_feed(server: Server, fetcher: Fetcher) -> None:
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
    assert platform(url) == expected
