"""dev.to by its API, as a server on loopback: the Markdown that was written, and nothing asked for twice."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.kit.feeds import answering
from tests.kit.webserver import Server, send
from twin.artifacts import ArtifactStore
from twin.authors.declarations import declare_link
from twin.crawling import Fetcher, crawl_author, crawl_tools
from twin.crawling.base import Crawl, Crawler, classify
from twin.crawling.sources.devto import DevtoCrawler
from twin.crawling.sources.liquid import plain_markdown
from twin.crawling.tools import Tools
from twin.errors import CrawlError, InputError
from twin.models import Author, Category, Document, Link
from twin.warehouse.sqlite import SqliteWarehouse

ARTICLES = Category.ARTICLES
USER = "https://dev.to/ada"
MARKDOWN = """---
title: On engines
tags: mills
---

An engine has a mill — {% embed https://ada.example/mill?x=1 %} — and a store.

```liquid
{% embed https://ada.example/left-as-it-is %}
\tx  =   1
```

Say `{% raw %}` to keep {% raw %}`{{ x }}`{% endraw %}."""
PLAIN = """An engine has a mill — <https://ada.example/mill?x=1> — and a store.

```liquid
{% embed https://ada.example/left-as-it-is %}
\tx  =   1
```

Say `{% raw %}` to keep `{{ x }}`."""


def article(number: int, **more: Any) -> dict[str, Any]:
    """An article as `/api/articles/{id}` gives it."""
    return {
        "type_of": "article", "id": number, "title": f"On engines {number}", "path": f"/ada/on-engines-{number}",
        "url": f"https://dev.to/ada/on-engines-{number}", "canonical_url": f"https://dev.to/ada/on-engines-{number}",
        "description": "How they turn", "published_at": "2026-02-24T00:09:12Z", "edited_at": None,
        "published_timestamp": "2026-02-24T00:09:12Z", "public_reactions_count": 1, "tag_list": "mills, cards",
        "tags": ["mills", "cards"], "user": {"name": "Ada Lovelace", "username": "ada"}, "body_markdown": MARKDOWN,
    } | more  # fmt: skip


Handler = Callable[[BaseHTTPRequestHandler], None]


def answer(found: object) -> Handler:
    return answering(json.dumps(found), Content_Type="application/json")


def serve(server: Server, *articles: dict[str, Any], name: str = "ada", size: int = 2) -> None:
    listed = [{key: value for key, value in each.items() if key != "body_markdown"} for each in articles]
    for page in range(len(listed) // size + 1):
        path = f"/api/articles?username={name}&page={page + 1}&per_page={size}"
        server.handlers[path] = answer(listed[page * size : (page + 1) * size])
    for each in articles:
        server.handlers[f"/api/articles/{each['id']}"] = answer(each)
        server.handlers[f"/api/articles{each['path']}"] = answer(each)


@pytest.fixture
def devto(server: Server) -> type[Crawler]:
    return type("Local", (DevtoCrawler,), {"server": server.root, "page_size": 2})


def read(crawler: type[Crawler], fetcher: Fetcher, url: str = USER, **validators: str) -> tuple[Crawl, list[Document]]:
    link = Link(author="ada", url=url, kind="devto", categories=(ARTICLES,))
    crawl = crawler(Tools(fetcher)).read(link, ARTICLES, validators)
    return crawl, list(crawl.documents)


def asked(server: Server) -> list[str]:
    paths = [path.removeprefix("/api/articles") for path, _ in server.asked]
    server.asked.clear()
    return paths


def test_all_articles_of_a_member_and_only_the_changed_ones_again(
    server: Server, fetcher: Fetcher, devto: type[Crawler]
) -> None:
    server.handlers["/robots.txt"] = answering("User-agent: *\nDisallow: /api/")  # it is offered to programs
    company = {"name": "Engines", "username": "engines"}
    serve(
        server,
        article(3, canonical_url="https://ada.example/3", organization=company, path="/engines/on-3", url="https://dev.to/engines/on-3"),
        article(2),
        article(1),
    )  # fmt: skip
    crawl, (third, second, first) = read(devto, fetcher)
    assert (third.link, second.link) == ("https://dev.to/engines/on-3", "https://dev.to/ada/on-engines-2")
    assert third.metadata == {
        "author": "Ada Lovelace", "organisation": "Engines", "canonical": "https://ada.example/3",
        "subtitle": "How they turn", "tags": ["mills", "cards"],
    }  # fmt: skip
    assert (first.title, first.text, first.platform) == ("On engines 1", PLAIN, "devto")
    assert first.published_at == datetime(2026, 2, 24, 0, 9, 12, tzinfo=UTC)
    assert crawl.complete
    assert asked(server)[2:] == ["/3", "/2", "/1"]
    edited = {"edited_at": "2026-03-01T00:00:00Z", "body_markdown": "Anew."}
    serve(server, article(2, public_reactions_count=9), article(1, **edited))
    crawl, (changed,) = read(devto, fetcher, **crawl.validators)
    assert (changed.link, changed.text) == (first.link, "Anew.")
    assert changed.metadata["updated_at"] == "2026-03-01T00:00:00Z"
    assert crawl.unchanged == {second.link}  # so that the third one, which is gone, goes
    assert [path for path in asked(server) if path.startswith("/")] == ["/1"]


def test_list_on_one_page_is_asked_for_conditionally(server: Server, fetcher: Fetcher, devto: type[Crawler]) -> None:
    devto = type("Larger", (devto,), {"page_size": 3})
    serve(server, article(1))
    path = "/api/articles?username=ada&page=1&per_page=3"
    server.handlers[path] = answering(json.dumps([article(1)]), ETag='W/"1"')
    server.handlers["/api/articles/1"] = lambda handler: send(handler, 503, b"busy")
    with pytest.raises(CrawlError, match="503 Service Unavailable"):
        read(devto, fetcher)
    server.handlers["/api/articles/1"] = answer(article(1))
    first, (_,) = read(devto, fetcher)
    asked(server)
    second, nothing = read(devto, fetcher, **first.validators)
    assert (second.status, nothing, asked(server)) == ("unchanged", [], [path.removeprefix("/api/articles")])
    server.handlers[path] = answering(json.dumps([article(1), article(2)]), ETag='W/"2"')
    server.handlers["/api/articles/2"] = lambda handler: send(handler, 404, b"{}")
    third, nothing = read(devto, fetcher, **first.validators)
    assert (nothing, third.skipped) == ([], {"not_readable": 1})
    assert "etag" not in third.validators  # so that the one that failed is asked for again


def test_one_article_by_its_path(server: Server, fetcher: Fetcher, devto: type[Crawler]) -> None:
    serve(server, article(1, body_markdown="מטחנה ומחסן — 磨坊和仓库"))
    server.handlers["/api/articles/ada/on-engines-1"] = answering(
        json.dumps(article(1, body_markdown="מטחנה ומחסן — 磨坊和仓库")), ETag='W/"1"'
    )
    crawl, (found,) = read(devto, fetcher, f"{USER}/on-engines-1")
    assert (found.link, found.text) == (f"{USER}/on-engines-1", "מטחנה ומחסן — 磨坊和仓库")
    assert "forem" in server.asked[0][1]["Accept"]
    assert read(devto, fetcher, f"{USER}/on-engines-1", **crawl.validators)[0].status == "unchanged"


def test_failures_are_failures_and_take_nothing_with_them(
    server: Server, fetcher: Fetcher, devto: type[Crawler]
) -> None:
    serve(server, article(3), article(2, body_markdown=" "), article(1))
    server.handlers["/api/articles/3"] = lambda handler: send(handler, 404, b"{}")
    crawl, (first,) = read(devto, fetcher)
    assert first.link == f"{USER}/on-engines-1"
    assert crawl.skipped == {"not_readable": 1, "empty": 1}
    assert crawl.unchanged == {f"{USER}/on-engines-3"}  # what was read an earlier time stays
    server.handlers["/api/articles/1"] = lambda handler: send(handler, 404, b"{}")
    with pytest.raises(CrawlError, match="404 Not Found"):
        read(devto, fetcher)
    serve(server, article(1))
    server.handlers["/api/articles/1"] = answer([])
    with pytest.raises(CrawlError, match=r"https://dev.to/ada cannot be read: dev.to's API answered unexpectedly"):
        read(devto, fetcher)
    server.handlers["/api/articles?username=ada&page=1&per_page=2"] = answering("<html>")
    with pytest.raises(CrawlError, match=r"did not answer in JSON\. Try again later"):
        read(devto, fetcher)
    server.handlers["/api/articles?username=ada&page=1&per_page=2"] = answer([])
    with pytest.raises(CrawlError, match=r"has no published articles, or dev\.to has no such user"):
        read(devto, fetcher)


def test_server_that_is_overrun_is_left_alone_and_the_next_crawl_goes_on(
    server: Server, fetcher: Fetcher, devto: type[Crawler]
) -> None:
    serve(server, article(3), article(2), article(1))
    server.handlers["/api/articles/2"] = lambda handler: send(handler, 503, b"busy")
    crawl, (third,) = read(devto, fetcher)
    assert crawl.skipped == {"left_for_the_next_crawl": 2}
    assert "/1" not in asked(server)
    serve(server, article(3), article(2), article(1))
    crawl, found = read(devto, fetcher, **crawl.validators)
    assert (len(found), crawl.skipped, crawl.unchanged) == (2, {}, {third.link})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.dev.to/ada/", USER),
        ("https://dev.to/ada/on-engines-1?x=1", f"{USER}/on-engines-1"),
        ("https://dev.to/ada/on-engines-1/comments", f"{USER}/on-engines-1"),
        ("https://dev.to/ada/series/12", USER),
    ],
)
def test_addresses(url: str, expected: str) -> None:
    crawler, address = classify(url)
    assert (crawler.kind, address) == ("devto", expected)


def test_pages_of_devs_own_are_not_a_source() -> None:
    for url in ("https://dev.to/", "https://dev.to/t/python", "https://dev.to/search?q=ada"):
        with pytest.raises(InputError, match=r"is one of dev.to's own pages: give a member, https://dev.to/NAME"):
            classify(url)
    assert classify("https://notdev.to/ada")[0].kind == "article"
    assert classify("https://dev.to:8443/ada")[0].kind == "article"


@pytest.mark.parametrize(
    ("liquid", "plain"),
    [
        ("{% youtube dQw4w9WgXcQ %}", "<https://www.youtube.com/watch?v=dQw4w9WgXcQ>"),
        ("{%- github ada/engine no-readme -%}", "<https://github.com/ada/engine>"),
        ("{% github https://github.com/ada/engine %}", "<https://github.com/ada/engine>"),
        ("{% link /ada/on-mills-1 %}", "<https://dev.to/ada/on-mills-1>"),
        ("{% details More %}\nwords\n{% enddetails %}", "More\nwords"),
        ("{% katex %}\na^2\n{% endkatex %}", "a^2"),
        ("{% user ada %}says 100 % {%} and {% or %", "says 100 % {%} and {% or %"),
        ("``{% a `b` %}`` and `{% c %}`", "``{% a `b` %}`` and `{% c %}`"),
        ("~~~\n{% a %}\n~~~\n{% a %}x", "~~~\n{% a %}\n~~~\nx"),
        ("---\ntitle\n---", "---\ntitle\n---"),
        ("\n    indented code\n", "    indented code"),
        ("a\r\n\r\nb", "a\n\nb"),
        ("{% embed javascript:alert(1) %}", ""),
    ],
)
def test_liquid_tags_become_what_they_stand_for(liquid: str, plain: str) -> None:
    assert plain_markdown(liquid) == plain
    assert plain_markdown(plain) == plain


def test_tags_that_never_end_take_no_time() -> None:
    hostile = "{% a" * 20_000 + "`" * 20_000 + "\n" + "```\n" * 2000
    assert plain_markdown(hostile) == hostile.strip()


def test_crawl_replays_from_its_captures(
    server: Server, fetcher: Fetcher, devto: type[Crawler], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DevtoCrawler, "server", server.root)
    monkeypatch.setattr(DevtoCrawler, "page_size", 2)
    warehouse = SqliteWarehouse(tmp_path / "warehouse.db")
    warehouse.upsert_authors([Author(slug="ada", name="Ada Lovelace")])
    warehouse.upsert_links([declare_link("ada", USER, base=tmp_path)])
    tools = crawl_tools(fetcher, ArtifactStore(str(tmp_path / "store")), warehouse, "ada")
    serve(server, article(2), article(1, user={"name": "Charles Babbage"}))
    first = crawl_author(warehouse, "ada", ARTICLES, tools=tools)
    assert (first.total, first.failures, first.by_others) == (2, [], 1)
    serve(server, article(3), article(2))
    second = crawl_author(warehouse, "ada", ARTICLES, tools=tools)
    assert (second.total, second.new, second.removed, second.changed) == (2, 1, 1, 0)
    server.asked.clear()
    again = crawl_author(warehouse, "ada", ARTICLES, tools=tools, replay=True)
    assert (asked(server), again.failures, again.written, again.data_version) == ([], [], 0, second.data_version)
    warehouse.close()
