"""Feeds of every dialect from a real server: what becomes a document, what is left out and why, and what stays."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.kit.feeds import ARTICLE, FENCED, answering, item, rss
from tests.kit.webserver import BODY, PAGE, Server, send
from twin.artifacts import ArtifactStore
from twin.authors.declarations import declare_link
from twin.crawling import Fetcher, crawl_author, crawl_tools
from twin.crawling.base import Crawl, classify, crawler_of
from twin.crawling.feeds.documents import item_document
from twin.crawling.feeds.items import Feed, parse_feed
from twin.crawling.sources.feed import FeedCrawler
from twin.crawling.tools import Tools
from twin.errors import CrawlError
from twin.models import Author, Category, Document, Link, State
from twin.warehouse.sqlite import SqliteWarehouse

ARTICLES = Category.ARTICLES
ATOM = f"""<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de-AT"><title>Ada</title><entry><title>On engines</title>
<id>tag:ada,2026:1</id><author><name>Ada</name></author><category term="mills"/><summary>How they turn.</summary>
<link rel="edit" href="/edit"/><link rel="alternate" href="/engines"/><published>2026-02-24T00:09:00+01:00</published>
<updated>2026-03-01T00:00:00Z</updated>
<content type="html">{ARTICLE.replace("&", "&amp;").replace("<", "&lt;")}</content></entry></feed>"""
RDF = f"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="x"><title>Ada</title></channel><item rdf:about="x"><title>On engines</title>
<link>https://ada.example/engines</link><dc:creator>Ada</dc:creator><dc:date>2026-02-24T00:09:00Z</dc:date>
<content:encoded><![CDATA[{ARTICLE}]]></content:encoded></item></rdf:RDF>"""
JSON = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Ada",
        "authors": [{"name": "Ada"}],
        "items": [
            {
                "id": "1", "url": "/engines", "title": "On engines", "content_html": ARTICLE, "tags": ["mills"],
                "date_published": "2026-02-24T00:09:00Z",
            },
            {"id": "2", "url": "https://other.example/said", "content_text": "A short thing.\n\nSaid & done."},
        ],
    }
)  # fmt: skip


def link(url: str, kind: str = "feed") -> Link:
    return Link(author="ada", url=url, kind=kind, categories=(ARTICLES,))


def read(fetcher: Fetcher, url: str, **validators: str) -> tuple[Crawl, list[Document]]:
    crawl = FeedCrawler(Tools(fetcher)).read(link(url), ARTICLES, validators)
    return crawl, list(crawl.documents)


def test_feed_gives_the_items_that_are_complete(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/rss"] = answering(
        rss(
            item("https://Ada.example/engines/?utm_source=rss"),
            item("https://ada.example/teaser", "", summary="Read more"),
            f"<item><title>No link</title><content:encoded><![CDATA[{BODY}]]></content:encoded></item>",
        ),
        ETag='"1"',
    )
    crawl, (found,) = read(fetcher, f"{server.root}/rss")
    assert found.link == "https://ada.example/engines"
    assert (found.title, found.platform, found.source) == ("On engines", "web", f"{server.root}/rss")
    assert found.published_at == datetime(2026, 2, 24, 0, 9, tzinfo=UTC)
    assert found.metadata == {"author": "Ada Lovelace", "site": "Ada's notes", "feed": f"{server.root}/rss"}
    assert FENCED in found.text
    assert found.text.endswith("\n\nAda.")
    assert crawl.skipped == {"excerpt_only": 1, "without_link": 1}
    assert crawl.validators["etag"] == '"1"'
    assert not crawl.complete  # what a feed no longer shows was not removed
    again, nothing = read(fetcher, f"{server.root}/rss", etag='"1"')
    assert (again.status, nothing) == ("unchanged", [])


