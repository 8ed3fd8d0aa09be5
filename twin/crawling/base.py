"""What a crawler is, and the table of crawlers by kind of link.

A crawler knows one sort of source and nothing of the warehouse: it turns a link into raw documents. What is written,
kept, tombstoned or logged is decided in `twin.crawling.stage`, once for all of them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from twin.models import Category, Document, Link, LinkKind

if TYPE_CHECKING:
    from twin.crawling.web import Fetcher


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
        message: why, for "skipped".
    """

    documents: Iterable[Document] = ()
    status: Literal["ok", "unchanged", "skipped"] = "ok"
    validators: dict[str, str] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    complete: bool = True
    message: str | None = None


class Crawler(Protocol):
    """Reads the links of some kinds. Subclass nothing: decorate the class with `register`."""

    kinds: ClassVar[tuple[LinkKind, ...]]
    version: ClassVar[str]
    """Raise it when the same source would give other documents than before: then validators are not trusted."""

    def __init__(self, fetcher: "Fetcher") -> None: ...

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read `link` for `category`; `validators` are those of its last good crawl, or empty.

        Raises:
            CrawlError: the source cannot be read; one sentence that names it and the mend.
        """


_CRAWLERS: dict[LinkKind, type[Crawler]] = {}


def register(crawler: type[Crawler]) -> type[Crawler]:
    """Class decorator: make `crawler` the one that reads its kinds."""
    for kind in crawler.kinds:
        if kind in _CRAWLERS:
            raise ValueError(f"two crawlers for {kind}: {_CRAWLERS[kind].__name__} and {crawler.__name__}")
        _CRAWLERS[kind] = crawler
    return crawler


def crawler_for(kind: LinkKind, fetcher: "Fetcher") -> Crawler:
    """A crawler that reads links of `kind`."""
    return _CRAWLERS[kind](fetcher)


def local_source(link: Link) -> str:
    """Where a local link lies on this machine; falls back to the path as declared."""
    return link.location or link.url.removeprefix("local:")
