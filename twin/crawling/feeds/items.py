"""Read a feed of any dialect: RSS 0.9x, 1.0 and 2.0, Atom (RFC 4287), JSON Feed 1.1.

feedparser parses XML from bytes that are already here, so its own network access is never used.
"""

import json
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape, unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

from twin.crawling.pages.apart import apart
from twin.crawling.pages.parsing import feed_tree, loaded_tree
from twin.errors import CrawlError
from twin.links import canonical_or_none
from twin.text.moments import iso_moment
from twin.text.words import count_words

logger = logging.getLogger("twin")

_READ_ON = re.compile(
    r"(continue reading|read more|read the full|read the rest|keep reading|weiterlesen|mehr lesen|lire la suite|"
    r"leer más|continua a leggere|leia mais|lees verder|читать (далее|дальше|полностью)|続きを読む|阅读(全文|更多)|"
    r"閱讀(全文|更多)|더 ?보기|계속 읽기|اقرأ المزيد|המשך קריאה|ادامه مطلب)",
    re.I,
)
_CUT_OFF = re.compile(r"\[(…|\.\.\.|&#8230;|&hellip;)\]\s*(</?(p|div|span)[^>]*>\s*)*$", re.I)
_LINK = re.compile(r"<a\b[^>]*?href\s*=\s*[\"']?([^\"'\s>]*)[^>]*>(.*?)</a>", re.I | re.S)
_TAG = re.compile(r"<[^<>]*>")
_BLOCK = re.compile(r"<(p|div|pre|h[1-6]|ul|ol|br)\b", re.I)
_LAST = 400
"""Number of characters at the end of an item that are searched for a link to the rest."""
_SUMMARY_WORDS = 150
"""A summary with fewer words than this is a summary, whatever its markup says."""
_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")
_BROKEN = (AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What feedparser raises on hostile bytes; found by fuzzing."""
_TRACKERS = ("feedproxy.google.com", "feeds.feedburner.com", "rss.feedsportal.com")


@dataclass(frozen=True)
class Item:
    """One item of a feed.

    Args:
        link: its canonical address; "" if it has none.
        key: its guid or id.
        html: the longest text that it contains, as HTML; "" if there is none.
        base: the base address of relative links in `html`.
        teaser: whether that text only leads to the article.
        media: whether it has an audio or video file.
    """

    link: str
    key: str
    title: str
    html: str
    base: str
    teaser: bool
    media: bool = False
    author: str = ""
    published_at: datetime | None = None
    updated_at: datetime | None = None
    tags: tuple[str, ...] = ()
    language: str | None = None
    subtitle: str = ""


@dataclass(frozen=True)
class Feed:
    """A feed, or one part of it: its items in order, who made it, and where the older ones are."""

    title: str
    generator: str
    items: tuple[Item, ...]
    older: str = ""


@apart
def parse_feed(content: bytes, url: str, content_type: str = "") -> Feed:
    """Read a feed.

    Args:
        content: the body, unchanged.
        url: where it was found, for relative addresses and for messages.
        content_type: the header, for feeds that are not UTF-8 and do not name their encoding.

    Raises:
        CrawlError: it is not a feed, or it declares entities, which XML bombs are built from.
    """
    # Check without NUL bytes, so that UTF-16 cannot hide it; feedparser itself does not expand growing entities either.
    if re.search(rb"<!ENTITY", content.replace(b"\0", b""), re.I):
        raise CrawlError(f"{url} declares XML entities, which no feed needs, so it is not read: declare its pages.")
    feed = _json_feed(content, url) if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else None
    feed = feed or _xml_feed(content, url, content_type)
    if feed is None:
        raise CrawlError(f"{url} is not an RSS or Atom feed: declare it with `articles:` if it is a page.")
    return feed


@apart
def discover_feed(content: bytes, url: str) -> str | None:
    """The address of the feed that an HTML page names as its own (RSS autodiscovery), or None.

    Feeds of comments are ignored: they are not the author's articles.
    """
    tree = loaded_tree(content, url) if _is_html(content) else None
    for link in tree.iter("link") if tree is not None else ():
        relations, kind = (link.get("rel") or "").lower().split(), (link.get("type") or "").lower().strip()
        said = f"{link.get('title') or ''} {link.get('href') or ''}".lower()
        if "alternate" in relations and kind in _FEED_TYPES and link.get("href") and "comment" not in said:
            return _canonical(link.get("href"), url) or None
    return None


def _is_html(content: bytes) -> bool:
    start = content[:2000].lower()
    return b"<html" in start or b"<!doctype html" in start


def _xml_feed(content: bytes, url: str, content_type: str) -> Feed | None:
    headers = {"content-type": _media_type(content, content_type), "content-location": url}
    try:
        parsed: Any = feed_tree(content, headers, url)
    except _BROKEN as error:
        logger.info("%s cannot be parsed: %r", url, error)
        return None
    if not parsed.get("version"):
        return None
    about = parsed.feed
    language = _language(about.get("language") or "")
    updates = {str(_updated(each)) for each in parsed.entries}
    # If all items have the same time, it is the time when the feed was made. It would change with every crawl.
    is_made_now = len(parsed.entries) > 1 and len(updates) == 1
    items = tuple(_item(each, url, language, is_made_now) for each in parsed.entries)
    generator = about.get("generator") or ""
    return Feed(_plain(about.get("title") or ""), str(generator), items, _older(about.get("links") or [], url))


def _older(links: list[Any], url: str) -> str:
    """Where the next older items are: RFC 5005, sections 3 and 4."""
    for relation in ("prev-archive", "next"):
        for link in links:
            if link.get("rel") == relation and (address := _joined(str(link.get("href") or ""), url)):
                return address
    return ""


def _joined(address: str, base: str) -> str:
    try:
        joined = urljoin(base, address.strip())
    except ValueError:
        return ""
    return joined if address and joined.startswith(("http://", "https://")) else ""


def _updated(entry: Any) -> Any:
    """When an item was updated. feedparser's own `get` is avoided: it falls back to the time of publication."""
    return dict.get(entry, "updated_parsed")


def _item(entry: Any, url: str, language: str | None, is_made_now: bool) -> Item:
    contents = [each for each in entry.get("content", []) if each.get("value")]
    summary = entry.get("summary_detail") or {}
    best = max(contents, key=lambda each: len(each["value"]), default=None)
    # feedparser moves a second description of an item into `content`; it is a summary there too.
    full = best is not None and len(best["value"]) >= len(summary.get("value") or "")
    chosen = best if full and best is not None else summary
    html = chosen.get("value") or ""
    if chosen.get("type") == "text/plain":
        html = _paragraphs(html)
    link, base = _address(entry, url), str(chosen.get("base") or url)
    published = _moment(entry.get("published_parsed") or entry.get("created_parsed"))
    updated = None if is_made_now else _moment(_updated(entry))
    return Item(
        link=link,
        key=str(entry.get("id") or ""),
        title=_plain(entry.get("title") or ""),
        html=html,
        base=base,
        teaser=_is_teaser(html, link, base, is_summary=not full),
        media=any(str(each.get("type") or "").startswith(("audio/", "video/")) for each in entry.get("enclosures", [])),
        author=_plain(", ".join(names)) if (names := _names(entry)) else "",
        published_at=published or updated,
        updated_at=updated if published else None,
        tags=tuple(dict.fromkeys(_plain(tag.get("term") or "") for tag in entry.get("tags", []) if tag.get("term"))),
        language=_language(chosen.get("language") or "") or language,
        subtitle=_subtitle(summary.get("value") or "") if full else "",
    )


def _address(entry: Any, url: str) -> str:
    """The item's own address: not that of a click counter, and if there are several links, the alternate one."""
    links = [each.get("href") for each in entry.get("links", []) if each.get("rel", "alternate") == "alternate"]
    key = str(entry.get("id") or "")
    offered = [entry.get("feedburner_origlink"), *links, entry.get("link") if not entry.get("links") else None]
    if entry.get("guidislink") or not any(offered):
        offered.append(key if key.startswith(("http://", "https://")) else None)
    found = [address for each in offered if each and (address := _canonical(str(each), url))]
    direct = [address for address in found if urlsplit(address).hostname not in _TRACKERS]
    return next(iter(direct or found), "")


def _canonical(address: str, base: str) -> str:
    try:
        return canonical_or_none(urljoin(base, address.strip())) or ""
    except ValueError:
        return ""


def _names(entry: Any) -> list[str]:
    listed = [str(each.get("name") or "") for each in entry.get("authors", [])]
    # RSS 2.0 writes an author as "mail@host (Name)"; an address alone is not a name.
    names = [
        re.sub(r"^\S+@\S+\s*\((.+)\)$", r"\1", name.strip()) for name in listed or [str(entry.get("author") or "")]
    ]
    return list(dict.fromkeys(name for name in names if name and not re.fullmatch(r"\S+@\S+", name)))


def _is_teaser(html: str, link: str, base: str, *, is_summary: bool) -> bool:
    if "medium-feed-snippet" in html:
        return True
    end = html.rstrip()[-_LAST:]
    if _CUT_OFF.search(end):
        return True
    last = list(_LINK.finditer(end))
    if last and _READ_ON.match(_plain(last[-1][2])) and not count_words(_TAG.sub(" ", end[last[-1].end() :])):
        return link in ("", _canonical(last[-1][1], base))
    is_short = count_words(_TAG.sub(" ", html)) < _SUMMARY_WORDS
    breaks_off = _TAG.sub("", end).rstrip().endswith(("…", "..."))
    # A description may also be the whole article; then it has the words and paragraphs of one.
    return (is_summary and (is_short or breaks_off or not _BLOCK.search(html))) or (is_short and breaks_off)


def _subtitle(html: str) -> str:
    """A summary next to the full text, if it is one line, like Substack's subtitle."""
    text = _plain(html)
    return text if 0 < len(text) <= _LAST and not _BLOCK.search(html) and not _CUT_OFF.search(text) else ""


def _plain(html: str) -> str:
    return " ".join(unescape(_TAG.sub("", html)).split())


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(each)}</p>".replace("\n", "<br>") for each in re.split(r"\n\s*\n", text.strip()))


