"""What a page says about itself: title, subtitle, author, date, language, address and site.

JSON-LD (schema.org) comes first, then OpenGraph, meta tags and microdata, then what trafilatura finds elsewhere.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

from twin.crawling.pages.trees import Element, json_ld, types_of
from twin.text.moments import in_utc, iso_moment

_ARTICLES = frozenset({
    "advertisercontentarticle", "analysisnewsarticle", "article", "blogposting", "liveblogposting", "newsarticle",
    "opinionnewsarticle", "report", "reportagenewsarticle", "scholarlyarticle", "socialmediaposting", "techarticle",
})  # fmt: skip
"""Types of schema.org, in lower case, that describe the article of a page."""
_SUBTITLES = frozenset({
    "article-subtitle", "dek", "entry-subtitle", "p-summary", "post-subtitle", "pw-subtitle-paragraph", "standfirst",
    "subheadline", "subtitle",
})  # fmt: skip
_DATES = (
    "//meta[@property='article:published_time' or @property='og:article:published_time']/@content",
    "//*[@itemprop='datePublished']/@content",
    "//*[@itemprop='datePublished']/@datetime",
    "//time[@pubdate or contains(concat(' ', @class, ' '), ' dt-published ')]/@datetime",
    "//meta[@name='date' or @name='DC.date' or @name='dc.date' or @name='publish_date' or @name='pubdate'"
    " or @name='article:published_time' or @name='parsely-pub-date']/@content",
)
_AUTHORS = (
    "//meta[@name='author' or @property='author' or @name='parsely-author' or @name='dc.creator']/@content",
    "//meta[@property='article:author' or @property='og:article:author']/@content",
)
_SITES = ("//meta[@property='og:site_name']/@content",)
_APPLICATIONS = ("//meta[@name='application-name']/@content",)
_TITLES = (
    "//meta[@property='og:title']/@content",
    "//meta[@name='twitter:title' or @property='twitter:title']/@content",
)
_LANGUAGES = ("//meta[@property='og:locale']/@content", "//meta[@http-equiv='content-language']/@content")
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_].*)?", re.I | re.S)
_CLOCK = re.compile(r"\d[T ]\d{1,2}:\d\d")
_LONGEST = 1000


@dataclass(frozen=True)
class Metadata:
    """What a page says about itself; None for what it does not say."""

    title: str | None = None
    subtitle: str | None = None
    author: str | None = None
    published_at: datetime | None = None
    """In UTC. At midnight if the page gives a day without a time."""
    language: str | None = None
    """Primary subtag of BCP 47, in lower case."""
    canonical: str | None = None
    site: str | None = None


def read_metadata(tree: Element, url: str | None) -> Metadata:
    """The metadata of a parsed page. An invalid address is removed from `tree`, because extractors fail on it."""
    from trafilatura.metadata import extract_metadata

    canonical = _canonical(tree, url)
    found = extract_metadata(tree, url)
    described = _article(tree)
    title = _line(described.get("headline")) or found.title or _first(tree, _TITLES)
    subtitle = _line(described.get("alternativeHeadline")) or _subtitle(tree)
    site = _first(tree, _SITES) or _names(described.get("publisher")) or found.sitename or _first(tree, _APPLICATIONS)
    return Metadata(
        title=title,
        subtitle=subtitle if subtitle != title else None,
        author=_names(described.get("author")) or found.author or _author(tree),
        published_at=_published_at(tree, described, found.date),
        language=_language(tree, described),
        canonical=canonical,
        site=site.lstrip("@") if site else None,
    )


def moment(text: object) -> datetime | None:
    """A date of ISO 8601 or RFC 5322, in UTC; a date without a time zone counts as UTC. None if it is not a date."""
    if not isinstance(text, str) or not 8 <= len(text.strip()) <= 40:
        return None
    try:
        return iso_moment(text) or in_utc(parsedate_to_datetime(text.strip()))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _published_at(tree: Element, described: dict[str, Any], guessed: str | None) -> datetime | None:
    """The first date that includes a time, otherwise the first date."""
    written = [described.get("datePublished"), *(value for path in _DATES for value in tree.xpath(path)[:3]), guessed]
    dates = [(date, bool(_CLOCK.search(str(text)))) for text in written if (date := moment(text))]
    day = dates[0][0] if dates else None
    # A time on another day belongs to a change of the page, or to another article.
    return next((date for date, has_clock in dates if has_clock and day and abs((date - day).days) <= 1), day)


def _article(tree: Element) -> dict[str, Any]:
    """The JSON-LD object of the page's article; {} if there is none."""
    best: dict[str, Any] = {}
    for thing in json_ld(tree, nested=True):
        names = {name.lower() for name in types_of(thing)}
        if not _ARTICLES.isdisjoint(names) and ("headline" in thing) > ("headline" in best):
            best = thing
    return best


def _names(described: object) -> str | None:
    """The names of persons or organisations: one object, several, or plain text."""
    people = described if isinstance(described, list) else [described]
    names = [_line(each.get("name") if isinstance(each, dict) else each) for each in people[:20]]
    kept = list(dict.fromkeys(name for name in names if name and not name.startswith(("http://", "https://", "@"))))
    return "; ".join(kept) or None


def _author(tree: Element) -> str | None:
    names = [_line(value) for path in _AUTHORS for value in tree.xpath(path)[:5]]
    return next((name for name in names if name and "://" not in name), None)


def _subtitle(tree: Element) -> str | None:
    """The text right below the title in an element with such a class; a summary of the text does not count."""
    for element in tree.iter("h2", "h3", "h4", "p", "div", "section"):
        named = element.get("itemprop") == "alternativeHeadline"
        if named or not _SUBTITLES.isdisjoint((element.get("class") or "")[:_LONGEST].split()):
            return _line("".join(element.itertext()))
    return None


def _language(tree: Element, described: dict[str, Any]) -> str | None:
    root = tree.getroottree().getroot()
    own = (root.get("lang"), root.get("{http://www.w3.org/XML/1998/namespace}lang"), root.get("xml:lang"))
    for declared in (*own, described.get("inLanguage"), *(_first(tree, (path,)) for path in _LANGUAGES)):
        match = _LANGUAGE.fullmatch(declared.strip()) if isinstance(declared, str) else None
        if match:
            return match[1].lower()
    return None


def _canonical(tree: Element, url: str | None) -> str | None:
    """The address that the page gives itself, if it is absolute."""
    for path, attribute in (("//link[@rel='canonical']", "href"), ("//meta[@property='og:url']", "content")):
        for element in tree.xpath(path):
            try:
                address: str = urljoin(url or "", (element.get(attribute) or "").strip())
                parts = urlsplit(address)
            except ValueError:  # a page can write anything there
                element.attrib.pop(attribute)
                continue
            if parts.scheme in ("http", "https") and parts.hostname:
                return address
    return None


def _first(tree: Element, paths: tuple[str, ...]) -> str | None:
    return next((line for path in paths for value in tree.xpath(path)[:3] if (line := _line(value))), None)


def _line(text: object) -> str | None:
    """A text in one line, without entities that were escaped twice; None if it is empty or far too long."""
    line = " ".join(unescape(str(text)).split()) if isinstance(text, str) else ""
    return line if 0 < len(line) <= _LONGEST else None
