"""The cleaning stage: one cleaned document for each raw one that has anything left to say."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from twin.cleaning.rules import clean_post, clean_prose
from twin.identity import data_version
from twin.models import Category, Document, StageReport, State
from twin.progress import progress
from twin.warehouse.base import Warehouse

VERSION = "1"
"""Version of the rules; raise it when they would clean the same text differently, and everything is cleaned again."""


class CleanReport(StageReport):
    """What cleaning did; character counts are over all live documents of the category."""

    new: int
    changed: int
    unchanged: int
    removed: int
    dropped: dict[str, int]  # reason -> raw documents that have no cleaned one
    chars_raw: int
    chars_cleaned: int
    removed_lines: dict[str, int]  # reason -> lines removed from the documents there now


def clean_documents(warehouse: Warehouse, author: str, category: Category) -> CleanReport:
    """Bring the cleaned documents of `author` and `category` up to date with the raw ones.

    A cleaned document says in its metadata which raw text (`raw_hash`) and rules (`cleaner`) it came from, so only
    those whose raw document or rules changed are computed again. Hashes are recomputed from what is read, so an edit
    made in the warehouse itself flows through. Cleaned documents without a live raw one are tombstoned.

    Raises:
        StoreError: the warehouse cannot be used.
    """
    cleaning = _Cleaning(warehouse, author, category)
    writes = warehouse.upsert_documents(State.CLEANED, cleaning.documents())
    removed = warehouse.remove_documents(State.CLEANED, sorted(cleaning.cleaned.keys() - cleaning.kept.keys()))
    return CleanReport(
        data_version=data_version(cleaning.kept.items()),
        total=len(cleaning.kept),
        written=writes.written + removed,
        new=writes.inserted,
        changed=writes.updated,
        unchanged=len(cleaning.kept) - writes.inserted - writes.updated,
        removed=removed,
        dropped=dict(sorted(cleaning.dropped.items())),
        chars_raw=cleaning.chars_raw,
        chars_cleaned=cleaning.chars_cleaned,
        removed_lines=dict(sorted(cleaning.removed_lines.items())),
    )


def clean(document: Document) -> Document:
    """The cleaned state of one raw document; its text may be empty."""
    removed: Counter[str] = Counter()
    text = document.text
    if document.category is Category.ARTICLES:
        text, removed = clean_prose(text, platform=_platform(document))
    elif document.category is Category.POSTS:
        text = clean_post(text)
    metadata = document.metadata | {"raw_hash": document.content_hash, "cleaner": VERSION}
    if removed:
        metadata["removed_lines"] = dict(sorted(removed.items()))
    return document.model_copy(update={"text": text, "metadata": metadata})


def _platform(document: Document) -> str:
    """The platform as crawlers name it; documents from elsewhere may say "name.substack.com" for it."""
    host = urlsplit(document.link).hostname or ""
    for name in ("substack", "medium"):
        if any(value == name or value.endswith(f"{name}.com") for value in (document.platform, host)):
            return name
    return document.platform


@dataclass(frozen=True)
class _Known:
    """What is needed of a cleaned document that is there already; its text is not."""

    raw_hash: str
    cleaner: str
    content_hash: str
    chars: int
    removed_lines: dict[str, int]


class _Cleaning:
    """Counts while the cleaned documents that must be written stream into the warehouse."""

    def __init__(self, warehouse: Warehouse, author: str, category: Category) -> None:
        self._raw = partial(warehouse.documents, State.RAW, author, category)
        self._label = f"cleaning {category} of {author}"
        self.cleaned = {doc.id: _known(doc) for doc in warehouse.documents(State.CLEANED, author, category)}
        self.kept: dict[str, str] = {}
        self.dropped: Counter[str] = Counter()
        self.removed_lines: Counter[str] = Counter()
        self.chars_raw = self.chars_cleaned = 0

    def documents(self) -> Iterator[Document]:
        """The cleaned documents whose raw one, or the rules, changed."""
        for raw in progress(self._raw(), self._label):
            self.chars_raw += len(raw.text)
            known = self.cleaned.get(raw.id)
            if known and (known.raw_hash, known.cleaner) == (raw.content_hash, VERSION):
                self._count(raw.id, known)
                continue
            cleaned = clean(raw)
            if cleaned.text.strip():
                self._count(raw.id, _known(cleaned))
                yield cleaned
            else:
                self.dropped["only_page_chrome" if raw.text.strip() else "empty"] += 1

    def _count(self, identifier: str, known: _Known) -> None:
        self.kept[identifier] = known.content_hash
        self.chars_cleaned += known.chars
        self.removed_lines.update(known.removed_lines)


def _known(document: Document) -> _Known:
    metadata = document.metadata
    return _Known(
        raw_hash=str(metadata.get("raw_hash", "")),
        cleaner=str(metadata.get("cleaner", "")),
        content_hash=document.content_hash,
        chars=len(document.text),
        removed_lines=dict(metadata.get("removed_lines", {})),
    )
