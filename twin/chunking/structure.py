"""The structure of a text: where it may be cut, from the best places to the worst.

Three kinds of text are told apart: Markdown, plain prose, and source code that no grammar is there for (see
`twin.chunking.syntax` for the others). Markdown is read as CommonMark 0.31 has it, as far as cutting needs: ATX and
setext headings (4.2, 4.3), indented and fenced code (4.4, 4.5), HTML blocks (4.6), block quotes and lists (5.1 to 5.3).
"""

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from twin.chunking.scan import Offsets, Scan, codes_of
from twin.models import Category, Document

Range = tuple[int, int]


class Kind(Enum):
    """How a text is laid out."""

    MARKDOWN = auto()
    PROSE = auto()
    CODE = auto()


@dataclass(frozen=True, slots=True)
class Heading:
    """A Markdown heading: `start` is the offset of its line, `level` 1 to 6."""

    start: int
    level: int
    text: str


def _none() -> Offsets:
    return np.zeros(0, dtype=np.int64)


@dataclass(slots=True)
class Layout:
    """Offsets at which a new part may begin, each kind ascending; sentences are looked for where they are needed."""

    sections: Offsets = field(default_factory=_none)  # a heading begins
    blocks: Offsets = field(default_factory=_none)  # a paragraph, list, table, fence or top-level definition begins
    lines: Offsets = field(default_factory=_none)  # a line that stands for itself begins: list item, table row, quote
    wraps: Offsets = field(default_factory=_none)  # any other line
    whole: dict[int, int] = field(default_factory=dict)  # start -> end of what is better not cut: fenced code
    headings: list[Heading] = field(default_factory=list)
    prose: bool = True  # else a line counts for more than a sentence

    def path(self, start: int, end: int) -> list[str]:
        """The headings that stand above all of a range; those inside it are part of its text."""
        first = bisect_left(self.headings, start, key=_start)
        last = bisect_left(self.headings, end, first, key=_start)
        level = min((heading.level for heading in self.headings[first:last]), default=7)
        found: list[str] = []
        while first > 0 and level > 1:
            first -= 1
            if self.headings[first].level < level:
                found.append(self.headings[first].text)
                level = self.headings[first].level
        return found[::-1]


_MARKDOWN_SUFFIXES = {".md", ".markdown", ".mdx", ".qmd", ".rmd"}
_PROSE_SUFFIXES = {".txt", ".rst", ".adoc", ".org", ".tex", ".html", ".htm"}

