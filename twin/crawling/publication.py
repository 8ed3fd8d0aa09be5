"""What all that publishes by a feed has in common: items to documents, pages where the feed is not enough.

A feed is the better source of an article: the publisher gives the article alone, and says who wrote it and when. It is
also a window: it shows the newest items only. So what was read from it is kept when it leaves, and must not change
then merely because a page is taken apart in another way than an item is: `read_article` compares their words.
"""

import logging
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar
from urllib.parse import urlsplit

from twin.crawling.base import Crawl, Crawler
from twin.crawling.feed_items import Feed, Item, parse_feed
from twin.crawling.fragment import fragment_markdown
from twin.crawling.page import platform
from twin.crawling.web import SAVE_THE_PAGE, FetchError, Response
from twin.crawling.words import count_words
from twin.errors import ConsistencyError, CrawlError
from twin.identity import sha256
from twin.models import Category, Document, Link

logger = logging.getLogger("twin")

MIN_ITEM_WORDS = 40
"""An item with fewer words than this is a teaser of an article and not the article."""

_VIA, _WORDS, _PAGES = "via", "words", "pages"
_REFUSALS = frozenset({401, 402, 403, 451})
_STORY = re.compile(r"(?:^|[/-])([0-9a-f]{8,12})$")
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)|<https?://[^>\s]*>")
_FENCE_LINE = re.compile(r"^\s*(?:`{3,}|~{3,}).*$", re.M)
_MEDIUM_FOOTER = re.compile(
    r"\n+(?:---\n+)?[^\n]*was originally published in [^\n]* on Medium, where people are [^\n]*$"
)


class FeedReader(Crawler):
    """Base of the crawlers that read feeds; each says what is special about its platform.

    Class attributes:
        server: origin that is asked in place of the link's own, for tests; "" asks the link's own.
        teasers: the reason under which an item is left out that the feed cuts off, because its page is cut off for
            everybody who did not pay; "" where the page is worth a request.
        most_pages: how many pages one crawl of a publication asks for; the others wait for the next crawl.
    """

    categories: ClassVar[tuple[Category, ...]] = (Category.ARTICLES,)
    server: ClassVar[str] = ""
    teasers: ClassVar[str] = ""
    most_pages: ClassVar[int] = 20

    def at(self, url: str) -> str:
        """Where `url` is asked for."""
        parts = urlsplit(url)
        return self.server + url.removeprefix(f"{parts.scheme}://{parts.netloc}") if self.server else url

    def mend(self, link: Link) -> str:
        """What an author can do where the platform refuses to show `link` to a program, as the end of a sentence."""
        raise NotImplementedError  # every platform has its own

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
        for item in feed.items:
            try:
                made = item_document(item, pages.link, pages.category, feed=feed, url=url, capture=capture)
            except CrawlError as error:
                logger.warning("%s", error)
                made = "broken"
            if isinstance(made, Document):
                pages.note(item)
                yield made
            elif made == "excerpt_only" and self.teasers:
                pages.crawl.skipped[self.teasers] += 1
            elif made == "excerpt_only" and urlsplit(item.link).hostname == urlsplit(url).hostname:
                yield from pages.read(item)
            else:
                pages.crawl.skipped[made] += 1
        pages.close()

    def read_article(
        self, link: Link, category: Category, validators: Mapping[str, str], *, address: str, feeds: Iterable[str]
    ) -> Crawl:
        """Read one article: from the first of `feeds` that shows it, else from its page.

        The validators say which it was. An article that has left its feed is compared with its page by their letters
        and digits: where these are equal nothing has changed, else the page is the source from then on.

        Args:
            address: the document's own, by which it is found in a feed.

        Raises:
            CrawlError: neither shows it.
        """
        if validators.get(_VIA) != "page":
            for url in feeds:
                made = self._from_feed(link, category, url, address)
                if isinstance(made, Document):
                    return Crawl([made], validators={_VIA: "feed", _WORDS: fingerprint(made)})
                if made and self.teasers and "sk=" not in urlsplit(link.url).query:
                    return Crawl(status="skipped", message=f"{link.url} is shown in full to those who pay: {made}.")
        try:
            response = self.tools.fetcher.get(self.at(link.url), validators)
            if response.unchanged:
                return Crawl(status="unchanged", validators=response.validators)
            document = page_document(response, link, category, address=address)
        except CrawlError as error:
            if isinstance(error, FetchError) and error.status not in _REFUSALS:
                raise
            raise CrawlError(f"{str(error).removesuffix('.')}, or {self.mend(link)}.") from error
        if validators.get(_VIA) == "feed" and validators.get(_WORDS) == fingerprint(document):
            return Crawl(status="unchanged", validators=response.validators)
        return Crawl([document], validators=response.validators | {_VIA: "page"})

    def _from_feed(self, link: Link, category: Category, url: str, address: str) -> Document | str:
        """The article from a feed; "" where the feed does not show it, and what to do where it only begins there."""
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
                return self.mend(link) if item.teaser else ""
        return ""


