"""What must be true of stored documents, raw or cleaned.

Each function reads what is *stored*, not what the stage returned, and lists what is wrong with it. The asset graph
blocks on the result.
"""

from collections.abc import Container, Iterable, Mapping
from typing import Protocol

from twin.errors import ConsistencyError
from twin.models import Category, Document, State
from twin.verdict import Verdict, name_of
from twin.warehouse.base import Warehouse


class DocumentCheck(Protocol):
    """A check that looks at each document once, so that several can share one pass over the warehouse."""

    def look(self, document: Document) -> None:
        """Take one document into account."""

    def verdict(self) -> Verdict:
        """What was found in all documents that were looked at."""


def look_at(documents: Iterable[Document], *checks: DocumentCheck) -> None:
    """Show every document to every check, in one pass."""
    for document in documents:
        for check in checks:
            check.look(document)


def check_stored(warehouse: Warehouse, author: str, category: Category, hashes: Mapping[str, str]) -> None:
    """Refuse to go on from cleaned documents that are not as cleaning stored them.

    Args:
        warehouse: read: the stored hashes.
        author: slug.
        category: of the documents.
        hashes: id -> content hash, computed from what is stored now.

    Raises:
        ConsistencyError: a document was damaged, or edited by hand, which a derived document cannot be.
    """
    stored = warehouse.stored_hashes(State.CLEANED, author, category)
    if odd := [identifier for identifier, content in hashes.items() if stored.get(identifier, content) != content]:
        document = warehouse.document(State.CLEANED, odd[0])
        raise ConsistencyError(
            f"{len(odd)} cleaned {category.value} of {author} are not as they were stored (the first is "
            f"{name_of(document) if document else odd[0]}): run the cleaned stage again, which makes them from the raw "
            "documents. To change a text, edit its raw document."
        )


class SoundDocuments:
    """Documents have text and are filed where they belong, each once.

    Args:
        raw: ids of the raw documents, where each document must have one behind it.
        stored: id -> content hash that was stored, where nobody may edit a document.
    """

    def __init__(
        self,
        author: str,
        category: Category,
        raw: Container[str] | None = None,
        stored: Mapping[str, str] | None = None,
    ) -> None:
        self._place, self._raw, self._stored = (author, category), raw, stored or {}
        self._problems: list[str] = []
        self._ids: set[str] = set()
        self._count = self._characters = 0

    def look(self, document: Document) -> None:
        self._count += 1
        self._characters += len(document.text)
        self._ids.add(document.id)
        if not document.text.strip():
            self._problems.append(f"{name_of(document)} has no text")
        if (document.author, document.category) != self._place:
            self._problems.append(f"{name_of(document)} belongs to {document.author}/{document.category}")
        if self._raw is not None and document.id not in self._raw:
            self._problems.append(f"{name_of(document)} has no raw document behind it")
        if document.id in self._stored and self._stored[document.id] != document.content_hash:
            self._problems.append(
                f"{name_of(document)} is not as it was stored, so it was damaged or edited by hand: run the cleaned "
                "stage again"
            )

    def verdict(self) -> Verdict:
        problems = list(self._problems)
        if len(self._ids) != self._count:
            problems.append(f"{len(self._ids)} ids are stored for {self._count} documents")
        return Verdict({"documents": self._count, "characters": self._characters}, problems)


def verify_documents(warehouse: Warehouse, state: State, author: str, category: Category) -> Verdict:
    """Documents have text and are filed where they belong; cleaned ones have a live raw document."""
    raw = stored = None
    if state is State.CLEANED:
        raw = warehouse.hashes(State.RAW, author, category)
        stored = warehouse.stored_hashes(state, author, category)
    check = SoundDocuments(author, category, raw, stored)
    look_at(warehouse.documents(state, author, category), check)
    return check.verdict()
