"""The rules of cleaning prose, as a pure function on text. Code is never touched."""

from collections import Counter
from functools import lru_cache

from twin.cleaning.chrome import is_framed, without_chrome
from twin.cleaning.lines import marked, split_lines, text_of
from twin.cleaning.tidying import tidy

_ROUNDS = 6
"""Removing a line can turn its neighbours into page chrome; it never took more than two rounds."""

_REMEMBERED = 256
"""Number of cached texts: each is cleaned once to compare it with the author's others, and again to store it."""

_REMEMBERED_CHARACTERS = 100_000
"""Length of the longest cached text; it limits the memory of the cache."""


def clean_prose(text: str, *, platform: str = "web", title: str | None = None) -> tuple[str, Counter[str]]:
    """Markdown or plain prose with only the author's text; and reason -> lines removed.

    Outside code blocks: newlines become "\\n", each line is tidied (see `twin.cleaning.tidying`), more than two blank
    lines become two, and page chrome is removed (see `twin.cleaning.chrome`). Code blocks keep every character except
    the form of their line ends. A second cleaning changes nothing.

    Args:
        text: the raw text.
        platform: the document's platform; ambiguous chrome words are removed only on "substack" and "medium".
        title: title of the document; it separates the page's own heading from the navigation above it.
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
