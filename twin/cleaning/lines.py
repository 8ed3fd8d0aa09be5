"""A text as lines that know whether they are code. Code is fenced or indented as in CommonMark 0.31 (4.4 and 4.5), but
slightly more broadly: a fence may be indented by any width, as inside a list, so code is never taken for prose."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from twin.text.markdown import fence

_NEWLINES = re.compile(r"\r\n?")
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(?:.+?)(?<!`)\1(?!`)")
_MOST_BLANK = 2


class Line(NamedTuple):
    """One line without its end, and whether it is code."""

    text: str
    code: bool = False


def split_lines(text: str) -> list[str]:
    """Lines without their line ends, of any form."""
    return _NEWLINES.sub("\n", text).split("\n")


def marked(originals: Sequence[str], tidied: Sequence[str], *, indented: bool = True) -> list[Line]:
    """Tell code from prose: code keeps its original line, prose gets the tidied one.

    Only the tidied lines decide what is code, so reading the result again gives the same answer. An unclosed fence is
    prose: a stray mark must not hide the rest of a document.

    Args:
        originals: the original lines.
        tidied: the same lines, tidied as prose.
        indented: whether a block indented by four columns is code, as in Markdown but not in a post.
    """
    closes = _closers(tidied)
    lines: list[Line] = []
    index, last = 0, ""
    while index < len(tidied):
        line = tidied[index]
        end = closes.get(index)
        below_blank = indented and _is_indented(line) and not (index and tidied[index - 1])
        # An item below an item is a nested list; any other indented line after a blank line is code.
        if end is None and below_blank and not (_ITEM.match(line) and _ITEM.match(last)):
            end = _indented_end(tidied, index)
        if end is None:
            lines.append(Line(line))
            last = line or last
            index += 1
        else:
            lines += [Line(original, code=True) for original in originals[index : end + 1]]
            last, index = "", end + 1
    return lines


def text_of(lines: Iterable[Line]) -> str:
    """The lines as a text, with at most two consecutive blank lines outside code and none at its start and end."""
    kept: list[str] = []
    blank = 0
    for line in lines:
        blank = 0 if line.text or line.code else blank + 1
        if blank <= _MOST_BLANK:
            kept.append(line.text)
    return "\n".join(kept).strip("\n")


def prose_of(text: str, *, indented: bool = True) -> str:
    """The text without its code blocks and code spans."""
    lines = split_lines(text)
    return "\n".join(
        _CODE_SPAN.sub(" ", line.text) for line in marked(lines, lines, indented=indented) if not line.code
    )


def outside_code_spans(line: str) -> list[tuple[bool, str]]:
    """A line of prose as pieces, each with a flag for a Markdown code span."""
    pieces: list[tuple[bool, str]] = []
    start = 0
    for span in _CODE_SPAN.finditer(line) if "`" in line else ():
        pieces += [(False, line[start : span.start()]), (True, span[0])]
        start = span.end()
    return [*pieces, (False, line[start:])]


def _closers(lines: Sequence[str]) -> dict[int, int]:
    """Index of each line that opens a fenced block -> index of the line that closes it."""
    fences = [(index, found) for index, line in enumerate(lines) if (found := fence(line))]
    closes: dict[int, int] = {}
    never = {"`": 1 << 30, "~": 1 << 30}  # from this length on, no later line closes a fence
    position = 0
    while position < len(fences):
        index, (mark, _) = fences[position]
        position += 1
        if len(mark) >= never[mark[0]]:
            continue
        for later in range(position, len(fences)):
            if fences[later][1].closes(mark):
                closes[index] = fences[later][0]
                position = later + 1
                break
        else:
            never[mark[0]] = len(mark)
    return closes


def _is_indented(line: str) -> bool:
    return line.startswith(("    ", "\t", " \t", "  \t", "   \t"))


def _indented_end(lines: Sequence[str], start: int) -> int:
    """Index of the last line of an indented block; blank lines inside it belong to it."""
    end = start
    for index in range(start + 1, len(lines)):
        if _is_indented(lines[index]):
            end = index
        elif lines[index]:
            break
    return end
