"""What all platforms with a feed share: items become documents, and pages fill in where the feed is not enough.

A feed is the better source of an article: the publisher gives only the article, and says who wrote it and when. But it
shows only the newest items. So an article that has left the feed is kept, and must not change just because a page is
parsed differently from an item: `read_article` compares their words.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar
from urllib.parse import urlsplit

from twin.crawling.base import Crawl, Crawler, crawlers
from twin.crawling.feeds.documents import (
    PAID,
    address_of,
    fingerprint,
    is_same_site,
    item_document,
    platform_of,
)
from twin.crawling.feeds.items import Feed, Item, parse_feed
from twin.crawling.pages.document import PreviewError, page_document
from twin.crawling.tools import Tools
from twin.crawling.web.fetcher import FetchError, Response
from twin.errors import ConsistencyError, CrawlError
from twin.identity import sha256
from twin.models import Category, Document, Link

logger = logging.getLogger("twin")

SOFTWARE = "software"
"""The validator that names the software of a page, once an earlier crawl has found it out."""

_VIA, _WORDS, _PAGES, _WHOLE = "via", "words", "pages", "whole"
_REFUSALS = frozenset({401, 402, 403, 451})
_WAITING = "left_for_the_next_crawl"
_PATIENCE = 3


class FeedReader(Crawler):
    """Base of the crawlers that read feeds.

    Class attributes:
        server: origin that is requested instead of the link's own, for tests; "" for the link's own.
        most_pages: how many pages of items one crawl fetches, at the host's rate; the others wait for the next crawl.
        most_feeds: how many older parts of a feed one crawl fetches.
    """

    categories: ClassVar[tuple[Category, ...]] = (Category.ARTICLES,)
    server: ClassVar[str] = ""
    most_pages: ClassVar[int] = 2000
    most_feeds: ClassVar[int] = 100

    def at(self, url: str) -> str:
        """The address from which `url` is fetched."""
        parts = urlsplit(url)
        return self.server + url.removeprefix(f"{parts.scheme}://{parts.netloc}") if self.server else url

    def read_feed(
        self, link: Link, category: Category, validators: Mapping[str, str], url: str, response: Response | None = None
    ) -> Crawl:
        """Read the items of the feed at `url`, fetched already or not; stored items that it no longer shows are kept.

        Raises:
            CrawlError: it cannot be fetched or is not a feed.
        """
        response = response or self.tools.fetcher.get(self.at(url), validators)
        if response.unchanged:
            return Crawl(status="unchanged", validators=response.validators, complete=False)
        feed = parse_feed(response.content, url if self.server else response.url, response.content_type)
        crawl = Crawl(validators=dict(response.validators), complete=False)
        pages = Pages(self, link, category, crawl, validators)
        crawl.documents = self.documents(feed, url, response.capture, pages)
        return crawl

    def documents(self, feed: Feed, url: str, capture: str | None, pages: "Pages") -> Iterator[Document]:
        """The documents of a feed's items; for teasers, the documents of their pages."""
        for part, address, digest in self._parts(feed, url, capture, pages):
            for item in part.items:
                try:
                    made = item_document(item, pages.link, pages.category, feed=part, url=url, capture=digest)
                except CrawlError as error:
                    logger.warning("%s", error)
                    made = "broken"
                if isinstance(made, Document):
                    pages.note(item)
                    yield made
                    continue
                if made == "excerpt_only":
                    made = PAID.get(platform_of(item, part), made)
                if made == "excerpt_only" and is_same_site(item.link, address):
                    yield from pages.read(item)
                else:
                    pages.pass_over(item, made)
        pages.close()

    def _parts(
        self, feed: Feed, url: str, capture: str | None, pages: "Pages"
    ) -> Iterator[tuple[Feed, str, str | None]]:
        """A feed and its older parts (RFC 5005), each with its address and capture.

        If all of them were read before, it ends at the first part without anything new.
        """
        yield feed, url, capture
        asked = {url}
        while feed.older and feed.older not in asked and is_same_site(feed.older, url):
            if len(asked) > self.most_feeds:
                pages.crawl.skipped["older_parts_of_the_feed"] += 1
                break
            url = feed.older
            asked.add(url)
            try:
                response = self.tools.fetcher.get(self.at(url))
                feed = parse_feed(response.content, url if self.server else response.url, response.content_type)
            except (CrawlError, ConsistencyError) as error:
                logger.warning("%s", error)
                pages.crawl.skipped["part_of_the_feed_not_readable"] += 1
                pages.wait()
                return
            if pages.has_all(feed):
                pages.keep()
                break
            yield feed, url, response.capture
        if len(asked) > 1:
            pages.crawl.validators[_WHOLE] = "1"


