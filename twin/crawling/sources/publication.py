"""What all that publishes by a feed has in common: items to documents, pages where the feed is not enough.

A feed is the better source of an article: the publisher gives the article alone, and says who wrote it and when. It is
also a window: it shows the newest items only. So what was read from it is kept when it leaves, and must not change
then merely because a page is taken apart in another way than an item is: `read_article` compares their words.
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
"""The validator that says whose software makes a page, once one of an earlier crawl said so."""

_VIA, _WORDS, _PAGES, _WHOLE = "via", "words", "pages", "whole"
_REFUSALS = frozenset({401, 402, 403, 451})
_WAITING = "left_for_the_next_crawl"
_PATIENCE = 3


class FeedReader(Crawler):
    """Base of the crawlers that read feeds.

    Class attributes:
        server: origin that is asked in place of the link's own, for tests; "" asks the link's own.
        most_pages: how many pages behind items one crawl asks for, at the pace of the host; the others wait for the
            next crawl.
        most_feeds: how many older parts of a feed one crawl asks for.
    """

    categories: ClassVar[tuple[Category, ...]] = (Category.ARTICLES,)
    server: ClassVar[str] = ""
    most_pages: ClassVar[int] = 2000
    most_feeds: ClassVar[int] = 100

    def at(self, url: str) -> str:
        """Where `url` is asked for."""
        parts = urlsplit(url)
        return self.server + url.removeprefix(f"{parts.scheme}://{parts.netloc}") if self.server else url

    def read_feed(
        self, link: Link, category: Category, validators: Mapping[str, str], url: str, response: Response | None = None
    ) -> Crawl:
        """Read the items of the feed at `url`, fetched already or not; those it does not show any more are kept.

        Raises:
            CrawlError: it cannot be fetched or is no feed.
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
        """The documents of a feed's items, of their pages where the items are teasers."""
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

        Where they were all read before, it ends at the first one that holds nothing new.
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
    """Base of the crawlers of platforms: publications and single articles, on the platform's host and on others."""

    @classmethod
    def owns(cls, url: str) -> bool:
        """Whether `url`, on a host that runs the platform, is a publication or one of its articles."""
        raise NotImplementedError  # every platform has its own

    def mend(self) -> str:
        """What an author can do where the platform refuses to show something to a program, as the end of a sentence."""
        raise NotImplementedError  # every platform has its own

    def read(
        self, link: Link, category: Category, validators: Mapping[str, str], page: Response | None = None
    ) -> Crawl:
        """Read a publication or one article.

        Args:
            page: what `link` answered, where it was asked already.

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
        """Read one article: from the first of `feeds` that shows it, else from its page.

        The validators say which it was. An article that has left its feed is compared with its page by its words: where
        these are equal nothing has changed, else the page is the source from then on.

        Args:
            address: the document's own, by which it is found in a feed.

        Raises:
            CrawlError: neither shows it.
        """
        paid = f"{link.url} is shown in full to those who pay: {self.mend()}."
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
            raise CrawlError(f"{str(error).removesuffix('.')}, or {self.mend()}.") from error
        if validators.get(_VIA) == "feed" and validators.get(_WORDS) == fingerprint(document):
            return Crawl(status="unchanged", validators=response.validators)
        return Crawl([document], validators=response.validators | {_VIA: "page"})

    def _from_feed(self, link: Link, category: Category, url: str, address: str) -> Document | str:
        """The article from a feed; "paid" where it only begins there, and "" where the feed does not show it."""
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
    """Read a page as its platform is read, where it is one of Medium's or Substack's on a host that nobody knows.

    Call it before the page is asked for, with the validators alone, for what was recognised by an earlier crawl; and
    after it was, with what it is. None says that the page is all there is to read.

    Args:
        validators: of the last good crawl; those of the crawl that is given say what software it was.
        software: whose software made the page: "medium", "substack" or any other.
        page: what `link` answered, which is not asked for again.

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
    """The pages behind items that are teasers: a bounded number a crawl, and none again while its item is the same."""

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
        """The document of an item's page; none where it was read before, cannot be read or has to wait."""
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
                if self._busy == _PATIENCE:  # a server that is overrun is left alone
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
        """Note that the feed gave an item in full, so that its page is not asked for when it does so no more."""
        self._read.add(_key(item.link))

    def pass_over(self, item: Item, reason: str) -> None:
        """Count an item that is left out, and note that it was seen."""
        self.crawl.skipped[reason] += 1
        self._read.add(_key("", item.link))

    def has_all(self, feed: Feed) -> bool:
        """Whether a part of a feed whose parts were all read holds nothing that was not seen in it."""
        items = [item for item in feed.items if item.link]
        seen = (self._known & {_item_key(item), _key(item.link), _key("", item.link)} for item in items)
        return self._was_whole and bool(items) and all(seen)

    def keep(self) -> None:
        """Keep in mind what was read before, for this crawl does not look at all of it."""
        self._read |= self._known

    def wait(self) -> None:
        """Note that something waits, so that the feed must be asked again even if it did not change."""
        self._is_done = False

    def close(self) -> None:
        """Write down what was read, for the next crawl."""
        if self._read:
            self.crawl.validators[_PAGES] = " ".join(sorted(self._read))
        if not self._is_done:
            for name in ("etag", "last_modified"):
                self.crawl.validators.pop(name, None)


def _item_key(item: Item) -> str:
    """What tells whether a teaser is as it was, and so the page behind it."""
    return _key(item.link, item.title, item.html, str(item.updated_at)) if item.html else _key(item.link)


def _key(*parts: str) -> str:
    return sha256("\0".join(parts))[:12]
