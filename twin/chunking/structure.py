"""The structure of a text: where it may be cut, from the best places to the worst.

There are three kinds of text: Markdown, plain prose, and source code without a grammar (see `twin.chunking.syntax` for
code with one). Markdown is read by CommonMark 0.31, as far as cutting needs it: ATX and
setext headings (4.2, 4.3), indented and fenced code (4.4, 4.5), HTML blocks (4.6), block quotes and lists (5.1 to 5.3).
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.text.kinds import Kind
from twin.text.markdown import fence, heading
from twin.tokens.scan import Offsets, Scan, codes_of

Range = tuple[int, int]


class Heading(NamedTuple):
    """A Markdown heading and the headings above it: the level (1 to 6, ascending) and the text of each."""

    levels: tuple[int, ...]
    path: tuple[str, ...]


@dataclass(slots=True)
class Layout:
    """Offsets where a new part may begin, each kind ascending; sentences are found only when needed."""

    sections: Offsets  # a heading begins
    blocks: Offsets  # a paragraph, list, table, fence or top-level definition begins
    lines: Offsets  # a line that stands alone begins: list item, table row, quote
    wraps: Offsets  # any other line
    whole: dict[int, int]  # start -> end of text that should not be cut: fenced code
    headings: list[Heading]
    heading_starts: list[int]

    def paths(self, floor: int, ranges: list[list[int]]) -> list[tuple[str, ...]]:
        """The headings above each range of the text from `floor` on; headings inside a range are part of it."""
        headings, starts = self.headings, self.heading_starts
        found: list[tuple[str, ...]] = []
        for start, end in ranges:
            first = bisect_left(starts, start)
            if first == 0 or starts[first - 1] < floor:
                found.append(())
                continue
            levels, path = headings[first - 1]
            last = bisect_left(starts, end, first)
            if first < last:
                path = path[: bisect_left(levels, min([inner.levels[-1] for inner in headings[first:last]]))]
            found.append(path)
        return found


_BREAK = re.compile(r"\r\n|\n|\r")
_HTML = re.compile(r"<(?:(pre|script|style|textarea)(?=[\s>]|$)|!--)", re.IGNORECASE)

_NO_HEADING = re.compile(r"[-*+>|]\s|\||\d{1,9}[.)]\s|<")

_BULLETS = codes_of("-*+•·–—")
_DIGITS = codes_of("0123456789")
_AFTER_DIGITS = codes_of(".)")
_ALONE = codes_of("|>")
_ENDERS = codes_of(".!?:;…")
_CLOSERS = codes_of("\"'”’)]*_`")
_CLOSING = codes_of(")]}")
_UNDERLINES = codes_of("=-")
_CODE_MARKS = codes_of("`~<")
_ODD_ENDERS = frozenset("。！？｡؟۔।॥")


def layout(scan: Scan, kinds: Sequence[Kind]) -> Layout:
    """Find where texts may be cut.

    Args:
        scan: the texts.
        kinds: of each of them.
    """
    lines = _Lines(scan)
    blocks, alone = lines.in_prose()
    markdown = _Markdown(lines)
    limits = np.searchsorted(lines.starts, scan.limits).tolist()
    for (first, last), kind in zip(limits, kinds, strict=True):
        if kind is Kind.MARKDOWN:
            markdown.read(first, last)
        elif kind is Kind.CODE:
            blank = lines.after_blank[first:last]
            blocks[first:last] = blank & (lines.indent == 0)[first:last] & ~_CLOSING[lines.codes[first:last]]
            alone[first:last] = blank
    code, heads = markdown.in_code, markdown.heads
    blocks = ((blocks & ~code) | markdown.opens | markdown.closed) & ~heads
    alone = np.where(code, lines.after_blank & (lines.indent == 0), alone) & ~heads & ~blocks
    # A heading right below another one continues it, so no chunk ends with a heading.
    sections = heads.copy()
    sections[1:] &= ~heads[:-1]
    sections[lines.first_of_text] = heads[lines.first_of_text]
    return Layout(
        sections=lines.starts[sections],
        blocks=lines.starts[blocks],
        lines=lines.starts[alone],
        wraps=lines.starts[~(sections | blocks | alone)],
        whole=markdown.whole,
        headings=markdown.headings,
        heading_starts=markdown.heading_starts,
    )


class _Lines:
    """The lines of some texts that are not blank; each attribute except the first two has shape (lines,)."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        breaks = np.flatnonzero(scan.codes == 0x0A) + 1
        if "\r" in scan.text:
            breaks = np.array([match.end() for match in _BREAK.finditer(scan.text)], dtype=np.int64)
        starts = np.concatenate([[0], breaks])
        words = np.searchsorted(scan.starts, np.append(starts, len(scan.text)))
        filled = np.flatnonzero(words[1:] > words[:-1])
        word = words[filled]
        self.starts: Offsets = starts[filled]
        self.firsts: Offsets = scan.starts[word]
        self.ends: Offsets = scan.ends[words[filled + 1] - 1]
        self.indent: Offsets = self.firsts - self.starts
        self.width: Offsets = scan.ends[word] - self.firsts  # of the first word
        self.codes: NDArray[np.uint8] = scan.codes[self.firsts]
        self.last: NDArray[np.uint8] = scan.codes[self.ends - 1]
        self.after_blank: NDArray[np.bool_] = np.ones(len(filled), dtype=bool)
        self.after_blank[1:] = np.diff(filled) > 1
        first = np.searchsorted(self.starts, scan.limits[:, 0])
        self.first_of_text: Offsets = first[first < len(filled)]

    def in_prose(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The lines that begin a block of prose, and the lines that stand alone."""
        items = self.items()
        below = items | (self.indent >= 4)
        # The text after a colon, the next item of a list, and deeper indented lines belong to the line before.
        before = np.zeros_like(items)
        before[1:] = (self.last[:-1] == ord(":")) | (below[:-1] & below[1:])
        before[self.first_of_text] = False
        return self.after_blank & ~before, items | _ALONE[self.codes] | self.after_end() | self.after_blank

    def items(self) -> NDArray[np.bool_]:
        """Lines that are list items: a bullet or a number, and white space."""
        bullets = _BULLETS[self.codes] & (self.width == 1)
        ends = self.scan.codes[self.firsts + self.width - 1]
        found: NDArray[np.bool_] = bullets | (_DIGITS[self.codes] & (self.width <= 4) & _AFTER_DIGITS[ends])
        return found

    def after_end(self) -> NDArray[np.bool_]:
        """Lines that follow one that ended a sentence."""
        ended = _ENDERS[self.last]
        before = self.scan.codes[np.maximum(self.ends - 2, self.firsts)]
        ended |= _CLOSERS[self.last] & _ENDERS[before]
        for number in np.flatnonzero(self.last == 0).tolist():
            ended[number] = self.scan.text[self.ends[number] - 1] in _ODD_ENDERS
        following = np.zeros_like(ended)
        following[1:] = ended[:-1]
        following[self.first_of_text] = False
        return following

    def text(self, number: int) -> str:
        """A line without surrounding white space."""
        return self.scan.text[self.firsts[number] : self.ends[number]]


class _Markdown:
    """What only Markdown has: headings, and code, where nothing is a heading; arrays have shape (lines,)."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self.heads, self.opens, self.closed, self.in_code = (np.zeros(len(lines.starts), dtype=bool) for _ in range(4))
        self.whole: dict[int, int] = {}
        self.headings: list[Heading] = []
        self.heading_starts: list[int] = []
        self._underline = -1  # the last line that underlines a heading
        self._code_marks = _CODE_MARKS[lines.codes]
        alone = lines.firsts + lines.width == lines.ends
        self._heading_marks = (lines.codes == ord("#")) | (_UNDERLINES[lines.codes] & alone)
        self._heading_marks &= lines.indent <= 3

    def read(self, first: int, last: int) -> None:
        """Read the lines of one text; `last` is the first line after it."""
        if first < last:
            self._find_code(first, last)
            self._find_headings(first, last)

    def _find_code(self, first: int, last: int) -> None:
        """Find fenced code, front matter, and HTML that may contain blank lines; unclosed code runs to the end."""
        lines = self._lines
        mark, opened, done = "", 0, -1
        if lines.codes[first] == ord("-") and lines.text(first) == "---" and lines.indent[first] == 0:
            done = next((number for number in range(first + 1, last) if lines.text(number) == "---"), -1)
            if done > 0:
                self._add_code(first, done, last)
        for number in (np.flatnonzero(self._code_marks[first:last]) + first).tolist():
            if number <= done:
                continue
            text = lines.text(number)
            found = fence(text)
            if mark:
                if found and found.closes(mark):
                    self._add_code(opened, number, last)
                    mark = ""
            elif found:
                mark, opened = found.mark, number
            elif (html := _HTML.match(text)) and lines.indent[number] <= 3:
                ends = re.compile(f"</{html[1]}>" if html[1] else "-->", re.IGNORECASE)
                end = ends.search(lines.scan.text, int(lines.firsts[number]), int(lines.ends[last - 1]))
                done = int(np.searchsorted(lines.starts, end.start(), side="right")) - 1 if end else last - 1
                self._add_code(number, done, last)
        if mark:
            self._add_code(opened, last - 1, last)

    def _add_code(self, first: int, last: int, stop: int) -> None:
        """Note that these lines, both included, are one piece of code."""
        self.opens[first] = True
        self.in_code[first + 1 : last + 1] = True
        self.closed[last + 1 : min(last + 2, stop)] = True
        self.whole[int(self._lines.starts[first])] = int(self._lines.ends[last])

    def _find_headings(self, first: int, last: int) -> None:
        lines = self._lines
        marked = self._heading_marks[first:last]
        if self.in_code[first:last].any():
            marked = marked & ~self.in_code[first:last] & ~self.opens[first:last]
        levels: tuple[int, ...] = ()
        path: tuple[str, ...] = ()
        numbers = np.flatnonzero(marked) + first
        rows = zip(*(found[numbers].tolist() for found in (lines.starts, lines.firsts, lines.ends)), strict=True)
        for number, (start, begin, end) in zip(numbers.tolist(), rows, strict=True):
            text, above = lines.scan.text[begin:end], None
            if text[0] == "#":
                found = heading(text)
                if found is None:
                    continue
                level, name = found
            else:
                above = self._underlined(number)
                if above is None:
                    continue
                self._underline = number
                level, name = 1 if text[0] == "=" else 2, lines.scan.text[lines.firsts[above] : lines.ends[number - 1]]
            head, head_start = (number, start) if above is None else (above, int(lines.starts[above]))
            self.heads[head] = True
            if name := " ".join(name.split()).strip("*_` "):
                above_it = bisect_left(levels, level)
                levels, path = (*levels[:above_it], level), (*path[:above_it], name)
                self.headings.append(Heading(levels, path))
                self.heading_starts.append(head_start)

    def _underlined(self, number: int) -> int | None:
        """The first line of a heading of at most three lines that this line underlines, if it does (CommonMark 4.3)."""
        lines = self._lines
        if lines.width[number] < 2 or lines.text(number).strip(lines.text(number)[0]):
            return None
        first = number
        while not lines.after_blank[first] and first - 1 != self._underline:
            if self.heads[first - 1] or self.in_code[first - 1] or self.opens[first - 1]:
                break
            first -= 1
            if _NO_HEADING.match(lines.text(first)):
                return None
        return first if 1 <= number - first <= 3 and lines.indent[first] <= 3 else None
