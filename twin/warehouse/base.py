"""What a warehouse must do. One contract suite, `tests/twin/test_warehouse.py`, runs against every implementation."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

from twin.models import Author, Category, CrawlRecord, Document, Link, State, WriteReport


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
            InputError: a document cannot be stored; all the others were written.
        """

    def edit_document(self, state: State, document_id: str, text: str) -> bool:
        """Replace a live document's text as a person would in the store itself, and return False where there is none.

        The hash that `upsert_documents` compares with stays, so an unchanged source does not undo the edit.
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
        """Tombstone documents: their text goes, their id and the time of removal stay. Return how many were live."""

    def log_crawl(self, records: Sequence[CrawlRecord]) -> None:
        """Append to the crawl log."""

    def last_crawls(self, author: str, category: Category) -> dict[str, CrawlRecord]:
        """The newest crawl record of each url."""

    def close(self) -> None: ...
