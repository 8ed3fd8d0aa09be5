"""Page chrome: the text that publishing platforms add around and between an author's words.

It has three forms: whole lines ("Share this post"), boxes and headers of several lines, each of which could also be an
author's, and sections that run to the end of the page, such as other people's comments. Code is never looked at. The
rules were written against whole saved pages and feeds of Substack, Medium and dev.to.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from twin.cleaning.lines import Line, marked, split_lines
from twin.text.markdown import heading


def _whole(**patterns: str) -> re.Pattern[str]:
    """One pattern for all; the name of the matching group says what a line is for."""
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in patterns.items()), re.I)


_LINES = _whole(
    share=r"share this (post|article)|copy link|share on (facebook|twitter|x|linkedin|email)|"
    r"thank(s| you) for reading.{0,80}feel free to share it\.?",
    subscribe=r"subscribe now|subscribe to .{1,60} to keep reading|ready for more\?|type your email(\.{3}|…)|"
    r"already a (paid )?subscriber\? sign in|thank(s| you) for reading.{0,80}subscribe.{0,80}|"
    r"[^.!?]{1,80} is a reader-supported publication\..{0,160}|this post is for (paid )?subscribers( only)?",
    comments=r"leave a (comment|reply)|write a comment(\.{3}|…)|expand full comment|view \d+ more (comments?|replies)|"
    r"your email address will not be published\..{0,60}",
    navigation=r"(start writing)?get the app|open in app|listen to this (article|story)|more from medium|"
    r"skip to (main )?content|subscribesign in|previousnext|read full story|a guest post by\s*\|.{1,300}|"
    r"press enter or click to view image in full size|\d+ min(ute)?s? read",
    legal=r"this site requires javascript to run correctly\..{0,60}|privacy ∙ terms ∙ collection notice|"
    r"substack is the home for great culture|copyright ©? ?\d{4},? .{1,60}|accept all cookies|"
    r"(we|this (web)?site) uses? cookies.{0,80}(experience|accept|consent|agree|policy|preferences).{0,40}|"
    r"to make medium work, we log user data\..{0,120}",
)
"""Lines by their purpose. Only a whole line counts."""

_PLATFORM_LINES = _whole(
    share=r"share|commentreplyshare|restacks?",
    subscribe=r"subscribe|subscribed|sign up|sign in|log in|upgrade to paid|start your free trial",
    comments=r"\d+ (more )?comments?(\.{3})?|no posts|like \(\d+\)|reply \(\d+\)|\d+ repl(y|ies) by .{1,60}|"
    r"write a response",
    navigation=r"\d+:\d\d / \d+:\d\d|see all from .{1,60}|top highlight|start writing|unblock scripts",
    legal=r"© \d{4} .{1,80}|all rights reserved\.?",
)
"""Buttons of the platforms. Elsewhere they may be an author's short line, so only the platforms' texts lose them."""

_PAGE_LINES = _whole(
    share=r"email|facebook|notes?|other|--",
    comments=r"reply|comments|top|latest|discussions",
    navigation=r"listen|follow|following|published in.{1,60}|·|written by|help|status|about|careers|press|blog|privacy|"
    r"terms|text to speech|teams",
)
"""Words that prove nothing alone: only a platform's page that was saved with its frame loses them."""

_SECTIONS = _whole(
    comments=r"discussion about this (post|video|episode|podcast)|top comments \(\d+\)",
    recommendations=r"recommended from medium|sign up to discover human stories that deepen your understanding of the "
    r"world\.?",
)
"""From one of these lines to the end of the page, nothing is the author's."""

_MEDIUM_SECTIONS = (
    ("comments", re.compile(r"responses \(\d+\)", re.I), None),
    ("recommendations", re.compile(r"written by .{1,80}", re.I), re.compile(r"[\d.,]+[KM]? followers\b.*", re.I)),
)
"""The same for Medium only: what it is, its first line, and the line below (one of two) that confirms it."""

_FRAME = re.compile(
    r"copy link|subscribesign in|(start writing)?get the app|open in app|sign up|previousnext|privacy ∙ terms ∙ .*|"
    r"to make medium work, we log user data\..*|substack is the home for great culture",
    re.I,
)
_PLATFORMS = frozenset({"substack", "medium"})
_MOST = 200
_MOST_WRAPPED = 400
"""The longest paragraph, in characters, that is also tested as one line, because saved pages are wrapped."""

_SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))
_DECORATION = f"{_SPACES}#*_-–•·|[]()"
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)")
_ITEM = re.compile(r"\s*(?:[*+-]|\d{1,3}[.)])(?:\s|$)")
_ENDED = re.compile(r"[.!?:;…。！？|][\"'”’)\]*_]*$")
_TABLE_RULE = re.compile(r"[-:| ]*-\|[-:| ]*")
_COUNT = re.compile(r"[\d.,]{1,6}[KkMm]?")
_DATE = re.compile(r"\b\d{1,2}(?:, \d{4})?$|^∙|^(?:paid|guest post)$", re.I)
_SHARE_BOX = re.compile(r"facebook|email|notes?|other|more|share|x|twitter|linkedin|whatsapp", re.I)
_BOX = 7
"""The most lines between "Share this post" and "Copy link": the title, possibly wrapped, and the address."""

_ICONS = 3
_WRAPPED = 50
"""Lines with at least this many characters may be wrapped."""

_TOP = 40
"""The first lines of a page, among which the header is searched."""

_FLAT_HEADER = re.compile(r"^.{0,400}?Open in app.{0,1600}?min read.{0,120}?(?:Listen)?Share(?![a-z])", re.S)
_FLAT_SECTION = re.compile(
    r"Sign up to discover human stories that deepen your understanding of the world\.|"
    r"Written by .{1,80}?\d[\d.,]*[KM]? [Ff]ollowers"
)
_FLAT = 1000
"""A line with at least this many characters is a page whose paragraphs were joined without a separator."""

_LEFT = re.compile(
    r"SubscribeSign in|Open in appSign up|Expand full\s+comment|Privacy ∙ Terms|Start WritingGet the app|"
    r"Substack is the home for great culture|This site requires JavaScript|By using Medium, you agree|"
    r"Sign up to discover human stories|Recommended from Medium|See more recommendations|ListenShare|"
    r"[Ll]iked by .{1,60}Reply|\| ?Subscribe to .{1,60}$|"
    r"^[\s#*_>-]*(?:Subscribe(?: now)?|Share(?: this post)?|Copy link|Ready for more\?|Restacks|"
    r"Discussion about this post|Read full story|\d+ min read)[\s#*_]*$",
    re.M,
)
"""What no author's text contains. Separate from the rules above, so it can find what they miss."""


def is_framed(lines: Iterable[Line], platform: str) -> bool:
    """Whether a page of a platform was saved with its frame; feeds and exports have no frame."""
    if platform not in _PLATFORMS:
        return False
    plain = (_undecorated(line.text) for line in lines if not line.code and 0 < len(line.text) <= _MOST)
    return any(_FRAME.fullmatch(line) or _SECTIONS.fullmatch(line) for line in plain)


def without_chrome(
    lines: Sequence[Line], platform: str, title: str | None, removed: Counter[str], *, framed: bool
) -> list[Line]:
    """The author's lines; `removed` counts the other non-blank lines by reason."""
    if platform == "medium":
        lines = [line if line.code else _unflattened(line, removed) for line in lines]
    end, reason = _end_of_page(lines, platform)
    removed.update(reason for line in lines[end:] if line.text)
    lines = lines[:end]
    gone = _header(lines, platform) | _above_title(lines, title) | _menus(lines) | _share_boxes(lines) | _cards(lines)
    gone |= _wrapped(lines)
    for index, line in enumerate(lines):
        if index in gone or line.code or (index and index - 1 not in gone and _goes_on(lines[index - 1])):
            continue
        if found := _chrome(line.text, platform, framed):
            gone[index] = found
    gone |= _counts(lines, gone, platform)
    removed.update(gone.values())
    return [line for index, line in enumerate(lines) if index not in gone]


