"""Token counts of words, remembered: most words of a text were met before, or are in the model's own vocabulary."""

from collections.abc import Callable, Iterable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from twin.chunking.scan import Offsets, Scan

NAMED = 255
"""In place of the count of what may be part of a token's name, such as SEP of [SEP]."""

_REMEMBERED = 400_000
"""Words remembered at most outside the table, which take some 60 MB; then they are forgotten."""

_LONG = 60
"""Characters of the longest word that is remembered."""

_AT_ONCE = 3_000

_BITS = 17
_HASH = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio, Knuth's multiplicative hashing
_SHIFTS = np.array([64 - _BITS, 64 - 2 * _BITS, 64 - 3 * _BITS], dtype=np.uint64)  # a word may be in three places
_MASK = np.uint64((1 << _BITS) - 1)
_SHORT = 15
"""Bytes of the longest word in the table: those of two integers but one, which has the count."""

_KEPT = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)  # the first bytes of eight
_BELOW_COUNT, _COUNT = _KEPT[7], np.uint64(56)
_PADDING = bytes(16)

_Key = NDArray[np.uint64]


class Lexicon:
    """Looks words up, and has those measured that are new.

    The short ones of one byte to the character, which are nearly all, are looked up at once: their bytes are their
    key, 15 at most, so that the table answers for a word itself and never for one that only hashes alike.

    Args:
        measure: tokens of each of some words.
        names: whether a word may be part of a token's name.
        vocabulary: words of ASCII letters and digits that are one token each.
        folded: whether the model reads capitals as small letters.
    """

    def __init__(
        self,
        measure: Callable[[list[str]], list[int]],
        names: Callable[[str], bool],
        vocabulary: Iterable[str],
        *,
        folded: bool,
    ) -> None:
        self._measure, self._names = measure, names
        self._known: dict[str, int] = {}
        self._parts: dict[str, int] = {}
        self._rows = np.zeros((1 << _BITS, 2), dtype=np.uint64)  # side by side: memory is what a look-up waits for
        self._fold: Callable[[bytes], bytes] = bytes.lower if folded else bytes
        self._lock = Lock()
        words = [word for word in vocabulary if len(word) <= _SHORT]
        for first in range(0, len(words), _AT_ONCE):  # so that no rare word has the second place of a frequent one
            self._enter({word: NAMED if names(word) else 1 for word in words[first : first + _AT_ONCE]})

    def parts(self, scan: Scan, starts: Offsets, ends: Offsets) -> NDArray[np.uint8]:
        """Tokens of each of some parts of words without punctuation, or `NAMED`; shape (parts,)."""
        first, second, fits = self._keys(scan, starts, ends)
        mixed = _mixed(first, second)
        with self._lock:
            found, hits = self._in(_place(mixed, _SHIFTS[0]), first, second)
            missing = np.flatnonzero(~(hits & fits))
            for shift in _SHIFTS[1:]:
                places = _place(mixed[missing], shift)
                found[missing], hits = self._in(places, first[missing], second[missing])
                missing = missing[~(hits & fits[missing])]
            ranges = zip(starts[missing].tolist(), ends[missing].tolist(), strict=True)
            words = [scan.plain[start:end] for start, end in ranges]
            found[missing] = self._look_up(words, self._parts, self._measured)
        return found

    def _in(self, places: Offsets, first: _Key, second: _Key) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The counts in these places, and whether they are those of the words with these keys."""
        rows = self._rows.take(places, axis=0)
        hits = rows[:, 0] == first
        hits &= (rows[:, 1] & _BELOW_COUNT) == second
        return (rows[:, 1] >> _COUNT).astype(np.uint8), hits

    def words(self, words: list[str]) -> list[int]:
        """Tokens of each word."""
        with self._lock:
            return self._look_up(words, self._known, self._measure)

    def _measured(self, words: list[str]) -> list[int]:
        counts = self._measure(words)
        found = [
            NAMED if count >= NAMED or self._names(word) else count for word, count in zip(words, counts, strict=True)
        ]
        self._enter(dict(zip(words, found, strict=True)))
        return found

    @staticmethod
    def _look_up(words: list[str], known: dict[str, int], measure: Callable[[list[str]], list[int]]) -> list[int]:
        found = list(map(known.get, words))
        if None in found:
            new = [word for word in dict.fromkeys(words) if word not in known]
            counts = dict(zip(new, measure(new), strict=True))
            found = [counts[word] if count is None else count for word, count in zip(words, found, strict=True)]
            if len(known) > _REMEMBERED:
                known.clear()
            for word in new:
                if len(word) > _LONG:
                    del counts[word]
            known.update(counts)
        return found  # type: ignore[return-value]  # None was replaced

    def _enter(self, counts: dict[str, int]) -> None:
        """Write short words to the table, each to the first of its places that is free, the first words first."""
        scan = Scan(list(counts))
        begins, ends = scan.limits.T
        first, second, fits = self._keys(scan, begins, ends)
        fits[np.searchsorted(begins, scan.odd, side="right") - 1] = False
        mixed = _mixed(first, second)
        marked = second | np.fromiter(counts.values(), np.uint64, len(counts)) << _COUNT
        left = np.flatnonzero(fits)
        for shift in _SHIFTS:
            places = _place(mixed[left], shift)
            free = np.flatnonzero(self._rows[places, 0] == 0)[::-1]  # of two that want one, the first is written last
            self._rows[places[free]] = np.column_stack([first[left[free]], marked[left[free]]])
            left = left[~self._in(places, first[left], second[left])[1]]

    def _keys(self, scan: Scan, starts: Offsets, ends: Offsets) -> tuple[_Key, _Key, NDArray[np.bool_]]:
        """The first 8 and the next 7 bytes of each part, and whether these are all of it."""
        codes, lengths = self._fold(scan.codes.tobytes()) + _PADDING, ends - starts
        bytes_at: _Key = np.ndarray((len(codes) - 7,), np.uint64, codes, strides=(1,))
        first = bytes_at[starts]
        first &= _KEPT.take(lengths, mode="clip")
        second = np.zeros_like(first)
        longer = np.flatnonzero(lengths > 8)
        second[longer] = bytes_at[starts[longer] + 8] & _KEPT.take(np.minimum(lengths[longer], _SHORT) - 8)
        return first, second, lengths <= _SHORT


def _mixed(first: _Key, second: _Key) -> _Key:
    """What says where a word may be."""
    mixed: _Key = second * _HASH
    mixed ^= first
    mixed *= _HASH
    return mixed


def _place(mixed: _Key, shift: np.uint64) -> Offsets:
    return ((mixed >> shift) & _MASK).view(np.int64)
