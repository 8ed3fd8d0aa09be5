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
_SHIFT, _OTHER_SHIFT, _MASK = np.uint64(64 - _BITS), np.uint64(64 - 2 * _BITS), np.uint64((1 << _BITS) - 1)
_KEPT = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)  # the first bytes of eight
_PADDING = bytes(16)
_FOLDED = bytes(range(256)).lower()
_AS_IT_IS = bytes(range(256))

_Key = NDArray[np.uint64]


class Lexicon:
    """Looks words up, and has those measured that are new.

    The short ones of one byte to the character, which are nearly all, are looked up at once: their bytes are their
    key, 16 at most, so that the table answers for a word itself and never for one that only hashes alike.

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
        self._first, self._second = (np.zeros(1 << _BITS, dtype=np.uint64) for _ in range(2))
        self._counts = np.zeros(1 << _BITS, dtype=np.uint8)
        self._table = _FOLDED if folded else _AS_IT_IS
        self._lock = Lock()
        words = [word for word in vocabulary if len(word) <= len(_PADDING)]
        for first in range(0, len(words), _AT_ONCE):  # so that no rare word has the second slot of a frequent one
            self._enter({word: NAMED if names(word) else 1 for word in words[first : first + _AT_ONCE]})

    def parts(self, scan: Scan, starts: Offsets, ends: Offsets) -> NDArray[np.uint8]:
        """Tokens of each of some parts of words without punctuation, or `NAMED`; shape (parts,)."""
        first, second, fits = _keys(scan.codes.tobytes().translate(self._table), starts, ends - starts)
        slots, others = _slots(first, second)
        with self._lock:
            found, hits = self._in(slots, first, second)
            missing = np.flatnonzero(~(hits & fits))
            found[missing], hits = self._in(others[missing], first[missing], second[missing])
            missing = missing[~(hits & fits[missing])]
            ranges = zip(starts[missing].tolist(), ends[missing].tolist(), strict=True)
            words = [scan.plain[start:end] for start, end in ranges]
            found[missing] = self._look_up(words, self._parts, self._measured)
        return found

    def _in(self, slots: Offsets, first: _Key, second: _Key) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The counts in these slots, and whether they are those of the words with these keys."""
        hits = self._first.take(slots) == first
        hits &= self._second.take(slots) == second
        return self._counts.take(slots), hits

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
        """Write short words to the table, each to the one of its two slots that is free, the first words first."""
        scan = Scan(list(counts))
        begins, ends = scan.limits.T
        first, second, fits = _keys(scan.codes.tobytes().translate(self._table), begins, ends - begins)
        whole = np.ones(len(begins), dtype=bool)
        whole[np.searchsorted(begins, scan.odd, side="right") - 1] = False
        values = np.fromiter(counts.values(), np.uint8, len(counts))
        left = np.flatnonzero(fits & whole)
        for places in _slots(first, second):
            chosen = left[self._first[places[left]] == 0][::-1]  # of two that want one slot, the first is written last
            slots = places[chosen]
            self._first[slots], self._second[slots], self._counts[slots] = first[chosen], second[chosen], values[chosen]
            left = left[~self._in(places[left], first[left], second[left])[1]]


def _keys(codes: bytes, starts: Offsets, lengths: Offsets) -> tuple[_Key, _Key, NDArray[np.bool_]]:
    """The first and the second 8 bytes of each part, and whether these are all of it."""
    bytes_at: _Key = np.ndarray((len(codes) + 9,), np.uint64, codes + _PADDING, strides=(1,))
    first = bytes_at[starts]
    first &= _KEPT.take(lengths, mode="clip")
    second = np.zeros_like(first)
    longer = np.flatnonzero(lengths > 8)
    second[longer] = bytes_at[starts[longer] + 8] & _KEPT.take(lengths[longer] - 8, mode="clip")
    return first, second, lengths <= len(_PADDING)


def _slots(first: _Key, second: _Key) -> tuple[Offsets, Offsets]:
    """The two places where a word may be."""
    mixed: _Key = second * _HASH
    mixed ^= first
    mixed *= _HASH
    return (mixed >> _SHIFT).view(np.int64), ((mixed >> _OTHER_SHIFT) & _MASK).view(np.int64)
