"""RSS and Atom feeds that carry their articles in full; one document per item."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote, urljoin, urlsplit

from twin.crawling.base import Crawl, Crawler, register
from twin.crawling.page import platform
from twin.errors import CrawlError
from twin.models import Category, Document, Link

if TYPE_CHECKING:
    from bs4 import Tag

_NAMES = frozenset({"feed", "rss", "atom"})
_SUFFIXES = frozenset({".rss", ".xml", ".atom"})
_FULL = ("content:encoded", "encoded", "content")
_EXCERPT_WORDS = 40
"""An item with fewer words than this, or with no full content at all, is a teaser of an article and not the article."""


@register
class FeedCrawler(Crawler):
    """Reads the items of a feed. A feed shows only its newest items, so earlier ones are kept."""

    kind: ClassVar[str] = "feed"
    version: ClassVar[str] = "feed-1"
    categories: ClassVar[tuple[Category, ...]] = (Category.ARTICLES,)

    @classmethod
    def claim(cls, url: str) -> str | None:
        """An address that looks like a feed's."""
        path = PurePosixPath(unquote(urlsplit(url).path).lower())
        names = path.parts[1:]
        return url if names and (names[-1] in _NAMES or path.suffix in _SUFFIXES or names[0] == "feed") else None

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read the items that carry their article in full; the others are counted as "excerpt_only".

        Raises:
            CrawlError: it cannot be fetched or is not a feed.
        """
        response = self.tools.fetcher.get(link.url, validators)
        if response.unchanged:
            return Crawl(status="unchanged", validators=response.validators, complete=False)
        items = _items(response.content, link.url)
        crawl = Crawl(validators=response.validators, complete=False)
        crawl.documents = self._documents(items, link, category, crawl)
        return crawl

    def _documents(self, items: list["Tag"], link: Link, category: Category, crawl: Crawl) -> Iterator[Document]:
        from twin.crawling.extract import extract_page

        for item in items:
            address, html = _address(item, link.url), _text(item, *_FULL)
            if not address:
                crawl.skipped["without_link"] += 1
                continue
            page = extract_page(f"<html><body><article>{html}</article></body></html>", address) if html else None
            if page is None or len(page.text.split()) < _EXCERPT_WORDS:
                crawl.skipped["excerpt_only"] += 1
                continue
            named = {"author": _text(item, "dc:creator", "creator", "author"), "feed": link.url}
            yield Document(
                author=link.author, category=category, link=address, source=link.url, platform=platform(address),
                title=_text(item, "title") or page.title, text=page.text, language=page.language,
                published_at=_moment(_text(item, "pubDate", "published", "updated", "dc:date")),
                metadata={name: value for name, value in named.items() if value},
            )  # fmt: skip


def _items(content: bytes, url: str) -> list["Tag"]:
    from bs4 import BeautifulSoup

    if b"<!ENTITY" in content:
        raise CrawlError(f"{url} declares XML entities, which no feed needs, so it is not read: declare its pages.")
    soup = BeautifulSoup(content, "xml")
    if soup.find(["rss", "feed", "RDF"]) is None:
        raise CrawlError(f"{url} is not an RSS or Atom feed: declare it with `articles:` if it is a page.")
    return list(soup.find_all(["item", "entry"]))


def _text(item: "Tag", *names: str) -> str:
    for name in names:
        found = item.find(name, recursive=False)
        if found is not None and (text := found.get_text().strip()):
            return text
    return ""


def _address(item: "Tag", base: str) -> str:
    """The item's own address, canonical: the text of RSS's link, or the href of Atom's alternate one."""
    from twin.links import canonical_url

    for link in item.find_all("link", recursive=False):
        if link.get("rel") in (None, "alternate"):
            address = str(link.get("href") or link.get_text()).strip()
            if address:
                return str(canonical_url(urljoin(base, address)))
    return ""


def _moment(text: str) -> datetime | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text)
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