@pytest.mark.parametrize("feed", [ATOM, RDF, JSON], ids=["atom", "rss 1.0", "json"])
def test_other_dialects(server: Server, fetcher: Fetcher, feed: str) -> None:
    server.handlers["/feed"] = answering(feed)
    crawl, (found,) = read(fetcher, f"{server.root}/feed")
    assert found.link in (f"{server.root}/engines", "https://ada.example/engines")
    assert (found.title, found.metadata["author"], found.metadata["site"]) == ("On engines", "Ada", "Ada")
    assert found.published_at is not None
    assert found.published_at.year == 2026
    assert found.text.startswith("An engine has a mill")
    assert FENCED in found.text
    if feed is ATOM:
        assert (found.language, found.metadata["tags"], found.metadata["subtitle"]) == (
            "de",
            ["mills"],
            "How they turn.",
        )
        assert found.published_at == datetime(2026, 2, 23, 23, 9, tzinfo=UTC)
        assert found.metadata["updated_at"] == "2026-03-01T00:00:00+00:00"
    if feed is JSON:
        assert crawl.skipped == {"excerpt_only": 1}


def test_xhtml_content_keeps_its_code() -> None:
    feed = """<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><entry><title>T</title><id>1</id>
<link href="https://ada.example/1"/><content type="xhtml" xml:base="https://ada.example/deep/">
<div xmlns="http://www.w3.org/1999/xhtml"><p>See <a href="x">there</a>.</p><pre>a
  b   c
</pre></div></content></entry></feed>"""
    (found,) = parse_feed(feed.encode(), "https://ada.example/feed").items
    assert "<pre>a\n  b   c\n</pre>" in found.html
    assert found.base == "https://ada.example/deep/"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("محرك التحليل له مطحنة ومخزن وجدول من البطاقات يخبره بما يفعله بهما. " * 8, "ar"),
        ("למנוע יש טחנה ומחסן וטבלת כרטיסים שאומרת לו מה לעשות בשניהם. " * 8, "he"),
        ("解析機関には計算部と記憶部があり、カードがその両方の使い方を告げる。記憶部は数を保ち続ける。" * 2, "ja"),
        ("分析机有磨坊和仓库，还有一叠卡片告诉它如何使用二者。仓库保存着一个数字，直到有人问起它为止。" * 2, "zh"),
    ],
)  # fmt: skip
def test_every_script_is_long_enough_and_whole(server: Server, fetcher: Fetcher, text: str, language: str) -> None:
    feed = rss(
        item("https://ada.example/文", f"<p dir='rtl'>{text}</p>", title=text[:9]),
        more=f"<language>{language}</language>",
    )
    server.handlers["/utf8"] = answering(feed, Content_Type="text/xml; charset=iso-8859-1")  # which is wrong
    server.handlers["/utf16"] = answering(feed.decode().replace("UTF-8", "UTF-16").encode("utf-16"))
    for path in ("/utf8", "/utf16"):
        _, (found,) = read(fetcher, server.root + path)
        assert (found.text, found.title, found.language) == (text.strip(), text[:9].strip(), language)


def test_encodings_are_read_as_declared(server: Server, fetcher: Fetcher) -> None:
    words = "Ä ö ü ß " * 20
    feed = rss(item("https://ada.example/1", f"<p>{words}</p>")).decode()
    latin = feed.replace("UTF-8", "iso-8859-1").encode("latin-1")
    headed = feed.replace('<?xml version="1.0" encoding="UTF-8"?>', "").encode("cp1252")
    server.handlers["/latin"] = answering(latin, Content_Type="application/rss+xml")
    server.handlers["/headed"] = answering(headed, Content_Type="application/rss+xml; charset=windows-1252")
    for path in ("/latin", "/headed"):
        _, (found,) = read(fetcher, server.root + path)
        assert found.text == words.strip(), path


def test_broken_xml_is_read_as_far_as_it_goes(server: Server, fetcher: Fetcher) -> None:
    broken = rss(item("https://ada.example/1"), item("https://ada.example/2")).replace(
        b"<channel>", b"<channel>&nbsp;<b>x & y"
    )
    server.handlers["/rss"] = answering(broken.removesuffix(b"</channel></rss>"))
    _, found = read(fetcher, f"{server.root}/rss")
    assert [each.link for each in found] == ["https://ada.example/1", "https://ada.example/2"]
    assert all(FENCED in each.text for each in found)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><channel>&a;</channel></rss>', "XML entities"),
        ('<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha">]><rss/>'.encode("utf-16"), "declares XML entities"),
        (b'<!doctype rss [<!entity a "ha"><!entity b "&a;&a;&a;&a;">]><rss/>', "declares XML entities"),
        (PAGE.encode(), "is not an RSS or Atom feed"),
        (b"", "is not an RSS or Atom feed"),
        (b"{", "is not an RSS or Atom feed"),
        (b'{"version": 1}', "is not an RSS or Atom feed"),
        (b'{"a":' * 50_000, "is not an RSS or Atom feed"),
        (b"<a>" * 5_000, "is not an RSS or Atom feed"),
        (b"\x00\xff" * 5000, "is not an RSS or Atom feed"),
        (b'<?xml version="1.0" encoding="UT\xcf-8"?><rss/>', "is not an RSS or Atom feed"),
    ],
)
def test_bombs_and_what_is_not_a_feed(server: Server, fetcher: Fetcher, body: bytes, expected: str) -> None:
    server.handlers["/x"] = answering(body)
    with pytest.raises(CrawlError, match=expected) as caught:
        read(fetcher, f"{server.root}/x")
    assert str(caught.value).startswith(f"{server.root}/x")