class PublicationReader(FeedReader):
    """Base of the crawlers for platforms: publications and single articles, on the platform's host and on others."""

    @classmethod
    def owns(cls, url: str) -> bool:
        """Whether `url`, on a host that runs the platform, is a publication or one of its articles."""
        raise NotImplementedError  # every platform has its own

    def fix_hint(self) -> str:
        """What an author can do if the platform refuses to show something to a program, as the end of a sentence."""
        raise NotImplementedError  # every platform has its own

    def read(
        self, link: Link, category: Category, validators: Mapping[str, str], page: Response | None = None
    ) -> Crawl:
        """Read a publication or one article.

        Args:
            page: the response for `link`, if it was fetched already.

        Raises:
            CrawlError: it is not shown, or there is no such page.
        """
        raise NotImplementedError  # every platform has its own

    def read_article(
        self,
        link: Link,
        category: Category,
        validators: Mapping[str, str],
        *,
        address: str,
        feeds: Iterable[str],
        page: Response | None = None,
    ) -> Crawl:
        """Read one article: from the first of `feeds` that shows it, otherwise from its page.

        The validators record which it was. An article that has left its feed is compared with its page by its words. If
        they are equal, nothing has changed; otherwise the page is the source from then on.

        Args:
            address: the document's own address, which finds it in a feed.

        Raises:
            CrawlError: neither shows it.
        """
        paid = f"{link.url} is shown in full only to paying readers: {self.fix_hint()}."
        if validators.get(_VIA) != "page":
            for url in feeds:
                made = self._from_feed(link, category, url, address)
                if isinstance(made, Document):
                    return Crawl([made], validators={_VIA: "feed", _WORDS: fingerprint(made)})
                if made == "paid" and "sk=" not in urlsplit(link.url).query:
                    return Crawl(status="skipped", message=paid)
        try:
            response = page or self.tools.fetcher.get(self.at(link.url), validators)
            if response.unchanged:
                return Crawl(status="unchanged", validators=response.validators)
            document = page_document(response, link, category, address=address)
        except PreviewError:
            return Crawl(status="skipped", message=paid)
        except CrawlError as error:
            if isinstance(error, FetchError) and error.status not in _REFUSALS:
                raise
            raise CrawlError(f"{str(error).removesuffix('.')}, or {self.fix_hint()}.") from error
        if validators.get(_VIA) == "feed" and validators.get(_WORDS) == fingerprint(document):
            return Crawl(status="unchanged", validators=response.validators)
        return Crawl([document], validators=response.validators | {_VIA: "page"})

    def _from_feed(self, link: Link, category: Category, url: str, address: str) -> Document | str:
        """The article from a feed; "paid" if the feed has only its beginning, and "" if the feed does not show it."""
        try:
            response = self.tools.fetcher.get_once(self.at(url))
            feed = parse_feed(response.content, url, response.content_type)
        except CrawlError as error:
            logger.info("%s", error)
            return ""
        for item in feed.items:
            if address_of(item, feed) == address or item.link == address:
                made = item_document(item, link, category, feed=feed, url=url, capture=response.capture)
                if isinstance(made, Document):
                    return made.model_copy(update={"link": address})
                return "paid" if item.teaser else ""
        return ""


