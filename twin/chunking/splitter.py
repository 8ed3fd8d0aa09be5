"""Cutting one text into ranges that together cover it.

A range that is too big is cut at the best places of its layout. Parts that are still too big are cut again, and
neighbours are joined while they fit the target (recursive splitting, which measured as well as any other splitter with
an exact token counter; see Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", 2024).
"""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from twin.chunking.sentences import sentences
from twin.chunking.structure import Layout
from twin.tokens.scan import Offsets
from twin.tokens.sizer import Tokens

SMALL = 50
"""A part with fewer tokens says little by itself, so it joins a neighbour even across a heading."""


Part = tuple[int, int, int, int]
"""Start and end of a range of the text, and the number of tokens before each of them."""


@dataclass(slots=True)
class _Level:
    """Places of one kind, ascending, and the number of tokens before each."""

    offsets: list[int]
    sizes: list[int]


class Splitter:
    """Cuts some texts.

    Args:
        text: all of them, see `Scan`.
        tokens: of the texts.
        found: their layout.

    Attributes:
        torn: the offsets where a word had to be cut, so the tokens on both sides differ from those in the text.
    """

    def __init__(self, text: str, tokens: Tokens, found: Layout) -> None:
        self._text, self._tokens, self._layout = text, tokens, found
        self._levels: dict[str, _Level] = {}
        self._fences = sorted(found.whole)
        self.torn: set[int] = set()
        self._aim(0, 0, prose=True)

    def split(self, whole: Part, target: int, limit: int, *, prose: bool = True) -> list[Part]:
        """Ranges that cover one text; some may contain only white space.

        Args:
            whole: the text.
            target: tokens to aim at.
            limit: the most tokens of a piece that should not be cut.
            prose: whether sentences matter more than lines.
        """
        self._aim(target, limit, prose=prose)
        return self._cut_at(whole, 0) or self._split(whole, 1)

    def names(self) -> set[str]:
        """All names that `paths` builds paths from."""
        return {heading.path[-1] for heading in self._layout.headings}

    def paths(self, floor: int, ranges: list[list[int]]) -> list[tuple[str, ...]]:
        """The names of the headings above each range of the text from `floor` on, the outermost first."""
        return self._layout.paths(floor, ranges)

    def _aim(self, target: int, limit: int, *, prose: bool) -> None:
        self._target, self._limit, self._loose = target, limit, (target + limit) // 2
        self._names = _LEVELS if prose else _LEVELS_OF_CODE

    def overlapped(self, parts: list[Part], overlap: int) -> list[Part]:
        """The parts, each with the end of the part before it: at most `overlap` tokens, starting at a line or sentence
        if possible, otherwise at a word. Text under another heading is not repeated.
        """
        sections = self._layout.sections
        found = parts[:1]
        for (last, *_), part in pairwise(parts):
            section = int(np.searchsorted(sections, part[0], side="right"))
            filled = _FILLED.search(self._text, last, part[0])
            floor = max(filled.end() if filled else part[0], int(sections[section - 1]) if section else 0)
            start = self._back(part, floor, overlap)
            unit = int(np.searchsorted(self._tokens.starts, start))
            if unit < len(self._tokens.starts) and self._tokens.starts[unit] != start and start != part[0]:
                self.torn.add(start)  # there is no space before this sentence
            found.append((start, part[1], int(self._tokens.sizes[unit]), part[3]))
        return found

    def _back(self, part: Part, floor: int, overlap: int) -> int:
        """The offset, not before `floor`, with at most `overlap` tokens between it and the start of a part."""
        start, _, before, _ = part
        starts, sizes = self._tokens.starts, self._tokens.sizes
        unit = max(int(np.searchsorted(sizes, before - overlap)), int(np.searchsorted(starts, floor)))
        if start in self.torn or unit >= len(starts) or starts[unit] >= start:
            return start
        lowest = int(starts[unit])
        if not self._text[lowest - 1].isspace() and (space := _SPACE.search(self._text, lowest, start)):
            lowest = space.end()
        if lowest >= start:
            return start
        line = max(self._text.rfind(mark, floor, lowest) for mark in "\n\r") + 1
        if line and self._text[line:lowest].isspace():  # the whole line, with its indent
            return line
        places = [self._first(self._level(name), lowest, start) for name in ("blocks", "lines")]
        places += [offset for offset in sentences(self._text, floor, start) if offset >= lowest][:1]
        found = [place for place in places if place is not None]
        return min(found) if found else (self._first(self._level("wraps"), lowest, start) or lowest)

    def _first(self, level: _Level, lowest: int, end: int) -> int | None:
        """The first place of a level within a range."""
        number = bisect_left(level.offsets, lowest)
        return level.offsets[number] if number < len(level.offsets) and level.offsets[number] < end else None

    def _split(self, part: Part, level: int) -> list[Part]:
        """Cut a part into pieces within the target, at places of this level or worse ones."""
        size = part[3] - part[2]
        if size <= self._target or (size <= self._limit and self._is_whole(part)):
            return [part]
        while level < len(self._names):
            if pieces := self._cut_at(part, level):
                return pieces
            level += 1
        return self._cut(part)

    def _cut_at(self, part: Part, level: int) -> list[Part]:
        """Cut a part at all places of a level inside it; an empty list if there are none."""
        start, stop, before, until = part
        name = self._names[level]
        places = self._sentences(part) if name == _SENTENCES else self._level(name)
        first = bisect_right(places.offsets, start)
        last = bisect_left(places.offsets, stop, first)
        if first == last:
            return []
        offsets = [start, *places.offsets[first:last], stop]
        sizes = [before, *places.sizes[first:last], until]
        joined: list[Part] = []
        free = level > 0  # sections are joined only if one is small
        here, end, target = 0, len(offsets) - 1, self._target
        while here < end:
            size = sizes[here]
            there = bisect_right(sizes, size + target, here + 1) - 1 if free else here + 1
            if there > here and sizes[there] - size <= target:
                self._join(joined, (offsets[here], offsets[there], size, sizes[there]), free=free)
            else:
                there = here + 1
                inner = self._split((offsets[here], offsets[there], size, sizes[there]), level + 1)
                for number, piece in enumerate(inner):
                    self._join(joined, piece, free=free or number > 0)
            here = there
        return joined

    def _join(self, joined: list[Part], piece: Part, *, free: bool) -> None:
        """Add a piece; join it to the last one if both fit, and two sections only if one is small."""
        if joined:
            start, _, before, until = joined[-1]
            size = piece[3] - before
            if (free and size <= self._target) or (
                size <= self._loose and (until - before < SMALL or piece[3] - piece[2] < SMALL)
            ):
                joined[-1] = start, piece[1], before, piece[3]
                return
        joined.append(piece)

    def _level(self, name: str) -> _Level:
        if name not in self._levels:
            self._levels[name] = self._places(getattr(self._layout, name))
        return self._levels[name]

    def _sentences(self, part: Part) -> _Level:
        """Sentences of a part, except those in code and those that begin within a unit."""
        found = [offset for offset in sentences(self._text, part[0], part[1]) if not self._in_fence(offset)]
        return self._places(self._aligned(found)) if found else _Level([], [])

    def _aligned(self, offsets: list[int]) -> Offsets:
        found = np.array(offsets, dtype=np.int64)
        if not self._tokens.additive:
            return found
        units = np.searchsorted(self._tokens.starts, found)
        aligned: Offsets = found[self._tokens.starts.take(units, mode="clip") == found]
        return aligned

    def _places(self, offsets: Offsets) -> _Level:
        units = np.searchsorted(self._tokens.starts, offsets)
        return _Level(offsets.tolist(), self._tokens.sizes[units].tolist())

    def _is_whole(self, part: Part) -> bool:
        start, end, _, _ = part
        stop = self._layout.whole.get(start)
        return stop is not None and stop <= end and not self._text[stop:end].strip()

    def _in_fence(self, offset: int) -> bool:
        number = bisect_right(self._fences, offset) - 1
        return number >= 0 and offset < self._layout.whole[self._fences[number]]

    def _cut(self, part: Part) -> list[Part]:
        """The last resort: full pieces, cut between two words if possible, otherwise within a word."""
        start, end, before, until = part
        pieces = []
        while until - before > self._target:
            at, size = self._last_place(start, end, before)
            pieces.append((start, at, before, size))
            start, before = at, size
        return [*pieces, (start, end, before, until)]

    def _last_place(self, start: int, end: int, before: int) -> tuple[int, int]:
        """The last offset where a full piece may end, and the number of tokens before it."""
        starts, sizes = self._tokens.starts, self._tokens.sizes
        last = min(int(np.searchsorted(sizes, before + self._target, side="right")) - 1, len(starts) - 1)
        first = int(np.searchsorted(starts, start, side="right"))
        for unit in range(last, max(first, last - _LOOK_BACK) - 1, -1):
            if self._text[starts[unit] - 1].isspace() or self._text[starts[unit]].isspace():
                return int(starts[unit]), int(sizes[unit])
        if last >= first:
            return int(starts[last]), int(sizes[last])
        following = min(int(starts[first]), end) if first < len(starts) else end
        share = (following - start) * self._target // max(self._target, int(sizes[first]) - before)
        at = min(start + max(share, 1), following)
        if at == following:
            return at, int(sizes[first])
        self.torn.add(at)
        return at, before + self._target


_SENTENCES = "sentences"
_LEVELS = ("sections", "blocks", "lines", _SENTENCES, "wraps")
_LEVELS_OF_CODE = ("sections", "blocks", "lines", "wraps", _SENTENCES)

_FILLED = re.compile(r"\S")
_SPACE = re.compile(r"[^\S\x0b\x0c\x1c-\x1f\x85]+")
"""White space, except what tokenizers treat as control characters (see `Scan`), which join their neighbours."""

_LOOK_BACK = 40
"""Units searched for white space before a longer word is cut."""