def test_one_hostile_item_takes_no_other_with_it(server: Server, fetcher: Fetcher) -> None:
    deep = "<div>" * 5000 + "x " * 50
    server.handlers["/rss"] = answering(rss(item("https://ada.example/1", deep), item("https://ada.example/2")))
    crawl, (found,) = read(fetcher, f"{server.root}/rss")
    assert (found.link, crawl.skipped) == ("https://ada.example/2", {"broken": 1})


def test_addresses_of_items(server: Server, fetcher: Fetcher) -> None:
    tracked = "https://feedproxy.google.com/~r/ada/~3/x"
    permalink = (
        f"<item><guid>https://ada.example/3</guid><content:encoded><![CDATA[{ARTICLE}]]></content:encoded></item>"
    )
    server.handlers["/rss"] = answering(
        rss(
            item(tracked, more="<feedburner:origLink>https://ada.example/1?utm_medium=feed</feedburner:origLink>"),
            item("/2", '<p>See <a href="../there?utm_source=rss&amp;a=1#part">there</a>.</p>' + ARTICLE),
            permalink,
            item("javascript:alert(1)", guid="urn:4"),
        )
    )
    crawl, found = read(fetcher, f"{server.root}/rss")
    assert [each.link for each in found] == ["https://ada.example/1", f"{server.root}/2", "https://ada.example/3"]
    assert f"See [there]({server.root}/there?a=1#part)." in found[1].text
    assert crawl.skipped == {"without_link": 1}


def test_podcasts_and_what_is_cut_off(server: Server, fetcher: Fetcher) -> None:
    sound = '<enclosure url="https://ada.example/1.mp3" length="1" type="audio/mpeg"/>'
    on = "Continue reading"
    whole = f"<p>{'A description may be all of it. ' * 60}</p><p>Even so.</p>"
    server.handlers["/rss"] = answering(
        rss(
            item("https://ada.example/1", "<p>Listen.</p>", more=sound),
            item("https://ada.example/2", more=sound),
            item("https://ada.example/3", ARTICLE + "<p>And then [&#8230;]</p>"),
            item("https://ada.example/4", ARTICLE + f'<p><a href="https://ada.example/4?utm_source=x">{on} →</a></p>'),
            item("https://ada.example/5", ARTICLE + f'<p><a href="https://other.example/">{on} mills</a></p>'),
            item("https://ada.example/6", "", summary=whole),
            item("https://ada.example/7", "", summary=whole[:900] + "…"),
        )
    )  # fmt: skip
    crawl, found = read(fetcher, f"{server.root}/rss")
    assert [each.link[-1] for each in found] == ["2", "5", "6"]
    assert crawl.skipped == {"podcast": 1, "excerpt_only": 3}


