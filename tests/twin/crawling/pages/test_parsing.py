"""What is refused before it is parsed, and that nothing is parsed elsewhere."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

import twin
from twin.crawling.feeds.items import discover_feed, parse_feed
from twin.crawling.pages import apart
from twin.crawling.pages.extract import extract_page
from twin.crawling.pages.fragment import fragment_markdown
from twin.crawling.pages.markup import read_markup
from twin.crawling.pages.parsing import MOST_ATTRIBUTES, check_markup, soup
from twin.crawling.sources.linkedin_pages import linkedin_kind
from twin.errors import CrawlError

PROSE = "<p>The mill computes what the store holds, and the cards tell both of them what to do next.</p>"


def numbered(piece: str, count: int = MOST_ATTRIBUTES + 1) -> str:
    return "".join(piece.replace("#", str(number)) for number in range(count))


HOSTILE = {
    "values": f"<p{numbered(' a#=1')}>",
    "no values": f"<p{numbered(' a#')}>",
    "slashes": f"<p{numbered('/a#')}>",
    "line ends": f"<p{numbered(chr(10) + 'a#=x')}>",
    "spaces around equals": f"<p{numbered(' a# = 1')}>",
    "double quotes": f"<p{numbered(' a#=' + chr(34) + '>' + chr(34))}>",
    "single quotes": f"<p{numbered(' a#=' + chr(39) + '<' + chr(39))}>",
    "no spaces after quotes": f"<p {numbered('a#=' + chr(34) + '>' + chr(34))}>",
    "quote within a value": f"<p a=x{chr(34)}{numbered(' a#=1')}>",
    "quote as a name": f"<p {chr(34)}{numbered(' a#=1')}>",
    "never closed": f"<p{numbered(' a#=1')}",
    "value never closed": f"<p{numbered(' a#=1')} b='",
    "of html": f"<html{numbered(' a#=1')}>",
    "of a script": f"<script{numbered(' a#=1')}></script>",
    "capitals": f"<P{numbered(' A#=1')}>",
    "after a comment with a quote": f"<!-- <a b=' --><p{numbered(' a#=1')}>",
    "after an empty comment": f"<!--><p{numbered(' a#=1')}>-->",
    "after a script with a quote": f"<script>a<b c='</script><p{numbered(' a#=1')}>",
    "after a title": f"<title><a b='</title><p{numbered(' a#=1')}>",
    "after an open bracket": f"<<p{numbered(' a#=1')}>",
    "in a tag with a namespace": f"<a:b{numbered(' c:a#=1')}>",
}
ORDINARY = {
    "as many as allowed": f"<p{numbered(' a#=1', MOST_ATTRIBUTES)}>",
    "a long value": f'<p data-page="{"a=1 " * 5000}">',
    "a long value in single quotes": "<p data-page='" + '{"a": 1}, ' * 2000 + "'>",
    "a script": f"<script>if (a <b {'&& c ' * 2000}) d</script>",
    "a style": f"<style>a <b {'c ' * 2000}</style>",
    "a comment": f"<!-- <a {'b ' * 2000} -->",
    "text after a bracket": f"1 < 2 {'a ' * 2000}",
    "a declaration": f"<!DOCTYPE {'a ' * 2000}>",
    "a text field": f"<textarea><a {'b ' * 2000}</textarea>",
    "closing tags": f"</p {'a ' * 2000}>",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_too_many_attributes_are_refused_in_one_sentence(kind: str) -> None:
    for markup in (HOSTILE[kind], PROSE + HOSTILE[kind], HOSTILE[kind].encode(), HOSTILE[kind].encode("utf-16")):
        with pytest.raises(
            CrawlError, match=r"^https://a\.example/ has a tag with 25\d attributes, far more than a page"
        ):
            check_markup(markup, "https://a.example/")


@pytest.mark.parametrize("kind", ORDINARY)
def test_ordinary_pages_are_not_refused(kind: str) -> None:
    check_markup(ORDINARY[kind])
    check_markup(ORDINARY[kind].encode())


@pytest.mark.parametrize(
    "read",
    [
        lambda html: extract_page(html, "https://a.example/"),
        lambda html: extract_page(html.encode(), "https://a.example/"),
        lambda html: fragment_markdown(html, "https://a.example/"),
        read_markup,
        lambda html: read_markup(html.encode("utf-16")),
        lambda html: linkedin_kind(f"linkedin.com {html}"),
        lambda html: discover_feed(f"<html>{html}".encode(), "https://a.example/"),
        lambda html: parse_feed(f"<rss version='2.0'>{html}</rss>".encode(), "https://a.example/"),
        lambda html: soup(html.encode(), "a.html"),
    ],
)
@pytest.mark.parametrize("size", [MOST_ATTRIBUTES + 1, apart.SMALL // 5])
def test_no_reader_parses_it(read: Callable[[str], object], size: int) -> None:
    with pytest.raises(CrawlError, match=r"has a tag with [\d,]+ attributes"):
        read(f"{PROSE}<p{numbered(' a#=1', size)}>")


PARSERS = {
    "HTMLParser", "HTMLPullParser", "XMLParser", "BeautifulSoup", "document_fromstring", "fragment_fromstring",
    "fragments_fromstring", "fromstring", "load_html", "feedparser", "iterparse", "XML", "HTML", "ElementTree",
}  # fmt: skip
CONFIGURED = {"pages/extract.py": {"HTMLParser"}, "sources/linkedin_pages.py": {"HTMLParser"}}
"""Where a parser is given its options; `document_tree` then parses."""


def test_nothing_else_calls_a_parser() -> None:
    root = Path(twin.__file__).parent
    found = {}
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if not any(name in text for name in PARSERS):
            continue
        tree = ast.parse(text)
        checked = {
            id(name) for node in ast.walk(tree) if isinstance(node, ast.If)
            and getattr(node.test, "id", "") == "TYPE_CHECKING" for name in ast.walk(node)
        }  # fmt: skip
        names = {
            alias.name.rpartition(".")[2]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in checked
            for alias in node.names
        }
        inside = path.relative_to(root).as_posix().removeprefix("crawling/")
        if more := (names & PARSERS) - CONFIGURED.get(inside, set()):
            found[inside] = more
    assert set(found) == {"pages/parsing.py"}
