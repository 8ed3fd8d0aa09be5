"""Documents to chunks: structure first, sized in tokens, every character of the text in a chunk."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from twin.chunking.profile import PROFILES, Cutting, Profile
from twin.chunking.scan import Scan
from twin.chunking.splitter import Splitter
from twin.chunking.structure import Kind, kind_of, layout
from twin.chunking.syntax import CodeSplitter, parse
from twin.chunking.tokens import Sizer, Tokens
from twin.identity import chunk_ids
from twin.models import Category, Chunk, Document

CHUNKER_VERSION = "2"
"""Enters every chunk id: raise it whenever the same text would be cut otherwise."""

_MIN_CONTEXT = 4
"""Room in tokens below which a piece of context would say nothing."""

_CONTEXT_SHARE = 8
"""The context has at most one token for this many of the target: it is read again with each chunk, and is paid for."""

_BATCH_CHARACTERS = 250_000

_JOINT = " > "


class _Piece(NamedTuple):
    """A chunk in the making: its range of the text, its tokens if they are known, and the names that stand above it."""

    start: int
    end: int
    tokens: int | None
    names: tuple[str, ...]


class _Fitted(NamedTuple):
    """A piece with the context that it is embedded with, and the tokens of both together."""

    start: int
    end: int
    context: str
    tokens: int


class Chunker:
    """Cuts cleaned documents for one embedding model.

    Args:
        sizer: counts in tokens of that model; no embedded text has more than `sizer.limit` of them.
        profile: target and overlap of each category. Where the model reads less than the target, its window counts.
    """

    def __init__(self, sizer: Sizer, profile: Profile = PROFILES["default"]) -> None:
        self.sizer = sizer
        self.profile = profile

    def cutting(self, category: Category) -> Cutting:
        """Target and overlap as far as the model's window allows, which leaves an eighth of it to the context."""
        wanted = self.profile.of(category)
        target = min(wanted.target, self.sizer.limit - self.sizer.limit // _CONTEXT_SHARE)
        return Cutting(target, min(wanted.overlap, target // 2))

    def id_of(self, category: Category) -> str:
        """What the chunks of a text of this category depend on beside the text."""
        target, overlap = self.cutting(category)
        return f"{CHUNKER_VERSION}-{target}/{overlap}-{self.sizer.limit}-{self.sizer.id}"

    def chunks(self, documents: Iterable[Document]) -> Iterator[tuple[Document, list[Chunk]]]:
        """Yield each document with its chunks, in the given order; only a blank text has none."""
        iterator = iter(documents)
        while batch := take_batch(iterator):
            scans = [Scan(document.text) for document in batch]
            tokens = self.sizer.tokens(scans)
            plans = [self._plan(*each) for each in zip(batch, scans, tokens, strict=True)]
            contexts = _Contexts(self.sizer, {name for plan in plans for piece in plan for name in piece.names})
            for document, plan in zip(batch, plans, strict=True):
                yield document, _chunks(document, self._fitted(document, plan, contexts))

    def _plan(self, document: Document, scan: Scan, tokens: Tokens) -> list[_Piece]:
        """The pieces of a document, sized by the tokens of its whole text."""
        if not document.text or document.text.isspace():
            return []
        kind = kind_of(document)
        names = _names(document)
        target, overlap = self.cutting(document.category)
        if tokens.sizes[-1] <= target:
            first, last = _trim(document.text, 0, len(document.text), keep_indent=kind is Kind.CODE)
            return [_Piece(first, last, int(tokens.sums[-1]) if tokens.additive else None, names)]
        found = layout(scan, kind)
        tree = parse(document.text, document.path) if kind is Kind.CODE else None
        given = (document.text, tokens, found, target - overlap, self.sizer.limit - overlap)
        splitter = Splitter(*given) if tree is None else CodeSplitter(tree, *given)
        parts = splitter.split()
        if overlap:
            parts = splitter.overlapped(parts, overlap)
        trimmed = [_trim(document.text, part.start, part.end, keep_indent=kind is Kind.CODE) for part in parts]
        units = np.searchsorted(tokens.starts, trimmed)
        counts: list[int] = np.diff(tokens.sums[units]).ravel().tolist()
        torn = splitter.torn
        return [
            _Piece(
                first,
                last,
                count if tokens.additive and not (torn and (part.start in torn or part.end in torn)) else None,
                (*names, *splitter.path(first, last)),
            )
            for part, (first, last), count in zip(parts, trimmed, counts, strict=True)
            if first < last
        ]

    def _fitted(self, document: Document, plan: list[_Piece], contexts: "_Contexts") -> list[_Fitted]:
        """The pieces with their contexts, and without those that have no room."""
        limit, share = self.sizer.limit, self.cutting(document.category).target // _CONTEXT_SHARE
        fitted = []
        for piece in plan:
            known = piece.tokens
            if known is None:
                known = self.sizer.count(document.text[piece.start : piece.end])
            context, size = contexts.within(piece.names, min(share, limit - known))
            if piece.tokens is not None:
                fitted.append(_Fitted(piece.start, piece.end, context, known + size))
            else:
                fitted += self._counted(document.text, piece.start, piece.end, context)
        return fitted

    def _counted(self, text: str, start: int, end: int, context: str) -> Iterator[_Fitted]:
        """Yield pieces whose own encoding fits; for all but a few that is the piece as it is.

        A part of a text may have more tokens than it has within the text: where a word had to be cut, and in models
        whose tokens reach over white space.
        """
        part = text[start:end]
        count = self.sizer.count(f"{context}\n\n{part}" if context else part)
        middle = (start + end) // 2
        if count <= self.sizer.limit or (not context and middle == start):  # one character cannot be cut
            yield _Fitted(start, end, context, count)
        elif context:
            yield from self._counted(text, start, end, "")
        else:
            for first, last in (_trim(text, start, middle), _trim(text, middle, end)):
                if first < last:
                    yield from self._counted(text, first, last, "")


class _Contexts:
    """Contexts made of names, and their tokens."""

    def __init__(self, sizer: Sizer, names: Iterable[str]) -> None:
        listed = sorted(names)
        self._sizer = sizer
        self._sizes = dict(zip(listed, sizer.counts(listed), strict=True))
        self._joint = sizer.count(_JOINT)
        self._made: dict[tuple[tuple[str, ...], int], tuple[str, int]] = {}

    def within(self, names: tuple[str, ...], room: int) -> tuple[str, int]:
        """Path, title and headings in at most `room` tokens: the outer headings go first, the first name last."""
        if not names or room < _MIN_CONTEXT:
            return "", 0
        sizes = [self._sizes[name] for name in names]
        needed = sum(sizes) + self._joint * (len(names) - 1)
        if needed <= room:
            return _JOINT.join(names), needed
        key = names, room
        if key not in self._made:
            self._made[key] = self._shortened(list(names), sizes, needed, room)
        return self._made[key]

    def _shortened(self, names: list[str], sizes: list[int], needed: int, room: int) -> tuple[str, int]:
        while needed > room and len(names) > 1:
            del names[1]
            needed -= sizes.pop(1) + self._joint
        context = _JOINT.join(names)
        if needed > room:
            context = self._sizer.head(context, room)
        return context, self._sizer.count(context)


def take_batch(documents: Iterator[Document]) -> list[Document]:
    """Take a bounded number of documents, by count and by characters; none where there are no more."""
    batch: list[Document] = []
    characters = 0
    for document in islice(documents, 256):
        batch.append(document)
        characters += len(document.text)
        if characters >= _BATCH_CHARACTERS:
            break
    return batch


def _names(document: Document) -> tuple[str, ...]:
    """What a document is called: its path in a repository, and its title where that says more."""
    path = document.path if document.category is Category.REPOSITORIES else None
    title = document.title if document.title and document.title not in (path or "") else None
    return tuple(" ".join(name.split()) for name in (path, title) if name and not name.isspace())


def _trim(text: str, start: int, end: int, *, keep_indent: bool = False) -> tuple[int, int]:
    """Take white space off a range; an indent stays, because in code it means something."""
    part = text[start:end]
    first = start + len(part) - len(part.lstrip())
    last = start + len(part.rstrip())
    if keep_indent and start < first < last:
        line = max(text.rfind("\n", start, first), text.rfind("\r", start, first)) + 1
        first = max(line, start) if text[max(line, start) : first].strip(" \t") == "" else first
    return first, max(first, last)


def _chunks(document: Document, fitted: list[_Fitted]) -> list[Chunk]:
    """The chunks of a document. Its fields were validated with it and are not validated again for each chunk."""
    texts = [document.text[piece.start : piece.end] for piece in fitted]
    ids = chunk_ids(document.id, CHUNKER_VERSION, texts) if texts else []
    shared = {
        "document_id": document.id,
        "author": document.author,
        "category": document.category,
        "link": document.link,
        "path": document.path,
        "title": document.title,
        "platform": document.platform,
        "language": document.language,
        "published_at": document.published_at,
    }
    return [
        Chunk.trusted(
            {
                "id": identifier,
                "ordinal": ordinal,
                "start": piece.start,
                "end": piece.end,
                "text": text,
                "context": piece.context,
                "tokens": piece.tokens,
                **shared,
            }
        )
        for ordinal, (identifier, text, piece) in enumerate(zip(ids, texts, fitted, strict=True))
    ]
