"""RSS, Atom and JSON feeds; one document per item."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from twin.crawling.base import Crawl, register
from twin.crawling.feeds.items import discover_feed
from twin.crawling.sources.publication import FeedReader
from twin.errors import CrawlError
from twin.models import Category, Link

_NAMES = frozenset({"feed", "rss", "atom"})
_SUFFIXES = frozenset({".rss", ".xml", ".atom"})
_FEED = "feed"


@register
class FeedCrawler(FeedReader):
    """Reads the items of a feed. For items that are teasers it reads their pages, if these are on the same site.

    A feed shows only its newest items, so earlier ones are kept. If a page is declared as a feed, the feed that the
    page names as its own is read. Older parts of a feed (RFC 5005, `next_url` of JSON Feed) are read as well.
    """

    kind: ClassVar[str] = "feed"
    version: ClassVar[str] = "feed-3"

    @classmethod
    def claim(cls, url: str) -> str | None:
        """An address that looks like a feed's address."""
        path = PurePosixPath(unquote(urlsplit(url).path).lower())
        names = path.parts[1:]
        is_feed = names and (names[-1] in _NAMES or path.suffix in _SUFFIXES or names[0] == "feed")
        return url if is_feed or path.name == "feed.json" else None

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read the items that contain their article in full, and a limited number of pages for the others.

        Raises:
            CrawlError: it cannot be fetched, or it is not a feed and does not name one.
        """
        if address := validators.get(_FEED):
            try:
                return self._noted(self.read_feed(link, category, validators, address), address)
            except CrawlError as error:
                if error.retryable:
                    raise
                validators = {}  # the feed has moved, and the page names the new address
        response = self.tools.fetcher.get(link.url, validators)
        found = None if response.unchanged else discover_feed(response.content, response.url)
        if found is None or found == link.url:
            return self.read_feed(link, category, validators, link.url, response)
        return self._noted(self.read_feed(link, category, {}, found), found)

    def _noted(self, crawl: Crawl, address: str) -> Crawl:
        """The same crawl, with the address that the next crawl tries first."""
        crawl.validators[_FEED] = address
        return crawl
