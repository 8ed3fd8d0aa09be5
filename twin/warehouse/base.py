"""What a warehouse must do.

One contract suite runs against every implementation: `test_contract.py` and `test_tables.py` of its tests.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from pydantic import Field

from twin.models import Author, Capture, Category, CrawlRecord, Document, Link, Model, State, WriteReport

TABLES = ("authors", "links", "raw", "cleaned", "crawl_log", "captures")
"""The tables of a warehouse, ordered so that every row's parent comes before it."""


class RestoreReport(Model):
    """What `restore` did, in rows."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0  # already stored, same age
    kept: int = 0  # already stored, and newer than the given row
    refused: list[str] = Field(default_factory=list)  # one sentence for each row that is invalid or cannot be stored

    def __add__(self, other: "RestoreReport") -> "RestoreReport":
        names = RestoreReport.model_fields
        return RestoreReport(**{name: getattr(self, name) + getattr(other, name) for name in names})


class Warehouse(Protocol):
    """Authors, links, documents by state, and the crawl log. Every write is idempotent and safe between processes.

    Every method raises `StoreError` with one sentence if the store cannot be used (unreachable, locked, full).
    """

    @property
    def address(self) -> str:
        """Where this warehouse is, for messages; never with credentials."""

    def upsert_authors(
        self, authors: Iterable[Author], *, known: Mapping[str, str | None] | None = None
    ) -> WriteReport:
        """Insert or change authors by slug; one who was removed may be written to again.

        Args:
            known: slug -> `removal(slug)` when the caller decided to register the author. Without it, the author is
                registered in any case.

        Raises:
            RemovedError: an author was removed since then; nothing is written.
        """

    def end_removal(self, slug: str) -> None:
        """Allow rows of a removed author again; for an import, which begins with it. A removal after it counts."""

    def removal(self, slug: str) -> str | None:
        """A token that differs for each removal of this author; None if the author was not removed, or is back."""

    def author(self, slug: str) -> Author | None: ...

    def authors(self) -> list[Author]:
        """All authors, by slug."""

    def upsert_links(self, links: Iterable[Link]) -> WriteReport:
        """Insert or change links by (author, url); a removed link comes back."""

    def links(self, author: str) -> list[Link]:
        """The author's live links, by url."""

    def remove_links(self, author: str, urls: Collection[str]) -> int:
        """Mark links as removed; return how many were live. Unknown urls are ignored."""

    def link_marks(self) -> dict[str, str]:
        """A mark of each author in the warehouse, live or removed, by slug.

        It differs from every earlier one once a row of the author or of their links has changed, whatever program
        changed it. So it says at little cost whose links must be read again; compare it for equality only.
        """

    def upsert_documents(self, state: State, documents: Iterable[Document]) -> WriteReport:
        """Insert or change documents by id. A document with an equal content hash is not modified at all.

        The hash is compared with that of the last upsert: a person's edit in the store stays until the source really
        changes. Documents are consumed in batches, so any number of them takes limited memory. A tombstoned document
        comes back and counts as inserted. If an id occurs twice, the last one wins.

        Raises:
            InputError: a document cannot be stored, or is larger than MongoDB allows (in every implementation, so that
                a warehouse can move there). All other documents were written.
        """

    def edit_document(self, state: State, document_id: str, text: str) -> bool:
        """Replace a live document's text, like a person's edit in the store itself; False if there is no document.

        The hash that `upsert_documents` compares with stays, so an unchanged source does not undo the edit.

        Raises:
            InputError: the text cannot be stored.
        """

    def documents(self, state: State, author: str, category: Category) -> Iterator[Document]:
        """Live documents, streamed in the order of their ids.

        Raises:
            ConsistencyError: somebody edited a row so that it is no longer a document.
        """

    def document(self, state: State, document_id: str) -> Document | None:
        """One live document."""

    def hashes(self, state: State, author: str, category: Category) -> dict[str, str]:
        """Id -> content hash of the live documents, computed from what is stored now, so an edit in the store shows."""

    def stored_hashes(self, state: State, author: str, category: Category) -> dict[str, str]:
        """Id -> content hash of the last upsert of the live documents. Where `hashes` says another one, somebody edited
        the document in the store, or it was damaged. Contents are not read."""

    def remove_documents(self, state: State, document_ids: Collection[str]) -> int:
        """Tombstone documents: id, address and time of removal stay, the contents go. Return how many were live."""

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
        """Record that the live documents of the link `source` were checked; nothing but `checked_at` changes.

        It holds the newest time that was recorded, except for a time of the future, which is replaced: a clock was
        wrong. A document that was never checked has none.

        Args:
            captures: id -> sha256 of the capture that now contains a document, if it is a different one than before.

        Returns:
            How many documents there are.
        """

    def log_crawl(self, records: Sequence[CrawlRecord]) -> None:
        """Append to the crawl log; a record that is in it already is not written again."""

    def last_crawls(self, author: str, category: Category) -> dict[str, CrawlRecord]:
        """The newest crawl record of each url: the one that was logged last, whatever its time says.

        Among records that came with `restore`, the times decide; one of the future counts as the oldest.
        """

    def upsert_captures(self, captures: Sequence[Capture]) -> WriteReport:
        """Insert or change the records of captures by id; the one written last is the newest, whatever its time is."""

    def captures(self, author: str, link: str | None = None, url: str | None = None) -> list[Capture]:
        """The author's captures, newest first (see `last_crawls`); with `link` or `url`, only those of it."""

    def remove_captures(self, author: str, capture_ids: Collection[str]) -> int:
        """Permanently delete records of captures; return how many there were."""

    def owners(self) -> dict[str, int]:
        """Slug -> number of rows in the tables other than `authors`, also of authors who are not in that table."""

    def begin_removal(self, slug: str) -> None:
        """From now on, refuse every new row of this author, whoever writes it, until `upsert_authors`.

        Every method that writes rows, `restore` too, raises `RemovedError` for such an author.
        """

    def remove_author(self, slug: str) -> int:
        """Permanently delete the author and all their rows in every table; return how many rows there were.

        It begins with `begin_removal`.
        """

    def digest(self, state: State, author: str, category: Category) -> str:
        """A hash of the live documents as they are stored, byte by byte: equal if and only if nothing changed.

        It costs a fiftieth of reading them as documents. Times of writes and checks take no part.
        """

    def mark(self, author: str, name: str) -> str | None:
        """The mark of that name, see `twin.warehouse.marks`."""

    def put_mark(self, author: str, name: str, content: str) -> None:
        """Keep a mark; it goes with its author."""

    def dump(self, table: str, author: str | None = None) -> Iterator[dict[str, Any]]:
        """Every row of one of `TABLES` as it is stored, with tombstones and times, in the order of their ids.

        The same contents give the same rows in every implementation: JSON values, times as ISO text. The id of an
        author is the slug, and that of a link is (author, url). Rows come in pages, so memory is limited.

        Args:
            author: only the rows of this author.
        """

    def restore(self, table: str, rows: Iterable[Mapping[str, Any]]) -> RestoreReport:
        """Write rows of `dump` unchanged; a row that exists already stays unless it is older.

        A time of the future, from a clock that was wrong, counts as older than any other.

        The report names every row that is not valid for this table; the other rows are written.
        """

    def close(self) -> None: ...
