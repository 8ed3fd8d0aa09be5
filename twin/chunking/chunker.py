"""Documents to chunks: structure first, sized in tokens, every character of the text in exactly one chunk.

A range that is too big is cut at the best places that its layout has; the parts are cut again where they must be, and
neighbours are joined while they fit the target (recursive splitting without overlap, which measured as well as any
other splitter with an exact token counter; see Smith and Troynikov, "Evaluating Chunking Strategies", 2024).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from typing import NamedTuple

from twin.chunking.scan import Scan
from twin.chunking.structure import Kind, Layout, kind_of, layout
from twin.chunking.tokens import Sizer, Tokens
from twin.identity import chunk_id
from twin.models import Category, Chunk, Document

CHUNKER_VERSION = "1"
"""Enters every chunk id: raise it whenever the same text would be cut otherwise."""

TARGET = 200
"""Tokens of a chunk's text aimed at."""

_SMALL = 50
"""A part below this many tokens says little by itself, so that it joins a neighbour even across a heading."""

_MIN_CONTEXT = 4
"""Room in tokens below which a piece of context would say nothing."""

_CHARACTERS_PER_TOKEN = 20
"""A token with more characters than this (padding, one endless word) counts as several."""

_BATCH_CHARACTERS = 1_000_000

Range = tuple[int, int]


class _Piece(NamedTuple):
    """A chunk in the making: its range of the text, and the context that it is embedded with."""

    start: int
    end: int
    context: str

    def embedded(self, text: str) -> str:
        part = text[self.start : self.end]
        return f"{self.context}\n\n{part}" if self.context else part


