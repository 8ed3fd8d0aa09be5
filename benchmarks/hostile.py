"""CPU seconds of hostile documents of 1 MB, each made to cost far more than its size, in every reader of HTML or XML.

`python -m benchmarks.hostile` reads each document in a process of its own and prints one JSON line with the worst of
them, `{"hostile_page_cpu_s": ...}`. The time of the process that reads large documents counts, and its start as well. A
refusal counts like any other answer: only the time matters. Names of kinds as arguments measure these alone, and `all`
measures every kind, which takes some 20 minutes.
"""

import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from twin.crawling.base import crawler_of
from twin.crawling.feeds.documents import item_document
from twin.crawling.feeds.items import discover_feed, parse_feed
from twin.crawling.pages import apart
from twin.crawling.pages.document import page_document, parsed_page
from twin.crawling.tools import Tools
from twin.crawling.web.fetcher import Fetcher, Response
from twin.errors import CrawlError
from twin.models import Category, Link

SIZE = 1_000_000
LIMIT_S = 60
"""A reader that takes longer is ended, and its figure is this."""

_WORDS = "An ordinary sentence of an article that somebody wrote about engines and looms. "
_ARTICLE = f"<article><h1>Engines</h1><p>{_WORDS * 8}</p>%s<p>{_WORDS * 4}</p></article>"


