"""The cleaning stage: one cleaned document for each raw one that has text of its own."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pydantic import Field

from twin.categories import Layout
from twin.cleaning.corpus import ALONE, COMPARED, Compared, Place, Raw, compare, other_author, without_platform
from twin.cleaning.language import detect_language
from twin.cleaning.posts import hashtags, mentions
from twin.cleaning.repeated import without_paragraphs
from twin.cleaning.tidying import tidy
from twin.errors import ConsistencyError
from twin.identity import content_hash, data_version
from twin.models import ORIGIN, Author, Category, DerivedReport, Document, State
from twin.private.redaction import redact
from twin.private.secrets import secrets_in_address
from twin.progress import progress
from twin.text.bylines import OTHER
from twin.text.kinds import Kind, kind_of
from twin.verdict import name_of
from twin.warehouse.base import Warehouse
from twin.warehouse.marks import Marks

VERSION = "4"
"""Version of the rules; raise it when they would clean the same text differently, and everything is cleaned again."""

_TEXTS = ("subtitle", "description", "summary", "author", "site", "tags", OTHER)
"""Metadata written by people, a text or a list of texts, which is redacted like the text."""

_COUNTS = ("removed_lines", "removed_paragraphs", "redactions")


CHECKS = "checks of cleaned"
"""Name of the mark of the checks, with the category after it."""


class CleanReport(DerivedReport):
    """What cleaning did; all counts except those of writes refer to the documents stored now.

    Characters are over all live documents of the category.
    """

    new: int = Field(description="documents that were not there before")
    changed: int = Field(description="documents that were cleaned again with another result")
    unchanged: int = Field(description="documents that stayed as they were")
    removed: int = Field(description="documents that are gone, because their raw one is or because they were dropped")
    dropped: dict[str, int] = Field(description="raw documents without a cleaned one, by reason")
    duplicates: list[str] = Field(
        default_factory=list, description="one sentence for each text that was published twice"
    )
    chars_raw: int = Field(description="characters of all raw documents")
    chars_cleaned: int = Field(description="characters of all cleaned documents")
    removed_lines: dict[str, int] = Field(description="lines that were removed, by reason")
    removed_paragraphs: dict[str, int] = Field(
        default_factory=dict, description="paragraphs that were removed, by reason"
    )
    redactions: dict[str, int] = Field(
        default_factory=dict, description="secrets and personal data that were replaced, by placeholder"
    )
    languages: dict[str, int] = Field(default_factory=dict, description="documents by ISO 639-1 code of the language")
    edited: list[str] = Field(
        default_factory=list, description="one sentence for each raw document that is not as it was crawled"
    )
    by_others: int = Field(
        default=0, description="documents whose byline names somebody else: searchable, never trained on"
    )


def clean_documents(warehouse: Warehouse, author: str, category: Category) -> CleanReport:
    """Bring the cleaned documents of `author` and `category` up to date with the raw ones.

    A cleaned document says in its metadata which raw text (`raw_hash`), rules (`cleaner`) and surroundings (`context`:
    what was removed or dropped because of other documents, and the handles that the author may keep) it came from, so
    only documents for which one of these changed are written again, and those in which redaction finds something by
    now: its rules may know more than when the document was cleaned. Hashes are computed from what is read, so an edit
    in the warehouse itself takes effect. A raw document may be edited; a cleaned one that is not as it was stored was
    damaged or edited by hand, and is made from its raw one again. Cleaned documents without a live raw one are
    tombstoned, and so are documents whose text is now in another one; if that one is removed, they come back.

    Raises:
        StoreError: the warehouse cannot be used.
    """
    marks = marks_of(warehouse, author, category, f"cleaning {category}")
    checked = marks.named(f"{CHECKS} {category}")
    # Only what passed its checks is left alone: otherwise, a build after a failed check would change nothing.
    if (known := marks.recall()) is not None and checked.recall() is not None:
        return CleanReport.model_validate(known)
    cleaning = _Cleaning(warehouse, author, category, passed=checked.still((State.CLEANED, category)))
    warehouse.remove_documents(State.CLEANED, cleaning.damaged)  # otherwise an equal hash would keep what is there
    writes = warehouse.upsert_documents(State.CLEANED, cleaning.documents())
    removed = warehouse.remove_documents(State.CLEANED, sorted(cleaning.cleaned.keys() - cleaning.kept.keys()))
    report = CleanReport(
        data_version=data_version(cleaning.kept.items()),
        total=len(cleaning.kept),
        written=writes.written + removed,
        healed=cleaning.healed,
        edited=sorted(cleaning.edited),
        new=writes.inserted,
        changed=writes.updated,
        unchanged=len(cleaning.kept) - writes.inserted - writes.updated,
        removed=removed,
        dropped=_sorted(cleaning.dropped),
        duplicates=sorted(cleaning.duplicates),
        chars_raw=cleaning.chars_raw,
        chars_cleaned=cleaning.chars_cleaned,
        removed_lines=_sorted(cleaning.counts["removed_lines"]),
        removed_paragraphs=_sorted(cleaning.counts["removed_paragraphs"]),
        redactions=_sorted(cleaning.counts["redactions"]),
        languages=_sorted(cleaning.languages),
        by_others=cleaning.by_others,
    )
    nothing_written = {"written": 0, "new": 0, "changed": 0, "removed": 0, "unchanged": report.total, "healed": ""}
    marks.keep(report.model_dump(mode="json") | nothing_written, wrote=True)
    return report


def marks_of(warehouse: Warehouse, author: str, category: Category, name: str) -> Marks:
    """The mark of something that depends on an author's raw documents and is, or looks at, the cleaned ones."""
    read = COMPARED if category in COMPARED else (category,)
    parts = [*((State.RAW, each) for each in read), (State.CLEANED, category)]
    person = warehouse.author(author)
    return Marks(warehouse, author, name, parts, {"rules": VERSION, "person": person and person.content_hash})