_BREAK = re.compile(r"\r\n|\n|\r")
_HEADING = re.compile(r"(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_FENCE = re.compile(r"(`{3,}|~{3,})(.*)")
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


def kind_of(document: Document) -> Kind:
    """Articles are Markdown, posts are prose, and a repository's file is what its name says."""
    if document.category is Category.ARTICLES:
        return Kind.MARKDOWN
    if document.category is Category.POSTS:
        return Kind.PROSE
    path = PurePosixPath((document.path or "").lower())
    if path.suffix in _MARKDOWN_SUFFIXES:
        return Kind.MARKDOWN
    if path.suffix in _PROSE_SUFFIXES or path.name in {"license", "readme", "authors", "changelog", "notice"}:
        return Kind.PROSE
    return Kind.CODE


def layout(scan: Scan, kind: Kind) -> Layout:
    """Find where a text may be cut."""
    lines = _Lines(scan)
    if kind is Kind.CODE:
        blocks = lines.after_blank & (lines.indent == 0) & ~_CLOSING[lines.codes]
        found = _layout(lines, blocks, lines.after_blank)
        found.prose = False
        return found
    markdown = _Markdown(lines) if kind is Kind.MARKDOWN else None
    items = lines.items()
    nested = lines.indent >= 4
    alone = items | _ALONE[lines.codes] | lines.after_end()
    # What a colon announces, the next item of a list, and what is indented deeper belong to what stands before.
    before = np.zeros_like(items)
    before[1:] = (lines.last[:-1] == ord(":")) | ((items | nested)[:-1] & (items | nested)[1:])
    blocks = lines.after_blank & ~before
    alone |= lines.after_blank
    if markdown is None:
        return _layout(lines, blocks, alone)
    code = markdown.in_code
    blocks = (blocks & ~code) | markdown.opens | markdown.closed
    alone = np.where(code, lines.after_blank & (lines.indent == 0), alone)
    result = _layout(lines, blocks & ~markdown.heads, alone & ~markdown.heads, markdown.heads)
    result.whole, result.headings = markdown.whole, markdown.headings
    return result


class _Lines:
    """The lines of a text that hold anything; each attribute has shape (lines,)."""

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
        return np.concatenate([[False], ended[:-1]])

    def text(self, number: int) -> str:
        """A line without the white space around it."""
        return self.scan.text[self.firsts[number] : self.ends[number]]


class _Markdown:
    """What only Markdown has: headings, and code in which nothing is a heading; arrays have shape (lines,)."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self.heads, self.opens, self.closed, self.in_code = (np.zeros(len(lines.starts), dtype=bool) for _ in range(4))
        self.whole: dict[int, int] = {}
        self.headings: list[Heading] = []
        self._find_code()
        self._find_headings()

    def _find_code(self) -> None:
        """Fenced code, front matter, and the HTML that may hold blank lines; what is never closed goes to the end."""
        lines, count = self._lines, len(self._lines.starts)
        mark, opened, done = "", 0, -1
        if lines.text(0) == "---" and lines.starts[0] == 0:
            done = next((number for number in range(1, count) if lines.text(number) == "---"), -1)
            if done > 0:
                self._add_code(0, done)
        for number in np.flatnonzero(_CODE_MARKS[lines.codes]).tolist():
            if number <= done:
                continue
            text = lines.text(number)
            fence = _FENCE.match(text)
            if mark:
                if fence and fence[1].startswith(mark) and not fence[2].strip():
                    self._add_code(opened, number)
                    mark = ""
            elif fence and not (fence[1][0] == "`" and "`" in fence[2]):
                mark, opened = fence[1], number
            elif (html := _HTML.match(text)) and lines.indent[number] <= 3:
                ends = re.compile(f"</{html[1]}>" if html[1] else "-->", re.IGNORECASE)
                end = ends.search(lines.scan.text, int(lines.firsts[number]))
                done = int(np.searchsorted(lines.starts, end.start(), side="right")) - 1 if end else count - 1
                self._add_code(number, done)
        if mark:
            self._add_code(opened, count - 1)

    def _add_code(self, first: int, last: int) -> None:
        """Note that these lines, both included, are one piece of code."""
        self.opens[first] = True
        self.in_code[first + 1 : last + 1] = True
        self.closed[last + 1 : last + 2] = True
        self.whole[int(self._lines.starts[first])] = int(self._lines.ends[last])

    def _find_headings(self) -> None:
        lines = self._lines
        marked = (lines.codes == ord("#")) | (_UNDERLINES[lines.codes] & (lines.firsts + lines.width == lines.ends))
        marked &= (lines.indent <= 3) & ~self.in_code & ~self.opens
        for number in np.flatnonzero(marked).tolist():
            if lines.codes[number] == ord("#"):
                if heading := _HEADING.match(lines.text(number)):
                    self._add_heading(number, len(heading[1]), heading[2] or "")
            elif (first := self._underlined(number)) is not None:
                text = lines.scan.text[lines.firsts[first] : lines.ends[number - 1]]
                self._add_heading(first, 1 if lines.codes[number] == ord("=") else 2, text)

    def _underlined(self, number: int) -> int | None:
        """The first line of a heading of at most three lines that this line underlines, if it does (CommonMark 4.3)."""
        lines = self._lines
        if lines.width[number] < 2 or lines.text(number).strip(lines.text(number)[0]):
            return None
        first = number
        while not lines.after_blank[first]:
            first -= 1
            if self.heads[first] or self.in_code[first] or self.opens[first] or _NO_HEADING.match(lines.text(first)):
                return None
        return first if 1 <= number - first <= 3 and lines.indent[first] <= 3 else None

    def _add_heading(self, number: int, level: int, text: str) -> None:
        self.heads[number] = True
        if name := " ".join(text.split()).strip("*_` "):
            self.headings.append(Heading(int(self._lines.starts[number]), level, name))


def _layout(
    lines: _Lines, blocks: NDArray[np.bool_], alone: NDArray[np.bool_], heads: NDArray[np.bool_] | None = None
) -> Layout:
    """Each line as what it begins; the first of these that is true of it counts."""
    sections = np.zeros_like(blocks) if heads is None else heads.copy()
    known = sections | blocks
    # A heading right below another one continues it, so that no chunk ends with a heading.
    if heads is not None:
        sections[1:] &= ~heads[:-1]
    return Layout(
        sections=lines.starts[sections],
        blocks=lines.starts[blocks],
        lines=lines.starts[alone & ~known],
        wraps=lines.starts[~alone & ~known],
    )


def _start(heading: Heading) -> int:
    return heading.start
