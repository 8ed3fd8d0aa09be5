"""The main content of an HTML page as Markdown, with its code exactly as it was."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from twin.crawling.pages.apart import apart
from twin.crawling.pages.codeblocks import Shield
from twin.crawling.pages.decoding import decoded
from twin.crawling.pages.metadata import read_metadata
from twin.crawling.pages.parsing import document_tree
from twin.crawling.pages.trees import Element
from twin.errors import CrawlError
from twin.identity import sha256
from twin.text.words import count_words

MIN_WORDS = 5
"""Fewer words than this are not an article, whatever page they are on."""

_BROKEN = (AssertionError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
"""Errors that the extractor and its libraries raise on hostile trees; found by fuzzing."""

_DEEPEST = 200
"""Deeper elements are read as the text of the one above: the tree is walked by recursion."""
_LINKS_AND_MACHINERY = frozenset({"a", "nav", "script", "style", "title"})
_STRAY_NULS = 0.01
_INVISIBLE = "\u200c\u200d\u200e\u200f\u061c"
"""Joiners and direction marks: they spell Persian and Indic words and join emoji, so they belong to the author."""
_RARE_LETTERS = "".join(map(chr, range(0xA4D0, 0xA4F8)))
"""Letters of the Fraser alphabet of Lisu; those that occur on a page are not used for it."""
_ESCAPED = re.compile(r"(\\+)([*_`~\[\]<])")
_ESCAPED_START = re.compile(r"^((?:[>\s]|[-*] |\d+\. )*)\\([#>+-]|\d{1,9}[.)])(?=[ \t>#]|$)", re.M)
_FORMULA = re.compile(r"(\$\$.+?\$\$|\$[^$\n]+\$)", re.S)


@dataclass(frozen=True)
class Page:
    """Main content and metadata of a page; `text` is Markdown, `published_at` is in UTC."""

    text: str
    title: str | None
    author: str | None
    published_at: datetime | None
    language: str | None
    canonical: str | None
    site: str | None
    subtitle: str | None = None


@apart
def extract_page(html: bytes | str, url: str | None = None) -> Page | None:
    """Extract the main content of `html`; None if it has none.

    Pass the bytes unchanged: their encoding is read from BOM, meta tags and contents, never guessed from a header. Code
    is replaced with words before the extraction and put back verbatim afterwards, because extractors of prose re-indent
    it or drop it.

    `twin.crawling.pages.stand_ins` decides whether the page is an article at all.

    Raises:
        CrawlError: the page has an unknown encoding, or is larger or more deeply nested than a page for readers.
    """
    label = url or "the page"
    tree = _parsed(html, label)
    if tree is None:
        return None
    try:
        invisible = _take_invisible(tree)
        about = read_metadata(tree, url)
        shield = Shield(_key(html, tree))
        shield.take(tree)
        readings = _readings(tree, url) if _says_something(tree) else iter(())
        texts = (shield.put_back(reading).translate(invisible).strip() for reading in readings)
        text = next((text for text in texts if count_words(text) >= MIN_WORDS), "")
    except _BROKEN as error:
        raise CrawlError(
            f"{label} has HTML that cannot be parsed ({type(error).__name__}): save the page from your browser, "
            "which repairs it, and declare the file with `files:`."
        ) from error
    if not text:
        return None
    return Page(
        text=text,
        title=about.title and about.title.translate(invisible),
        author=about.author and about.author.translate(invisible),
        published_at=about.published_at,
        language=about.language,
        canonical=about.canonical,
        site=about.site and about.site.translate(invisible),
        subtitle=about.subtitle and about.subtitle.translate(invisible),
    )


def _says_something(tree: Element) -> bool:
    """Whether a page contains more than links to other pages."""
    from lxml.etree import iterwalk

    words = 0
    walk = iterwalk(tree, events=("start",))
    for _, element in walk:
        if element.tag in _LINKS_AND_MACHINERY:
            walk.skip_subtree()
        else:
            words += count_words(element.text or "")
        words += count_words(element.tail or "")
        if words >= MIN_WORDS:
            return True
    return False


def _readings(tree: Element, url: str | None) -> Iterator[str]:
    """The article as Markdown, by extraction methods that become less and less careful."""
    from trafilatura import bare_extraction
    from trafilatura.baseline import baseline, html2txt

    # Not `favor_precision`: a little more exact on news pages, but it drops the headings of technical ones.
    for recall in (False, True):
        found: Any = bare_extraction(
            tree, url=url, output_format="python", favor_recall=recall, include_comments=False,
            include_formatting=True, include_links=True, include_tables=True, with_metadata=False,
        )  # fmt: skip
        yield _unescaped(found.text or "") if found else ""
    body, _, _ = baseline(tree)
    yield "\n\n".join("".join(each.itertext()) for each in body.iter("p"))
    yield html2txt(tree)


def _take_invisible(tree: Element) -> dict[int, str]:
    """Replace each character of `_INVISIBLE`, which the extractor drops, with another letter; return how to undo it."""
    metas = [meta for meta in tree.iter("meta") if meta.get("content")]
    text = "".join([*tree.itertext(), *(meta.get("content") for meta in metas)])
    there = [mark for mark in _INVISIBLE if mark in text]
    if not there:
        return {}
    letters = [letter for letter in _RARE_LETTERS if letter not in text]
    taken = str.maketrans(dict(zip(there, letters, strict=False)))
    for element in tree.iter():
        element.text, element.tail = (part and part.translate(taken) for part in (element.text, element.tail))
    for meta in metas:
        meta.set("content", meta.get("content").translate(taken))
    return {ord(letter): chr(mark) for mark, letter in taken.items()}


def _unescaped(markdown: str) -> str:
    """Prose without the backslashes that say "this is not markup": they are not the author's.

    The extractor added them and doubled those that stood before such a character. It does not change formulas.
    """
    if "\\" not in markdown:
        return markdown
    parts = _FORMULA.split(markdown)
    parts[::2] = [
        _ESCAPED_START.sub(r"\1\2", _ESCAPED.sub(lambda run: run[1][: len(run[1]) // 2] + run[2], part))
        for part in parts[::2]
    ]
    return "".join(parts)


def _parsed(html: bytes | str, label: str) -> Element | None:
    """The tree of a page, at most `_DEEPEST` elements deep; None if it is empty."""
    from lxml.etree import ParserError, strip_tags
    from lxml.html import HTMLParser  # type: ignore[import-untyped, unused-ignore]
    from trafilatura.utils import repair_faulty_html

    text = decoded(_without_nuls(html), label)[0] if isinstance(html, bytes) else html
    text = repair_faulty_html(text, text[:50].lower())
    # Huge trees, because otherwise the parser silently drops everything deeper than 256 elements.
    parser = HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False, default_doctype=False,
        huge_tree=True,
    )  # fmt: skip
    try:
        tree = document_tree(text, parser, label)
    except ParserError:  # it contains no element
        return None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise CrawlError(f"{label} has HTML nested too deeply to be read: save the page from your browser as text.")
    _flatten(tree)
    strip_tags(tree, "u")  # Markdown has no underline, so it would remain as a tag
    return tree


def _without_nuls(html: bytes) -> bytes:
    """Without stray zero bytes, which browsers skip; many of them mean another encoding, or no text."""
    return html.replace(b"\0", b"") if 0 < html.count(b"\0") <= _STRAY_NULS * len(html) else html


def _flatten(tree: Element) -> None:
    from lxml.etree import iterwalk, strip_tags

    depth = 0
    deep = []
    for event, element in iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if event == "start" and depth == _DEEPEST:
            deep.append(element)
    for element in deep:
        for each in element.iterdescendants("address", "article", "br", "div", "li", "p", "section", "td", "tr"):
            each.tail = f"\n{each.tail or ''}"
        strip_tags(element, "*")


def _key(html: bytes | str, tree: Element) -> str:
    """A word that cannot occur in the page: it depends on the whole page, so nobody can plan for it."""
    text = "".join(tree.itertext())
    key = sha256(html)
    while f"x{key[:8]}" in text:
        key = sha256(key)
    return f"x{key[:8]}"
