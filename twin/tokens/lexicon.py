"""Cached token counts of words: most words of a text were met before, or are in the model's own vocabulary."""

from collections.abc import Callable, Iterable
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.tokens.scan import Offsets, Scan

NAMED = 255
"""Used instead of the count for what may be part of a token's name, such as SEP of [SEP]."""

_REMEMBERED = 400_000
"""Limit of words cached outside the table (about 60 MB); then they are dropped."""

_LONG = 60
"""Characters of the longest cached word."""

_AT_ONCE = 3_000

_BITS = 17
_HASH = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio, Knuth's multiplicative hashing
_SHIFTS = np.array([64 - _BITS, 64 - 2 * _BITS, 64 - 3 * _BITS], dtype=np.uint64)  # a word may be in three places
_MASK = np.uint64((1 << _BITS) - 1)
_SHORT = 15
"""Bytes of the longest word in the table: two integers less one byte, which holds the count."""

_KEPT = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)  # the first bytes of eight
_BELOW_COUNT, _COUNT = _KEPT[7], np.uint64(56)
_PADDING = bytes(16)

_Key = NDArray[np.uint64]


class Lexicon:
    """Looks words up, and measures the new ones.

    Short words with one byte per character, which are nearly all, are looked up at once. Their bytes (15 at most) are
    their key, so the table never returns the count of another word with the same hash.

    Args:
        measure: returns the tokens of each given word.
        names: returns those of the given words that may be part of a token's name.
        vocabulary: words of ASCII letters and digits that are one token each.
        folded: whether the model reads capitals as small letters.
    """

    def __init__(
        self,
        measure: Callable[[list[str]], list[int]],
        names: Callable[[list[str]], set[str]],
        vocabulary: Iterable[str],
        *,
        folded: bool,
    ) -> None:
        self._measure, self._names = measure, names
        self._known: dict[str, int] = {}
        self._parts: dict[str, int] = {}
        self._rows = np.zeros((1 << _BITS, 2), dtype=np.uint64)  # side by side: look-ups wait for memory
        self._last = np.zeros(1 << _BITS, dtype=np.int64)
        self._fold: Callable[[bytes], bytes] = bytes.lower if folded else bytes
        self._lock = Lock()
        words = [word for word in vocabulary if len(word) <= _SHORT]
        for first in range(0, len(words), _AT_ONCE):  # so that no rare word takes the second place of a frequent one
            part = words[first : first + _AT_ONCE]
            self._enter(dict.fromkeys(part, 1) | dict.fromkeys(names(part), NAMED))

    def parts(self, scan: Scan, starts: Offsets, ends: Offsets) -> NDArray[np.uint8]:
        """Tokens of each given part of a word without punctuation, or `NAMED`; shape (parts,)."""
        keys, fits = self._keys(scan, starts, ends)
        with self._lock:
            found, hits = self._in(keys, _SHIFTS[0])
            missing = np.flatnonzero(~(hits & fits))
            for shift in _SHIFTS[1:]:
                found[missing], hits = self._in(keys.of(missing), shift)
                missing = missing[~(hits & fits[missing])]
            fits[np.searchsorted(starts, scan.odd, side="right") - 1] = False  # their keys are incomplete
            equal = np.arange(len(starts))
            short = missing[fits[missing]]
            equal[short] = self._equal(keys.of(short), short)
            chosen = missing[equal[missing] == missing]
            ranges = zip(starts[chosen].tolist(), ends[chosen].tolist(), strict=True)
            words = [scan.plain[start:end] for start, end in ranges]
            found[chosen] = self._look_up(words, self._parts, self._measured)
            found[missing] = found[equal[missing]]
        return found

    def _equal(self, keys: "_Keys", numbers: Offsets) -> Offsets:
        """For each numbered word the number of an equal one; for nearly all equal words it is the same number."""
        places = keys.places(_SHIFTS[0])
        self._last[places] = np.arange(len(numbers))
        last = self._last[places]
        alike = (keys.first[last] == keys.first) & (keys.second[last] == keys.second)
        return np.where(alike, numbers[last], numbers)

    def _in(self, keys: "_Keys", shift: np.uint64) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The counts in one of the places of each word, and whether they belong to the word."""
        rows = self._rows.take(keys.places(shift), axis=0)
        hits = rows[:, 0] == keys.first
        hits &= (rows[:, 1] & _BELOW_COUNT) == keys.second
        return (rows[:, 1] >> _COUNT).astype(np.uint8), hits

    def words(self, words: list[str]) -> list[int]:
        """Tokens of each word."""
        with self._lock:
            return self._look_up(words, self._known, self._measure)

    def _measured(self, words: list[str]) -> list[int]:
        counts = self._measure(words)
        named = self._names(words)
        found = [NAMED if word in named else min(count, NAMED) for word, count in zip(words, counts, strict=True)]
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
        keys, fits = self._keys(scan, begins, ends)
        fits[np.searchsorted(begins, scan.odd, side="right") - 1] = False
        marked = keys.second | np.fromiter(counts.values(), np.uint64, len(counts)) << _COUNT
        rows = np.column_stack([keys.first, marked])
        left = np.flatnonzero(fits)
        for shift in _SHIFTS:
            places = keys.of(left).places(shift)
            free = np.flatnonzero(self._rows[places, 0] == 0)[::-1]  # if two want one, the first is written last
            self._rows[places[free]] = rows[left[free]]
            left = left[~self._in(keys.of(left), shift)[1]]

    def _keys(self, scan: Scan, starts: Offsets, ends: Offsets) -> "tuple[_Keys, NDArray[np.bool_]]":
        """The keys of each part, and whether each key contains the whole part."""
        codes, lengths = self._fold(scan.codes.tobytes()) + _PADDING, ends - starts
        bytes_at: _Key = np.ndarray((len(codes) - 7,), np.uint64, codes, strides=(1,))
        first = bytes_at[starts]
        first &= _KEPT.take(lengths, mode="clip")
        second = np.zeros_like(first)
        longer = np.flatnonzero(lengths > 8)
        second[longer] = bytes_at[starts[longer] + 8] & _KEPT.take(np.minimum(lengths[longer], _SHORT) - 8)
        mixed = second * _HASH
        mixed ^= first
        mixed *= _HASH
        return _Keys(first, second, mixed), lengths <= _SHORT


class _Keys(NamedTuple):
    """For each word the first 8 bytes, the next 7, and what decides its possible places; shape (words,)."""

    first: _Key
    second: _Key
    mixed: _Key

    def of(self, numbers: Offsets) -> "_Keys":
        """The keys of the words with these numbers."""
        return _Keys(self.first[numbers], self.second[numbers], self.mixed[numbers])

    def places(self, shift: np.uint64) -> Offsets:
        """One of the places of each word."""
        return ((self.mixed >> shift) & _MASK).view(np.int64)
