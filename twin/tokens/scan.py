"""Texts as arrays: their characters, and where their words begin and end."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Offsets = NDArray[np.int64]

COMMON = bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
"""Quotes, dashes, bullets: the characters beyond Latin-1 that most texts have. They use the bytes from 0x80."""

_CONTROL = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
"""White space in Python; in BERT-like tokenizers these are control characters, which join their neighbours."""

_BETWEEN = "\n\n"
_COMMON = np.array(sorted(map(ord, COMMON)), dtype=np.uint32)
_SPACES = np.array([code for code in range(0xA0, 0x3001) if chr(code).isspace()], dtype=np.uint32)


def codes_of(characters: str) -> NDArray[np.bool_]:
    """A table that says for each byte of `Scan.codes` whether it is one of these characters."""
    table = np.zeros(256, dtype=bool)
    for character in characters:
        table[0x80 + int(np.searchsorted(_COMMON, ord(character))) if character in COMMON else ord(character)] = True
    return table


LETTER, CONTROL, ODD, BLANK, ALONE = range(5)
"""Classes of characters: ALONE is always a token by itself in BERT, BLANK is white space, and LETTER is everything else
except control characters (CONTROL) and what `Scan.codes` cannot represent (ODD)."""

_ALONE = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡§«¶·»¿‚„…†‡‰‹‘’“”•–—›"


def _classes() -> bytes:
    """The class of each byte of `Scan.codes`."""
    table = np.full(256, LETTER, dtype=np.uint8)
    table[:0x20] = CONTROL
    table[0] = ODD
    table[codes_of("\t\n\r \xa0")] = BLANK
    table[codes_of(_ALONE)] = ALONE
    return table.tobytes()


_CLASSES = _classes()


class Scan:
    """Several texts, one below the other. Offsets are in characters, as everywhere.

    numpy does to one large array what would cost much more for many small ones.

    Attributes:
        text: all texts, with a blank line between them.
        limits: where each text begins and ends; shape (texts, 2).
        plain: the text without characters that only Python takes for white space.
        codes: a byte for each character: its own if it is Latin-1, one from 0x80 if it is in `COMMON`, and 0 if it is
            odd; shape (characters,).
        classes: the class of each character, see `LETTER`; shape (characters,).
        odd: offsets of the characters of class ODD, ascending; shape (n,).
        starts: where the words (separated by white space) begin; shape (words,).
        ends: where they end; shape (words,).
    """

    __slots__ = ("classes", "codes", "ends", "limits", "odd", "plain", "starts", "text")

    def __init__(self, texts: Sequence[str]) -> None:
        self.text = self.plain = _BETWEEN.join(texts)
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        ends = np.cumsum(lengths + len(_BETWEEN)) - len(_BETWEEN)
        self.limits: Offsets = np.column_stack([ends - lengths, ends])
        if not self._read():
            self.plain = _CONTROL.sub("\x01", self.text)
            self._read()

    def _read(self) -> bool:
        """Fill the arrays from `plain`, or return False if it contains something that it must not."""
        high: Offsets = np.zeros(0, dtype=np.int64)
        high_codes = np.zeros(0, dtype=np.uint32)
        if self.plain.isascii():
            codes = np.frombuffer(self.plain.encode("ascii"), np.uint8)
        else:
            full = np.frombuffer(self.plain.encode("utf-32-le", "surrogatepass"), np.uint32)
            high = np.flatnonzero(full > 0x7F)
            high_codes = full[high]
            place = np.searchsorted(_COMMON[:-1], high_codes)
            common = _COMMON[place] == high_codes
            own = (high_codes >= 0xA0) & (high_codes <= 0xFF)
            codes = full.astype(np.uint8)
            codes[high] = np.where(own, high_codes, np.where(common, place + 0x80, 0))
        classes = np.frombuffer(bytearray(codes).translate(_CLASSES), np.uint8)
        strange = (classes == CONTROL).any() or 0x85 in high_codes
        if strange and self.plain is self.text and _CONTROL.search(self.text):
            return False
        if len(high):
            space = np.searchsorted(_SPACES[:-1], high_codes)
            classes[high[_SPACES[space] == high_codes]] = BLANK
        blank = np.ones(len(codes) + 2, dtype=bool)
        np.equal(classes, BLANK, out=blank[1:-1])
        edges = np.flatnonzero(blank[1:] != blank[:-1])
        self.codes, self.classes = codes, classes
        self.odd: Offsets = np.flatnonzero(classes == ODD)
        self.starts: Offsets = edges[::2].copy()  # otherwise each search in them copies them
        self.ends: Offsets = edges[1::2].copy()
        return True
