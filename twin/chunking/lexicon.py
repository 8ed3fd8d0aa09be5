"""Token counts of words, remembered: most words of a text were met before."""

from collections.abc import Callable
from itertools import repeat
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from twin.chunking.scan import Offsets, Scan

_REMEMBERED = 400_000
"""Words remembered at most, which take some 60 MB; then it starts anew."""

_LONG = 60
"""Characters of the longest word that is remembered."""

_UNKNOWN = 255
"""What no remembered count reaches."""

_FEW = 200
"""Words of a text below which looking them up one by one is faster."""

_BITS = 17
_HASH = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio, Knuth's multiplicative hashing
_SHIFT = np.uint64(64 - _BITS)
_KEPT = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)  # the first bytes of eight

_Key = NDArray[np.uint64]


class Lexicon:
    """Looks words up, and has those measured that are new.

    The short ones of one byte to the character, which are nine words of ten, are looked up all at once: their bytes
    are their key, 16 at most, so that the table answers for a word itself and never for one that only hashes alike.

    Args:
        measure: tokens of each of some words.
    """

    def __init__(self, measure: Callable[[list[str]], list[int]]) -> None:
        self._measure = measure
        self._known: dict[str, int] = {}
        self._first, self._second = (np.zeros(1 << _BITS, dtype=np.uint64) for _ in range(2))
        self._counts = np.zeros(1 << _BITS, dtype=np.uint8)
        self._lock = Lock()

    def short(self, scan: Scan) -> Offsets:
        """Tokens of each word that is in the table, and -1 for the others; shape (words,)."""
        if len(scan.starts) < _FEW:
            return np.full(len(scan.starts), -1, dtype=np.int64)
        first, second, fits = _keys(scan)
        slots = _slots(first, second)
        with self._lock:
            hits = fits & (self._first.take(slots) == first) & (self._second.take(slots) == second)
            return np.where(hits, self._counts.take(slots), np.int64(-1))

    def counts(self, words: list[str]) -> Offsets:
        """Tokens of each word; shape (words,)."""
        with self._lock:
            found = np.frombuffer(bytes(map(self._known.get, words, repeat(_UNKNOWN))), np.uint8).astype(np.int64)
            missing = np.flatnonzero(found == _UNKNOWN).tolist()
            if missing:
                new = list(dict.fromkeys(words[number] for number in missing))
                counts = dict(zip(new, self._measure(new), strict=True))
                found[missing] = [counts[words[number]] for number in missing]
                self._remember(counts)
            return found

    def _remember(self, counts: dict[str, int]) -> None:
        kept = {word: count for word, count in counts.items() if len(word) <= _LONG and count < _UNKNOWN}
        if len(self._known) + len(kept) > _REMEMBERED:
            self._known.clear()
        self._known.update(kept)
        scan = Scan(list(kept))
        first, second, fits = _keys(scan)
        slots = _slots(first, second)
        chosen = np.flatnonzero(fits & (self._first[slots] == 0))[::-1]
        # Of two new words that want one slot the one met first has it, being the more frequent as a rule: it is
        # written last, in all three arrays.
        slots = slots[chosen]
        self._first[slots], self._second[slots] = first[chosen], second[chosen]
        self._counts[slots] = np.fromiter(kept.values(), np.uint8, len(kept))[chosen]


def _keys(scan: Scan) -> tuple[_Key, _Key, NDArray[np.bool_]]:
    """The first and the second 8 bytes of each word, and whether these are all of it."""
    lengths = scan.ends - scan.starts
    fits = lengths <= 16
    codes = np.zeros(len(scan.codes) + 16, dtype=np.uint8)
    codes[: len(scan.codes)] = scan.codes
    fits[np.searchsorted(scan.starts, scan.odd, side="right") - 1] = False
    bytes_at: _Key = np.ndarray((len(codes) - 7,), np.uint64, codes, strides=(1,))
    first = bytes_at[scan.starts] & _KEPT.take(lengths, mode="clip")
    second = np.zeros_like(first)
    longer = np.flatnonzero(lengths > 8)
    second[longer] = bytes_at[scan.starts[longer] + 8] & _KEPT.take(lengths[longer] - 8, mode="clip")
    return first, second, fits


def _slots(first: _Key, second: _Key) -> Offsets:
    mixed: _Key = (first ^ (second * _HASH)) * _HASH
    return (mixed >> _SHIFT).view(np.int64)
