"""What is mended in a line of prose, and never in code: mojibake, left-over entities, what nobody sees, and letters of
Unicode's mathematical alphabets that were put in for bold or italic."""

import html
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial

from twin.cleaning.lines import outside_code_spans

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\ufff9-\ufffb\ud800-\udfff]")
"""Controls but tab and newline, zero-width space, word joiner, BOM, annotation marks, lone surrogates. The zero-width
joiner and non-joiner and the marks of direction stay: emoji and several scripts are written with them."""

_SEPARATORS = re.compile("[\u2028\u2029\x85]")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_MARKUP = frozenset("&<>\"'")
_ROUNDS = 8
"""What one mending uncovers, such as the entity in `&amp;lt;`, the next one mends; nobody wraps a text this often."""

_MOST_CACHED = 400
"""Characters of a line that is kept for the next round; bounds the memory of all that are."""

_STYLED = "\U0001d400-\U0001d7ff"
_HOLES = "ℂℊℋℌℍℎℐℑℒℕℙℚℛℜℝℤℨℬℭℯℰℱℳℴ"
"""Letters of those alphabets that Unicode had put elsewhere before; alone they are signs of mathematics and physics."""

_STYLED_RUN = re.compile(f"[{_HOLES}]*[{_STYLED}][{_STYLED}{_HOLES}]*")
_STYLED_WORD = re.compile(f"[{_STYLED}{_HOLES}]{{3,}}")
_STRUCK = "\u0332\u0333\u0335-\u0337"
_STRUCK_RUN = re.compile(f"(?:[^\n{_STRUCK}][{_STRUCK}]+){{3,}}")
_STRUCK_MARKS = re.compile(f"[{_STRUCK}]+")


def tidy(line: str, *, post: bool = False) -> str:
    """One line of prose as its author meant it; tidying it again changes nothing.

    Mojibake is mended (ftfy, encoding alone: quotes, ligatures and widths stay), entities become their characters,
    invisible characters and trailing spaces go, and the text is NFC, never NFKC, which changes meaning. Code spans
    lose controls only.

    Args:
        line: no line end in it.
        post: undo every styled letter. Elsewhere only lines with a styled word of three letters are, because a single
            𝐱 is mathematics.
    """
    if line.isascii() and line.isprintable() and "&" not in line:
        return line.rstrip()  # as below, for the plainest and most frequent lines
    for _ in range(_ROUNDS):
        tidied = _tidied(line, post)
        if tidied == line:
            break
        line = tidied
    return line


def plain_letters(text: str, *, post: bool = True) -> str:
    """The text with styled letters and digits, and underlines or strokes of combining marks, as plain ones.

    NFKC is used on those letters alone, so that "ﬁ", "²" or a full-width letter elsewhere stays.
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
    """`mend` must not make a code span where there was none: what would is left as it is."""
    fixed = fix(piece)
    return fixed if fixed.count("`") == piece.count("`") else piece


def _fixed(text: str, *, post: bool) -> str:
    if not text.isascii():
        text = _encoded_once(text) if len(text) > _MOST_CACHED else _cached(text)
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    return plain_letters(unicodedata.normalize("NFC", text), post=post)


def _encoded_once(text: str) -> str:
    """ftfy's repair of a text that was decoded by the wrong table, and nothing else of it. A lone "Â" before a space
    stays, because an alphabet may be spelled out."""
    import ftfy

    config = ftfy.TextFixerConfig(
        unescape_html=False, restore_byte_a0=False, fix_c1_controls=False, fix_latin_ligatures=False,
        fix_character_width=False, uncurl_quotes=False, fix_line_breaks=False, normalization=None, explain=False,
    )  # fmt: skip
    return str(ftfy.fix_encoding(text, config))


_cached = lru_cache(maxsize=4096)(_encoded_once)  # a line is looked at in every round, and most rounds change nothing


def _character(entity: re.Match[str]) -> str:
    """What an entity stands for; one that would change the structure of the text stays as it was written."""
    character = html.unescape(entity[0])
    if character in _MARKUP:
        return character
    if len(character) > 2 or character.isascii() or unicodedata.category(character[0]) in ("Cc", "Cs", "Cn", "Co"):
        return entity[0]
    return " " if character.isspace() else character
