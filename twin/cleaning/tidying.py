"""What is fixed in a line of prose, never in code: mojibake, left-over entities, invisible characters, and letters of
Unicode's mathematical alphabets used for bold or italic."""

import html
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial

from twin.cleaning.lines import outside_code_spans

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\ufff9-\ufffb\ud800-\udfff]")
"""Control characters except tab and newline, zero-width space, word joiner, BOM, annotation marks, lone surrogates. The
zero-width joiner and non-joiner and the marks of direction stay: emoji and several scripts need them."""

_SEPARATORS = re.compile("[\u2028\u2029\x85]")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_MARKUP = frozenset("&<>\"'")
_ROUNDS = 8
"""Each round fixes what the last one uncovered, such as the entity in `&amp;lt;`; no text is wrapped this often."""

_MOST_CACHED = 400
"""Length of the longest cached line; it limits the memory of the cache."""

_STYLED = "\U0001d400-\U0001d7ff"
_HOLES = "ℂℊℋℌℍℎℐℑℒℕℙℚℛℜℝℤℨℬℭℯℰℱℳℴ"
"""Letters of those alphabets that have older code points; alone they are signs of mathematics and physics."""

_STYLED_RUN = re.compile(f"[{_HOLES}]*[{_STYLED}][{_STYLED}{_HOLES}]*")
_STYLED_WORD = re.compile(f"[{_STYLED}{_HOLES}]{{3,}}")
_STRUCK = "\u0332\u0333\u0335-\u0337"
_STRUCK_RUN = re.compile(f"(?:[^\n{_STRUCK}][{_STRUCK}]+){{3,}}")
_STRUCK_MARKS = re.compile(f"[{_STRUCK}]+")


def tidy(line: str, *, post: bool = False) -> str:
    """One line of prose as its author meant it; tidying it again changes nothing.

    Mojibake is fixed (by ftfy, encoding only: quotes, ligatures and widths stay), entities become their characters,
    invisible characters and trailing spaces are removed, and the text is NFC, never NFKC, which changes meaning. Code
    spans lose only control characters.

    Args:
        line: a line without its line end.
        post: undo every styled letter. Otherwise only lines with a styled word of three letters are changed, because a
            single 𝐱 is mathematics.
    """
    if line.isascii() and line.isprintable() and "&" not in line:
        return line.rstrip()  # the same result as below, for the most frequent lines
    for _ in range(_ROUNDS):
        tidied = _tidied(line, post)
        if tidied == line:
            break
        line = tidied
    return line


def plain_letters(text: str, *, post: bool = True) -> str:
    """The text with styled letters and digits made plain, without underlines or strokes of combining marks.

    NFKC is used on those letters only, so "ﬁ", "²" or a full-width letter elsewhere stays.
    """
    if text.isascii():
        return text
    if post or _STYLED_WORD.search(text):
        text = _STYLED_RUN.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return _STRUCK_RUN.sub(lambda found: _STRUCK_MARKS.sub("", found[0]), text)


def _tidied(line: str, post: bool) -> str:
    if "&" in line or not line.isascii():
        fix = partial(_fixed, post=post)
        line = "".join(piece if code else _kept_ends(fix, piece) for code, piece in outside_code_spans(line))
    return _CONTROLS.sub("", _SEPARATORS.sub(" ", line)).rstrip()


def _kept_ends(fix: Callable[[str], str], piece: str) -> str:
    """Apply `fix`, unless it would create a code span: then the piece stays unchanged."""
    fixed = fix(piece)
    return fixed if fixed.count("`") == piece.count("`") else piece


def _fixed(text: str, *, post: bool) -> str:
    if not text.isascii():
        text = _encoded_once(text) if len(text) > _MOST_CACHED else _cached(text)
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    return plain_letters(unicodedata.normalize("NFC", text), post=post)


def _encoded_once(text: str) -> str:
    """ftfy's repair of a text that was decoded with the wrong encoding, and nothing else. A lone "Â" before a space
    stays, because it may be part of a spelled-out alphabet."""
    import ftfy

    config = ftfy.TextFixerConfig(
        unescape_html=False, restore_byte_a0=False, fix_c1_controls=False, fix_latin_ligatures=False,
        fix_character_width=False, uncurl_quotes=False, fix_line_breaks=False, normalization=None, explain=False,
    )  # fmt: skip
    return str(ftfy.fix_encoding(text, config))


_cached = lru_cache(maxsize=4096)(_encoded_once)  # every round looks at every line, and most rounds change nothing


def _character(entity: re.Match[str]) -> str:
    """The character of an entity; an entity that would change the structure of the text stays unchanged."""
    character = html.unescape(entity[0])
    if character in _MARKUP:
        return character
    if len(character) > 2 or character.isascii() or unicodedata.category(character[0]) in ("Cc", "Cs", "Cn", "Co"):
        return entity[0]
    return " " if character.isspace() else character