def clean(document: Document, place: Place = ALONE, author: Author | None = None) -> Document:
    """The cleaned state of one raw document; its text may be empty.

    Args:
        document: a raw document.
        place: how it depends on its author's other texts.
        author: the author, whose own name, handles and addresses are not redacted.
    """
    hide = _Hide(author)
    if document.category.traits.is_files:
        fields = _clean_file(document, hide)
    else:
        fields = _clean_text(document, place, author, hide)
    metadata = {name: value for name, value in document.metadata.items() if name != ORIGIN} | fields.pop("metadata")
    plain = partial(tidy, post=document.category.traits.layout is Layout.SOCIAL)
    for name in _TEXTS:
        value = metadata.get(name)
        if isinstance(value, str):
            metadata[name] = hide(plain(value))
        elif isinstance(value, list):
            metadata[name] = [hide(plain(each)) if isinstance(each, str) else each for each in value]
    if document.title:
        fields["title"] = hide(plain(document.title))
    if hide.found:
        metadata["redactions"] = _sorted(hide.found)
    metadata |= {"raw_hash": document.content_hash, "cleaner": VERSION, "context": _context(place, author)}
    return document.model_copy(update={**fields, "metadata": metadata})


def why_dropped(document: Document, place: Place = ALONE, author: Author | None = None) -> str | None:
    """Why a raw document has no cleaned one; None if it must have one. Arguments as in `clean`."""
    if secrets_in_address(document):
        return "secret_in_address"
    if place.duplicate_of:
        return "duplicate"
    return None if clean(document, place, author).text.strip() else _why_empty(document, place)


def private_left(document: Document, author: Author | None = None) -> Counter[str]:
    """Placeholder name -> number of secrets and personal data in a cleaned document; empty if it is clean."""
    hide = _Hide(author)
    hide(document.text, code=kind_of(document) is Kind.CODE, path=document.path)
    for value in (document.title, *(document.metadata.get(name) for name in _TEXTS)):
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str):
                hide(each)
    if count := secrets_in_address(document):
        hide.found["SECRET in its address"] += count
    return hide.found


