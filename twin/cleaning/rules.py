"""The rules of cleaning, as pure functions on text. Code is never touched: a repository's files pass unchanged, and so
does every fenced block of a Markdown text."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\ufff9-\ufffb\ud800-\udfff]")
"""Controls but tab and newline, zero-width space, word joiner, BOM, annotation marks, lone surrogates. The zero-width
joiner and non-joiner and the marks of direction stay: emoji and several scripts are written with them."""

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
_NEWLINES = re.compile(r"\r\n?")
_SEPARATORS = re.compile("[\u2028\u2029\x85]")
_MOST_BLANK = 2


def _whole_lines(**patterns: str) -> dict[str, re.Pattern[str]]:
    return {name: re.compile(rf"(?:{pattern})", re.I) for name, pattern in patterns.items()}


_CHROME = _whole_lines(
    share=r"share this (post|article)|copy link|share on (facebook|twitter|x|linkedin|email)",
    subscribe=r"subscribe now|subscribe to .{1,60} to keep reading|ready for more\?|type your email(\.{3}|…)|"
    r"already a (paid )?subscriber\? sign in|thanks for reading.{0,80}subscribe for free.{0,80}",
    comments=r"leave a comment|write a comment(\.{3}|…)|discussion about this (post|video)|expand full comment|"
    r"view \d+ more (comments?|replies)",
    navigation=r"get the app|start writing|open in app|listen to this (article|story)|more from medium|"
    r"recommended from medium|skip to (main )?content",
    legal=r"this site requires javascript to run correctly\..{0,60}|privacy ∙ terms ∙ collection notice|"
    r"substack is the home for great culture",
)
"""Lines that publishing platforms put around an article, by what they are for. Only a whole line counts."""

_PLATFORM_CHROME = _whole_lines(
    share=r"share|commentreplyshare|email|facebook|note|other|restacks",
    subscribe=r"subscribe|subscribed|sign up|sign in|log in|subscribesign in",
    comments=r"\d+ (more )?comments?(\.{3})?|reply|no posts|like \(\d+\)|reply \(\d+\)|comments|"
    r"\d+ repl(y|ies) by .{1,60}|top|latest|discussions",
    navigation=r"listen|\d+:\d\d / \d+:\d\d|follow|following|\d+ min read|see all from .{1,60}|written by|help|status|"
    r"about|careers|press|blog|privacy|terms|text to speech|teams|previousnext|start writingget the app",
    legal=r"© \d{4} .{1,80}|all rights reserved\.?|unblock scripts",
)
"""Words that may as well be a short line of the author's: they go only from the platforms that add them."""

_CHROME_PLATFORMS = frozenset({"substack", "medium"})
_MOST_CHROME = 200
_DECORATION = re.compile(r"^[\s#>*_\-–•·|\[\]()]+|[\s#*_\-–•·|\[\]()]+$")
_MARKDOWN_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)")


def clean_prose(text: str, *, platform: str = "web") -> tuple[str, Counter[str]]:
    """Markdown or plain prose without what is not the author's; and reason -> lines removed.

    Outside fenced blocks: newlines become "\\n", text NFC (never NFKC, which changes meaning), control characters and
    trailing spaces go, more than two blank lines become two, whole lines of page chrome go. Fenced blocks keep every
    character but the form of their line ends. The result of a second cleaning is the same as that of the first.

    Args:
        text: the raw text.
        platform: the document's platform; ambiguous chrome words go only on "substack" and "medium".
    """
    removed: Counter[str] = Counter()
    lines: list[str] = []
    for is_code, run in _segments(_NEWLINES.sub("\n", text).split("\n")):
        lines += run if is_code else _few_blanks(_without_chrome(map(_tidy, run), platform, removed))
    return "\n".join(lines).strip("\n"), removed


def clean_post(text: str) -> str:
    """A post, whose line breaks, emoji and hashtags are its style: only invisible characters and odd spaces go."""
    lines = _SEPARATORS.sub("\n", _NEWLINES.sub("\n", text)).split("\n")
    return "\n".join(_few_blanks(map(_tidy, lines))).strip("\n")


def _tidy(line: str) -> str:
    """One line of prose without invisible characters and trailing spaces, in NFC."""
    return unicodedata.normalize("NFC", _CONTROLS.sub("", _SEPARATORS.sub(" ", line))).rstrip()


def _few_blanks(lines: Iterable[str]) -> list[str]:
    kept: list[str] = []
    blank = 0
    for line in lines:
        blank = 0 if line else blank + 1
        if blank <= _MOST_BLANK:
            kept.append(line)
    return kept


def _segments(lines: list[str]) -> list[tuple[bool, list[str]]]:
    """Split lines into runs of prose and fenced blocks (CommonMark 0.31, 4.5), fences included in the block.

    A fence that is never closed is prose: a stray mark must not put the rest of a document out of reach.
    """
    segments: list[tuple[bool, list[str]]] = []
    prose: list[str] = []
    index = 0
    while index < len(lines):
        end = _closing(lines, index)
        if end is None:
            prose.append(lines[index])
            index += 1
            continue
        if prose:
            segments.append((False, prose))
            prose = []
        segments.append((True, lines[index : end + 1]))
        index = end + 1
    if prose:
        segments.append((False, prose))
    return segments


def _closing(lines: list[str], start: int) -> int | None:
    """Index of the line that closes the fence opened at `start`, or None where none is opened or closed."""
    opening = _FENCE.match(_tidy(lines[start]))
    if not opening or (opening[1][0] == "`" and "`" in opening[2]):
        return None
    for index in range(start + 1, len(lines)):
        closing = _FENCE.match(_tidy(lines[index]))
        if closing and closing[1].startswith(opening[1]) and not closing[2].strip():
            return index
    return None


def _without_chrome(lines: Iterable[str], platform: str, removed: Counter[str]) -> list[str]:
    kept = []
    for line in lines:
        reason = _chrome(line, platform)
        if reason:
            removed[reason] += 1
        else:
            kept.append(line)
    return kept


def _chrome(line: str, platform: str) -> str | None:
    """What the line is for, where the whole of it is page chrome."""
    if not line or len(line) > _MOST_CHROME:
        return None
    plain = _MARKDOWN_LINK.sub(r"\1", line).strip()
    undecorated = _DECORATION.sub("", plain)
    for name, pattern in _CHROME.items():
        if pattern.fullmatch(undecorated):
            return name
    # A heading or a list item is the author's, even where it is one word.
    if platform in _CHROME_PLATFORMS:
        return next((name for name, pattern in _PLATFORM_CHROME.items() if pattern.fullmatch(plain)), None)
    return None
