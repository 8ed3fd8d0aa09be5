"""Turn a fetched page into a document: its article, unless the page only stands in for one."""

import re
from dataclasses import dataclass

from twin.crawling.pages.decoding import decoded
from twin.crawling.pages.extract import MIN_WORDS, extract_page
from twin.crawling.pages.frontmatter import split_front_matter
from twin.crawling.pages.markup import Markup, read_markup
from twin.crawling.pages.stand_ins import preview, stand_in, stand_in_by_text
from twin.crawling.web.addresses import SAVE_THE_PAGE
from twin.crawling.web.fetcher import Response
from twin.errors import CrawlError
from twin.models import Category, Document, Link
from twin.text.platforms import platform_at
from twin.text.words import count_words

_PAGES = frozenset({"text/html", "application/xhtml+xml", ""})
_MAYBE_PAGES = frozenset({"application/xml", "text/xml", "text/plain"})
_TEXTS = frozenset({"text/plain", "text/markdown", "text/x-markdown", "text/x-rst"})
_FEEDS = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json"})
_PAGE = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html)\b", re.I | re.S)
_FEED = re.compile(rb"<(?:rss|feed|rdf:RDF)[\s>]", re.I)
_MAGIC = {b"%PDF-": "application/pdf", b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif",
          b"PK\x03\x04": "application/zip"}  # fmt: skip
_START = 2048
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)")
_LEGACY = (
    "big5", "cp", "euc", "gb", "iso-2022-jp", "iso-8859-", "koi8", "ks_c", "mac", "shift", "sjis", "tis", "window",
)  # fmt: skip
"""Prefixes of the encoding names that are believed in a header."""

_HEADING = re.compile(r"\s*#[ \t]+(.+?)[ \t#]*(?:\n|\Z)|\s*(\S[^\n]*)\n=+[ \t]*(?:\n|\Z)")


class PreviewError(CrawlError):
    """A page shows only the beginning of its article to readers who have not paid."""


@dataclass(frozen=True)
class Page:
    """A fetched page, and what its markup says about it."""

    html: bytes | str
    markup: Markup


def page_document(
    response: Response, link: Link, category: Category, *, address: str, page: Page | None = None
) -> Document:
    """The document of a fetched page: HTML is extracted, plain text and Markdown are taken as they are.

    Args:
        address: the document's own address. The canonical address that the page claims is kept separately, because a
            page can claim anything.
        page: the parsed page, if it was parsed already.

    Raises:
        PreviewError: it shows only the beginning of its article.
        CrawlError: it is not a page, it stands in for an article, or it has no article.
    """
    kind = _type_of(response)
    if kind in _TEXTS:
        return _text_document(response, link, category, address=address)
    page = page or parsed_page(response)
    if page is None:
        raise CrawlError(f"{address} is {kind}, not a web page: {_fix_hint(kind)}.")
    return _html_document(response, page, link, category, address=address)


def parsed_page(response: Response) -> Page | None:
    """The page, parsed for its metadata; None if the response is not HTML."""
    if _type_of(response) not in _PAGES:
        return None
    html = _html(response)
    return Page(html, read_markup(html))


def _html_document(response: Response, page: Page, link: Link, category: Category, *, address: str) -> Document:
    if refusal := stand_in(page.markup, asked=address, final=response.url):
        raise CrawlError(f"{address} {refusal}.")
    found = extract_page(page.html, response.url)
    text = found.text if found else None
    if refusal := stand_in_by_text(page.markup, text):
        raise CrawlError(f"{address} {refusal}.")
    if refusal := preview(page.markup, text):
        raise PreviewError(f"{address} {refusal}.")
    if found is None:
        raise CrawlError(f"{address} answered 200 OK but contains no article: {SAVE_THE_PAGE}.")
    made_by = platform_at(address)
    named = {"author": found.author, "site": found.site, "canonical": found.canonical, "subtitle": found.subtitle}
    return Document(
        author=link.author, category=category, link=address, source=link.url, title=found.title, text=found.text,
        platform=made_by if made_by != "web" else page.markup.platform or made_by,
        language=found.language or _language(response), published_at=found.published_at,
        metadata={name: value for name, value in named.items() if value and value != address},
        capture=response.capture,
    )  # fmt: skip


def _text_document(response: Response, link: Link, category: Category, *, address: str) -> Document:
    text, _ = decoded(response.content, address)
    matter = split_front_matter(text.removeprefix("\ufeff"))
    if count_words(matter.rest) < MIN_WORDS:
        raise CrawlError(f"{address} answered 200 OK but contains no text: correct or remove the link.")
    heading = _HEADING.match(matter.rest)
    named = {"author": matter.author, "canonical": matter.canonical, "subtitle": matter.subtitle,
             "tags": list(matter.tags)}  # fmt: skip
    return Document(
        author=link.author, category=category, link=address, source=link.url, platform=platform_at(address),
        title=matter.title or ((heading[1] or heading[2]).strip() if heading else None), text=matter.rest,
        language=matter.language or _language(response), published_at=matter.published_at,
        metadata={name: value for name, value in named.items() if value and value != address},
        capture=response.capture,
    )  # fmt: skip


def _type_of(response: Response) -> str:
    """The media type of the response: as declared, unless its first bytes contradict."""
    declared, start = response.content_type.split(";")[0].strip().lower(), response.content[:_START]
    found = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)
    if found:
        return found
    if declared in _MAYBE_PAGES and _PAGE.match(start):
        return "text/html"
    if declared in ("application/xml", "text/xml") and _FEED.search(start):
        return "application/rss+xml"
    return declared


def _fix_hint(kind: str) -> str:
    if kind in _FEEDS:
        return "declare it with `feed:`"
    if kind == "application/pdf":
        return "save its text as .md or .txt and declare that file with `files:`"
    if kind == "application/zip":
        return "declare an export archive by its path, with the field of its platform"
    return "declare the page that links to it"


def _html(response: Response) -> bytes | str:
    """A page; as text if only the header says its encoding, otherwise as bytes."""
    content, charset = response.content, _CHARSET.search(response.content_type)
    # Servers declare Latin-1 for every page, and it fits any bytes.
    if charset is None or not charset[1].startswith(_LEGACY) or charset[1] == "iso-8859-1":
        return content
    if re.search(rb"<meta[^>]+charset", content[:_START], re.I):
        return content
    try:
        content.decode("utf-8")
        return content
    except UnicodeDecodeError:
        pass
    try:
        return content.decode(charset[1])
    except (UnicodeDecodeError, LookupError):
        return content


def _language(response: Response) -> str | None:
    """The language of the answer, if the header names exactly one."""
    found = re.fullmatch(r"\s*([A-Za-z]{2,3})(?:-[\w-]+)?\s*", response.headers.get("content-language", ""))
    return found[1].lower() if found else None