def read_publication(
    link: Link,
    category: Category,
    validators: Mapping[str, str],
    tools: Tools,
    *,
    software: str | None = None,
    page: Response | None = None,
) -> Crawl | None:
    """Read a page as its platform is read, if it belongs to Medium or Substack but is on a custom host.

    Call it twice: before the page is fetched, with only the validators, for platforms that an earlier crawl recognised;
    and after it was fetched, with the page. None means that the page is all there is to read.

    Args:
        validators: of the last good crawl; those of the returned crawl say what software it was.
        software: what made the page: "medium", "substack" or any other.
        page: the response for `link`, which is not fetched again.

    Raises:
        CrawlError: its platform does not show it.
    """
    name = software if page else validators.get(SOFTWARE)
    crawler = crawlers().get(name or "")
    if name is None or crawler is None or not issubclass(crawler, PublicationReader) or not crawler.owns(link.url):
        return None
    try:
        crawl = crawler(tools).read(link, category, validators, page)
    except CrawlError as error:
        if page or error.retryable:
            raise
        return None  # it may have moved to other software: its page says so
    crawl.validators[SOFTWARE] = name
    return crawl


class Pages:
    """The pages of items that are teasers: a limited number per crawl, and none again while its item is unchanged."""

    def __init__(
        self, reader: FeedReader, link: Link, category: Category, crawl: Crawl, validators: Mapping[str, str]
    ) -> None:
        self.link, self.category, self.crawl = link, category, crawl
        self._reader, self._left, self._busy = reader, reader.most_pages, 0
        self._known = frozenset(validators.get(_PAGES, "").split())
        self._was_whole = _WHOLE in validators
        self._read: set[str] = set()
        self._is_done = True

    def read(self, item: Item) -> Iterator[Document]:
        """The document of an item's page; none if it was read before, cannot be read or has to wait."""
        key = _item_key(item)
        if same := self._known & {key, _key(item.link)}:
            self._read |= same
            self.crawl.unchanged |= {item.link}
            return
        if self._left <= 0:
            self.crawl.skipped[_WAITING] += 1
            self.wait()
            return
        self._left -= 1
        try:
            response = self._reader.tools.fetcher.get(self._reader.at(item.link))
            document = page_document(response, self.link, self.category, address=item.link)
        except PreviewError as error:
            logger.info("%s", error)
            self.pass_over(item, "paid")
            return
        except (CrawlError, ConsistencyError) as error:
            logger.warning("%s", error)
            self.crawl.skipped["page_not_readable"] += 1
            if isinstance(error, CrawlError) and error.retryable:
                self.wait()
                self._busy += 1
                if self._busy == _PATIENCE:  # an overloaded server is left alone
                    self._left = 0
            return
        self._read.add(key)
        known = {"feed": self.link.url, "tags": list(item.tags), "subtitle": item.subtitle} | document.metadata
        yield document.model_copy(
            update={
                "title": item.title or document.title,
                "published_at": item.published_at or document.published_at,
                "metadata": {name: value for name, value in known.items() if value},
            }
        )

    def note(self, item: Item) -> None:
        """Note that the feed gave an item in full, so that its page is not fetched when the feed no longer does."""
        self._read.add(_key(item.link))

    def pass_over(self, item: Item, reason: str) -> None:
        """Count an item that is left out, and note that it was seen."""
        self.crawl.skipped[reason] += 1
        self._read.add(_key("", item.link))

    def has_all(self, feed: Feed) -> bool:
        """Whether everything in a part of a feed was seen before; False if not all parts were read last time."""
        items = [item for item in feed.items if item.link]
        seen = (self._known & {_item_key(item), _key(item.link), _key("", item.link)} for item in items)
        return self._was_whole and bool(items) and all(seen)

    def keep(self) -> None:
        """Keep what was read before, because this crawl does not look at all of it."""
        self._read |= self._known

    def wait(self) -> None:
        """Note that something waits, so that the feed is requested again even if it did not change."""
        self._is_done = False

    def close(self) -> None:
        """Record what was read, for the next crawl."""
        if self._read:
            self.crawl.validators[_PAGES] = " ".join(sorted(self._read))
        if not self._is_done:
            for name in ("etag", "last_modified"):
                self.crawl.validators.pop(name, None)


def _item_key(item: Item) -> str:
    """A key that tells whether a teaser, and so the page behind it, has changed."""
    return _key(item.link, item.title, item.html, str(item.updated_at)) if item.html else _key(item.link)


def _key(*parts: str) -> str:
    return sha256("\0".join(parts))[:12]