class _Hide:
    """Puts placeholders into the texts of one document, and counts them."""

    def __init__(self, author: Author | None) -> None:
        self._keep = _handles(author)
        self.found: Counter[str] = Counter()

    def __call__(self, text: str, *, code: bool = False, path: str | None = None) -> str:
        redacted = redact(text, code=code, path=path, keep=self._keep)
        self.found += redacted.found
        return redacted.text


def _clean_file(document: Document, hide: _Hide) -> dict[str, Any]:
    """A source file keeps every byte that is not a secret, and has no language."""
    text = hide(document.text, code=kind_of(document) is Kind.CODE, path=document.path)
    return {"text": text, "language": None, "metadata": {}}


def _clean_text(document: Document, place: Place, author: Author | None, hide: _Hide) -> dict[str, Any]:
    layout = document.category.traits.layout
    text, lines = without_platform(document)
    text, paragraphs = without_paragraphs(text, place.repeated, indented=layout is Layout.MARKDOWN)
    text = hide(text)
    metadata: dict[str, Any] = {}
    if layout is Layout.SOCIAL:
        for name, tell in (("hashtags", hashtags), ("mentions", mentions)):
            known = document.metadata.get(name)  # from the crawler, if its source says so
            names = [each for each in known if isinstance(each, str)] if isinstance(known, list) else []
            if names := [*names, *tell(document.text)]:
                metadata[name] = list({each.casefold(): each for each in reversed(names)}.values())[::-1]
    if other := other_author(document, author):
        metadata[OTHER] = other
    language = detect_language(text, indented=layout is Layout.MARKDOWN)
    if language:
        metadata["language"] = {"code": language.code, "score": language.score}
    if place.also_at:
        metadata["also_at"] = list(place.also_at)
    for name, counts in (("removed_lines", lines), ("removed_paragraphs", paragraphs)):
        if counts:
            metadata[name] = _sorted(counts)
    code = language.code if language and language.enough else document.language
    return {"text": text, "language": code, "metadata": metadata}


def _handles(author: Author | None) -> tuple[str, ...]:
    return (author.name, author.slug, *author.aliases) if author else ()


def _context(place: Place, author: Author | None) -> str:
    """Hash of what a cleaned document depends on besides its raw one and the rules."""
    return content_hash(
        {"repeated": sorted(place.repeated), "also_at": place.also_at, "keep": sorted(set(_handles(author)))}
    )[:16]


@dataclass(frozen=True)
class _Known:
    """What is needed of a stored cleaned document, without its text."""

    made_of: tuple[str, str, str]  # raw text, rules, surroundings
    content_hash: str
    chars: int
    language: str | None
    by_other: bool
    counts: Mapping[str, dict[str, int]] = field(default_factory=dict)
    private: bool = False  # redaction finds something in it


