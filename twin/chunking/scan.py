"""A text as arrays: its code points, and where its words begin and end."""

import re

import numpy as np
from numpy.typing import NDArray

Offsets = NDArray[np.int64]

_SPACES = np.array([chr(code).isspace() for code in range(0x3002)])  # U+3000 is the last one
_CONTROL = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
"""White space to Python; to the tokenizers of BERT control characters, which join what they stand between."""


class Scan:
    """One text. Offsets are of characters, as everywhere.

    Attributes:
        codes: code points; shape (len(text),).
        starts: where the words begin, which are what white space parts; shape (words,).
        ends: where they end; shape (words,).
    """

    __slots__ = ("_plain", "codes", "ends", "starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._plain = text if _CONTROL.search(text) is None else _CONTROL.sub("\x01", text)
        self.codes: NDArray[np.uint8] | NDArray[np.uint32] = (
            np.frombuffer(self._plain.encode("ascii"), np.uint8)
            if text.isascii()
            else np.frombuffer(self._plain.encode("utf-32-le", "surrogatepass"), np.uint32)
        )
        blank = np.ones(len(text) + 2, dtype=bool)
        blank[1:-1] = _SPACES.take(self.codes, mode="clip")
        edges = np.flatnonzero(blank[1:] != blank[:-1])
        self.starts: Offsets = edges[::2]
        self.ends: Offsets = edges[1::2]

    def words(self) -> list[str]:
        """The words in their order."""
        return self._plain.split()
