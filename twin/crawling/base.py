"""What a crawler is, and which crawler reads a link.

A crawler knows one sort of source and nothing of the warehouse: it turns a link into raw documents. What is written,
kept, tombstoned or logged is decided in `twin.crawling.stage`, once for all of them. A new source is one new module
of this package with one class in it: what an author may declare, which addresses are its own and what it can be asked
for beside stands in the class.

What a link is is decided by its parsed host against tables of registrable domains, never by a pattern over the whole
address: `github.com.evil.example` and `github.com@evil.example` contain a known host and are none.
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
    """What one reading of a link gave.

    Args:
        documents: raw documents, made while they are consumed; the consumer may meet a `CrawlError` half way.
        status: "unchanged" where the validators say so (then there are no documents), "skipped" where the source is
            one that is never fetched.
        validators: what tells next time whether the source changed: commit, sha256, etag, last_modified.
        skipped: reason -> count of the files or items left out. It is complete once `documents` is consumed.
        complete: False where a source shows only its newest items, as a feed does, so that one which is no longer
            shown was not removed.
        unchanged: links of documents that the source says are as they were: those that are there already are kept,
            though `documents` does not give them. For sources of several, such as the repositories of a profile.
        message: why, for "skipped".
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
        version: raise it when the same source would give other documents than before: then everything of the kind is
            read again, from its captures where there are any.
        categories: of the documents that it gives.
        place: whether a declaration of the kind names an address or a path of this machine.
        domains: registrable domains whose addresses (and those of their subdomains) are offered to `claim` first.
        rank: the order in which the others are offered an address that no owner of its domain claimed, lowest first.
        patterns: whether `include` and `exclude` may be declared.
        chooses_category: whether `category` may be declared, for sources that can hold either.
        optional: what is read only where the link's `also` asks for it -> the categories that this adds.
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
        """The one form of a canonical URL under which this crawler reads it; None where it is not one of its own."""
        del url
        return None

    @classmethod
    def declared(cls, url: str) -> str:
        """The form of a URL that an author declared with this kind's own field, whatever its host.

        Raises:
            InputError: this crawler can never read it.
        """
        return cls.claim(url) or url

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether a file or folder that exists looks like a source of this kind, where a declaration names none."""
        del path
        return False

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read `link` for `category`; `validators` are those of its last good crawl, or empty.

        Raises:
            CrawlError: the source cannot be read; one sentence that names it and the mend.
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
        CrawlError: there is none, because another version of LLM Twin wrote the link.
    """
    if kind not in _CRAWLERS:
        raise CrawlError(f"No crawler reads links of kind {kind!r}: install the LLM Twin that has one, or remove them.")
    return _CRAWLERS[kind]


def classify(url: str) -> tuple[type[Crawler], str]:
    """Say which crawler reads an http(s) address, and the form of the address under which it does.

    Raises:
        InputError: it is no http(s) URL.
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
    """Where a local link lies on this machine; falls back to the path as declared."""
    return Path(link.location or link.url.removeprefix("local:"))