def test_teasers_of_the_same_site_are_read_by_their_pages_once(server: Server, fetcher: Fetcher) -> None:
    class Patient(FeedCrawler):
        most_pages = 2

    teasers = [item(f"{server.root}/{n}", "", summary="In short.", title=f"On {n}") for n in "abcd"]
    server.handlers["/rss"] = answering(rss(*teasers), ETag='"1"')
    for path in ("/a", "/b", "/d"):
        server.handlers[path] = answering(PAGE)

    def crawled(validators: dict[str, str]) -> Crawl:
        server.asked.clear()
        crawl = Patient(Tools(fetcher)).read(link(f"{server.root}/rss"), ARTICLES, validators)
        crawl.documents = list(crawl.documents)
        return crawl

    first = crawled({})
    assert [each.title for each in first.documents] == ["On a", "On b"]
    assert next(iter(first.documents)).metadata["feed"] == f"{server.root}/rss"
    assert first.skipped == {"left_for_the_next_crawl": 2}
    assert "etag" not in first.validators  # else nobody would come back for the other two
    second = crawled(first.validators)
    assert [path for path, _ in server.asked] == ["/rss", "/c", "/d"]
    assert [each.title for each in second.documents] == ["On d"]
    assert second.unchanged == {f"{server.root}/a", f"{server.root}/b"}
    assert second.skipped == {"page_not_readable": 1}  # c answers 404
    third = crawled(second.validators)
    assert (third.status, [path for path, _ in server.asked]) == ("unchanged", ["/rss"])
    server.handlers["/rss"] = answering(rss(teasers[0], teasers[1].replace("In short", "Anew"), teasers[3]), ETag='"2"')
    fourth = crawled(second.validators | third.validators)
    assert [path for path, _ in server.asked] == ["/rss", "/b"]
    assert fourth.unchanged == {f"{server.root}/a", f"{server.root}/d"}


