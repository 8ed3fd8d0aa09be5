"""The crawl stage: read every link of an author for one category and bring the raw layer up to date with it.

Links on several hosts are read at the same time, with one connection to each host (`twin.crawling.web.fetcher` ensures
that). They are written one after another in their order, so the result does not depend on which host answers first.

The order of writes makes it safe to kill at any point: captures first, documents second, tombstones third, and last the
crawl record, which alone may say "unchanged next time".
"""

import logging
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pydantic import Field

from twin.crawling.base import Crawl, crawler_of
from twin.crawling.tools import Tools
from twin.crawling.web.fetcher import Fetcher
from twin.errors import ConsistencyError, CrawlError, InputError
from twin.identity import data_version, sha256
from twin.models import IMPORT, Category, CrawlRecord, Document, Link, StageReport, State
from twin.progress import progress
from twin.text.bylines import OTHER, flagged
from twin.warehouse.base import Warehouse

logger = logging.getLogger("twin")

_READER = "reader"
_SHADOWED = "shadowed"
_WORKERS = 8
_AHEAD = 2 * _WORKERS
"""Number of links read ahead of the writing: their answers wait in memory."""


class CrawlReport(StageReport):
    """The result of a crawl; `new + changed + unchanged` is the number of documents stored now."""

    new: int = Field(description="documents that were not there before")
    changed: int = Field(description="documents whose source changed")
    unchanged: int = Field(description="documents that stayed as they were")
    removed: int = Field(description="documents that their link no longer gives, or whose link was removed")
    links: int = Field(description="links that can have documents of this category")
    links_ok: int = Field(description="links that were read")
    links_unchanged: int = Field(description="links whose server or file said that nothing is new")
    links_failed: int = Field(description="links that could not be read; their documents stay")
    links_skipped: int = Field(description="links that are never fetched")
    by_others: int = Field(description="documents whose byline names somebody else: searchable, never trained on")
    failures: list[str] = Field(description="one sentence for each link that could not be read")
    skipped: list[str] = Field(description="one sentence for each link that is never fetched")
    skipped_files: dict[str, int] = Field(description="files or items left out, by reason")


@dataclass
class _Reading:
    """One link being read: the documents that it gave, and those of them that belong to another link."""

    given: set[str] = field(default_factory=set)
    captures: dict[str, str] = field(default_factory=dict)  # id -> sha256, for the link's own documents
    shadowed: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Asked:
    """A link that is being read: with which validators, by which crawler, and its answer."""

    link: Link
    reader: str
    validators: dict[str, str]
    answer: "Future[Crawl]"


def crawl_author(
    warehouse: Warehouse, author: str, category: Category, *, tools: Tools | None = None, replay: bool = False
) -> CrawlReport:
    """Read each live link of `author` that has documents of `category`, and write what changed.

    A link that cannot be read is recorded as failed, keeps its documents and does not affect other links. Documents
    that a link no longer gives, or whose link was removed, are tombstoned. Links of kind `IMPORT` are not read.

    Args:
        tools: access to the web and the captures; default: the web, and nothing is captured.
        replay: read everything again from the captures, without any request. A link that was never captured fails, and
            keeps its documents.

    Raises:
        StoreError: the warehouse or the store of the captures cannot be used.
    """
    links = [link for link in warehouse.links(author) if category in link.categories]
    crawl = _Stage(
        warehouse, author, category, tools or Tools(Fetcher()), live={link.url for link in links}, replay=replay
    )
    readable = [link for link in links if link.kind != IMPORT]
    crawl.read(readable)
    # Only now is it certain that no other link gives a document that lost its own link.
    crawl.remove([identifier for identifier, source in crawl.source.items() if source not in crawl.live])
    crawl.read([link for link in readable if crawl.waits_for_removed(link)])
    if crawl.tools.captures and not replay:
        crawl.tools.captures.prune({link.url for link in warehouse.links(author)})
    return crawl.report(len(links))


