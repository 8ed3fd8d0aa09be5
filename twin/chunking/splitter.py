"""Cutting one text into ranges that together cover it.

A range that is too big is cut at the best places that its layout has; the parts are cut again where they must be, and
neighbours are joined while they fit the target (recursive splitting, which measured as well as any other splitter with
an exact token counter; see Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", 2024).
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from twin.chunking.scan import Offsets
from twin.chunking.sentences import sentences
from twin.chunking.structure import Layout
from twin.chunking.tokens import Tokens

SMALL = 50
"""A part below this many tokens says little by itself, so that it joins a neighbour even across a heading."""


class Part(NamedTuple):
    """A range of the text, and the tokens before its start and before its end."""

    start: int
    end: int
    before: int
    until: int

    @property
    def size(self) -> int:
        return self.until - self.before


@dataclass(slots=True)
class _Level:
    """Places of one kind, ascending, and the tokens before each."""

    offsets: list[int]
    sizes: list[int]


class Splitter:
    """Cuts one text.

    Args:
        text: to be cut.
        tokens: of the text.
        found: its layout.
        target: tokens aimed at.
        limit: tokens of what is better not cut, at most.

    Attributes:
        torn: the offsets at which a word had to be cut, so that the tokens on both sides are others than in the text.
    """

    def __init__(self, text: str, tokens: Tokens, found: Layout, target: int, limit: int) -> None:
        self._text, self._tokens, self._layout = text, tokens, found
        self._target, self._limit = target, limit
        self._loose = (target + limit) // 2
        self._levels: dict[str, _Level] = {}
        self._fences = sorted(found.whole)
        self.torn: set[int] = set()

    def split(self) -> list[Part]:
        """Ranges that cover the text; some may hold nothing but white space."""
        sections = self._level(_LEVELS[0])
        whole = Part(0, len(self._text), 0, int(self._tokens.sizes[-1]))
        return self._cut_at(whole, sections, 0, across_headings=True) or self._split(whole, 1)

    def path(self, start: int, end: int) -> list[str]:
        """The names of what stands above a range and contains it, the outermost first."""
        return self._layout.path(start, end)

    def overlapped(self, parts: list[Part], overlap: int) -> list[Part]:
        """The parts, each with the end of the one before it: at most `overlap` tokens, from where a line or sentence
        begins, else a word. What stands under another heading is not repeated.
        """
        sections = self._layout.sections
        found = parts[:1]
        for last, part in pairwise(parts):
            section = int(np.searchsorted(sections, part.start, side="right"))
            floor = max(last.start + 1, int(sections[section - 1]) if section else 0)
            start = self._back(part, floor, overlap)
            before = int(self._tokens.sizes[np.searchsorted(self._tokens.starts, start)])
            found.append(Part(start, part.end, before, part.until))
        return found

    def _back(self, part: Part, floor: int, overlap: int) -> int:
        """The offset, not before `floor`, from which at most `overlap` tokens are left to the start of a part."""
        starts, sizes = self._tokens.starts, self._tokens.sizes
        unit = max(int(np.searchsorted(sizes, part.before - overlap)), int(np.searchsorted(starts, floor)))
        if part.start in self.torn or unit >= len(starts) or starts[unit] >= part.start:
            return part.start
        lowest = int(starts[unit])
        line = max(self._text.rfind(mark, floor, lowest) for mark in "\n\r") + 1
        if line and self._text[line:lowest].isspace():  # the whole line, with its indent
            return line
        places = [self._first(self._level(name), lowest, part.start) for name in ("blocks", "lines")]
        places += [offset for offset in sentences(self._text, floor, part.start) if offset >= lowest][:1]
        found = [place for place in places if place is not None]
        return min(found) if found else (self._first(self._level("wraps"), lowest, part.start) or lowest)

    def _first(self, level: _Level, lowest: int, end: int) -> int | None:
        """The first place of a level in a range."""
        number = bisect_left(level.offsets, lowest)
        return level.offsets[number] if number < len(level.offsets) and level.offsets[number] < end else None

    def _split(self, part: Part, level: int) -> list[Part]:
        """A part in pieces within the target, cut at places of this level or worse ones."""
        if part.size <= self._target or (part.size <= self._limit and self._is_whole(part)):
            return [part]
        names = _LEVELS if self._layout.prose else _LEVELS_OF_CODE
        while level < len(names):
            places = self._sentences(part) if names[level] == _SENTENCES else self._level(names[level])
            if pieces := self._cut_at(part, places, level):
                return pieces
            level += 1
        return self._cut(part)

    def _cut_at(self, part: Part, places: _Level, level: int, *, across_headings: bool = False) -> list[Part]:
        """A part in pieces cut at those of the places that lie inside; none where no place does."""
        first = bisect_right(places.offsets, part.start)
        last = bisect_left(places.offsets, part.end, first)
        if first == last:
            return []
        offsets = [part.start, *places.offsets[first:last], part.end]
        sizes = [part.before, *places.sizes[first:last], part.until]
        target = self._target
        joined: list[Part] = []
        for (start, end), (before, until) in zip(pairwise(offsets), pairwise(sizes), strict=True):
            if until - before <= target:
                self._join(joined, Part(start, end, before, until), free=not across_headings)
            else:
                for number, piece in enumerate(self._split(Part(start, end, before, until), level + 1)):
                    self._join(joined, piece, free=number > 0 or not across_headings)
        return joined

    def _join(self, joined: list[Part], piece: Part, *, free: bool) -> None:
        """Add a piece, to the last one where both fit; of two sections only where one is small."""
        if joined:
            last = joined[-1]
            size = piece.until - last.before
            if (free and size <= self._target) or (size <= self._loose and min(last.size, piece.size) < SMALL):
                joined[-1] = Part(last.start, piece.end, last.before, piece.until)
                return
        joined.append(piece)

    def _level(self, name: str) -> _Level:
        if name not in self._levels:
            self._levels[name] = self._places(getattr(self._layout, name))
        return self._levels[name]

    def _sentences(self, part: Part) -> _Level:
        """Sentences of a part, but for those in code and those that begin within a unit."""
        found = [offset for offset in sentences(self._text, part.start, part.end) if not self._in_fence(offset)]
        return self._places(self._aligned(found)) if found else _Level([], [])

    def _aligned(self, offsets: list[int]) -> Offsets:
        found = np.array(offsets, dtype=np.int64)
        if not self._tokens.additive:
            return found
        units = np.searchsorted(self._tokens.starts, found)
        aligned: Offsets = found[np.append(self._tokens.starts, len(self._text))[units] == found]
        return aligned

    def _places(self, offsets: Offsets) -> _Level:
        units = np.searchsorted(self._tokens.starts, offsets)
        return _Level(offsets.tolist(), self._tokens.sizes[units].tolist())

    def _is_whole(self, part: Part) -> bool:
        stop = self._layout.whole.get(part.start)
        return stop is not None and stop <= part.end and not self._text[stop : part.end].strip()

    def _in_fence(self, offset: int) -> bool:
        number = bisect_right(self._fences, offset) - 1
        return number >= 0 and offset < self._layout.whole[self._fences[number]]

    def _cut(self, part: Part) -> list[Part]:
        """The last resort: full pieces, cut between two words, else within one."""
        pieces = []
        while part.size > self._target:
            at, size = self._last_place(part)
            pieces.append(Part(part.start, at, part.before, size))
            part = Part(at, part.end, size, part.until)
        return [*pieces, part]

    def _last_place(self, part: Part) -> tuple[int, int]:
        """The last offset at which a full piece may end, and the tokens before it."""
        starts, sizes = self._tokens.starts, self._tokens.sizes
        last = min(int(np.searchsorted(sizes, part.before + self._target, side="right")) - 1, len(starts) - 1)
        first = int(np.searchsorted(starts, part.start, side="right"))
        for unit in range(last, max(first, last - _LOOK_BACK) - 1, -1):
            if self._text[starts[unit] - 1].isspace() or self._text[starts[unit]].isspace():
                return int(starts[unit]), int(sizes[unit])
        if last >= first:
            return int(starts[last]), int(sizes[last])
        end = min(int(starts[first]), part.end) if first < len(starts) else part.end
        share = (end - part.start) * self._target // max(self._target, int(sizes[first]) - part.before)
        at = min(part.start + max(share, 1), end)
        if at == end:
            return at, int(sizes[first])
        self.torn.add(at)
        return at, part.before + self._target


_SENTENCES = "sentences"
_LEVELS = ("sections", "blocks", "lines", _SENTENCES, "wraps")
_LEVELS_OF_CODE = ("sections", "blocks", "lines", "wraps", _SENTENCES)

_LOOK_BACK = 40
"""Units looked at for white space before a longer word is cut in between."""
