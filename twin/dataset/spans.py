"""Cuts cleaned documents into spans of 40 to 400 words that begin and end at paragraph or sentence ends.

A span is a pair of character offsets, so that "the output is the author's own words" can be checked against the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from twin.identity import sha256
from twin.text.markdown import fence, heading

MIN_WORDS = 40
MAX_WORDS = 400
_TARGETS = (50, 80, 130, 200)
"""Target sizes of spans, chosen by hash, so that the twin learns more than one length."""

_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+(?:['’-]\w+)*"
)
_SENTENCE_END = re.compile(r"(?:[.!?…]+[\"'”’)\]*_]*(?=\s|$)|[。！？])")

_DEEPEST_FENCE = 3
"""Maximum indentation of a fence, in columns; a deeper one is part of a list and stays with its text."""


@lru_cache(maxsize=256)  # spans are counted again while they grow and when they are judged
def count_words(text: str) -> int:
    """Number of words; a Chinese, Japanese or Korean character counts as one, because no spaces separate them."""
    return len(_WORD.findall(text))


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return [word.casefold() for word in _WORD.findall(text)]


@dataclass(frozen=True)
class Span:
    """`text[start:end]` of one document, and its surroundings."""

    start: int
    end: int
    words: int
    kind: str  # "whole", "opening", "part" or "code"
    headings: tuple[str, ...] = ()  # path of the section that it begins in, outermost first
    section_start: bool = False  # the span begins directly below the last of `headings`
    previous: str = ""  # the paragraph before it, if there is one
    name: str = ""  # of the function or class, for code


@dataclass(frozen=True)
class _Block:
    kind: str  # "heading", "prose" or "fence"
    start: int
    end: int
    level: int = 0
    title: str = ""


@dataclass
class _Section:
    headings: tuple[str, ...]
    pieces: list[_Block] = field(default_factory=list)


def prose_spans(text: str, seed: str) -> Iterator[Span]:
    """Cut prose (Markdown or plain) into spans that do not overlap.

    A text of at most `MAX_WORDS` is one whole span. A longer one is grouped paragraph by paragraph inside its
    sections. A section that is too short for a span joins the next one, and a paragraph that is too long is cut at
    sentence ends.

    Args:
        text: the cleaned document.
        seed: chooses the target sizes; an equal text and seed give equal spans.
    """
    total = count_words(text)
    if total < MIN_WORDS:
        return
    if total <= MAX_WORDS:
        start, end = _strip(text, 0, len(text))
        yield Span(start, end, total, "whole")
        return
    sections = _merged(text, _sections(text))
    previous, ordinal = "", 0
    for section in sections:
        first = True
        for start, end in _grouped(text, section.pieces, f"{seed}:{ordinal}"):
            words = count_words(text[start:end])
            if MIN_WORDS <= words <= MAX_WORDS:
                kind = "opening" if ordinal == 0 else "part"
                yield Span(start, end, words, kind, section.headings, first, previous)
                ordinal += 1
            first = False
            previous = _last_paragraph(text[start:end])


def sentence_ends(text: str) -> list[int]:
    """Offsets just after each sentence of `text`; the end of the text is the last."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    stripped = len(text.rstrip())
    return ends if ends and ends[-1] >= stripped else [*ends, stripped]


def _blocks(text: str) -> Iterator[_Block]:
    """Headings, fenced code and paragraphs, with their offsets, in order."""
    start: int | None = None
    mark, offset = "", 0
    for line in text.splitlines(keepends=True):
        end = offset + len(line)
        found = fence(line, _DEEPEST_FENCE)
        if mark:
            if found and found.closes(mark):
                yield _Block("fence", start or 0, end)
                mark, start = "", None
        elif found or not line.strip() or (head := heading(line)):
            if start is not None:
                yield _Block("prose", start, offset)
                start = None
            if found:
                mark, start = found.mark, offset
            elif line.strip() and head:
                yield _Block("heading", offset, end, head.level, head.text)
        elif start is None:
            start = offset
        offset = end
    if start is not None:
        yield _Block("fence" if mark else "prose", start, len(text))


def _sections(text: str) -> list[_Section]:
    path: list[tuple[int, str]] = []
    sections = [_Section(())]
    for block in _blocks(text):
        if block.kind == "heading":
            path = [item for item in path if item[0] < block.level] + [(block.level, _plain(block.title))]
            sections.append(_Section(tuple(title for _, title in path if title)))
        else:
            sections[-1].pieces.append(block)
    return [section for section in sections if section.pieces]


def _merged(text: str, sections: list[_Section]) -> list[_Section]:
    """Sections that are too short for a span run on into the next one."""
    merged: list[_Section] = []
    for section in sections:
        if merged and sum(count_words(text[b.start : b.end]) for b in merged[-1].pieces) < MIN_WORDS:
            merged[-1].pieces.extend(section.pieces)
        else:
            merged.append(section)
    return merged


def _grouped(text: str, pieces: list[_Block], seed: str) -> list[tuple[int, int]]:
    """Group the paragraphs of a section into (start, end) offsets of about a target size."""
    groups: list[tuple[int, int]] = []
    current: tuple[int, int] | None = None
    for is_code, start, end in (part for piece in pieces for part in _cut(text, piece)):
        if is_code and current is None and groups and count_words(text[groups[-1][0] : end]) <= MAX_WORDS:
            groups[-1] = (groups[-1][0], end)  # code belongs to the text that introduces it
            continue
        if current is None:
            current = (start, end)
        elif count_words(text[current[0] : end]) <= MAX_WORDS:
            current = (current[0], end)
        else:
            groups.append(current)
            current = (start, end)
        target = _TARGETS[int(sha256(f"{seed}:{len(groups)}")[:8], 16) % len(_TARGETS)]
        if count_words(text[current[0] : current[1]]) >= target:
            groups.append(current)
            current = None
    if current is not None:
        joined = (groups[-1][0], current[1]) if groups else current
        short = count_words(text[current[0] : current[1]]) < MIN_WORDS
        if groups and short and count_words(text[joined[0] : joined[1]]) <= MAX_WORDS:
            groups[-1] = joined
        else:
            groups.append(current)
    return groups


def _cut(text: str, piece: _Block) -> list[tuple[bool, int, int]]:
    """The piece as (is it code, start, end), or groups of its sentences if it is prose and too long for a span."""
    start, end = _strip(text, piece.start, piece.end)
    is_code = piece.kind == "fence" or is_indented(text[piece.start : piece.end])
    if is_code or count_words(text[start:end]) <= MAX_WORDS:
        return [(is_code, start, end)]
    parts: list[tuple[int, int]] = []
    begin = start
    for sentence_end in sentence_ends(text[start:end]):
        stop = start + sentence_end
        if parts and count_words(text[parts[-1][0] : stop]) <= max(_TARGETS):
            parts[-1] = (parts[-1][0], stop)
        else:
            parts.append(_strip(text, begin, stop))
        begin = stop
    return [(False, *part) for part in parts]


def is_indented(block: str) -> bool:
    """Whether every line of a block is indented like code in Markdown."""
    return all(line.startswith(("    ", "\t")) for line in block.splitlines() if line.strip())


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), end - (len(inner) - len(inner.rstrip()))


def _last_paragraph(text: str) -> str:
    return re.split(r"\n\s*\n", text.strip())[-1].strip()


def _plain(title: str) -> str:
    """A heading without Markdown marks and link targets."""
    title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    return re.sub(r"[*_`#]+", "", title).strip()
