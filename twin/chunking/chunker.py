"""Documents to chunks: structure first, sized in tokens, every character of the text in a chunk."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np

from twin.chunking.splitter import Part, Splitter
from twin.chunking.structure import layout
from twin.chunking.syntax import CodeSplitter, parse
from twin.cutting import PROFILES, Cutting, Profile
from twin.identity import chunk_ids
from twin.models import Category, Chunk, Document
from twin.text.kinds import Kind, kind_of
from twin.tokens.scan import Offsets, Scan
from twin.tokens.sizer import Sizer

CHUNKER_VERSION = "2"
"""Part of every chunk id: raise it whenever the same text would be cut differently."""

_MIN_CONTEXT = 4
"""Tokens below which a piece of context would say nothing."""

_CONTEXT_SHARE, _SHARE_OF_CODE = 12, 8
"""The context may take one token for this many tokens of the target, because it is embedded again with each chunk.
Paths and the names of classes and functions have many tokens."""

_WHOLE = 1.7
"""A prose text of up to this many targets stays one chunk, if the model can read it."""

_BATCH_CHARACTERS = 500_000

_JOINT = " > "


class Chunker:
    """Cuts cleaned documents for one embedding model.

    Args:
        sizer: counts tokens of that model; no embedded text has more than `sizer.limit`.
        profile: target and overlap of each category. If the model reads less than the target, its window applies.
    """

    def __init__(self, sizer: Sizer, profile: Profile = PROFILES["default"]) -> None:
        self.sizer = sizer
        self.profile = profile
        largest = sizer.limit - sizer.limit // 8
        self._cuttings: dict[Category, Cutting] = {}
        for category in Category:
            target, overlap = profile.of(category)
            target = min(target, largest)
            self._cuttings[category] = Cutting(target, min(overlap, target // 2))

    def cutting(self, category: Category) -> Cutting:
        """Target and overlap within the model's window, an eighth of which is kept for contexts."""
        return self._cuttings[category]

    def id_of(self, category: Category) -> str:
        """Everything but the text that the chunks of this category depend on."""
        target, overlap = self.cutting(category)
        return f"{CHUNKER_VERSION}-{target}/{overlap}-{self.sizer.limit}-{self.sizer.id}"

    def chunks(self, documents: Iterable[Document]) -> Iterator[tuple[Document, list[Chunk]]]:
        """Yield each document with its chunks, in the given order; only a blank text has no chunks."""
        iterator = iter(documents)
        while batch := take_batch(iterator):
            with (
                _without_collections()
            ):  # the objects made here are kept; searching them for cycles would take a tenth of the time
                chunks = list(_Batch(self, batch).chunks())
            yield from zip(batch, chunks, strict=True)


class _Plan(NamedTuple):
    """How one document is cut: its parts, its name, and the splitter that made the parts, if it was needed."""

    parts: list[Part]
    names: tuple[str, ...]
    splitter: Splitter | None


_Fitted = tuple[int, int, str, int]
"""The range of a chunk, its context, and the number of tokens of both together."""