class Chunker:
    """Cuts cleaned documents for one embedding model.

    Args:
        sizer: counts in tokens of that model; no embedded text has more than `sizer.limit` of them.
        target: tokens aimed at for a chunk's own text, without its context.
    """

    def __init__(self, sizer: Sizer, target: int = TARGET) -> None:
        self.sizer = sizer
        self.target = min(target, sizer.limit)
        self._context_limit = max(sizer.limit - self.target, sizer.limit // 5)

    @property
    def id(self) -> str:
        """What the chunks of a text depend on beside the text."""
        return f"{CHUNKER_VERSION}-{self.target}-{self.sizer.limit}-{self.sizer.id}"

    def chunks(self, documents: Iterable[Document]) -> Iterator[tuple[Document, list[Chunk]]]:
        """Yield each document with its chunks, in the given order; only a blank text has none."""
        iterator = iter(documents)
        while batch := take_batch(iterator):
            tokens = self.sizer.tokens([Scan(document.text) for document in batch])
            plans = [self._plan(document, found) for document, found in zip(batch, tokens, strict=True)]
            embedded = [piece.embedded(doc.text) for doc, plan in zip(batch, plans, strict=True) for piece in plan]
            counts = iter(self.sizer.counts(embedded))
            for document, plan in zip(batch, plans, strict=True):
                fitted = [fit for piece in plan for fit in self._fit(document.text, piece, next(counts))]
                yield document, [_chunk(document, number, *fit) for number, fit in enumerate(fitted)]

    def _plan(self, document: Document, tokens: Tokens) -> list[_Piece]:
        """The pieces of a document, sized by the tokens of its whole text."""
        kind = kind_of(document)
        found = layout(document.text, kind)
        above = [document.path] if document.category is Category.REPOSITORIES and document.path else []
        above += [document.title] if document.title and document.title not in above else []
        names = list({*above, *(heading.text for heading in found.headings)})
        sizes = dict(zip(names, self.sizer.counts(names), strict=True))
        plan = []
        for start, end in _Splitter(document.text, tokens, found, self.target, self.sizer.limit).split():
            first, last = _trim(document.text, start, end, keep_indent=kind is Kind.CODE)
            if first < last:
                room = min(self._context_limit, self.sizer.limit - tokens.count(first, last))
                plan.append(_Piece(first, last, self._context([*above, *found.path(first, last)], sizes, room)))
        return plan

    def _context(self, parts: list[str], sizes: dict[str, int], room: int) -> str:
        """Path, title and headings in at most `room` tokens: the outer headings go first, the first part last."""
        parts = list(dict.fromkeys(parts))
        while (needed := sum(sizes[part] for part in parts) + len(parts) - 1) > room and len(parts) > 1:
            del parts[1]
        if room < _MIN_CONTEXT:
            return ""
        context = " ".join(" > ".join(parts).split())
        return context if needed <= room else self.sizer.head(context, room)

    def _fit(self, text: str, piece: _Piece, count: int) -> Iterator[tuple[_Piece, int]]:
        """Yield pieces whose own encoding fits, with its length; for all but a few that is the piece as it is.

        A part of a text may have more tokens than it has within the text: where a word had to be cut, and in models
        whose tokens reach over white space.
        """
        if count <= self.sizer.limit:
            yield piece, count
            return
        if piece.context:
            bare = piece._replace(context="")
            yield from self._fit(text, bare, self.sizer.count(bare.embedded(text)))
            return
        middle = (piece.start + piece.end) // 2
        if middle == piece.start:  # one character cannot be cut
            yield piece, count
            return
        for start, end in ((piece.start, middle), (middle, piece.end)):
            first, last = _trim(text, start, end, keep_indent=False)
            if first < last:
                half = _Piece(first, last, "")
                yield from self._fit(text, half, self.sizer.count(half.embedded(text)))


class _Splitter:
    """Cuts one text into ranges that together cover it; some may hold nothing but white space."""

    def __init__(self, text: str, tokens: Tokens, found: Layout, target: int, limit: int) -> None:
        self._text, self._tokens, self._layout = text, tokens, found
        self._levels = found.levels
        self._target, self._limit = target, limit

    def split(self) -> list[Range]:
        end = len(self._text.rstrip())
        return self._split(0, end, 0) if end else []

    def _size(self, start: int, end: int) -> int:
        return max(self._tokens.count(start, end), (end - start) // _CHARACTERS_PER_TOKEN)

    def _split(self, start: int, end: int, level: int) -> list[Range]:
        if level > 0 and self._size(start, end) <= self._target:
            return [(start, end)]
        if level == len(self._levels):
            return self._cut(start, end)
        if self._size(start, end) <= self._limit and self._is_whole(start, end):
            return [(start, end)]
        offsets = self._levels[level]
        cuts = [start, *offsets[bisect_right(offsets, start) : bisect_left(offsets, end)], end]
        if len(cuts) == 2:
            return self._split(start, end, level + 1)
        parts = [self._split(first, last, level + 1) for first, last in pairwise(cuts)]
        return self._join(parts, across_headings=level == 0)

    def _is_whole(self, start: int, end: int) -> bool:
        stop = self._layout.whole.get(start)
        return stop is not None and stop <= end and not self._text[stop:end].strip()

    def _join(self, parts: list[list[Range]], *, across_headings: bool) -> list[Range]:
        """Join neighbours while they fit; of two sections only where one is small."""
        joined: list[Range] = []
        for part in parts:
            for number, (start, end) in enumerate(part):
                if joined and self._may_join(joined[-1], (start, end), free=number > 0 or not across_headings):
                    joined[-1] = (joined[-1][0], end)
                else:
                    joined.append((start, end))
        return joined

    def _may_join(self, left: Range, right: Range, *, free: bool) -> bool:
        size = self._size(left[0], right[1])
        if size <= self._target and free:
            return True
        small = min(self._size(*left), self._size(*right)) < _SMALL
        return small and size <= (self._target + self._limit) // 2

    def _cut(self, start: int, end: int) -> list[Range]:
        """The last resort: full pieces, cut at white space where there is any, else between two tokens."""
        pieces = []
        while self._size(start, end) > self._target:
            stop = min(self._tokens.after(start, self._target) or end, start + self._target * _CHARACTERS_PER_TOKEN)
            space = max(self._text.rfind(" ", start + 1, stop), self._text.rfind("\n", start + 1, stop))
            stop = space if space > 0 else max(stop, start + 1)
            pieces.append((start, stop))
            start = stop
        return [*pieces, (start, end)] if start < end else pieces


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


def _trim(text: str, start: int, end: int, *, keep_indent: bool) -> Range:
    """Take white space off a range; an indent stays, because in code it means something."""
    part = text[start:end]
    first = start + len(part) - len(part.lstrip())
    last = start + len(part.rstrip())
    if keep_indent and first < last:
        line = max(text.rfind("\n", start, first), text.rfind("\r", start, first)) + 1
        first = max(line, start) if text[max(line, start) : first].strip(" \t") == "" else first
    return first, max(first, last)


def _chunk(document: Document, ordinal: int, piece: _Piece, tokens: int) -> Chunk:
    text = document.text[piece.start : piece.end]
    return Chunk(
        id=chunk_id(document.id, CHUNKER_VERSION, ordinal, text),
        document_id=document.id,
        author=document.author,
        category=document.category,
        ordinal=ordinal,
        start=piece.start,
        end=piece.end,
        text=text,
        context=piece.context,
        tokens=tokens,
        link=document.link,
        path=document.path,
        title=document.title,
        platform=document.platform,
        language=document.language,
        published_at=document.published_at,
    )
