"""Decode bytes to text: by byte order mark, by declaration, as UTF-8, else by a careful guess. Losses are reported."""

import codecs
import re

from twin.errors import CrawlError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESSED = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "koi8_r", "cp932",
    "euc_jp", "gb18030", "big5", "cp949",
]  # fmt: skip
"""Encodings that editors really wrote before UTF-8; in a longer list, some would always fit by accident."""

_LATIN = {
    "cp1250": frozenset({"bs", "cs", "hr", "hu", "pl", "ro", "sk", "sl", "sq"}),
    "cp1254": frozenset({"az", "tr"}),
    "cp1257": frozenset({"lt", "lv"}),
}
"""Languages of each Latin code page; all others use cp1252."""

_DECLARED = re.compile(rb"<(?:meta|\?xml)\s[^>]*?(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.I)
_NAMED = re.compile(
    r"utf-?8|windows-\d+|cp\d+|iso[-_]?8859[-_]\d+|latin-?\d|koi8-[ru]|shift_jis|sjis|euc-jp|euc-kr|gbk|gb2312|gb18030|"
    r"big5(-hkscs)?|(us-)?ascii|tis-620|iso-2022-jp|ks_c_5601-1987|macintosh"
)
"""Accepted names in declarations: Python knows more, and some of them transform a text."""

_MEANT = {
    "ascii": "cp1252", "us-ascii": "cp1252", "iso-8859-1": "cp1252", "latin1": "cp1252", "iso-8859-9": "cp1254",
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "sjis": "cp932", "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949", "tis-620": "cp874", "macintosh": "mac_roman",
}  # fmt: skip
"""The superset that browsers use instead of a name (WHATWG encoding standard, section 4.2)."""

_HEAD = 4096
_SAMPLE = 64 * 1024
_STRAY = 0.02
"""Up to this share of broken characters, a text is damaged UTF-8 and not another encoding."""


def decoded(content: bytes, label: str) -> tuple[str, str | None]:
    """The text of `content`, and a note about its encoding; None if the encoding is certain.

    Args:
        content: a text; the declaration of an HTML or XML page is believed if it is possible.
        label: the user's name for it, for messages.

    Raises:
        CrawlError: it is not text in any known encoding.
    """
    for mark, marked in _MARKS:
        if content.startswith(mark):
            return _strictly(content, marked, label), None
    # Valid UTF-8 beyond ASCII is UTF-8, whatever it declares: no other text is valid UTF-8 by accident.
    for name in (None if content.isascii() else "utf-8", _declared(content), "utf-8"):
        text = _attempt(content, name) if name else None
        if text is not None and "\0" not in text:
            return text, None
    if wide := _wide(content):
        return _strictly(content, wide, label), f"{wide}, by its zero bytes"
    if b"\0" in content:
        raise CrawlError(f"{label} is a binary file, not text: exclude it, or save it as text in UTF-8.")
    return _guess(content, label)


def _strictly(content: bytes, name: str, label: str) -> str:
    text = _attempt(content, name)
    if text is None or "\0" in text or "\ufffe" in text:  # no text contains either of them (Unicode 16, 23.7)
        raise CrawlError(f"{label} is damaged {name.removesuffix('-sig').upper()}: save it again in UTF-8.")
    return text


def _declared(content: bytes) -> str | None:
    declared = _DECLARED.search(content[:_HEAD])
    name = declared[1].decode("ascii").lower() if declared else ""
    return _MEANT.get(name, name) if _NAMED.fullmatch(name) else None


def _attempt(content: bytes, name: str) -> str | None:
    try:
        return content.decode(name)
    except (UnicodeError, LookupError):
        return None


def _wide(content: bytes) -> str | None:
    """UTF-16 without a mark: in mostly Latin text every other byte is zero."""
    sample = content[:_HEAD]
    half = len(sample) // 2
    if half < 2 or len(content) % 2:
        return None
    for name, zeros, letters in (("utf-16-le", sample[1::2], sample[::2]), ("utf-16-be", sample[::2], sample[1::2])):
        if zeros.count(0) > 0.3 * half and letters.count(0) < 0.02 * half:
            return name
    return None


def _guess(content: bytes, label: str) -> tuple[str, str]:
    try:
        # CESU-8, as some exporters write it: each half of an emoji is encoded separately.
        halves = content.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass")
        return halves.decode("utf-16-le"), "cesu-8"
    except UnicodeError:
        pass
    text = content.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    beyond = sum(1 for character in text if ord(character) > 0x7F)
    if broken and broken <= _STRAY * beyond:
        return text, f"utf-8 with {broken} broken characters"
    return _legacy(content, label)


def _legacy(content: bytes, label: str) -> tuple[str, str]:
    from charset_normalizer import from_bytes

    best = from_bytes(content[:_SAMPLE], cp_isolation=_GUESSED).best()
    if best is None:
        raise CrawlError(f"{label} has an unknown text encoding: save it in UTF-8.")
    latin = best.encoding == "cp1252" or best.encoding in _LATIN
    names = [_latin_page(content), "cp1252", best.encoding] if latin else [best.encoding]
    for name in names:
        text = _attempt(content, name)
        if text is not None:
            return text, f"{name}, by a guess"
    raise CrawlError(f"{label} has an unknown text encoding: save it in UTF-8.")


def _latin_page(content: bytes) -> str:
    """The code page of the language that the text has when it is decoded with that code page.

    The pages share most of their letters, so byte statistics alone confuse Polish, Swedish and French.
    """
    import py3langid

    for name, languages in _LATIN.items():
        text = _attempt(content, name)
        if text is not None and py3langid.classify(text[:_HEAD])[0] in languages:
            return name
    return "cp1252"
