"""Texts as arrays: their characters, and where their words begin and end."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Offsets = NDArray[np.int64]

COMMON = bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
"""Quotes, dashes, bullets: the characters beyond Latin-1 that most texts hold. They take the bytes of 0x80 and up."""

_CONTROL = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
"""White space to Python; to the tokenizers of BERT control characters, which join what they stand between."""

_BETWEEN = "\n\n"
_COMMON = np.array(sorted(map(ord, COMMON)), dtype=np.uint32)
_SPACES = np.array([code for code in range(0xA0, 0x3001) if chr(code).isspace()], dtype=np.uint32)


def codes_of(characters: str) -> NDArray[np.bool_]:
    """A table that says of each byte of `Scan.codes` whether it is one of these characters."""
    table = np.zeros(256, dtype=bool)
    for character in characters:
        table[0x80 + int(np.searchsorted(_COMMON, ord(character))) if character in COMMON else ord(character)] = True
    return table


LETTER, CONTROL, ODD, BLANK, ALONE = range(5)
"""Classes of characters: ALONE is what BERT makes a token by itself wherever it stands, BLANK is white space, and
LETTER all others but control characters and what `Scan.codes` does not have."""

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
    """Some texts, one below the other. Offsets are of characters, as everywhere.

    What numpy does to many small arrays it does to one large one at a fraction of the cost.

    Attributes:
        text: all texts, a blank line between each two.
        limits: where each text begins and ends; shape (texts, 2).
        plain: the text with nothing in it that only Python takes for white space.
        codes: a byte for each character: its own where it is of Latin-1, one from 0x80 up where it is of `COMMON`, and
            0 where it is odd; shape (characters,).
        classes: of the characters, see `LETTER`; shape (characters,).
        odd: offsets of the characters of class ODD, ascending; shape (n,).
        starts: where the words begin, which are what white space parts; shape (words,).
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
        """Fill the arrays from `plain`, or say that there is something in it that must not be there."""
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
        self.starts: Offsets = edges[::2].copy()  # else each search in them copies them
        self.ends: Offsets = edges[1::2].copy()
        return True
