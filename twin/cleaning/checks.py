"""What must be true of cleaned documents.

Each function reads what is *stored*, not what the stage returned, and lists what is wrong with it; the asset graph
blocks on the result.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from twin.cleaning.chrome import chrome_left
from twin.cleaning.corpus import ALONE, COMPARED, Place, compare, platform_of
from twin.cleaning.stage import CHECKS, marks_of, private_left, why_dropped
from twin.models import Author, Category, Document, State
from twin.verdict import Verdict, name_of
from twin.warehouse.base import Warehouse
from twin.warehouse.checks import DocumentCheck, SoundDocuments, look_at
from twin.warehouse.marks import kept_verdicts


def check_cleaned(warehouse: Warehouse, author: str, category: Category) -> dict[str, Verdict]:
    """Every check of an author's cleaned documents: name -> verdict. Only compared categories have page chrome.

    Raw documents are read once, and cleaned documents are read once; neither if nothing changed since the last time.
    """
    return kept_verdicts(
        marks_of(warehouse, author, category, f"{CHECKS} {category}"),
        lambda: _check_cleaned(warehouse, author, category),
    )


def _check_cleaned(warehouse: Warehouse, author: str, category: Category) -> dict[str, Verdict]:
    raw = warehouse.hashes(State.RAW, author, category)
    checks: dict[str, DocumentCheck] = {
        "documents_are_sound": SoundDocuments(author, category, raw),
        "no_document_is_lost": _Lost(warehouse, author, category, raw),
        "nothing_private_is_left": _Private(warehouse.author(author)),
    }
    if category in COMPARED:
        checks["no_page_chrome_is_left"] = _Chrome()
    look_at(warehouse.documents(State.CLEANED, author, category), *checks.values())
    return {name: check.verdict() for name, check in checks.items()}


def verify_cleaned(warehouse: Warehouse, author: str, category: Category) -> Verdict:
    """Every raw document has a cleaned one that was made from its current text, or a reason to have none."""
    raw = warehouse.hashes(State.RAW, author, category)
    return _verdict(warehouse, author, category, _Lost(warehouse, author, category, raw))


def verify_private(warehouse: Warehouse, author: str, category: Category) -> Verdict:
    """Redaction finds nothing in the stored cleaned documents. Findings are counted and never shown."""
    return _verdict(warehouse, author, category, _Private(warehouse.author(author)))


def verify_chrome(warehouse: Warehouse, author: str, category: Category) -> Verdict:
    """No cleaned post or article contains text that only a platform writes."""
    return _verdict(warehouse, author, category, _Chrome())


def _verdict(warehouse: Warehouse, author: str, category: Category, check: DocumentCheck) -> Verdict:
    look_at(warehouse.documents(State.CLEANED, author, category), check)
    return check.verdict()


class _Lost:
    """See `verify_cleaned`.

    Args:
        raw: id -> content hash of the raw documents that are stored now.
    """

    def __init__(self, warehouse: Warehouse, author: str, category: Category, raw: dict[str, str]) -> None:
        self._warehouse, self._author, self._category, self._raw = warehouse, author, category, raw
        self._made_of: dict[str, Any] = {}

    def look(self, document: Document) -> None:
        if document.id in self._raw:  # one without a raw document is a separate problem, see `SoundDocuments`
            self._made_of[document.id] = document.metadata.get("raw_hash")

    def verdict(self) -> Verdict:
        raw, made_of = self._raw, self._made_of
        places: Mapping[str, Place] = {}
        if self._category in COMPARED and raw.keys() - made_of.keys():
            places = compare(self._warehouse, self._author, {self._category: raw}).places
        person = self._warehouse.author(self._author)
        problems, dropped = [], Counter[str]()
        for identifier, content in raw.items():
            if made_of.get(identifier) == content:
                continue
            document = self._warehouse.document(State.RAW, identifier)
            if document is None:
                continue  # removed in between
            if identifier in made_of:
                problems.append(f"{name_of(document)} changed after it was cleaned")
            elif reason := why_dropped(document, places.get(identifier, ALONE), person):
                dropped[reason] += 1
            else:
                problems.append(f"{name_of(document)} has no cleaned document, and no reason is known")
        facts = {"raw": len(raw), "cleaned": len(made_of), "dropped": dict(sorted(dropped.items()))}
        return Verdict(facts, problems)


class _Private:
    """See `verify_private`."""

    def __init__(self, person: Author | None) -> None:
        self._person = person
        self._count, self._problems = 0, list[str]()

    def look(self, document: Document) -> None:
        self._count += 1
        if left := private_left(document, self._person):
            kinds = ", ".join(f"{number} {name}" for name, number in sorted(left.items()))
            self._problems.append(f"{name_of(document)} contains private data: {kinds}")

    def verdict(self) -> Verdict:
        return Verdict({"documents": self._count, "documents_private": len(self._problems)}, self._problems)


class _Chrome:
    """See `verify_chrome`."""

    def __init__(self) -> None:
        self._count, self._problems = 0, list[str]()

    def look(self, document: Document) -> None:
        self._count += 1
        if left := chrome_left(document.text, platform_of(document)):
            self._problems.append(f"{name_of(document)} contains page chrome in {len(left)} places: “{left[0][:80]}”")

    def verdict(self) -> Verdict:
        return Verdict({"documents": self._count, "documents_with_chrome": len(self._problems)}, self._problems)
