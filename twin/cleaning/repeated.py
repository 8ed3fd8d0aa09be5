"""Paragraphs that an author puts under everything: the bio, the sign-off, the advertisement of a course.

A model that reads a paragraph fifty times learns it by heart, and a search finds it fifty times. So a paragraph that is
in several documents is removed: from all of them if a large share has it, because then it belongs to the frame and not
to a text; otherwise from all but the first, because then the author used it again, and no words should be lost. The
rest must still read well, so a list is removed as a whole or not at all, and an introduction only with what it
introduces.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby, zip_longest
from typing import NamedTuple

from twin.cleaning.lines import Line, marked, split_lines, text_of
from twin.identity import sha256
from twin.text.markdown import heading

FEWEST_DOCUMENTS = 3
EVERYWHERE = 0.2
"""A paragraph in at least this share of the documents is part of the frame."""

_FEWEST_LETTERS = 20
_FEWEST_UNSPACED = 10
_ITEM = re.compile(r"\s*(?:>\s*)*(?:[*+•–-]|\\-|\d{1,3}\\?[.)])\s")
_INTRODUCES = re.compile(r"[:：︰؛↓⬇👇]\W*$")
_RULE = re.compile(r" {0,3}(?:[*_-][ \t]*){3,}$")
_TABLE = re.compile(r"\s*\|")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)")
_NO_LETTERS = re.compile(r"[\W_]+")
_UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


class Block(NamedTuple):
    """Lines of prose without a blank line between them, `lines[start:end]`, and the key to compare them by."""

    start: int
    end: int
    key: str | None  # None: a table, a short line, a heading without a paragraph right under it
    level: int  # level of a heading, otherwise 0
    rule: bool
    item: bool  # one or several items of a list
    introduces: bool  # the text below it, with a colon or an arrow at the end


def paragraph_keys(text: str, *, indented: bool = True) -> set[str]:
    """Keys of the paragraphs of a text that may count as repeated: prose of at least 20 letters, without headings.

    Two paragraphs have the same key if their letters and digits are equal, whatever their emphasis, links or wrapping.
    A heading has a key only together with the paragraph below it: "Conclusion" alone is not a repetition.
    """
    return {block.key for block in _blocks(_lines(text, indented)) if block.key}


def repeated(documents: Sequence[Collection[str]]) -> list[set[str]]:
    """Which paragraphs to remove from which document.

    Args:
        documents: the paragraph keys of each document; the first one that has a paragraph may keep it.

    Returns:
        The keys to remove, in the order of `documents`.
    """
    holders = Counter(key for keys in documents for key in set(keys))
    often = {key for key, count in holders.items() if count >= FEWEST_DOCUMENTS}
    everywhere = {key for key in often if holders[key] >= EVERYWHERE * len(documents)}
    kept: set[str] = set()
    gone = []
    for keys in documents:
        mine = often.intersection(keys)
        gone.append((mine & everywhere) | (mine & kept))
        kept |= mine
    return gone


def without_paragraphs(text: str, keys: Collection[str], *, indented: bool = True) -> tuple[str, Counter[str]]:
    """The text without the paragraphs of these keys, and reason -> paragraphs removed.

    A heading is removed as well if all the text below it is. If one item of a list stays, all of them stay, and so does
    an introduction to text that stays.
    """
    removed: Counter[str] = Counter()
    if not keys:
        return text, removed
    lines = _lines(text, indented)
    blocks = list(_blocks(lines))
    named = {number for number, block in enumerate(blocks) if block.key in keys}
    gone = _readable(blocks, {number for number in named if not blocks[number].level}, lines)
    orphans = {number for number in named - gone if _is_orphan(blocks, number, gone, lines)}
    removed.update({"repeated": len(gone), "heading_of_repeated": len(orphans)})
    drop = {index for number in gone | orphans for index in range(blocks[number].start, blocks[number].end)}
    return text_of(line for index, line in enumerate(lines) if index not in drop), +removed


def _readable(blocks: Sequence[Block], gone: set[int], lines: Sequence[Line]) -> set[int]:
    """The blocks to remove that the remaining text does not need."""
    for is_list, numbers in groupby(range(len(blocks)), key=lambda number: blocks[number].item):
        items = set(numbers)
        if is_list and not items <= gone:
            gone -= items
    for number in sorted(gone, reverse=True):
        last = number + 1 == len(blocks)
        below = lines[blocks[number].end : None if last else blocks[number + 1].start]
        stays = any(line.code for line in below) or not (last or number + 1 in gone)
        if blocks[number].introduces and stays:
            gone.remove(number)
    return gone


def _is_orphan(blocks: Sequence[Block], number: int, gone: Collection[int], lines: Sequence[Line]) -> bool:
    """Whether everything between a heading and the next one of its level (or the end) is removed."""
    for later in range(number + 1, len(blocks)):
        block = blocks[later]
        if any(line.code for line in lines[blocks[later - 1].end : block.start]):
            return False
        if block.level and block.level <= blocks[number].level:
            return True
        if later not in gone and not block.rule:
            return False
    return not any(line.code for line in lines[blocks[-1].end :])


def _lines(text: str, indented: bool) -> list[Line]:
    lines = split_lines(text)
    return marked(lines, lines, indented=indented)


def _blocks(lines: Sequence[Line]) -> Iterator[Block]:
    """Paragraphs, headings and rules of the prose, in their order."""
    found = list(_plain_blocks(lines))
    for block, below in zip_longest(found, found[1:]):
        if block.level and below and below.key and not below.level:
            letters = _letters(" ".join(line.text for line in lines[block.start : block.end]))
            yield block._replace(key=sha256(f"{letters}#{below.key}")[:16])
        else:
            yield block


def _plain_blocks(lines: Sequence[Line]) -> Iterator[Block]:
    start = 0
    while start < len(lines):
        if lines[start].code or not lines[start].text:
            start += 1
            continue
        end = start + 1
        while end < len(lines) and lines[end].text and not lines[end].code and not heading(lines[end].text):
            end += 1
        head = heading(lines[start].text)
        if head and end > start + 1 and lines[start + 1].text.startswith((" ", "*", "-", ">", "|")):
            end = start + 1  # a list or a quotation right below it; other lines continue a wrapped heading
        text = " ".join(line.text for line in lines[start:end])
        level = head.level if head else 0
        rule = _RULE.match(text) is not None
        key = None if level or rule or _TABLE.match(text) else _key(text)
        item = not (level or rule) and _ITEM.match(text) is not None
        yield Block(start, end, key, level, rule, item, _INTRODUCES.search(text) is not None)
        start = end


def _letters(paragraph: str) -> str:
    return _NO_LETTERS.sub("", unicodedata.normalize("NFKC", _LINK.sub(r"\1", paragraph)).casefold())


def _key(paragraph: str) -> str | None:
    letters = _letters(paragraph)
    enough = _FEWEST_UNSPACED if len(_UNSPACED.findall(letters)) * 2 > len(letters) else _FEWEST_LETTERS
    return sha256(letters)[:16] if sum(map(str.isalpha, letters)) >= enough else None