class _Cleaning:
    """Counts while the cleaned documents that must be written stream into the warehouse.

    Args:
        passed: whether the stored cleaned documents passed their checks by the same rules.
    """

    def __init__(self, warehouse: Warehouse, author: str, category: Category, *, passed: bool) -> None:
        self._warehouse, self._author_slug, self._category = warehouse, author, category
        self._raw = partial(warehouse.documents, State.RAW, author, category)
        self._label = f"cleaning {category} of {author}"
        self._author = warehouse.author(author)
        self._compared: Compared | None = None
        if category in COMPARED and next(self._raw(), None) is not None:
            self._compared = compare(warehouse, author)
        self.damaged: dict[str, str] = {}  # id of a cleaned document that is not as it was stored -> its name
        self.edited: list[str] = []
        self._crawled = warehouse.stored_hashes(State.RAW, author, category)
        self.cleaned = {
            doc.id: replace(known, private=not passed and bool(private_left(doc, self._author)))
            for doc, known in self._sound(warehouse.stored_hashes(State.CLEANED, author, category))
        }
        self.kept: dict[str, str] = {}
        self.dropped: Counter[str] = Counter()
        self.duplicates: list[str] = []
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in _COUNTS}
        self.languages: Counter[str] = Counter()
        self.chars_raw = self.chars_cleaned = self.by_others = 0

    @property
    def healed(self) -> str:
        """One sentence about the damaged documents; empty if there are none."""
        if not self.damaged:
            return ""
        first = next(iter(self.damaged.values()))
        count = f"{len(self.damaged)} cleaned documents were" if len(self.damaged) > 1 else "A cleaned document was"
        return (
            f"{count} damaged or edited by hand and made again from the raw documents, which is where a text can be "
            f"edited: {first}."
        )

    def documents(self) -> Iterator[Document]:
        """The cleaned documents whose raw one, rules or surroundings changed."""
        places = self._compared.places if self._compared else {}
        for raw, document in progress(self._read(), self._label):
            self.chars_raw += raw.chars
            if self._crawled.get(raw.id, raw.content_hash) != raw.content_hash:
                self.edited.append(f"{raw.link} is not as it was crawled: it was edited by hand, or damaged")
            if raw.secret:
                self.dropped["secret_in_address"] += 1
                continue
            place = places.get(raw.id, ALONE)
            if place.duplicate_of:
                self.dropped["duplicate"] += 1
                self.duplicates.append(f"{raw.link} is the same text as {place.duplicate_of}")
                continue
            known = self.cleaned.get(raw.id)
            made_of = raw.content_hash, VERSION, _context(place, self._author)
            if known and known.made_of == made_of and not known.private:
                self._count(raw.id, known)
                continue
            changed = document or self._warehouse.document(State.RAW, raw.id)
            if changed is None:
                continue  # removed since
            cleaned = clean(changed, place, self._author)
            if cleaned.text.strip():
                self._count(raw.id, _known(cleaned))
                yield cleaned
            else:
                self.dropped[_why_empty(changed, place)] += 1

    def _sound(self, stored: Mapping[str, str]) -> Iterator[tuple[Document, _Known]]:
        """The cleaned documents that are as they were stored; the others are noted."""
        for document in self._readable(stored):
            known = _known(document)
            if stored.get(document.id, known.content_hash) == known.content_hash:
                yield document, known
            else:
                self.damaged[document.id] = name_of(document)

    def _readable(self, stored: Mapping[str, str]) -> Iterator[Document]:
        seen: set[str] = set()
        try:
            for document in self._warehouse.documents(State.CLEANED, self._author_slug, self._category):
                seen.add(document.id)
                yield document
        except ConsistencyError:  # a row is not a document any more; the others are read one by one
            for identifier in sorted(stored.keys() - seen):
                try:
                    found = self._warehouse.document(State.CLEANED, identifier)
                except ConsistencyError as error:
                    self.damaged[identifier] = str(error).rstrip(".")
                else:
                    if found is not None:
                        yield found

    def _read(self) -> Iterator[tuple[Raw, Document | None]]:
        """The raw documents; those already read for the comparison are read again only if they must be cleaned."""
        if self._compared is not None:
            yield from ((raw, None) for raw in self._compared.raw[self._category])
        else:
            yield from ((Raw.of(document), document) for document in self._raw())

    def _count(self, identifier: str, known: _Known) -> None:
        self.kept[identifier] = known.content_hash
        self.chars_cleaned += known.chars
        self.by_others += known.by_other
        if known.language:
            self.languages[known.language] += 1
        for name, counts in known.counts.items():
            self.counts[name].update(counts)


def _why_empty(raw: Document, place: Place) -> str:
    if not raw.text.strip():
        return "empty"
    return "only_repeated" if place.repeated and without_platform(raw)[0].strip() else "only_page_chrome"


def _known(document: Document) -> _Known:
    metadata = document.metadata
    return _Known(
        made_of=(str(metadata.get("raw_hash")), str(metadata.get("cleaner")), str(metadata.get("context"))),
        content_hash=document.content_hash,
        chars=len(document.text),
        language=document.language,
        by_other=OTHER in metadata,
        counts={name: dict(metadata.get(name, {})) for name in _COUNTS},
    )


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
