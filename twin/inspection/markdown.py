"""Markdown that Dagster's UI shows correctly: CommonMark with tables, no HTML, images as data URIs.

Whatever an author wrote is text here and never markup: it cannot open a heading, a fence or a hidden link. (The UI
turns a written-out web address into a link to that address.)
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import NamedTuple

from twin.models import Chunk, Document
from twin.text.markdown import fence

AROUND = 240
"""Characters of the document that are shown before and after a chunk."""

_LINES_AROUND = 4
_LONGEST_LINE = 160
_LANGUAGE = re.compile(r"^[\w+#.-]*")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&:@/=])")


class Passage(NamedTuple):
    """A chunk to show, where it comes from, and why it was chosen."""

    chunk: Chunk
    document: Document
    reason: str


def image(png: bytes, alt: str) -> str:
    """An image that works wherever Markdown is shown; `alt` says in words what it shows."""
    return f"![{escaped(alt)}](data:image/png;base64,{b64encode(png).decode()})"


def escaped(text: str) -> str:
    """Text without any markup effect, in one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def linked(text: str, address: str) -> str:
    """A link if the address is a web address; otherwise only the text, because paths on a machine are not links."""
    if re.fullmatch(r"https?://[^\s<>\\]+", address):
        return f"[{escaped(text)}](<{address}>)"
    return escaped(text)


def code(text: str) -> str:
    """Inline code, whatever backticks are in it."""
    line = " ".join(text.split())
    ticks = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{ticks} {line} {ticks}" if "`" in line else f"{ticks}{line}{ticks}"


LEGEND = "*In bold, or marked with a plus: the chunk. Around it: the text before and after it.*"


def passages(found: list[Passage]) -> str:
    """Each chunk in bold within its surroundings; for source code its lines are marked, as in a diff."""
    shown = ["\n\n".join(_passage(number, passage)) for number, passage in enumerate(found, 1)]
    return "\n\n---\n\n".join(["\n\n".join([LEGEND, *shown[:1]]), *shown[1:]])


def _passage(number: int, passage: Passage) -> Iterator[str]:
    chunk, document = passage.chunk, passage.document
    name = chunk.title or chunk.path or chunk.link
    place = f" {code(chunk.path)}" if chunk.path and chunk.path != name else ""
    yield f"### {number}\\. {linked(name, chunk.link)}{place}"
    yield (
        f"*{passage.reason}: {chunk.tokens:,} tokens, characters {chunk.start:,} to {chunk.end:,} of "
        f"{len(document.text):,}*"
    )
    if chunk.context:
        yield f"embedded with the context {code(chunk.context)}"
    if chunk.path and all(len(line) <= _LONGEST_LINE for line in chunk.text.splitlines()):
        yield marked_lines(document.text, chunk.start, chunk.end)
        return
    if before := " ".join(document.text[max(0, chunk.start - AROUND) : chunk.start].split()):
        yield f"> {'… ' if chunk.start > AROUND else ''}{escaped(before)}"
    yield bold(chunk.text)
    if after := " ".join(document.text[chunk.end : chunk.end + AROUND].split()):
        yield f"> {escaped(after)}{' …' if len(document.text) - chunk.end > AROUND else ''}"


def bold(text: str) -> str:
    """Every paragraph in bold and every fenced block as code, line by line."""
    parts: list[str] = []
    paragraph: list[str] = []
    block: list[str] = []
    opened = ""
    for line in [*text.splitlines(), ""]:
        found = fence(line, deepest=3)
        if opened:
            if found and found.closes(opened):
                parts.append(_fenced(block))
                block, opened = [], ""
            else:
                block.append(line)
        elif line.strip() and not found:
            paragraph.append(f"**{escaped(line)}**")
        else:
            if paragraph:
                parts.append("\\\n".join(paragraph))
                paragraph = []
            if found:
                opened, block = found.mark, [_LANGUAGE.findall(found.info)[0]]
    if opened:  # cut within a block
        parts.append(_fenced(block[:-1]))
    return "\n\n".join(parts)


def _fenced(lines: list[str]) -> str:
    """A block of code whose first line is its language, in a fence longer than any inside it."""
    body = "\n".join(lines[1:])
    fence = "`" * (max([2, *map(len, re.findall("`+", body))]) + 1)
    return f"{fence}{lines[0]}\n{body}\n{fence}"


def marked_lines(text: str, start: int, end: int) -> str:
    """Source code with line numbers, lines of the range marked with a plus, in a fence longer than any inside it."""
    lines = text.splitlines()
    first = len(text[:start].splitlines()) - (start > 0 and text[start - 1] not in "\r\n")
    last = max(len(text[:end].splitlines()), first + 1)
    width = len(str(len(lines)))
    shown = []
    for number in range(max(0, first - _LINES_AROUND), min(len(lines), last + _LINES_AROUND)):
        line = lines[number] if len(lines[number]) <= _LONGEST_LINE else lines[number][:_LONGEST_LINE] + "…"
        shown.append(f"{'+' if first <= number < last else ' '} {number + 1:>{width}} {line}".rstrip())
    return _fenced(["diff", *shown])