def byline(text: str, platform: str) -> str | None:
    """The author of a whole Substack page, from the names under its title; None for other pages or without names."""
    lines = [Line(line.strip()) for line in split_lines(text)[: 4 * _TOP]]
    header, boxes = _header(lines, platform), _share_boxes(lines)
    names = [lines[index].text for index in sorted(header) if header[index] == "byline" and index not in boxes]
    names = [name for name in names if re.search(r"[^\W\d_]{2}", name) and not _DATE.search(name) and name != "and"]
    return ", ".join(names) or None


def chrome_left(text: str, platform: str) -> list[str]:
    """The platforms' chrome in a cleaned text, outside its code; empty if it is clean.

    It searches for phrases that no author writes, and does not use the rules of cleaning.

    Args:
        text: a cleaned document's text.
        platform: words that are ordinary elsewhere are searched only in documents of "substack" and "medium".
    """
    lines = split_lines(text)
    prose = "\n".join(line.text for line in marked(lines, lines) if not line.code)
    found = [" ".join(match[0].split()) for match in _LEFT.finditer(prose)]
    return [each for each in found if platform in _PLATFORMS or not re.fullmatch(r"\W*(?:Subscribe|Share)\W*", each)]


@lru_cache(maxsize=4096)  # for short lines: several rules look at them, in every round
def _undecorated(line: str) -> str:
    return _LINK.sub(r"\1", line).lstrip(f"{_DECORATION}>").rstrip(_DECORATION)


@lru_cache(maxsize=4096)
def _general(line: str) -> str | None:
    return _name(_LINES.fullmatch(_undecorated(line)))


def _name(found: re.Match[str] | None) -> str | None:
    return found.lastgroup if found else None


def _chrome(line: str, platform: str, framed: bool) -> str | None:
    """The purpose of the line, if all of it is page chrome."""
    if not line or len(line) > _MOST:
        return None
    if name := _general(line):
        return name
    # A heading or a list item is the author's, even if it is one word.
    if platform in _PLATFORMS:
        plain = _LINK.sub(r"\1", line).strip()
        return _name(_PLATFORM_LINES.fullmatch(plain) or (_PAGE_LINES.fullmatch(plain) if framed else None))
    return None


def _goes_on(line: Line) -> bool:
    """Whether a line looks wrapped, so the line below may be its last word."""
    return not line.code and len(line.text) > _WRAPPED and not _ENDED.search(line.text)


def _unflattened(line: Line, removed: Counter[str]) -> Line:
    """A page of Medium whose text is one line: remove what is before and after the article."""
    if len(line.text) < _FLAT:
        return line
    text, headers = _FLAT_HEADER.subn("", line.text, count=1)
    removed["navigation"] += headers
    if section := _FLAT_SECTION.search(text):
        text = text[: section.start()]
        removed["recommendations"] += 1
    return Line(text.rstrip())


def _end_of_page(lines: Sequence[Line], platform: str) -> tuple[int, str]:
    """Index of the first line of other people's text, and what that text is."""
    short = [(index, _undecorated(lines[index].text)) for index in _written(lines) if len(lines[index].text) <= _MOST]
    for position, (index, plain) in enumerate(short):
        if name := _name(_SECTIONS.fullmatch(plain)):
            return index, name
        for name, begins, assured in _MEDIUM_SECTIONS if platform == "medium" else ():
            if begins.fullmatch(plain) and (
                assured is None or any(assured.fullmatch(below) for _, below in short[position + 1 : position + 3])
            ):
                return index, name
    return len(lines), ""


def _share_boxes(lines: Sequence[Line]) -> dict[int, str]:
    """Substack's box: "Share this post", title, address, "Copy link", and the places to share it."""
    gone: dict[int, str] = {}
    written = _written(lines)
    for position, index in enumerate(written):
        text = lines[index].text
        if len(text) > _MOST or _undecorated(text).lower() != "share this post":
            continue
        ahead = written[position + 1 : position + 1 + _BOX]
        links = [number for number, each in enumerate(ahead) if lines[each].text.strip().lower() == "copy link"]
        if not links:
            continue
        end = position + 2 + links[0]
        while end < len(written) and _SHARE_BOX.fullmatch(lines[written[end]].text.strip()):
            end += 1
        gone |= dict.fromkeys(written[position:end], "share")
    return gone


