"""The crawl stage: read every link of an author for one category and bring the raw layer up to date with it.

The order of writes makes it safe to kill at any point: documents first, tombstones second, the crawl record, which
alone may say "unchanged next time", last.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from twin.crawling.base import Crawl, crawler_for
from twin.crawling.web import Fetcher
from twin.errors import CrawlError, InputError
from twin.identity import data_version, sha256
from twin.models import Category, CrawlRecord, Document, Link, LinkKind, StageReport, State
from twin.progress import progress
from twin.warehouse.base import Warehouse

logger = logging.getLogger("twin")

_READER = "reader"
_SHADOWED = "shadowed"


class CrawlReport(StageReport):
    """What a crawl found; `new + changed + unchanged` are the documents there now."""

    new: int
    changed: int
    unchanged: int
    removed: int
    links: int
    links_ok: int
    links_unchanged: int
    links_failed: int
    links_skipped: int
    failures: list[str]  # one sentence for each failed link
    skipped: list[str]  # one sentence for each link that is never fetched
    skipped_files: dict[str, int]  # reason -> files or items left out


@dataclass
class _Reading:
    """One link being read: which documents it gave, and which of them belong to another link."""

    given: set[str] = field(default_factory=set)
    shadowed: set[str] = field(default_factory=set)


def crawl_author(
    warehouse: Warehouse, author: str, category: Category, *, fetcher: Fetcher | None = None
) -> CrawlReport:
    """Read each live link of `author` that has documents of `category`, and write what changed.

    A link that cannot be read is recorded as failed, keeps its documents and fails nothing else. Documents that a
    link no longer gives, or whose link was removed, are tombstoned. Links of kind IMPORT are left alone.

    Raises:
        StoreError: the warehouse cannot be used.
    """
    links = [link for link in warehouse.links(author) if category in link.categories]
    crawl = _Stage(warehouse, author, category, fetcher or Fetcher(), {link.url for link in links})
    readable = [link for link in links if link.kind is not LinkKind.IMPORT]
    for link in progress(readable, f"reading {category} of {author}", len(readable)):
        crawl.read(link)
    # Only now is it known that no other link gives a document that lost its own.
    crawl.remove([identifier for identifier, source in crawl.source.items() if source not in crawl.live])
    for link in readable:
        if crawl.waits_for_removed(link):
            crawl.read(link)
    return crawl.report(len(links))


class _Stage:
    def __init__(self, warehouse: Warehouse, author: str, category: Category, fetcher: Fetcher, live: set[str]) -> None:
        self.warehouse, self.author, self.category, self.fetcher, self.live = warehouse, author, category, fetcher, live
        self.source: dict[str, str] = {}  # id -> url of the link that it belongs to
        self.before: dict[str, str] = {}  # id -> content hash when the stage began
        for document in self._documents():
            self.source[document.id] = document.source
            self.before[document.id] = document.content_hash
        self.last = warehouse.last_crawls(author, category)
        self.skipped_files: Counter[str] = Counter()
        self.outcome: dict[str, CrawlRecord] = {}
        self.shadowed: dict[str, set[str]] = {}

    def read(self, link: Link) -> None:
        """Read one link, write its documents and log the attempt."""
        reading = _Reading()
        crawler = crawler_for(link.kind, self.fetcher)
        # Validators speak for one way of reading one declaration; another version or other patterns start afresh.
        reader = sha256(f"{crawler.version}:{link.content_hash}")[:16]
        last = self._validators(link, reader)
        try:
            crawl = crawler.read(link, self.category, last)
            self.warehouse.upsert_documents(State.RAW, self._own(link, crawl, reading))
        except (CrawlError, InputError) as error:  # InputError: the warehouse refused a document, by its name
            logger.warning("%s", error)
            self._log(link, "failed", message=str(error))
            return
        if crawl.status == "skipped":
            self._log(link, "skipped", message=crawl.message)
            return
        if crawl.status == "unchanged":
            known = self.last[link.url]
            skipped = Counter(known.skipped_files)
            self.skipped_files += skipped
            validators = last | crawl.validators
            self._log(link, "unchanged", documents=known.documents, validators=validators, skipped=skipped)
            return
        if crawl.complete:
            self.remove([i for i, source in self.source.items() if source == link.url and i not in reading.given])
        self.skipped_files += crawl.skipped
        self.shadowed[link.url] = reading.shadowed
        extra = {_READER: reader} | ({_SHADOWED: " ".join(sorted(reading.shadowed))} if reading.shadowed else {})
        self._log(link, "ok", documents=len(reading.given), validators=crawl.validators | extra, skipped=crawl.skipped)

    def remove(self, identifiers: Iterable[str]) -> None:
        """Tombstone documents."""
        gone = list(identifiers)
        if gone:
            self.warehouse.remove_documents(State.RAW, gone)
            for identifier in gone:
                self.source.pop(identifier, None)

    def waits_for_removed(self, link: Link) -> bool:
        """Whether a document that `link` also gives has lost the link it belonged to."""
        return not self.shadowed.get(link.url, set()) <= self.source.keys()

    def report(self, links: int) -> CrawlReport:
        # Counted from what is there now, so that the documents of a link that broke off half way count as well.
        after = {document.id: document.content_hash for document in self._documents()}
        new = len(after.keys() - self.before.keys())
        removed = len(self.before.keys() - after.keys())
        unchanged = len(after.items() & self.before.items())
        changed = len(after) - new - unchanged
        statuses = Counter(record.status for record in self.outcome.values())
        messages = {
            status: [record.message for record in self.outcome.values() if record.status == status and record.message]
            for status in ("failed", "skipped")
        }
        return CrawlReport(
            data_version=data_version(after.items()),
            total=len(after),
            written=new + changed + removed,
            new=new,
            changed=changed,
            unchanged=unchanged,
            removed=removed,
            links=links,
            links_ok=statuses["ok"],
            links_unchanged=statuses["unchanged"],
            links_failed=statuses["failed"],
            links_skipped=statuses["skipped"],
            failures=messages["failed"],
            skipped=messages["skipped"],
            skipped_files=dict(sorted(self.skipped_files.items())),
        )

    def _documents(self) -> Iterator[Document]:
        return self.warehouse.documents(State.RAW, self.author, self.category)

    def _validators(self, link: Link, reader: str) -> dict[str, str]:
        """Validators of the last good crawl, or none where they do not tell all that this crawl must find."""
        record = self.last.get(link.url)
        if record is None or record.status not in ("ok", "unchanged") or record.validators.get(_READER) != reader:
            return {}
        shadowed = set(record.validators.get(_SHADOWED, "").split())
        still_owned = all(self.source.get(i) in self.live for i in shadowed)
        # A link that was removed and came back, or whose documents somebody deleted, has fewer than it gave.
        all_there = Counter(self.source.values())[link.url] >= record.documents - len(shadowed)
        if link.url in self.shadowed or not still_owned or not all_there:
            return {}
        self.shadowed[link.url] = shadowed
        return dict(record.validators)

    def _own(self, link: Link, crawl: Crawl, reading: _Reading) -> Iterator[Document]:
        """The documents that are `link`'s to write: each once, and none that another live link gave first."""
        for document in progress(crawl.documents, f"reading {link.url}"):
            if document.id in reading.given:
                crawl.skipped["given_twice"] += 1
                continue
            reading.given.add(document.id)
            owner = self.source.get(document.id)
            if owner is not None and owner != link.url and owner in self.live:
                reading.shadowed.add(document.id)
                crawl.skipped["given_by_another_link"] += 1
                continue
            self.source[document.id] = link.url
            yield document

    def _log(
        self,
        link: Link,
        status: str,
        *,
        documents: int = 0,
        validators: dict[str, str] | None = None,
        skipped: Counter[str] | None = None,
        message: str | None = None,
    ) -> None:
        record = CrawlRecord.model_validate(
            {
                "author": self.author,
                "url": link.url,
                "category": self.category,
                "status": status,
                "documents": documents,
                "message": message,
                "skipped_files": dict(skipped or {}),
                "validators": validators or {},
                "checked_at": datetime.now(UTC),
            }
        )
        self.warehouse.log_crawl([record])
        self.outcome[link.url] = record