def _media_type(content: bytes, content_type: str) -> str:
    """The content type for feedparser, which trusts a header more than the bytes: valid UTF-8 is declared as UTF-8."""
    if any(byte > 0x7F for byte in content[:200_000]) or not content.isascii():
        try:
            content.decode("utf-8")
            return "application/xml; charset=utf-8"
        except UnicodeDecodeError:
            pass
    declared = re.match(rb"\s*<\?xml[^>]*encoding", content) or content[:2] in (b"\xff\xfe", b"\xfe\xff")
    charset = re.search(r"charset=[\"']?([\w.:-]+)", content_type)
    return f"application/xml; charset={charset[1]}" if charset and not declared else "application/xml"


def _moment(parsed: Any) -> datetime | None:
    """feedparser gives times in UTC, whatever time zone they were written in."""
    if not parsed:
        return None
    try:
        year, month, day, hour, minute, second = parsed[:6]
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (TypeError, ValueError):
        return None


def _language(tag: str) -> str | None:
    found = re.match(r"([A-Za-z]{2,3})(?:[-_]|$)", tag.strip())
    return found[1].lower() if found else None


def _json_feed(content: bytes, url: str) -> Feed | None:
    """JSON Feed 1.1, https://www.jsonfeed.org/version/1.1/."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or "jsonfeed.org/version" not in str(data.get("version")):
        return None
    listed = data.get("items")
    entries = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    items = tuple(_json_item(each, data, url) for each in entries)
    return Feed(str(data.get("title") or ""), "", items, _joined(str(data.get("next_url") or ""), url))


def _json_item(entry: dict[str, Any], data: dict[str, Any], url: str) -> Item:
    offered = (entry.get("authors"), [entry.get("author")], data.get("authors"), [data.get("author")])
    named = [[each for each in some if isinstance(each, dict)] for some in offered if isinstance(some, list)]
    names = [str(each.get("name") or "") for each in next(filter(None, named), [])]
    html = str(entry.get("content_html") or "") or _paragraphs(str(entry.get("content_text") or ""))
    key = str(entry.get("id") or "")
    address = str(entry.get("url") or "") or (key if key.startswith(("http://", "https://")) else "")
    link = _canonical(address, url) if address else ""
    published, updated = iso_moment(entry.get("date_published")), iso_moment(entry.get("date_modified"))
    attached, tags = entry.get("attachments"), entry.get("tags")
    media = [each for each in attached if isinstance(each, dict)] if isinstance(attached, list) else []
    return Item(
        link=link,
        key=key,
        title=_plain(str(entry.get("title") or "")),
        html=html,
        base=url,
        teaser=_is_teaser(html, link, url, is_summary=False),
        media=any(str(each.get("mime_type") or "").startswith(("audio/", "video/")) for each in media),
        author=", ".join(name for name in names if name),
        published_at=published or updated,
        updated_at=updated if published else None,
        tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        language=_language(str(entry.get("language") or data.get("language") or "")),
    )
