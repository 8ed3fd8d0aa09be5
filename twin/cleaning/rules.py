"""The rules of cleaning prose, as a pure function on text. Code is never touched."""

from collections import Counter
from functools import lru_cache

from twin.cleaning.chrome import is_framed, without_chrome
from twin.cleaning.lines import marked, split_lines, text_of
from twin.cleaning.tidying import tidy

_ROUNDS = 6
"""Taking a line out can make its neighbours one more of what goes; it never took more than two rounds."""

_REMEMBERED = 256
"""Texts remembered: each is cleaned once to be compared with the author's others, and again to be stored."""

_REMEMBERED_CHARACTERS = 100_000
"""Of the longest text remembered: bounds the memory that this takes."""


def clean_prose(text: str, *, platform: str = "web", title: str | None = None) -> tuple[str, Counter[str]]:
    """Markdown or plain prose without what is not the author's; and reason -> lines removed.

    Outside code blocks: newlines become "\\n", each line is tidied (see `twin.cleaning.tidying`), more than two blank
    lines become two, page chrome goes (see `twin.cleaning.chrome`). Code blocks keep every character but the form of
    their line ends. The result of a second cleaning is the same as that of the first.

    Args:
        text: the raw text.
        platform: the document's platform; ambiguous chrome words go only on "substack" and "medium".
        title: of the document, which tells a page's own heading from the navigation above it.
    """
    clean = _remembered if len(text) <= _REMEMBERED_CHARACTERS else _cleaned
    cleaned, removed = clean(text, platform, title)
    return cleaned, Counter(removed)


def _cleaned(text: str, platform: str, title: str | None) -> tuple[str, Counter[str]]:
    removed: Counter[str] = Counter()
    framed = False
    for _ in range(_ROUNDS):
        originals = split_lines(text)
        lines = marked(originals, [tidy(line) for line in originals])
        framed = framed or is_framed(lines, platform)
        cleaned = text_of(without_chrome(lines, platform, title, removed, framed=framed))
        if cleaned == text:
            break
        text = cleaned
    return text, +removed


_remembered = lru_cache(maxsize=_REMEMBERED)(_cleaned)