def test_server_that_is_overrun_is_left_alone(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/rss"] = answering(rss(*(item(f"{server.root}/{n}", "", summary="x") for n in range(9))), ETag="1")
    for number in range(1, 9):
        server.handlers[f"/{number}"] = lambda handler: send(handler, 503, b"busy")
    server.handlers["/0"] = answering(PAGE)
    crawl, (_,) = read(fetcher, f"{server.root}/rss")
    assert crawl.skipped == {"page_not_readable": 3, "left_for_the_next_crawl": 5}
    assert set(asked(server)) == {"/rss", "/0", "/1", "/2", "/3"}
    assert "etag" not in crawl.validators


@pytest.mark.parametrize(
    "html", ["<" * 300_000, "<pre>" + "\n" * 200_000 + "x</pre>", "<p>" + "<b>" * 100 + "&" * 100_000]
)
def test_hostile_items_take_no_time(html: str) -> None:
    (found,) = parse_feed(rss(item("https://ada.example/1", html)), "https://ada.example/feed").items
    made = item_document(found, link("https://ada.example/feed"), ARTICLES, feed=Feed("", "", ()), url="", capture=None)
    assert made == "excerpt_only"


def test_item_that_was_complete_is_kept_when_it_becomes_a_teaser(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/rss"] = answering(rss(item(f"{server.root}/a")))
    server.handlers["/a"] = answering(PAGE)
    first, (_,) = read(fetcher, f"{server.root}/rss")
    server.handlers["/rss"] = answering(rss(item(f"{server.root}/a", "", summary="In short.")))
    second, nothing = read(fetcher, f"{server.root}/rss", **first.validators)
    assert (nothing, second.unchanged) == ([], {f"{server.root}/a"})


def test_what_changes_with_each_request_changes_no_document(server: Server, fetcher: Fetcher) -> None:
    found = []
    for number in (1, 2):
        html = (
            f'<p>3{number} minutes ago</p>{ARTICLE}<p><a href="https://ada.example/x?utm_campaign={number}">On</a></p>'
            f'<img src="https://stats.example/pixel?{number}" width="1" height="1"><script>track({number})</script>'
        )
        now = f"<atom:updated>2026-03-0{number}T00:00:00Z</atom:updated>"
        server.handlers["/rss"] = answering(
            rss(item("https://ada.example/1", html, more=now), item("https://ada.example/2", html, more=now))
        )
        _, documents = read(fetcher, f"{server.root}/rss")
        found.append([each.content_hash for each in documents])
    assert len(found[0]) == 2
    assert found[0] == found[1]


def older(address: str, relation: str = "next") -> str:
    return f'<atom:link rel="{relation}" href="{address}"/>'


def asked(server: Server) -> list[str]:
    paths = [path for path, _ in server.asked if path != "/robots.txt"]
    server.asked.clear()
    return paths


def test_older_parts_are_read_once_and_then_as_far_as_they_are_new(server: Server, fetcher: Fetcher) -> None:
    sound = '<enclosure url="https://ada.example/1.mp3" length="1" type="audio/mpeg"/>'
    parts = [[item(f"https://ada.example/{n}") for n in names] for names in ("ab", "cd", "ef")]
    parts[1].append(item("https://ada.example/talk", "<p>Listen.</p>", more=sound))

    def publish(tag: str) -> None:
        for number, items in enumerate(parts):
            after = older(f"/rss?page={number + 1}") if number + 1 < len(parts) else older("https://other.example/rss")
            path = f"/rss?page={number}" if number else "/rss"
            server.handlers[path] = answering(rss(*items, more=after), **({} if number else {"ETag": tag}))

    publish('"1"')
    first, found = read(fetcher, f"{server.root}/rss")
    assert [each.link[-1] for each in found] == list("abcdef")
    assert {each.metadata["feed"] for each in found} == {f"{server.root}/rss"}  # whatever part it moves on to
    assert (first.skipped, asked(server)) == ({"podcast": 1}, ["/rss", "/rss?page=1", "/rss?page=2"])
    assert read(fetcher, f"{server.root}/rss", **first.validators)[0].status == "unchanged"
    parts[0] = [item("https://ada.example/new"), *parts[0]]
    publish('"2"')
    asked(server)
    second, found = read(fetcher, f"{server.root}/rss", **first.validators)
    assert [each.link for each in found] == [f"https://ada.example/{n}" for n in ("new", "a", "b")]
    assert asked(server) == ["/rss", "/rss?page=1"]
    third, _ = read(fetcher, f"{server.root}/rss", **second.validators | {"etag": ""})
    assert (asked(server), third.validators) == (["/rss", "/rss?page=1"], second.validators)


def test_part_that_fails_is_asked_for_again(server: Server, fetcher: Fetcher) -> None:
    parts = [older("/2003", "prev-archive") + older("/wrong"), older("/2002", "prev-archive")]
    for path, more in zip(("/rss", "/2003"), parts, strict=True):
        server.handlers[path] = answering(rss(item(f"https://ada.example{path}"), more=more), ETag=f'"{path}"')
    server.handlers["/2002"] = lambda handler: send(handler, 503, b"busy")
    first, found = read(fetcher, f"{server.root}/rss")
    assert (len(found), first.skipped) == (2, {"part_of_the_feed_not_readable": 1})
    assert "etag" not in first.validators
    server.handlers["/2002"] = answering(rss(item("https://ada.example/2002"), more=older("/rss")))  # a ring
    second, found = read(fetcher, f"{server.root}/rss", **first.validators)
    assert ([each.link[-4:] for each in found][-1], second.skipped) == ("2002", {})

    class Brief(FeedCrawler):
        most_feeds = 1

    crawl = Brief(Tools(fetcher)).read(link(f"{server.root}/rss"), ARTICLES, {})
    assert (len(list(crawl.documents)), crawl.skipped) == (2, {"older_parts_of_the_feed": 1})


def test_json_feed_goes_on_at_its_next_url() -> None:
    feed = json.loads(JSON)
    for given, expected in (("/feed?page=2", "https://ada.example/feed?page=2"), ("ftp://ada.example/2", ""), (7, "")):
        body = json.dumps(feed | {"next_url": given}).encode()
        assert parse_feed(body, "https://ada.example/feed").older in (expected, "https://ada.example/7")
    assert parse_feed(JSON.encode(), "https://ada.example/feed").older == ""


@pytest.mark.parametrize("platform", ["medium", "substack"])
def test_feed_of_a_platform_leaves_out_what_is_paid_for(server: Server, fetcher: Fetcher, platform: str) -> None:
    teaser = item(f"{server.root}/dear", "", summary="In short.")
    server.handlers["/feed"] = answering(
        rss(teaser, item(f"{server.root}/free"), more=f"<generator>{platform.title()}</generator>")
    )
    crawl, (free,) = read(fetcher, f"{server.root}/feed")
    assert (free.link, free.platform) == (f"{server.root}/free", platform)
    assert crawl.skipped == {{"medium": "members_only", "substack": "paid"}[platform]: 1}
    assert asked(server) == ["/feed"]  # a page would only show the same beginning


def test_page_that_shows_only_the_beginning_is_not_an_article(server: Server, fetcher: Fetcher) -> None:
    described = '<script type="application/ld+json">{"@type": "Article", "isAccessibleForFree": "False"}</script>'
    server.handlers["/rss"] = answering(
        rss(item(f"{server.root}/dear", "", summary="x"), item(f"{server.root}/free", "", summary="x"))
    )
    server.handlers["/dear"] = answering(PAGE.replace("<head>", f"<head>{described}"))
    server.handlers["/free"] = answering(PAGE)
    crawl, (free,) = read(fetcher, f"{server.root}/rss")
    assert (free.link, crawl.skipped) == (f"{server.root}/free", {"paid": 1})


def test_page_declared_as_a_feed_leads_to_its_feed(server: Server, fetcher: Fetcher) -> None:
    head = """<link rel="alternate" type="application/rss+xml" title="Comments" href="/comments/feed">
<LINK REL="alternate" TYPE="application/rss+xml" href="/blog/rss?x=1">"""
    server.handlers["/"] = answering(PAGE.replace("<head>", f"<head>{head}"))
    server.handlers["/blog/rss?x=1"] = answering(rss(item("https://ada.example/1")), ETag='"1"')
    crawl, (found,) = read(fetcher, f"{server.root}/")
    assert found.metadata["feed"] == f"{server.root}/blog/rss?x=1"
    server.asked.clear()
    again, _ = read(fetcher, f"{server.root}/", **crawl.validators)
    assert (again.status, [path for path, _ in server.asked]) == ("unchanged", ["/blog/rss?x=1"])
    del server.handlers["/blog/rss?x=1"]  # the feed moves, and the page says where to
    server.handlers["/"] = answering(PAGE.replace("<head>", f"<head>{head.replace('?x=1', '')}"))
    server.handlers["/blog/rss"] = answering(rss(item("https://ada.example/2")))
    moved, (found,) = read(fetcher, f"{server.root}/", **crawl.validators)
    assert (found.link, moved.validators["feed"]) == ("https://ada.example/2", f"{server.root}/blog/rss")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://ada.example/feed.json", "feed"),
        ("https://ada.example/blog/rss", "feed"),
        ("https://dev.to/feed/ada", "feed"),
        ("https://ada.substack.com/feed", "feed"),
        ("https://ada.example/data.json", "article"),
    ],
)
def test_which_addresses_are_feeds(url: str, kind: str) -> None:
    assert classify(url)[0].kind == kind
    assert crawler_of("feed") is FeedCrawler


