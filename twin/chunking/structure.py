"""The structure of a text: where it may be cut, from the best places to the worst.

A layout is found by line and character patterns alone, in one pass, for three kinds of text: Markdown, plain prose and
source code. Fenced code and ATX headings follow CommonMark 0.31 (sections 4.2 and 4.5).
"""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise
from pathlib import PurePosixPath

from twin.models import Category, Document


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


@dataclass(slots=True)
class Layout:
    """Offsets at which a new part may begin, best level first, each level ascending."""

    sections: list[int] = field(default_factory=list)  # a heading begins
    blocks: list[int] = field(default_factory=list)  # a paragraph, fence or top-level definition begins
    lines: list[int] = field(default_factory=list)  # a line that stands for itself begins: list item, table row, code
    sentences: list[int] = field(default_factory=list)
    wraps: list[int] = field(default_factory=list)  # any other line
    whole: dict[int, int] = field(default_factory=dict)  # start -> end of what is better not cut: fenced code
    headings: list[Heading] = field(default_factory=list)

    @property
    def levels(self) -> list[list[int]]:
        return [self.sections, self.blocks, self.lines, self.sentences, self.wraps]

    def path(self, start: int, end: int) -> list[str]:
        """The headings that stand above all of a range; those inside it are part of its text."""
        first = bisect_left(self.headings, start, key=lambda heading: heading.start)
        last = bisect_left(self.headings, end, key=lambda heading: heading.start)
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

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_ITEM = re.compile(r"\s*(?:[-*+•‣·–—]\s|\d{1,3}[.)]\s|[|>#]|$)")
_ENDED = re.compile(r"[.!?:;…。！？][\"'”’)\]*_`]*\s*$")
_SENTENCE = re.compile(r"[.!?…]+[\"'”’)\]*_]*[ \t\n]+(?=[^\sa-z])|[。！？]+[」』”’)]*")
_INDENTED = re.compile(r"[ \t]|[)\]}]")  # continues what stands above it: a body, or a closing bracket


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


def layout(text: str, kind: Kind) -> Layout:
    """Find where `text` may be cut."""
    if kind is Kind.CODE:
        return _code(text)
    found = Layout(whole=_fences(text) if kind is Kind.MARKDOWN else {})
    fence_end = -1
    blank, previous = True, ""
    for start, end in _lines(text):
        line = text[start:end].rstrip("\r\n")
        if start < fence_end:
            found.lines.append(start)
            blank = True  # what follows the fence is a block of its own
        elif start in found.whole:
            found.blocks.append(start)
            fence_end = found.whole[start]
        elif kind is Kind.MARKDOWN and (heading := _HEADING.match(line)):
            found.sections.append(start)
            if heading[2]:
                found.headings.append(Heading(start, len(heading[1]), heading[2].strip("*_` ")))
            blank = False
        elif line.strip():
            alone = _ITEM.match(line) or _ENDED.search(previous)
            (found.blocks if blank else found.lines if alone else found.wraps).append(start)
            blank = False
        else:
            blank = True
        previous = line
    found.sentences = _sentences(text, found.whole)
    return found


def _fences(text: str) -> dict[int, int]:
    """Start and end of each fenced block, fences included; one that is never closed goes to the end of the text."""
    found: dict[int, int] = {}
    mark, opened = "", 0
    for start, end in _lines(text):
        line = _FENCE.match(text[start:end].rstrip())
        if mark:
            if line and line[1].startswith(mark) and not line[2].strip():
                found[opened] = start + len(text[start:end].rstrip())
                mark = ""
        elif line and not (line[1][0] == "`" and "`" in line[2]):
            mark, opened = line[1], start
    if mark:
        found[opened] = len(text.rstrip())
    return found


def _code(text: str) -> Layout:
    """Code is cut before an unindented line that follows a blank one, then after blank lines, then anywhere."""
    found = Layout()
    blank = False
    for start, end in _lines(text):
        line = text[start:end]
        if not line.strip():
            blank = True
            continue
        if blank and not _INDENTED.match(line):
            found.blocks.append(start)
        elif blank:
            found.lines.append(start)
        else:
            found.wraps.append(start)
        blank = False
    return found


def _lines(text: str) -> list[tuple[int, int]]:
    cuts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text)), len(text)]
    return [(start, end) for start, end in pairwise(cuts) if start < end]


def _sentences(text: str, whole: dict[int, int]) -> list[int]:
    fences = sorted(whole)

    def in_fence(offset: int) -> bool:
        number = bisect_right(fences, offset) - 1
        return number >= 0 and offset < whole[fences[number]]

    return [match.end() for match in _SENTENCE.finditer(text) if not in_fence(match.end())]