def _cards(lines: Sequence[Line]) -> dict[int, str]:
    """The foot of a card that leads to another post: author, dot, date, "Read full story"."""
    written = _written(lines)
    return {
        index: "recommendations"
        for position, last in enumerate(written)
        if position > 3
        and lines[last].text.strip().lower() == "read full story"
        and lines[written[position - 2]].text.strip() == "·"
        for index in written[position - 3 : position + 1]
    }


def _wrapped(lines: Sequence[Line]) -> dict[int, str]:
    """Paragraphs that are one line of chrome, wrapped."""
    gone: dict[int, str] = {}
    start = 0
    for index in range(len(lines) + 1):
        if index < len(lines) and lines[index].text and not lines[index].code:
            continue
        paragraph = [line.text.strip() for line in lines[start:index]]
        whole = " ".join(paragraph)
        rows = [line for line in paragraph if not _TABLE_RULE.fullmatch(line)]
        wrapped = len(paragraph) > 1 and all(len(line) > _WRAPPED for line in rows[:-1])
        if wrapped and len(whole) < _MOST_WRAPPED and (reason := _general(whole)):
            gone |= dict.fromkeys(range(start, index), reason)
        start = index + 1
    return gone


def _header(lines: Sequence[Line], platform: str) -> dict[int, str]:
    """The top of a whole page of Substack, down to its second share box; its title and subtitle stay."""
    written = _written(lines)[:_TOP]
    top = [lines[index].text.strip().lower() for index in written]
    boxes = [position for position, text in enumerate(top) if text == "share this post"]
    if platform != "substack" or "subscribesign in" not in top[:4] or not boxes:
        return {}
    last = boxes[1] if len(boxes) > 1 else boxes[0]
    gone: dict[int, str] = {}
    is_heading = False
    for position, index in enumerate(written[:last]):
        wrapped = is_heading and index > 0 and bool(lines[index - 1].text)
        found = heading(lines[index].text)
        is_heading = wrapped or (position > boxes[0] and found is not None and found.level < 4)
        if not is_heading:
            gone[index] = "navigation" if position < boxes[0] else "byline"
    return gone


def _above_title(lines: Sequence[Line], title: str | None) -> dict[int, str]:
    """Menus and breadcrumbs above the heading with the page's title, if none of them is a sentence."""
    above: list[int] = []
    for index in _written(lines)[:_TOP]:
        text = lines[index].text
        found = heading(text)
        if found and title and _is_title(found.text, title):
            return dict.fromkeys(above, "navigation") if any(_ITEM.match(lines[each].text) for each in above) else {}
        if len(text) > 60:
            return {}
        above.append(index)
    return {}


def _is_title(head: str, title: str) -> bool:
    plain, whole = ("".join(each for each in text.casefold() if each.isalnum()) for text in (head, title))
    return len(plain) > 5 and plain in whole


def _menus(lines: Sequence[Line]) -> dict[int, str]:
    """Lists whose items contain the remains of icons (an empty emphasis): the menu of a site."""
    gone: dict[int, str] = {}
    group: list[int] = []
    for index in [*_written(lines), None]:
        if index is not None and _ITEM.match(lines[index].text) and len(lines[index].text) < 80:
            group.append(index)
            continue
        if sum(_has_icon(lines[each].text) for each in group) >= _ICONS:
            gone |= dict.fromkeys(group, "navigation")
        group = []
    return gone | {index: "navigation" for index in _written(lines) if lines[index].text.strip() == "__"}


def _has_icon(item: str) -> bool:
    words = item.split()
    return item.count("__") == 1 and (words[-1] == "__" or (len(words) > 1 and words[1].startswith("__")))


def _counts(lines: Sequence[Line], gone: dict[int, str], platform: str) -> dict[int, str]:
    """Numbers of likes and comments: bare numbers right above removed lines."""
    counts: dict[int, str] = {}
    below = False
    for index in reversed(_written(lines)) if platform in _PLATFORMS else ():
        if below and index not in gone and _COUNT.fullmatch(lines[index].text.strip()):
            counts[index] = "counts"
        else:
            below = index in gone
    return counts


def _written(lines: Iterable[Line]) -> list[int]:
    """Indexes of the lines of prose that are not blank."""
    return [index for index, line in enumerate(lines) if line.text and not line.code]
