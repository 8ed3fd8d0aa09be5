"""What inspections show: Markdown in which nothing of the author is markup."""

import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.kit.inspected import ADA, ARTICLES, Stores, essay
from twin.chunking import inspection as chunks_module
from twin.chunking import read_chunks
from twin.inspection.markdown import bold, code, escaped, linked, marked_lines
from twin.models import Category

UI = MarkdownIt("commonmark").enable("strikethrough").enable("table")
"""Of what the UI shows, all that this project writes: CommonMark, and the additions that could take text for markup."""


def inline(markdown: str) -> list[Token]:
    return [child for token in UI.parse(markdown) for child in token.children or []]


def plain(markdown: str) -> str:
    """The words that a reader sees; an image is none."""
    return "".join(token.content for token in inline(markdown) if token.type in ("text", "code_inline"))


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60))
def test_text_stands_for_itself_in_markdown(text: str) -> None:
    line = " ".join(text.split())
    for markdown in (escaped(text), f"**{escaped(text)}**" if line else "", f"> {escaped(text)}"):
        assert " ".join(plain(markdown).split()) == (line if markdown else "")
        assert {token.type for token in inline(markdown)} <= {"text", "text_special", "strong_open", "strong_close"}
    if line:
        assert plain(code(text)) == line.strip("`") or plain(code(text)) == line


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "local:../secret/place", "https://example.org/a b", "https://e.org/>x", "data:text/html,x"],
)
def test_only_an_address_of_the_web_becomes_a_link(address: str) -> None:
    assert linked("a title", address) == "a title"
    assert plain(linked("a](b) title", "https://example.org/(x)_[y]")) == "a](b) title"
    links = [token.attrs["href"] for token in inline(linked("t", "https://example.org/?a=(1)")) if token.attrs]
    assert links == ["https://example.org/?a=(1)"]


HOSTILE = """# A heading of the author

[click](javascript:alert(1)) <script>alert(1)</script> ![i](https://example.org/track.png) **bold** ~~~ `code`
- a list
1. another
> a quote

```python
def fenced(): return "**kept** as it is"
```

| a | table |
|---|---|
| 1 | 2 |
"""


def test_samples_show_each_chunk_within_its_document_and_nothing_of_the_author_is_markup(stores: Stores) -> None:
    stores.chunk([HOSTILE + "\n\n" + essay(number) for number in range(6)] + ["Short."])
    shown = stores.inspect().shown["sample_chunks"]
    tokens = UI.parse(shown)
    headings = [following.content for token, following in pairwise(tokens) if token.type == "heading_open"]
    assert len(headings) == 2 + chunks_module.SPACED
    assert all(re.match(r"\d\\\. \[Essay", heading) for heading in headings)
    assert not [token for token in [*tokens, *inline(shown)] if token.type in ("html_block", "html_inline", "image")]
    links = {str(token.attrs["href"]) for token in inline(shown) if token.type == "link_open"}
    assert all(link.startswith("https://example.org/articles/") for link in links)
    reasons = re.findall(
        r"\*(the shortest|the longest|number \d+ of \d+): [\d,]+ tokens, characters ([\d,]+) to ([\d,]+)", shown
    )
    assert [reason.split()[-1] for reason, _, _ in reasons[:2]] == ["shortest", "longest"]
    words = "".join(plain(shown).split())
    known = {(f"{chunk.start:,}", f"{chunk.end:,}"): chunk for chunk in read_chunks(stores.artifacts, ADA, ARTICLES)}
    for _, start, end in reasons:
        assert (start, end) in known
    shortest = min(read_chunks(stores.artifacts, ADA, ARTICLES), key=lambda chunk: chunk.tokens)
    assert "".join(shortest.text.split()) in words


lines = st.text(st.sampled_from("ab*`~_#>-1. \t\n"), max_size=60)


@settings(deadline=None)
@given(st.lists(st.one_of(lines, st.sampled_from(["```", "~~~", "```python", "````", "    ```"])), max_size=8))
def test_nothing_of_a_chunk_reaches_beyond_it(parts: list[str]) -> None:
    text = "\n".join(parts)
    tokens = UI.parse(f"{bold(text)}\n\nafter it")
    assert [token.type for token in tokens[-3:]] == ["paragraph_open", "inline", "paragraph_close"]
    assert (tokens[-2].content, tokens[-2].level) == ("after it", 1)
    seen = Counter("".join(token.content for token in tokens if token.type == "fence") + plain(bold(text)))
    fences = [line for line in text.splitlines() if line.lstrip().startswith(("```", "~~~"))]
    for letter in "ab1.":
        lost = text.count(letter) - seen[letter]
        assert 0 <= lost <= sum(line.count(letter) for line in fences)  # a fence's own line is not shown


def test_paragraphs_of_a_chunk_are_bold_and_its_code_stays_code() -> None:
    assert bold("One line.\nAnd another.\n\n```python\nx = **2\n```\nEnd") == (
        "**One line\\.**\\\n**And another\\.**\n\n```python\nx = **2\n```\n\n**End**"
    )
    assert bold("~~~\ncut off") == "```\ncut off\n```"
    assert bold("~~~\n```\n~~~\n") == "````\n```\n````"


@settings(deadline=None)
@given(st.lists(st.sampled_from(["def f():", "    return `x`", "", "```", "- item", "é = 1"]), min_size=1), st.data())
def test_the_lines_of_a_chunk_of_code_are_marked(code_lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(code_lines)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    if not text[start:end].strip():
        return  # no chunk is blank
    (fence,) = UI.parse(marked_lines(text, start, end))
    assert (fence.type, fence.info) == ("fence", "diff")
    marked = {int(line[1:].split()[0]) for line in fence.content.splitlines() if line.startswith("+")}
    first, last = text[:start].count("\n") + 1, text[:end].count("\n") + (0 if text[:end].endswith("\n") else 1)
    assert marked == set(range(first, last + 1))
    shown = {int(line[1:].split()[0]): line for line in fence.content.splitlines()}
    for number, line in shown.items():
        assert line[1:].split(maxsplit=1)[1:] == (
            [code_lines[number - 1].strip()] if code_lines[number - 1].strip() else []
        )


def test_a_sample_of_code_shows_its_lines(stores: Stores) -> None:
    stores.chunk(["import os\n\n\ndef first():\n    return os.name\n"], Category.REPOSITORIES)
    shown = stores.inspect(Category.REPOSITORIES).shown["sample_chunks"]
    assert "```diff\n+ 1 import os\n+ 2\n+ 3\n+ 4 def first():\n+ 5     return os.name\n```" in shown


def test_prose_in_a_repository_is_shown_as_prose(stores: Stores) -> None:
    stores.chunk(["# Read me\n\n" + "A long line of prose. " * 12], Category.REPOSITORIES)
    shown = stores.inspect(Category.REPOSITORIES).shown["sample_chunks"]
    assert "**\\# Read me**\n\n**A long line of prose\\." in shown
    assert "`src/file0.py`" in shown
