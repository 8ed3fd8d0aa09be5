"""Turns ranked chunks into passages: folds copies, joins neighbours, and fills a context.

Everything here depends only on the ranking and its order.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from twin.models import Chunk
from twin.retrieval.result import Context, Copy, Hit
from twin.terms.analysis import analyzer, words

SHINGLE = 3
"""Number of words in a shingle; see Broder, "On the resemblance and containment of documents", 1997."""

RESEMBLANCE = 0.8
"""Two chunks are copies from this share of common shingles on. Chunks are short and neighbours may overlap, so only
nearly equal ones count."""

_SEPARATOR = "\n\n"


class Ranked(NamedTuple):
    """A chunk and its final score."""

    chunk: Chunk
    score: float


class Counter(Protocol):
    """Counts tokens (see `twin.tokens.sizer.Sizer`)."""

    def count(self, text: str) -> int: ...

    def head(self, text: str, tokens: int) -> str: ...


class Folder:
    """Takes chunks in the order of their rank and finds those that say nothing new."""

    def __init__(self) -> None:
        self.kept: list[Ranked] = []
        self.copies: dict[str, list[Copy]] = {}
        self._shingles: list[frozenset[tuple[str, ...]]] = []

    def add(self, ranked: Ranked) -> Chunk | None:
        """Keep the chunk and return None, or return the kept chunk that it is a copy of."""
        found = _shingles(ranked.chunk.text)
        for kept, shingles in zip(self.kept, self._shingles, strict=True):
            if _resemble(found, shingles):
                chunk = ranked.chunk
                copy = Copy(chunk.id, chunk.link, chunk.path, chunk.start, chunk.end)
                self.copies.setdefault(kept.chunk.id, []).append(copy)
                return kept.chunk
        self.kept.append(ranked)
        self._shingles.append(found)
        return None


def join(ranked: Sequence[Ranked], copies: dict[str, list[Copy]]) -> list[Hit]:
    """Join neighbouring chunks of a document into one hit, with the best score among them; best first.

    Chunks are neighbours if they touch, overlap, or have only white space between them. Equal scores come in the order
    of chunk ids.
    """
    documents: dict[str, list[Ranked]] = {}
    for each in ranked:
        documents.setdefault(each.chunk.document_id, []).append(each)
    hits = []
    for group in documents.values():
        passage: list[Ranked] = []
        for each in sorted(group, key=lambda each: (each.chunk.start, each.chunk.end, each.chunk.id)):
            if passage and not _adjacent(passage, each.chunk):
                hits.append(_hit(passage, copies))
                passage = []
            passage.append(each)
        hits.append(_hit(passage, copies))
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk.id))


def fill(hits: Iterable[Hit], budget: int, counter: Counter) -> tuple[Context, list[tuple[Hit, str]]]:
    """The context of at most `budget` tokens, and the hits that are cut or left out, each with the reason.

    The best hit is cut if it does not fit; of the others, those that fit as a whole are taken, in their order.
    """
    parts, taken, left = list[str](), list[Hit](), list[tuple[Hit, str]]()
    for hit in hits:
        heading = _heading(hit, len(parts) + 1)
        whole = _SEPARATOR.join([*parts, f"{heading}\n{hit.text}"])
        if counter.count(whole) <= budget:
            parts.append(f"{heading}\n{hit.text}")
            taken.append(hit)
        elif not parts and (text := _cut(heading, hit.text, budget, counter)):
            parts.append(text)
            taken.append(hit)
            left.append((hit, "cut to the budget"))
        else:
            left.append((hit, "over the budget"))
    text = _SEPARATOR.join(parts)
    return Context(text, counter.count(text) if text else 0, tuple(taken)), left


def _cut(heading: str, text: str, budget: int, counter: Counter) -> str | None:
    """Heading and beginning of the text in at most `budget` tokens; None if not even one word of the text fits."""
    room = budget - counter.count(heading)
    while room > 0:
        part = counter.head(text, room)
        if part and counter.count(cut := f"{heading}\n{part}") <= budget:
            return cut
        room -= 1
    return None


def _heading(hit: Hit, number: int) -> str:
    chunk = hit.chunk
    name = " ".join((chunk.path or chunk.title or "").split())
    title = f"{name} — " if name else ""
    return f"[{number}] {title}{chunk.link} ({hit.start}:{hit.end})"


def _hit(passage: Sequence[Ranked], copies: dict[str, list[Copy]]) -> Hit:
    best = min(passage, key=lambda each: (-each.score, each.chunk.id))
    first = passage[0].chunk
    text, end = first.text, first.end
    for chunk in (each.chunk for each in passage[1:]):
        if chunk.start > end:
            text += "\n" * (chunk.start - end)
            end = chunk.start
        if chunk.end > end:
            text += chunk.text[end - chunk.start :]
            end = chunk.end
    ids = tuple(each.chunk.id for each in passage)
    same = tuple(copy for identifier in ids for copy in copies.get(identifier, []))
    return Hit(best.chunk, best.score, text, first.start, end, ids, same)


def _adjacent(passage: Sequence[Ranked], chunk: Chunk) -> bool:
    end = max(each.chunk.end for each in passage)
    return chunk.start <= end or any(each.chunk.ordinal + 1 == chunk.ordinal for each in passage)


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    found = [word.casefold().strip(".'") for word in words(text)]
    if not text.isascii():  # scripts without spaces are compared by pairs of characters
        found = [term for word in found for term in ([word] if word.isascii() else analyzer(None).terms(word))]
    if len(found) < SHINGLE:
        return frozenset([tuple(found) or (text.strip(),)])
    return frozenset(zip(*(found[shift:] for shift in range(SHINGLE)), strict=False))


def _resemble(left: frozenset[tuple[str, ...]], right: frozenset[tuple[str, ...]]) -> bool:
    small, large = sorted((len(left), len(right)))
    if small < RESEMBLANCE * large:
        return False
    common = len(left & right)
    return common >= RESEMBLANCE * (len(left) + len(right) - common)
