"""What a warehouse must do.

One contract suite runs against every implementation: `test_contract.py` and `test_tables.py` of its tests.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from pydantic import Field

from twin.models import Author, Capture, Category, CrawlRecord, Document, Link, Model, State, WriteReport

TABLES = ("authors", "links", "raw", "cleaned", "crawl_log", "captures")
"""What a warehouse holds, in an order in which every row's parent comes before it."""


class RestoreReport(Model):
    """What `restore` did, in rows."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0  # there already, just as old
    kept: int = 0  # there already, and newer than what was given
    refused: list[str] = Field(default_factory=list)  # one sentence for what is no row, or none that this store takes

    def __add__(self, other: "RestoreReport") -> "RestoreReport":
        names = RestoreReport.model_fields
        return RestoreReport(**{name: getattr(self, name) + getattr(other, name) for name in names})


class Warehouse(Protocol):
    """Authors, links, documents by state, and the crawl log. Every write is idempotent and safe between processes.

    Every method raises `StoreError` with one sentence where the store cannot be used (unreachable, locked, full).
    """

    @property
    def address(self) -> str:
        """Where this warehouse is, for people; never with credentials."""

    def upsert_authors(self, authors: Iterable[Author]) -> WriteReport: ...

    def author(self, slug: str) -> Author | None: ...

    def authors(self) -> list[Author]:
        """All authors, by slug."""

    def upsert_links(self, links: Iterable[Link]) -> WriteReport:
        """Insert or change links by (author, url); one removed earlier comes back."""

    def links(self, author: str) -> list[Link]:
        """The author's live links, by url."""

    def remove_links(self, author: str, urls: Collection[str]) -> int:
        """Mark links as removed; return how many were live. Unknown urls are ignored."""

    def upsert_documents(self, state: State, documents: Iterable[Document]) -> WriteReport:
        """Insert or change documents by id. Where the content hash is equal, nothing at all is modified.

        Equal to the one of the last upsert, that is: what a person edited in the store since then stays, until its
        source really changes. Documents are consumed in bounded batches, so any number of them takes bounded memory.
        A tombstoned document comes back and counts as inserted. Where an id comes twice, the last one wins.

        Raises:
            InputError: a document cannot be stored, or is larger than MongoDB takes (in every implementation, so that
                a warehouse can move there); all the others were written.
        """

    def edit_document(self, state: State, document_id: str, text: str) -> bool:
        """Replace a live document's text as a person would in the store itself, and return False where there is none.

        The hash that `upsert_documents` compares with stays, so an unchanged source does not undo the edit.

        Raises:
            InputError: the text cannot be stored.
        """

    def documents(self, state: State, author: str, category: Category) -> Iterator[Document]:
        """Live documents, streamed in the order of their ids.

        Raises:
            ConsistencyError: somebody edited a row so that it is no document any more.
        """

    def document(self, state: State, document_id: str) -> Document | None:
        """One live document."""

    def hashes(self, state: State, author: str, category: Category) -> dict[str, str]:
        """Id -> content hash of the live documents, made from what is stored now, so an edit in the store shows."""

    def remove_documents(self, state: State, document_ids: Collection[str]) -> int:
        """Tombstone documents: id, address and time of removal stay, what they say goes. Return how many were live."""

    def check_documents(
        self,
        state: State,
        author: str,
        category: Category,
        *,
        source: str,
        moment: datetime,
        captures: Mapping[str, str] | None = None,
    ) -> int:
        """Note that the live documents of the link `source` were looked at, and touch nothing but `checked_at`.

        It holds the newest moment that was noted; a document that was never checked has none.

        Args:
            captures: id -> sha256 of the capture that a document is in now, where that is another one than before.

        Returns:
            How many documents there are.
        """

    def log_crawl(self, records: Sequence[CrawlRecord]) -> None:
        """Append to the crawl log."""

    def last_crawls(self, author: str, category: Category) -> dict[str, CrawlRecord]:
        """The newest crawl record of each url."""

    def upsert_captures(self, captures: Sequence[Capture]) -> WriteReport:
        """Insert or change the records of captures by id."""

    def captures(self, author: str, link: str | None = None, url: str | None = None) -> list[Capture]:
        """The author's captures, newest first, of one link and of one address where these are given."""

    def remove_captures(self, author: str, capture_ids: Collection[str]) -> int:
        """Delete records of captures for good; return how many there were."""

    def remove_author(self, slug: str) -> int:
        """Delete the author with everything of theirs in every table, for good; return how many rows there were."""

    def dump(self, table: str, author: str | None = None) -> Iterator[dict[str, Any]]:
        """Every row of one of `TABLES` as it is stored, tombstones and times included, in the order of their ids.

        The same contents give the same rows in every implementation: JSON values, times as ISO text. The id of an
        author is the slug and that of a link (author, url). Rows come in pages, so any number takes bounded memory.

        Args:
            author: only what belongs to this author.
        """

    def restore(self, table: str, rows: Iterable[Mapping[str, Any]]) -> RestoreReport:
        """Write rows of `dump` as they are; a row that is there already stays unless it is older.

        A row that is not one of this table is refused by its id in the report, and takes no other with it.
        """

    def close(self) -> None: ...