class _Batch:
    """Documents that are cut together as one text; offsets refer to that text until chunks are made."""

    def __init__(self, chunker: Chunker, documents: list[Document]) -> None:
        self._chunker, self._sizer, self._documents = chunker, chunker.sizer, documents
        self._kinds = [kind_of(document) for document in documents]
        self._scan = Scan([document.text for document in documents])
        self._limits: list[tuple[int, int]] = self._scan.limits.tolist()
        self._tokens = self._sizer.tokens(self._scan)

    def chunks(self) -> Iterator[list[Chunk]]:
        """The chunks of each document."""
        units = np.searchsorted(self._tokens.starts, self._scan.limits)
        sizes: list[list[int]] = self._tokens.sizes[units].tolist()
        plans = [self._plan(number, before, until) for number, (before, until) in enumerate(sizes)]
        ranges = _trimmed(self._scan, [part for plan in plans for part in plan.parts])
        units = np.searchsorted(self._tokens.starts, ranges)
        counts: list[int] = np.diff(self._tokens.sums[units]).ravel().tolist()
        rows = zip(ranges.tolist(), counts, strict=True)
        names = {name for plan in plans for name in plan.names}
        names.update(*(splitter.names() for splitter in {plan.splitter for plan in plans if plan.splitter}))
        contexts = _Contexts(self._sizer, names, {self._share(document) for document in self._documents})
        for number, plan in enumerate(plans):
            fitted = self._fitted(number, plan, rows, contexts)
            yield _chunks(self._documents[number], self._limits[number][0], fitted)

    def _share(self, document: Document) -> int:
        """The most tokens that the context of a document's chunks may have."""
        share = _SHARE_OF_CODE if document.category.traits.is_files else _CONTEXT_SHARE
        return self._chunker.cutting(document.category).target // share

    @cached_property
    def _splitter(self) -> Splitter:
        return Splitter(self._scan.text, self._tokens, layout(self._scan, self._kinds))

    def _plan(self, number: int, before: int, until: int) -> _Plan:
        """How to cut a document, given the numbers of tokens before it and before its end."""
        document, kind, (start, end) = self._documents[number], self._kinds[number], self._limits[number]
        names = _names(document)
        target, overlap = self._chunker.cutting(document.category)
        whole = start, end, before, until
        if until - before <= (target if kind is Kind.CODE else self._whole(target, named=bool(names))):
            return _Plan([whole], names, None)
        splitter = self._splitter
        if kind is Kind.CODE and (tree := parse(document.text, document.path)) is not None:
            splitter = CodeSplitter(splitter, tree, document.text, start)
        limit = self._sizer.limit - overlap
        parts = splitter.split(whole, target - overlap, limit, prose=kind is not Kind.CODE)
        if overlap:
            parts = self._overlapped(splitter, parts, overlap)
        return _Plan(parts, names, splitter)

    def _whole(self, target: int, *, named: bool) -> int:
        """Tokens up to which prose stays one chunk: halves of a text slightly longer than a chunk would say less."""
        return max(target, min(int(target * _WHOLE), self._sizer.limit - named * (target // _CONTEXT_SHARE)))

    def _overlapped(self, splitter: Splitter, parts: list[Part], overlap: int) -> list[Part]:
        """The parts with the end of the part before, if that end has no more tokens alone than within the text."""
        wider = splitter.overlapped(parts, overlap)
        if self._sizer.additive:
            return wider
        shared = [self._scan.text[more[0] : part[0]] for part, more in zip(parts, wider, strict=True)]
        counts = self._sizer.counts(shared)
        return [more if count <= overlap else part for part, more, count in zip(parts, wider, counts, strict=True)]

    def _fitted(
        self, number: int, plan: _Plan, rows: Iterator[tuple[list[int], int]], contexts: "_Contexts"
    ) -> list[_Fitted]:
        """The parts of a document that are not blank, with contexts that stay within their share of the window.

        Args:
            number: number of the document.
            plan: how it is cut.
            rows: range and tokens of each of its parts without surrounding white space, followed by other documents'.
            contexts: contexts of all documents.
        """
        text, base, (parts, names, splitter) = self._scan.text, self._limits[number][0], plan
        limit, code = self._sizer.limit, self._kinds[number] is Kind.CODE
        share = self._share(self._documents[number])
        torn = splitter.torn if splitter else frozenset[int]()
        control = self._scan.plain is not text  # otherwise a part with a word is not blank
        fitted: list[_Fitted] = []
        done = 0
        own = list(islice(rows, len(parts)))
        paths = splitter.paths(base, [filled for filled, _ in own]) if splitter else [()] * len(parts)
        for (start, end, _, _), ((first, last), tokens), path in zip(parts, own, paths, strict=True):
            if first >= last or last <= done or (control and text[first:last].isspace()):
                continue  # it is blank, or is contained in the one before
            done = last
            begin = _indented(text, start, first) if code else first
            if self._sizer.additive and not (torn and (start in torn or end in torn)):
                room = share if tokens + share <= limit else limit - tokens
                context, size = contexts.within(names, path, room)
                fitted.append((begin, last, context, tokens + size))
            else:
                room = min(share, limit - self._sizer.count(text[begin:last]))
                fitted += self._counted(begin, last, contexts.within(names, path, room)[0])
        return fitted

    def _counted(self, start: int, end: int, context: str) -> Iterator[_Fitted]:
        """Yield pieces whose own encoding fits; nearly always that is the unchanged piece.

        A part may have more tokens alone than within the text: if a word had to be cut, and in models whose tokens
        can include white space.
        """
        part = self._scan.text[start:end]
        tokens = self._sizer.count(f"{context}\n\n{part}" if context else part)
        middle = (start + end) // 2
        if tokens <= self._sizer.limit or (not context and middle == start):  # one character cannot be cut
            yield start, end, context, tokens
        elif context:
            yield from self._counted(start, end, "")
        else:
            for first, last in ((start, middle), (middle, end)):
                half = self._scan.text[first:last]
                if stripped := half.strip():
                    begin = first + half.index(stripped[0])
                    yield from self._counted(begin, begin + len(stripped), "")


class _Contexts:
    """Contexts made of names, with their numbers of tokens."""

    def __init__(self, sizer: Sizer, names: Iterable[str], shares: Iterable[int]) -> None:
        listed = sorted(names)
        self._sizer = sizer
        self._sizes = dict(zip(listed, sizer.sums(listed), strict=True))
        self._joint = sizer.count(_JOINT)
        self._heads: dict[tuple[str, int], tuple[str, int]] = {}
        for share in shares:  # long names are encoded together
            long = [name for name in listed if self._sizes[name] > share]
            self._heads |= {(name, share): head for name, head in zip(long, sizer.heads(long, share), strict=True)}
        self._made: dict[tuple[tuple[str, ...], tuple[str, ...], int], tuple[str, int]] = {}

    def within(self, names: tuple[str, ...], path: tuple[str, ...], room: int) -> tuple[str, int]:
        """A document's names and the path to one of its parts in at most `room` tokens, and their number.

        The outer headings are dropped first, the first name last.
        """
        key = names, path, room
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._joined(list(dict.fromkeys((*names, *path))), room)
        return found

    def _joined(self, names: list[str], room: int) -> tuple[str, int]:
        if not names or room < _MIN_CONTEXT:
            return "", 0
        sizes = [self._sizes[name] + self._joint for name in names]
        needed = sum(sizes) - self._joint
        while needed > room and len(names) > 1:
            del names[1]
            needed -= sizes.pop(1)
        context = _JOINT.join(names)
        if needed <= room:
            return context, needed
        if (context, room) not in self._heads:
            self._heads[context, room] = self._sizer.heads([context], room)[0]
        return self._heads[context, room]


@contextmanager
def _without_collections() -> Iterator[None]:
    """Switch off cyclic garbage collection for a while."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def take_batch(documents: Iterator[Document]) -> list[Document]:
    """Take a limited number of documents, by count and by characters; an empty list at the end."""
    batch: list[Document] = []
    characters = 0
    for document in islice(documents, 256):
        batch.append(document)
        characters += len(document.text)
        if characters >= _BATCH_CHARACTERS:
            break
    return batch


def _names(document: Document) -> tuple[str, ...]:
    """The names of a document: its path in a repository, and its title if it says more."""
    path = document.path if document.category.traits.is_files else None
    title = document.title if document.title and document.title not in (path or "") else None
    return tuple(" ".join(name.split()) for name in (path, title) if name and not name.isspace())


def _trimmed(scan: Scan, parts: list[Part]) -> Offsets:
    """Start and end of each part without the white space around it; shape (parts, 2)."""
    given = np.fromiter(chain.from_iterable(parts), np.int64, 4 * len(parts)).reshape(-1, 4)[:, :2]
    if not len(scan.starts):
        return np.zeros_like(given)
    words = np.searchsorted(scan.starts, given)
    starts = np.append(scan.starts, len(scan.text))[words[:, 0]]
    before = scan.ends[np.maximum(words - 1, 0)]
    torn = (before[:, 0] > given[:, 0]) & (words[:, 0] > 0)  # a part may begin or end within a word
    firsts = np.where(torn, given[:, 0], starts)
    lasts = np.minimum(before[:, 1], given[:, 1])
    return np.column_stack([firsts, np.where(words[:, 1] > 0, lasts, 0)])


def _indented(text: str, start: int, first: int) -> int:
    """The start of the line, if only an indent is before the offset: in code the indent has a meaning."""
    line = max(text.rfind("\n", start, first), text.rfind("\r", start, first), start - 1) + 1
    return line if not text[line:first].strip(" \t") else first


def _chunks(document: Document, base: int, fitted: list[_Fitted]) -> list[Chunk]:
    """The chunks of a document. Its fields are already valid and are not validated again for each chunk."""
    if not fitted:
        return []
    texts = [document.text[start - base : end - base] for start, end, _, _ in fitted]
    whole = document.id
    ids = chunk_ids(whole, CHUNKER_VERSION, texts)
    shared: dict[str, Any] = dict.fromkeys(Chunk.model_fields)  # in the order of the fields
    shared |= {
        "document_id": whole,
        "author": document.author,
        "category": document.category,
        "link": document.link,
        "path": document.path,
        "title": document.title,
        "platform": document.platform,
        "language": document.language,
        "published_at": document.published_at,
    }
    chunks = []
    for ordinal, (identifier, part, (start, end, context, tokens)) in enumerate(zip(ids, texts, fitted, strict=True)):
        values = shared.copy()  # with room for all fields, unlike one that is built
        values["id"] = identifier
        values["ordinal"] = ordinal
        values["start"] = start - base
        values["end"] = end - base
        values["text"] = part
        values["context"] = context
        values["tokens"] = tokens
        chunks.append(Chunk.trusted(values))
    return chunks
