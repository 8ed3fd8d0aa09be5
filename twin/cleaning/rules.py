"""The rules of cleaning prose, as a pure function on text. Code is never touched."""

from collections import Counter

from twin.cleaning.chrome import is_framed, without_chrome
from twin.cleaning.lines import marked, split_lines, text_of
from twin.cleaning.mending import tidy

_ROUNDS = 6
"""Taking a line out can make its neighbours one more of what goes; it never took more than two rounds."""


def clean_prose(text: str, *, platform: str = "web", title: str | None = None) -> tuple[str, Counter[str]]:
    """Markdown or plain prose without what is not the author's; and reason -> lines removed.

    Outside code blocks: newlines become "\\n", each line is tidied (see `twin.cleaning.mending`), more than two blank
    lines become two, page chrome goes (see `twin.cleaning.chrome`). Code blocks keep every character but the form of
    their line ends. The result of a second cleaning is the same as that of the first.

    Args:
        text: the raw text.
        platform: the document's platform; ambiguous chrome words go only on "substack" and "medium".
        title: of the document, which tells a page's own heading from the navigation above it.
    """
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