class Pages:
    """The pages behind items that are teasers: a bounded number a crawl, and none again while its item is the same."""

    def __init__(
        self, reader: FeedReader, link: Link, category: Category, crawl: Crawl, validators: Mapping[str, str]
    ) -> None:
        self.link, self.category, self.crawl = link, category, crawl
        # A page that was captured costs nobody anything.
        is_offline = bool(getattr(reader.tools.fetcher, "_offline", False))
        self._reader, self._left = reader, math.inf if is_offline else reader.most_pages
        self._known = frozenset(validators.get(_PAGES, "").split())
        self._read: set[str] = set()
        self._is_done = True

    def read(self, item: Item, *, waiting: str = "excerpt_only") -> Iterator[Document]:
        """The document of an item's page; none where it was read before, cannot be read or has to wait."""
        key = _key(item.link, item.title, item.html, str(item.updated_at)) if item.html else _key(item.link)
        if same := self._known & {key, _key(item.link)}:
            self._read |= same
            self.crawl.unchanged |= {item.link}
            return
        if self._left <= 0:
            self.crawl.skipped[waiting] += 1
            self._is_done = False
            return
        self._left -= 1
        try:
            response = self._reader.tools.fetcher.get(self._reader.at(item.link))
            document = page_document(response, self.link, self.category, address=item.link)
        except (CrawlError, ConsistencyError) as error:
            logger.warning("%s", error)
            self.crawl.skipped["page_not_readable"] += 1
            self._is_done &= not (isinstance(error, CrawlError) and error.retryable)
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

    def close(self) -> None:
        """Note what was read; where something waits, the feed must be asked again even if it did not change."""
        if self._read:
            self.crawl.validators[_PAGES] = " ".join(sorted(self._read))
        if not self._is_done:
            for name in ("etag", "last_modified"):
                self.crawl.validators.pop(name, None)


def _key(*parts: str) -> str:
    return sha256("\0".join(parts))[:12]


def item_document(
    item: Item, link: Link, category: Category, *, feed: Feed, url: str, capture: str | None
) -> Document | str:
    """The document of an item that carries its article in full; else the reason why it is left out.

    Raises:
        CrawlError: its HTML cannot be taken apart.
    """
    if not item.link:
        return "without_link"
    text = _MEDIUM_FOOTER.sub("", fragment_markdown(item.html, item.base))
    if item.teaser or count_words(text) < MIN_ITEM_WORDS:
        return "podcast" if item.media else "excerpt_only"
    address = address_of(item, feed)
    metadata = {
        "author": item.author,
        "site": feed.title,
        "canonical": item.link if item.link != address else None,
        "subtitle": item.subtitle if item.subtitle != item.title else None,
        "tags": list(item.tags),
        "updated_at": item.updated_at.isoformat() if item.updated_at else None,
        "feed": url,
    }
    return Document(
        author=link.author, category=category, link=address, source=link.url, platform=_platform(address, feed),
        title=item.title or None, text=text, language=item.language, published_at=item.published_at,
        metadata={name: value for name, value in metadata.items() if value}, capture=capture,
    )  # fmt: skip


def page_document(response: Response, link: Link, category: Category, *, address: str) -> Document:
    """The document of a page that was fetched.

    Raises:
        CrawlError: it is no page, it is one that stands in the place of an article, or it has none.
    """
    from twin.crawling.extract import extract_page

    page = extract_page(response.content, response.url)
    if page is None:
        raise CrawlError(f"{address} answered but has no article in it: {SAVE_THE_PAGE}.")
    named = {"author": page.author, "site": page.site, "canonical": page.canonical}
    return Document(
        author=link.author, category=category, link=address, source=link.url, platform=platform(address),
        title=page.title, text=page.text, language=page.language, published_at=page.published_at,
        metadata={name: value for name, value in named.items() if value and value != address},
        capture=response.capture,
    )  # fmt: skip


def fingerprint(document: Document) -> str:
    """Hex sha256 of a text's letters and digits, in the case and the form in which two extractions of it agree.

    What differs between them takes no part: spaces, punctuation, marks of Markdown, addresses of links, languages of
    code blocks, and whether the title stands above the text.
    """
    subtitle = document.metadata.get("subtitle")
    text = _letters(_LINK_TARGET.sub("]", _FENCE_LINE.sub("", document.text)))
    for heading in (document.title, subtitle):
        text = text.removeprefix(_letters(str(heading or "")))
    return sha256(text)


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Marks too: in the scripts of India they are the vowels.
    return "".join(character for character in folded if unicodedata.category(character)[0] in "LMN")


def address_of(item: Item, feed: Feed) -> str:
    """The address that is an item's identity: its own, but the one form of all those that a story of Medium has."""
    return (
        story_address(item.key) or story_address(item.link) or item.link if _is_on("medium", item, feed) else item.link
    )


def story_address(url: str) -> str | None:
    """`https://medium.com/p/<id>`, which leads to a story whatever its title and publication; None without an id."""
    found = _STORY.search(urlsplit(url).path)
    return f"https://medium.com/p/{found[1]}" if found else None


def _is_on(name: str, item: Item, feed: Feed) -> bool:
    return platform(item.link) == name or name in feed.generator.lower()


def _platform(address: str, feed: Feed) -> str:
    """By the host, else by the software that made the feed: publications have hosts of their own."""
    found = platform(address)
    made_by = (name for name in ("medium", "substack") if name in feed.generator.lower())
    return found if found != "web" else next(made_by, found)
