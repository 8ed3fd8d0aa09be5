"""Markdown is read as CommonMark has it: line by line, and as markdown-it-py reads whole documents."""

import json
import re
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt

from twin.chunking.structure import layout
from twin.text.kinds import Kind
from twin.text.markdown import Fence, Heading, fence, heading
from twin.tokens.scan import Scan

Lines = list[tuple[int, int]]
"""Line and level of each heading, or first line and the line after the last one of each block of fenced code."""

READER = MarkdownIt("commonmark").enable("table")
READER.core.ruler.enableOnly(["normalize", "block"])
ENDS = re.compile(r"\r\n|\n|\r")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("# A", Heading(1, "A")),
        ("   ###### A b  \n", Heading(6, "A b")),
        ("## A ##", Heading(2, "A")),
        ("## About C#", Heading(2, "About C#")),
        ("#\tA # b \\#", Heading(1, "A # b \\#")),
        ("#", Heading(1, "")),
        ("## ##\r\n", Heading(2, "")),
        ("    # A", None),
        ("#A", None),
        ("####### A", None),
        ("\\# A", None),
        ("", None),
    ],
)
def test_headings(line: str, expected: Heading | None) -> None:
    assert heading(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("```", Fence("```", "")),
        ("~~~~ python title=`a`\n", Fence("~~~~", "python title=`a`")),
        ("      ```py", Fence("```", "py")),
        ("```a``` is a code span", None),
        ("``", None),
        ("text ```", None),
    ],
)
def test_fences(line: str, expected: Fence | None) -> None:
    assert fence(line) == expected


def test_a_fence_is_closed_by_one_as_long_and_nothing_else() -> None:
    closing = [
        line for line in ("```", "````  ", "~~~", "``` a", "``") if (found := fence(line)) and found.closes("```")
    ]
    assert closing == ["```", "````  "]


def test_how_deep_a_fence_may_be() -> None:
    assert fence("   ```", deepest=3)
    assert fence("    ```", deepest=3) is None
    assert fence("\t```", deepest=3) is None


def readmes() -> dict[str, str]:
    """Markdown of the most various authors that is always there: the descriptions of the installed packages."""
    found: dict[str, str] = {}
    for package in distributions():
        described = package.metadata
        if "markdown" in str(described.get("Description-Content-Type")):
            found[described["Name"]] = str(described.get_payload() or described.get("Description") or "")
    return found


def test_chunking_sees_the_headings_and_the_code_that_markdown_it_sees() -> None:
    texts = readmes()
    headings = code = 0
    for name, text in texts.items():
        expected, ours = of_markdown_it(text), of_chunking(text)
        assert ours == expected, name
        headings, code = headings + len(expected[0]), code + len(expected[1])
    assert len(texts) > 100
    assert headings > 1500
    assert code > 600


def test_of_real_articles_only_code_that_lost_its_fence_is_read_otherwise(shared_data: Path) -> None:
    """Below a list, markdown-it takes the comments of such code for headings, and a fence in a string for code."""
    articles = json.loads((shared_data / "handbook" / "ArticleDocument.json").read_text(encoding="utf-8"))
    texts = [article["content"].get("Content") or "" for article in articles]
    assert len(texts) == 76
    assert [number for number, text in enumerate(texts) if of_chunking(text) != of_markdown_it(text)] == [4, 11, 14]
    indented = [
        text.split("\n")[line]
        for text in (texts[11], texts[14])
        for line, _ in set(of_markdown_it(text)[0]) ^ set(of_chunking(text)[0])
    ]
    assert len(indented) == 13
    assert all(line.startswith("    # ") for line in indented)


def of_markdown_it(text: str) -> tuple[Lines, Lines]:
    tokens = READER.parse(text)
    lines = ENDS.split(text)
    headings: Lines = []
    code: Lines = []
    quotes = 0
    for token, following in zip(tokens, [*tokens[1:], tokens[-1:]], strict=True):
        quotes += (token.type == "blockquote_open") - (token.type == "blockquote_close")
        if token.map is None or quotes:
            continue  # a quotation is somebody else's document, and chunking does not look into it
        first, end = token.map
        if token.type == "heading_open" and following.content.strip("*_` \n"):
            headings.append((first, int(token.tag[1])))
        elif token.type == "fence":
            code += filled(lines, first, end)
    return headings, code


def of_chunking(text: str) -> tuple[Lines, Lines]:
    found = layout(Scan([text]), [Kind.MARKDOWN])
    starts = [0, *(end.end() for end in ENDS.finditer(text))]
    lines = ENDS.split(text)

    def line(offset: int) -> int:
        return int(np.searchsorted(starts, offset, side="right")) - 1

    headings = [
        (line(start), each.levels[-1]) for start, each in zip(found.heading_starts, found.headings, strict=True)
    ]
    blocks = ((line(start), line(end - 1) + 1) for start, end in found.whole.items())
    code = [block for first, end in blocks if fence(lines[first]) for block in filled(lines, first, end)]
    return headings, code


def filled(lines: list[str], first: int, end: int) -> Iterator[tuple[int, int]]:
    """The block up to its last line that is not blank, if it holds anything but its fences."""
    last = max(number for number in range(first, end) if lines[number].strip())
    if any(line.strip() and not fence(line) for line in lines[first + 1 : end]):
        yield first, last + 1
