"""The one place where HTML and XML are parsed: nothing else in this project calls a parser of them.

What would cost far more than its size is refused before it is parsed, as far as this can be told cheaply. The rest is
limited by `twin.crawling.pages.apart`, in which every reader of a page runs.
"""

import re
from typing import TYPE_CHECKING, Any

from twin.crawling.pages.trees import MOST_TAGS, Element
from twin.errors import CrawlError

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

MOST_ATTRIBUTES = 250
"""More than any tag for readers has. libxml2 compares each attribute of a tag with all before it."""

_ATTRIBUTE = r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>"'][^\s>]*+)?)?"""
_ATTRIBUTES = re.compile(_ATTRIBUTE)
_TOKEN = re.compile(
    rf"""<!--(?:-?>|.*?(?:--!?>|\Z))|<[!?/][^>]*+
    |<(?P<raw>script|style|textarea|title|xmp|iframe|noembed|noframes)(?=[\s/>])(?P<some>(?:{_ATTRIBUTE})*+)[^<]*+
    .*?(?:</(?P=raw)(?=[\s/>])|\Z)
    |<[a-z][^\s/>]*+(?P<all>(?:{_ATTRIBUTE})*+)""",
    re.X | re.S | re.I,
)
"""Comments, declarations and closing tags; elements of plain text with what is in them; and other opening tags, as the
HTML standard divides a page (13.2.5). Each is looked at once, so the time is in proportion to the size of the page."""


def check_markup(markup: bytes | str, label: str = "the page") -> None:
    """Refuse a document that would take a parser the square of its size.

    Raises:
        CrawlError: one of its tags has more attributes than any tag for readers.
    """
    text = markup.replace(b"\0", b"").decode("latin-1") if isinstance(markup, bytes) else markup
    for token in _TOKEN.finditer(text):
        attributes = token["all"] or token["some"]
        # The shortest attribute has a space and a letter.
        if attributes and len(attributes) > 2 * MOST_ATTRIBUTES:
            count = sum(1 for _ in _ATTRIBUTES.finditer(attributes))
            if count > MOST_ATTRIBUTES:
                raise CrawlError(
                    f"{label} has a tag with {count:,} attributes, far more than a page for readers: remove the link, "
                    "or save the text of the page as .md or .txt and declare that file with `files:`."
                )


def document_tree(text: str, parser: Any, label: str = "the page") -> Element:
    """The tree of a whole page; `parser` is one of lxml's for UTF-8.

    Raises:
        CrawlError: see `check_markup`; or it has more tags than a page for readers.
        lxml.etree.LxmlError: it contains no element.
    """
    from lxml.html import document_fromstring  # type: ignore[import-untyped, unused-ignore]

    if text.count("<") > MOST_TAGS:
        raise CrawlError(
            f"{label} has more than {MOST_TAGS:,} tags, far more than a page for readers: declare the pages of its "
            "articles."
        )
    check_markup(text, label)
    # Bytes, because lxml refuses text that declares an encoding, as XHTML does.
    return document_fromstring(text.encode("utf-8", "replace"), parser=parser)


def fragment_tree(text: str, label: str) -> Element:
    """The tree of a piece of a page, inside of a `<div>`.

    Raises:
        CrawlError: see `check_markup`.
    """
    from lxml.html import HTMLParser, fragment_fromstring

    check_markup(text, label)
    # Huge trees, because the parser would silently drop everything deeper than 256 elements.
    parser = HTMLParser(encoding="utf-8", huge_tree=True)
    return fragment_fromstring(f"<div>{text}</div>".encode(), create_parent="div", parser=parser)


def loaded_tree(html: bytes | str, label: str = "the page") -> Element | None:
    """The tree of a page as trafilatura loads it, which guesses the encoding of bytes; None if it is not HTML.

    Raises:
        CrawlError: see `check_markup`.
    """
    from trafilatura.utils import decode_file, load_html

    text = decode_file(html)  # the same text that `load_html` makes of bytes
    check_markup(text, label)
    return load_html(text)


def soup(html: bytes, label: str) -> "BeautifulSoup":
    """The tree of a page as Beautiful Soup makes it.

    Raises:
        CrawlError: see `check_markup`.
    """
    from bs4 import BeautifulSoup

    check_markup(html, label)
    return BeautifulSoup(html, "lxml")


def feed_tree(content: bytes, headers: dict[str, str], label: str) -> Any:
    """What feedparser makes of a feed; it does not sanitise and not resolve addresses, because both damage code.

    Raises:
        CrawlError: see `check_markup`.
    """
    import io

    import feedparser  # type: ignore[import-untyped]

    check_markup(content, label)
    return feedparser.parse(
        io.BytesIO(content), response_headers=headers, resolve_relative_uris=False, sanitize_html=False
    )