def test_crawl_keeps_what_leaves_the_feed_and_reads_it_again_without_a_request(
    server: Server, fetcher: Fetcher, tmp_path: Path
) -> None:
    warehouse = SqliteWarehouse(tmp_path / "warehouse.db")
    warehouse.upsert_authors([Author(slug="ada", name="Ada Lovelace")])
    warehouse.upsert_links([declare_link("ada", {"feed": f"{server.root}/"}, base=tmp_path)])
    tools = crawl_tools(fetcher, ArtifactStore(str(tmp_path / "store")), warehouse, "ada")
    server.handlers["/"] = answering('<html><link rel="alternate" type="application/atom+xml" href="/rss"></html>')
    old, new = item(f"{server.root}/old"), item("https://ada.example/new", author="Charles Babbage")
    teaser = item(f"{server.root}/teaser", "", summary="In short.")
    server.handlers["/rss"], server.handlers["/teaser"] = answering(rss(old, teaser)), answering(PAGE)
    first = crawl_author(warehouse, "ada", ARTICLES, tools=tools)
    assert (first.new, first.failures, first.by_others) == (2, [], 0)
    server.handlers["/rss"] = answering(rss(new, teaser))
    second = crawl_author(warehouse, "ada", ARTICLES, tools=tools)
    assert (second.total, second.new, second.changed, second.removed, second.by_others) == (3, 1, 0, 0, 1)
    documents = {each.link: each for each in warehouse.documents(State.RAW, "ada", ARTICLES)}
    assert all(each.capture for each in documents.values())
    server.asked.clear()
    again = crawl_author(warehouse, "ada", ARTICLES, tools=tools, replay=True)
    assert (server.asked, again.failures, again.written, again.total) == ([], [], 0, 3)
    assert again.data_version == second.data_version
    warehouse.close()


def test_answer_of_a_server_error_is_not_a_feed(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/rss"] = lambda handler: send(handler, 503, base64.b64encode(rss()))
    with pytest.raises(CrawlError, match="503 Service Unavailable: try again later") as caught:
        read(fetcher, f"{server.root}/rss")
    assert caught.value.retryable
