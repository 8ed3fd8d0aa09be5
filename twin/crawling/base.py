"""What a crawler is, and which crawler reads a link.

A crawler knows one kind of source and nothing about the warehouse: it turns a link into raw documents.
`twin.crawling.stage` decides for all crawlers what is written, kept, tombstoned or logged. A new source is one new
module in `twin.crawling.sources` with one class in it. The class says what an author may declare, which addresses
belong to the source, and what else can be requested from it.

The kind of a link is decided by its parsed host and tables of registrable domains, never by a pattern over the whole
address: `github.com.evil.example` and `github.com@evil.example` contain a known host but do not belong to it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, TypeVar
from urllib.parse import urlsplit

from twin.crawling.tools import Tools
from twin.errors import CrawlError
from twin.links import canonical_url, within
from twin.models import Category, Document, Link


@dataclass
class Crawl:
    """The result of reading a link.

    Args:
        documents: raw documents, made lazily; the consumer may meet a `CrawlError` half way through.
        status: "unchanged" if the validators say so (then there are no documents), "skipped" if the source is one that
            is never fetched.
        validators: tell the next crawl whether the source has changed: commit, sha256, etag, last_modified.
        skipped: reason -> number of files or items left out. Complete once `documents` is consumed.
        complete: False if the source shows only its newest items, as a feed does. Then an item that is no longer shown
            does not count as removed.
        unchanged: links of documents that have not changed according to the source. Stored ones are kept although
            `documents` does not contain them. For sources with several parts, such as the repositories of a profile.
        message: the reason, if skipped.
    """

    documents: Iterable[Document] = ()
    status: Literal["ok", "unchanged", "skipped"] = "ok"
    validators: dict[str, str] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    complete: bool = True
    unchanged: frozenset[str] = frozenset()
    message: str | None = None


class Crawler:
    """Reads the links of one kind: subclass it, set what differs, and decorate the class with `register`.

    Class attributes:
        kind: name of the kind, stored with each link and written as the field of a declaration, `kind: source`.
        version: increase it when the same source would give different documents than before. Then every link of the
            kind is read again, from its captures if there are any.
        categories: categories of the documents that it gives.
        place: whether a declaration of this kind names an address or a path on this machine.
        domains: registrable domains whose addresses (and those of their subdomains) are offered to `claim` first.
        rank: the order in which the other crawlers are offered an address that no domain owner claimed, lowest first.
        patterns: whether `include` and `exclude` may be declared.
        chooses_category: whether `category` may be declared, for sources that can hold either.
        optional: what is read only if the link's `also` asks for it -> the categories that this adds.
    """

    kind: ClassVar[str]
    version: ClassVar[str]
    categories: ClassVar[tuple[Category, ...]]
    place: ClassVar[Literal["url", "path"]] = "url"
    domains: ClassVar[frozenset[str]] = frozenset()
    rank: ClassVar[int] = 50
    patterns: ClassVar[bool] = False
    chooses_category: ClassVar[bool] = False
    optional: ClassVar[Mapping[str, tuple[Category, ...]]] = {}

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    @classmethod
    def claim(cls, url: str) -> str | None:
        """The one form of a canonical URL under which this crawler reads it; None if this crawler does not read it."""
        del url
        return None

    @classmethod
    def declared(cls, url: str) -> str:
        """The form of a URL that an author declared with this kind's own field, whatever its host is.

        Raises:
            InputError: this crawler can never read it.
        """
        return cls.claim(url) or url

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether an existing file or folder looks like a source of this kind, if a declaration names no kind."""
        del path
        return False

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read `link` for `category`; `validators` are those of its last good crawl, or empty.

        Raises:
            CrawlError: the source cannot be read; one sentence that names it and says how to fix it.
        """
        raise NotImplementedError  # every crawler has its own


C = TypeVar("C", bound=Crawler)

_CRAWLERS: dict[str, type[Crawler]] = {}

FALLBACK = "article"
"""The kind of an address that no crawler claims."""


def register(crawler: type[C]) -> type[C]:
    """Class decorator: make `crawler` the one that reads its kind."""
    if crawler.kind in _CRAWLERS:
        raise ValueError(f"two crawlers of kind {crawler.kind}: {_CRAWLERS[crawler.kind].__name__}, {crawler.__name__}")
    _CRAWLERS[crawler.kind] = crawler
    return crawler


def crawlers() -> dict[str, type[Crawler]]:
    """Every crawler by kind."""
    return dict(sorted(_CRAWLERS.items()))


def reading_version(category: Category) -> str:
    """The versions of all crawlers that can give documents of `category`, in one line; it changes with each of them."""
    able = [
        crawler
        for crawler in _CRAWLERS.values()
        if category in crawler.categories or any(category in added for added in crawler.optional.values())
    ]
    return " ".join(sorted({crawler.version for crawler in able}))


def crawler_of(kind: str) -> type[Crawler]:
    """The crawler that reads links of `kind`.

    Raises:
        CrawlError: no crawler does, because another version of LLM Twin wrote the link.
    """
    if kind not in _CRAWLERS:
        raise CrawlError(f"No crawler reads links of kind {kind!r}: install a version that does, or remove the links.")
    return _CRAWLERS[kind]


def classify(url: str) -> tuple[type[Crawler], str]:
    """Say which crawler reads an http(s) address, and under which form of the address.

    Raises:
        InputError: it is not an http(s) URL.
    """
    address = canonical_url(url)
    host = urlsplit(address).hostname or ""
    owners = [each for each in _CRAWLERS.values() if any(within(host, domain) for domain in each.domains)]
    others = sorted((each for each in _CRAWLERS.values() if not each.domains), key=lambda each: (each.rank, each.kind))
    for crawler in (*owners, *others):
        if claimed := crawler.claim(address):
            return crawler, claimed
    return _CRAWLERS[FALLBACK], address


def local_source(link: Link) -> Path:
    """The location of a local link on this machine; falls back to the path as declared."""
    return Path(link.location or link.url.removeprefix("local:"))