def _filled(piece: str, *, size: int = SIZE) -> str:
    return piece * (size // len(piece))


def _numbered(piece: str, *, size: int = SIZE) -> str:
    return "".join(piece.replace("#", f"{number:06}") for number in range(size // (len(piece) + 5)))


def _nested(opening: str, closing: str = "") -> str:
    count = SIZE // (len(opening) + len(closing))
    return opening * count + "deep" + closing * count


KINDS: dict[str, Callable[[], str]] = {
    "attributes": lambda: f"<p{_numbered(' a#=1')}>text</p>",
    "attributes without values": lambda: f"<p{_numbered(' a#')}>text</p>",
    "attributes with slashes": lambda: f"<p{_numbered('/a#')}>text</p>",
    "attributes of a closing tag": lambda: f"<p>text</p{_numbered(' a#=1')}>",
    "attributes of html": lambda: f"<html{_numbered(' a#=1')}><body>text",
    "attributes of many html": lambda: _numbered("<html a#=1>"),
    "attributes of many body": lambda: _numbered("<body a#=1>"),
    "attributes of many tags": lambda: _filled(f"<p{_numbered(' a#=1', size=9000)}>text</p>"),
    "attributes with quotes": lambda: "<p" + _numbered(""" a#=">" b#='<'""") + ">text</p>",
    "attributes of doctype": lambda: f"<!DOCTYPE html{_numbered(' a#=1')}>text",
    "attributes of an instruction": lambda: f"<?xml{_numbered(' a#=1')}?>text",
    "attributes unclosed": lambda: f"<p>text<p{_numbered(' a#=1')}",
    "long value": lambda: f'<p class="{_filled("a ")}">text</p>',
    "long value of a style": lambda: f'<div style="{_filled("white-space:")}">text\n text</div>',
    "long value of an address": lambda: f'<a href="{_filled("../")}">text</a>',
    "long values of spaces": lambda: f'<a href="http://a{_filled(" ")}b">text</a>',
    "meta tags": lambda: _numbered("<meta name=n# content=c>"),
    "meta authors": lambda: _filled("<meta name=author content='Ada, Bob and Carl'>"),
    "links in the head": lambda: _filled("<link rel=canonical href=//[>"),
    "json-ld": lambda: f'<script type="application/ld+json">{"[" * SIZE}</script>',
    "json-ld of things": lambda: (
        '<script type="application/ld+json">[' + _filled('{"@type":"Article"},') + "0]</script>"
    ),
    "json-ld scripts": lambda: _filled('<script type="application/ld+json">{"@type":"Article","name":"x"}</script>'),
    "json-ld author": lambda: (
        '<script type="application/ld+json">{"@type":"Article","author":"' + _filled("a b ") + '"}</script>'
    ),
    "unclosed tags": lambda: _filled("<p>a"),
    "unclosed b": lambda: _filled("<b>a"),
    "unclosed b and p": lambda: _filled("<b><p>a"),
    "unclosed a": lambda: _filled("<a href=x>a"),
    "unclosed font": lambda: _numbered("<font size=#>a"),
    "unclosed tables": lambda: _filled("<table><tr><td>a"),
    "unclosed lists": lambda: _filled("<ul><li>a"),
    "unclosed selects": lambda: _filled("<select><option>a"),
    "unclosed forms": lambda: _filled("<form>a"),
    "unclosed quotes": lambda: _filled("<blockquote>a"),
    "unknown tags": lambda: _numbered("<x#>a"),
    "closing tags": lambda: _filled("</p>"),
    "closing unknown tags": lambda: "<div>" * 200 + _filled("</b>"),
    "deep": lambda: _nested("<div>", "</div>"),
    "deep spans": lambda: _nested("<span>", "</span>"),
    "deep lists": lambda: _nested("<ul><li>", "</li></ul>"),
    "deep code": lambda: _nested("<code>", "</code>"),
    "200 deep": lambda: _filled("<div>" * 190 + "a" + "</div>" * 190),
    "200 deep of inline tags": lambda: _filled("<em>" * 190 + "a" + "</em>" * 190),
    "deep with many children": lambda: "<div>" * 190 + _filled("<b>a</b>") + "</div>" * 190,
    "siblings": lambda: _filled("<p>a</p>"),
    "siblings without text": lambda: _filled("<b></b>"),
    "line breaks": lambda: f"<p>{_filled('a<br>')}</p>",
    "code blocks": lambda: _filled("<pre>a\nb</pre>"),
    "code spans": lambda: f"<p>{_filled('<code>a</code> b ')}</p>",
    "code lines": lambda: f"<pre>{_filled('<span class=line>a</span>' + chr(10))}</pre>",
    "code in code": lambda: f"<div class=code>{_filled('<div class=line>a</div>')}</div>",
    "code tables": lambda: "<table class=highlighttable>" + _filled("<tr><td class=gutter>1<td><pre>a</pre>"),
    "nested code boxes": lambda: ("<div class='highlight gist'>" * 190) + _filled("<pre>a</pre>"),
    "nested tables": lambda: ("<table><tr><td>" * 60) + _filled("<td>1") + "<pre>a\nb</pre>",
    "figures": lambda: _filled("<figure><div class=highlight><pre>a</pre></div></figure>"),
    "table rows": lambda: f"<table>{_filled('<tr><td>a')}</table>",
    "table cells": lambda: f"<table><tr>{_filled('<td>a')}</table>",
    "table spans": lambda: f"<table><tr>{_filled('<td colspan=1000>a')}<tr><td>b</table>",
    "list items": lambda: f"<ol>{_filled('<li>a')}</ol>",
    "comments": lambda: _filled("<!-- a -->"),
    "one comment": lambda: f"<!-- {_filled('-')} -->text",
    "unclosed comments": lambda: _filled("<!--"),
    "comments before the page": lambda: _filled("<!-- a -->") + "<html><body>text",
    "instructions": lambda: _filled("<?a b?>"),
    "unclosed instructions": lambda: _filled("<?a "),
    "cdata": lambda: _filled("<![CDATA[a]]>"),
    "unclosed cdata": lambda: _filled("<![CDATA["),
    "declarations": lambda: _filled("<!a "),
    "brackets": lambda: _filled("<"),
    "brackets and spaces": lambda: _filled("< "),
    "closing brackets": lambda: _filled(">"),
    "open tags": lambda: _filled("<a "),
    "open links": lambda: _filled("<a href="),
    "entities": lambda: _filled("&amp;"),
    "entities without end": lambda: _filled("&#1"),
    "long entity": lambda: "&" + _filled("a") + ";",
    "one long word": lambda: f"<p>{_filled('a')}</p>",
    "spaces": lambda: f"<p>a{_filled(' ')}b</p>",
    "line ends": lambda: f"<p>a{_filled(chr(10))}b</p>",
    "spaces and line ends": lambda: f"<p>a{_filled(' ' + chr(10))}b</p>",
    "tabs in code": lambda: f"<pre>a{_filled(chr(9))}b</pre>",
    "carriage returns": lambda: f"<p>a{_filled(chr(13))}b</p>",
    "backticks": lambda: f"<p><code>{_filled('` ')}</code></p>",
    "backslashes": lambda: f"<p>{_filled(chr(92))}</p>",
    "dollars": lambda: f"<p>{_filled('$')}</p>",
    "dollars and lines": lambda: f"<p>{_filled('$a' + chr(10))}</p>",
    "double dollars": lambda: f"<p>{_filled('$$ ')}{chr(92)}</p>",
    "stars": lambda: f"<p>{_filled('* ')}</p>",
    "brackets of links": lambda: f"<p>{_filled('[')}{_filled('](', size=1000)}</p>",
    "quotes": lambda: f"<p>{_filled('> ')}</p>",
    "hyphens": lambda: f"<p>{_filled('- ')}</p>",
    "numbers": lambda: f"<p>{_filled('1. ')}</p>",
    "digits": lambda: f"<p>{_filled('1')}</p>",
    "dates": lambda: f"<p>{_filled('1.1.2020 ')}</p>",
    "dates in tags": lambda: _filled("<time datetime=2020-01-01>1</time>"),
    "dates in a word": lambda: f"<p>{_filled('2020-')}</p>",
    "names": lambda: f"<p class=author>{_filled('Ada ')}</p>",
    "names with and": lambda: f"<p class=author>{_filled('Ada and ')}</p>",
    "mail addresses": lambda: f"<p>{_filled('a@a.')}</p>",
    "title": lambda: f"<title>{_filled('| ')}</title>",
    "title of words": lambda: f"<title>{_filled('a - ')}</title><p>{_WORDS}</p>",
    "titles": lambda: _filled("<title>a</title>"),
    "scripts": lambda: _filled("<script>a</script>"),
    "script": lambda: f"<script>{_filled('</')}</script>",
    "script of parentheses": lambda: f"<script>{_filled('content(')}</script>",
    "scripts unclosed": lambda: _filled("<script>"),
    "styles": lambda: _filled("<style>a{}</style>"),
    "classes": lambda: _numbered('<p class="c# post-subtitle">a</p>'),
    "ids": lambda: _numbered("<p id=i#>a</p>"),
    "same ids": lambda: _filled("<p id=i>a</p>"),
    "link list": lambda: _filled("<li><a href=x>a</a></li>"),
    "links": lambda: f"<p>{_filled('<a href=x>a</a> ')}</p>",
    "pictures": lambda: _filled("<img src=a.png>"),
    "embeds": lambda: _filled("<iframe src=//a></iframe>"),
    "medium boxes": lambda: _filled("<div class=e-content><p class=p-name>a"),
    "linkedin cards": lambda: (
        "<link rel=canonical href=https://www.linkedin.com/posts/a-activity-7000000000000000000-b>"
        + _filled("<div data-activity-urn=a><p class=attributed-text-segment-list__content>a")
    ),
    "linkedin cards in each other": lambda: (
        "<link rel=canonical href=https://www.linkedin.com/posts/a-activity-7000000000000000000-b>"
        + "<div data-activity-urn=urn:li:activity:7000000000000000000>" * 150
        + _filled("<p class='comment attributed-text-segment-list__content'>a</p>")
    ),
    "namespaces": lambda: f"<p{_numbered(' xmlns:a#=b')}>text</p>",
    "prefixes": lambda: _numbered("<a:b# c:d=e>"),
    "svg": lambda: f"<svg>{_filled('<path d=a />')}</svg>",
    "zeros": lambda: f"<p>{_filled('a' * 200 + chr(0))}</p>",
    "broken letters": lambda: f"<p>{_filled(chr(0xFFFD) + 'a')}</p>",
    "marks": lambda: f"<p>a{_filled(chr(0x301))}</p>",
    "joiners": lambda: f"<p>{_filled('a' + chr(0x200D))}</p>",
    "article of paragraphs": lambda: _ARTICLE % _filled(f"<p>{_WORDS}</p>"),
    "article of one paragraph": lambda: _ARTICLE % f"<p>{_filled(_WORDS)}</p>",
    "article of headings": lambda: _ARTICLE % _filled("<h2>a</h2>"),
    "article of emphasis": lambda: _ARTICLE % f"<p>{_filled('<b>a</b> ')}</p>",
    "article of links": lambda: _ARTICLE % f"<p>{_filled('<a href=/x>engines</a> ')}</p>",
    "article of lists": lambda: _ARTICLE % _filled("<ul><li>a</li></ul>"),
    "article of quotes": lambda: _ARTICLE % _filled("<blockquote>a</blockquote>"),
    "article of code": lambda: _ARTICLE % _filled("<pre>a\nb</pre>"),
    "article of code spans": lambda: _ARTICLE % f"<p>{_filled('<code>a</code> b ')}</p>",
    "article of tables": lambda: _ARTICLE % _filled("<table><tr><td>a<td>b</table>"),
    "article of a table": lambda: _ARTICLE % f"<table>{_filled('<tr><td>a<td>b')}</table>",
    "article of breaks": lambda: _ARTICLE % f"<p>{_filled('a<br>')}</p>",
    "article of formulas": lambda: _ARTICLE % f"<p>{_filled('$a ')}{chr(92)}*</p>",
    "articles": lambda: _filled(f"<article><p>{_WORDS}</p></article>"),
    "feed of items": lambda: _feed(_numbered("<item><title>a</title><link>https://a.example/#</link></item>")),
    "feed of an item": lambda: _feed(f"<item><description>{_filled('&lt;p&gt;')}</description></item>"),
    "feed of attributes": lambda: _feed("<item" + _numbered(' a#="1"') + "></item>"),
    "feed of namespaces": lambda: _feed("<item" + _numbered(' xmlns:a#="b"') + "></item>"),
    "feed nested": lambda: _feed(_nested("<item>", "</item>")),
    "feed of tags": lambda: _feed(f"<item>{_numbered('<a#>b</a#>')}</item>"),
    "feed of brackets": lambda: _feed(f"<item><title>{_filled('&lt;')}</title></item>"),
    "feed of open tags": lambda: _feed(f"<item><description><![CDATA[{_filled('<a ')}]]></description></item>"),
    "feed of spaces": lambda: _feed(f"<item><title>a{_filled(' ')}b</title></item>"),
    "feed of cut-offs": lambda: _feed(f"<item><description>[...] {_filled('&lt;/p> ')}x</description></item>"),
    "feed of entities": lambda: _feed(f"<item><title>{_filled('&amp;')}</title></item>"),
    "feed of dates": lambda: _feed(f"<item><pubDate>{_filled('1 ')}</pubDate></item>"),
    "feed of authors": lambda: _feed(f"<item><author>a@b {_filled('(')}</author></item>"),
    "feed of many authors": lambda: _feed(f"<item>{_filled('<author>a@b (c)</author>')}</item>"),
    "feed of categories": lambda: _feed(f"<item>{_numbered('<category>#</category>')}</item>"),
    "feed of links": lambda: _feed(f"<item>{_filled('<link>https://a.example/b</link>')}</item>"),
    "feed of contents": lambda: _feed(f"<item>{_filled('<content:encoded>a</content:encoded>')}</item>"),
    "feed unclosed": lambda: _feed(_filled("<item>")),
    "feed with doctype": lambda: f"<!DOCTYPE rss {_filled('<!ELEMENT a (b)>')}>" + _feed(""),
    "feed with open doctype": lambda: _filled("<!DOCTYPE rss [") + _feed(""),
    "feed with spaces": lambda: f"<?xml {_filled(' ')}?>" + _feed(""),
    "feed with colons": lambda: _feed(f"<item><pubDate>{_filled(':')}</pubDate></item>"),
    "json feed": lambda: '{"version":"https://jsonfeed.org/version/1.1","items":[' + _filled('{"id":"1"},') + "{}]}",
    "json feed of brackets": lambda: _json_feed(_filled("<a ")),
    "json feed of attributes": lambda: _json_feed(f"<p{_numbered(' a#=1')}>text</p>"),
}  # fmt: skip
"""Kind -> how the document is made."""

WORST = (
    "attributes", "attributes without values", "attributes with quotes", "attributes of html",
    "attributes of many tags", "meta tags", "long values of spaces", "unclosed tags", "unclosed b", "unclosed tables",
    "nested tables", "table spans", "deep", "comments", "article of code", "article of tables", "feed of attributes",
    "json feed of attributes",
)  # fmt: skip
"""The kinds that cost most, and those that cost most before there were limits."""


def _feed(items: str) -> str:
    return (
        f'<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>{items}</channel></rss>'
    )


def _json_feed(html: str) -> str:
    item = {"id": "1", "url": "https://a.example/b", "content_html": html}
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": [item]})


_ADDRESS = "https://hostile.example/page"


def _link(**fields: object) -> Link:
    described = {"author": "ada", "url": _ADDRESS, "kind": "article", "categories": (Category.ARTICLES,)}
    return Link.model_validate(described | {"origin": "file"} | fields)


def _as_page(content: bytes) -> None:
    response = Response(_ADDRESS, content, "text/html", unchanged=False, validators={})
    page_document(response, _link(), Category.ARTICLES, address=_ADDRESS, page=parsed_page(response))


def _as_feed(content: bytes) -> None:
    discover_feed(content, _ADDRESS)
    feed = parse_feed(content, _ADDRESS)
    for item in feed.items[:50]:
        item_document(item, _link(), Category.ARTICLES, feed=feed, url=_ADDRESS, capture=None)


def _as_item(content: bytes) -> None:
    _as_feed(_json_feed(content.decode()).encode())


def _as_file(content: bytes, name: str = "page.html", kind: str = "files") -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        where = path if kind == "files" else Path(folder)
        link = _link(url=f"local:{where.name}", kind=kind, location=str(where))
        crawl = crawler_of(kind)(Tools(Fetcher())).read(link, Category.ARTICLES, {})
        list(crawl.documents)


def _as_text(content: bytes) -> None:
    _as_file(content, "text.md")


def _as_medium(content: bytes) -> None:
    _as_file(b"<section class=e-content>" + content, "posts/2020-01-01_a-0123456789ab.html", "medium_export")


def _as_linkedin(content: bytes) -> None:
    _as_file(b"<p class=published>2020-01-01</p>" + content, "Articles/a.html", "linkedin_export")


READERS: dict[str, Callable[[bytes], None]] = {
    "page": _as_page, "feed": _as_feed, "item": _as_item, "file": _as_file, "text": _as_text, "medium": _as_medium,
    "linkedin": _as_linkedin,
}  # fmt: skip
"""Reader -> what reads the document."""


def cpu_s(reader: str, kind: str) -> float:
    """CPU seconds that a reader takes for a document of a kind, at most `LIMIT_S`; a process of its own reads it.

    Raises:
        RuntimeError: the process ended in another way than by an answer, a refusal or the limit.
    """
    content = KINDS[kind]().encode()
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # warnings about every document would hide the table
        resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S + 1))
        before = _own()
        with suppress(CrawlError):
            READERS[reader](content)
        apart.close()  # only then its time is counted
        os.write(sending, f"{_own() - before}".encode())
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as stream:
        said = stream.read()
    _, status = os.waitpid(child, 0)
    if said:
        return float(said)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        return float(LIMIT_S)
    raise RuntimeError(f"{reader} of {kind} failed with status {status}.")


def _own() -> float:
    """CPU time of this process and of all that it started and ended, in seconds."""
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def run(kinds: Sequence[str] = WORST) -> dict[str, float]:
    """Print the slow ones, and return the worst."""
    for name, read in READERS.items():  # imports and tables of the libraries do not count
        read((_feed("") if name == "feed" else _ARTICLE % "").encode())
    costs = {}
    for kind in kinds:
        for reader in ("feed",) if "feed" in kind else READERS:
            costs[f"{reader}: {kind}"] = cost = cpu_s(reader, kind)
            if cost >= 1:
                print(f"{cost:6.2f} s  {reader}: {kind}", flush=True)
    worst = max(costs, key=costs.__getitem__)
    print(f"{len(costs)} documents of 1 MB; the worst is {worst}")
    return {"hostile_page_cpu_s": round(costs[worst], 2)}


if __name__ == "__main__":
    print(json.dumps(run(list(KINDS) if sys.argv[1:] == ["all"] else sys.argv[1:] or WORST)))