class _Stage:
    """One crawl of an author's links for one category: what was stored before it, and what it has found so far.

    Args:
        live: urls of the links that are declared now.
    """

    def __init__(
        self, warehouse: Warehouse, author: str, category: Category, tools: Tools, *, live: set[str], replay: bool
    ) -> None:
        self.warehouse, self.author, self.category, self.tools, self.live = warehouse, author, category, tools, live
        self.replay, self.person = replay, warehouse.author(author)
        self.source: dict[str, str] = {}  # id -> url of the link that it belongs to
        self.before: dict[str, str] = {}  # id -> content hash when the stage began
        self.address: dict[str, str] = {}  # id -> the document's own link
        self.by_others = 0  # of those before
        self.written = False
        for document in self._documents():
            self.source[document.id] = document.source
            self.before[document.id] = document.content_hash
            self.address[document.id] = document.link
            self.by_others += OTHER in document.metadata
        self.last = warehouse.last_crawls(author, category)
        self.skipped_files: Counter[str] = Counter()
        self.outcome: dict[str, CrawlRecord] = {}
        self.shadowed: dict[str, set[str]] = {}

    def read(self, links: list[Link]) -> None:
        """Read some links at a time, in their order, and write each once it and all links before it have answered."""
        todo, asked = iter(links), deque[_Asked]()
        with ThreadPoolExecutor(_WORKERS, "crawl") as workers:
            try:
                for _ in progress(links, f"reading {self.category} of {self.author}", len(links)):
                    while len(asked) < _AHEAD and (link := next(todo, None)):
                        asked.append(self._ask(link, workers))
                    self._write(asked.popleft())
            except BaseException:
                workers.shutdown(wait=False, cancel_futures=True)
                raise

    def _ask(self, link: Link, workers: ThreadPoolExecutor) -> _Asked:
        try:
            crawler = crawler_of(link.kind)
        except CrawlError as error:
            failed: Future[Crawl] = Future()
            failed.set_exception(error)
            return _Asked(link, "", {}, failed)
        # Validators are valid for one way of reading one declaration; another version or other patterns start again.
        reader = f"{sha256(link.content_hash)[:16]} {crawler.version}"
        validators = {} if self.replay else self._validators(link, reader)
        captures = self.tools.captures.of(link.url) if self.tools.captures else None
        online = Tools(self.tools.fetcher.keeping(captures), captures)
        offline = replace(online, fetcher=online.fetcher.offline())

        def answer() -> Crawl:
            if self.replay or self._has_another_version(link, reader):
                try:
                    return crawler(offline).read(link, self.category, {})
                except (CrawlError, ConsistencyError) as error:  # never captured, or damaged since
                    if self.replay:
                        raise CrawlError(str(error)) from error
            return crawler(online).read(link, self.category, validators)

        return _Asked(link, reader, validators, workers.submit(answer))

    def _write(self, asked: _Asked) -> None:
        """Write the documents of one link and log the attempt."""
        link, reading, moment = asked.link, _Reading(), datetime.now(UTC)
        try:
            crawl = asked.answer.result()
            self.written |= bool(self.warehouse.upsert_documents(State.RAW, self._own(link, crawl, reading)).written)
        except (CrawlError, InputError) as error:  # InputError: the warehouse refused a document and names it
            self.written |= bool(reading.given)  # what came before the failure may be stored
            # Some sources are read from another address than the declared one; then the message alone does not name it.
            message = str(error) if link.url in str(error) else f"{link.url}: {error}"
            logger.warning("%s", message)
            self._log(link, "failed", moment, message=message)
            return
        if crawl.status == "skipped":
            self._log(link, "skipped", moment, message=crawl.message)
            return
        if crawl.status == "unchanged":
            known = self.last[link.url]
            skipped = Counter(known.skipped_files)
            self.skipped_files += skipped
            self._check(link, moment, {})
            validators = asked.validators | crawl.validators
            self._log(link, "unchanged", moment, documents=known.documents, validators=validators, skipped=skipped)
            return
        mine = {identifier for identifier, source in self.source.items() if source == link.url}
        reading.given |= {identifier for identifier in mine if self.address[identifier] in crawl.unchanged}
        if crawl.complete:
            self.remove(mine - reading.given)
        self._check(link, moment, reading.captures)
        self.skipped_files += crawl.skipped
        self.shadowed[link.url] = reading.shadowed
        extra = {_READER: asked.reader}
        if reading.shadowed:
            extra[_SHADOWED] = " ".join(sorted(reading.shadowed))
        validators = crawl.validators | extra
        self._log(link, "ok", moment, documents=len(reading.given), validators=validators, skipped=crawl.skipped)

    def _has_another_version(self, link: Link, reader: str) -> bool:
        """Whether another version read the same declaration well: then the captures contain everything that it gave."""
        record = self.last.get(link.url)
        if self.tools.captures is None or record is None or record.status not in ("ok", "unchanged"):
            return False
        before = record.validators.get(_READER, "")
        return before != reader and before.partition(" ")[0] == reader.partition(" ")[0]

    def _check(self, link: Link, moment: datetime, captures: dict[str, str]) -> None:
        self.warehouse.check_documents(
            State.RAW, self.author, self.category, source=link.url, moment=moment, captures=captures
        )

    def remove(self, identifiers: Iterable[str]) -> None:
        """Tombstone documents."""
        gone = list(identifiers)
        if gone:
            self.written = True
            self.warehouse.remove_documents(State.RAW, gone)
            for identifier in gone:
                self.source.pop(identifier, None)

    def waits_for_removed(self, link: Link) -> bool:
        """Whether a document that `link` also gives has lost the link it belonged to."""
        return not self.shadowed.get(link.url, set()) <= self.source.keys()

    def report(self, links: int) -> CrawlReport:
        # Counted from what is stored now, so that the documents of a link that failed half way count as well. If
        # nothing was written, that is what was stored before.
        after, by_others = self.before, self.by_others
        if self.written:
            after, by_others = {}, 0
            for document in self._documents():
                after[document.id] = document.content_hash
                by_others += OTHER in document.metadata
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
            by_others=by_others,
            skipped_files=dict(sorted(self.skipped_files.items())),
        )

    def _documents(self) -> Iterator[Document]:
        return self.warehouse.documents(State.RAW, self.author, self.category)

    def _validators(self, link: Link, reader: str) -> dict[str, str]:
        """Validators of the last good crawl; empty if they do not cover everything that this crawl must find."""
        record = self.last.get(link.url)
        if record is None or record.status not in ("ok", "unchanged") or record.validators.get(_READER) != reader:
            return {}
        shadowed = set(record.validators.get(_SHADOWED, "").split())
        still_owned = all(self.source.get(i) in self.live for i in shadowed)
        # A link that was removed and came back, or whose documents were deleted, has fewer than it gave.
        all_there = Counter(self.source.values())[link.url] >= record.documents - len(shadowed)
        if link.url in self.shadowed or not still_owned or not all_there:
            return {}
        self.shadowed[link.url] = shadowed
        return dict(record.validators)

    def _own(self, link: Link, crawl: Crawl, reading: _Reading) -> Iterator[Document]:
        """The documents to write for `link`: each once, and none that another live link gave first."""
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
            self.source[document.id], self.address[document.id] = link.url, document.link
            if document.capture:
                reading.captures[document.id] = document.capture
            yield flagged(document, self.person)

    def _log(
        self,
        link: Link,
        status: str,
        moment: datetime,
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
                "checked_at": moment,
            }
        )
        self.warehouse.log_crawl([record])
        self.outcome[link.url] = record
