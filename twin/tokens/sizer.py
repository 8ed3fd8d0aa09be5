"""Exact token counts of the embedder that will read the chunks."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from itertools import accumulate, repeat
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from twin.errors import InputError
from twin.tokens.encoder import Encoder, Ids
from twin.tokens.lexicon import NAMED, Lexicon
from twin.tokens.scan import ALONE, BLANK, Offsets, Scan

_SEGMENT = 100_000
"""Characters encoded at once: limits the memory for one huge text, and lets all cores work on it."""

_MIN_WINDOW = 16

_CHARACTERS_PER_TOKEN = 20
"""A token with more characters than this (padding, one endless word) counts as several."""

_LONG = 60
"""Characters of the longest word that is measured as a whole."""

_ALONE = (
    r"!-/:-@\[-`{-~\u3001-\u3003\u3008-\u3011\u3014-\u301f\uff01-\uff03\uff05-\uff0a\uff0c-\uff0f\uff1a\uff1b\uff1f"
)
_ALONE += r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PARTS = re.compile(f"[{_ALONE}]|[^{_ALONE}]+")
"""Characters that BERT always makes a token (punctuation and ideographs), or a run between two of them."""


class Tokens:
    """How many tokens each part of a text has: one encoding answers every question about its parts.

    Attributes:
        starts: offsets of the units, ascending: words, or separable parts of one; shape (n,).
        sums: tokens of all units before each one, and of all of them; shape (n + 1,).
        sizes: like `sums`, but a unit of very many characters counts as several tokens.
        additive: see `Sizer`.
    """

    __slots__ = ("additive", "sizes", "starts", "sums")

    def __init__(self, starts: Offsets, sums: Offsets, ends: Offsets, *, additive: bool) -> None:
        self.starts = starts
        self.additive = additive
        self.sums = self.sizes = sums
        spans = np.zeros_like(starts)
        np.subtract(starts[1:], starts[:-1], out=spans[:-1])
        lasts = np.searchsorted(starts, ends) - 1  # the last unit of each text ends with it
        lasts, ends = lasts[lasts >= 0], ends[lasts >= 0]
        spans[lasts] = ends - starts[lasts]
        wide = np.flatnonzero(spans >= _CHARACTERS_PER_TOKEN)
        more = spans[wide] // _CHARACTERS_PER_TOKEN - (sums[wide + 1] - sums[wide])
        if (more > 0).any():
            self.sizes = _added(sums, wide, np.maximum(more, 0))

    def count(self, start: int, end: int) -> int:
        """Number of tokens of the units that begin in the range."""
        first, last = np.searchsorted(self.starts, (start, end))
        return int(self.sums[last] - self.sums[first])


class Sizer:
    """Measures texts in tokens of one embedding model.

    Args:
        tokenizer: the model's; it is not changed.
        window: tokens that the model reads, including special tokens.

    Attributes:
        limit: tokens that a text may have in addition to the special ones.
        id: hash of the tokenizer.
        additive: whether the tokens of a text are those of its words together (see `twin.tokens.encoder`). Then the
            count of any range of units, and of texts joined by white space, is a sum.
    """

    def __init__(self, tokenizer: Tokenizer, window: int) -> None:
        self._encoder = Encoder(tokenizer, window)
        self.window = window
        self.limit = window - self._encoder.whole.num_special_tokens_to_add(is_pair=False)
        if self.limit < _MIN_WINDOW:
            raise InputError(f"An embedding model with a window of {window} tokens is too small for chunking.")
        self.id = hashlib.sha256(self._encoder.serialised.encode()).hexdigest()[:12]
        self.additive = self._encoder.is_bert
        encoder = self._encoder
        self._lexicon = Lexicon(encoder.word_lengths, encoder.name_parts, encoder.vocabulary(), folded=encoder.folds)

    @classmethod
    def from_file(cls, path: Path, window: int) -> Self:
        """Read a `tokenizer.json`."""
        try:
            return cls(Tokenizer.from_file(str(path)), window)
        except InputError:
            raise
        except Exception as error:  # the library raises bare Exception for a missing or malformed file
            raise InputError(f"{path} is not a readable tokenizer.json ({error}).") from error

    @property
    def backend(self) -> str:
        """What reads ordinary texts: `tokie`, or `tokenizers` if the two were not seen to agree on this tokenizer."""
        return self._encoder.backend

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of each text as the model reads them: with special tokens, cut at the window; int64, (tokens,)."""
        return self._encoder.ids(texts)

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text, without special tokens."""
        return self._encoder.lengths(texts)

    def count(self, text: str) -> int:
        """Number of tokens of one text, without special tokens."""
        return self.counts([text])[0]

    def tokens(self, scan: Scan) -> Tokens:
        """Tokens of each of the texts of a scan."""
        if not self.additive:
            return self._encoded(scan)
        sums, odd = self._sums(scan)
        starts, ends, whole = self._units(scan, odd)
        before = np.append(sums[starts], sums[-1:]).astype(np.int64)
        left = np.flatnonzero(whole)
        if len(left):
            counts = np.array(self._lexicon.words(_words(scan, starts, ends, left)), dtype=np.int64)
            before = _added(before, left, counts - (before[left + 1] - before[left]))
        return Tokens(starts, before, scan.limits[:, 1], additive=True)

    def sums(self, texts: Sequence[str]) -> list[int]:
        """Like `counts`, for texts whose words were mostly met before."""
        if not self.additive:
            return self.counts(texts)
        scan = Scan(texts)
        found = self.tokens(scan)
        sums: list[int] = np.diff(found.sums[np.searchsorted(found.starts, scan.limits)]).ravel().tolist()
        return sums

    def head(self, text: str, tokens: int) -> str:
        """The longest beginning of `text` in whole units with at most that many tokens."""
        return self.heads([text], tokens)[0][0]

    def heads(self, texts: Sequence[str], tokens: int) -> list[tuple[str, int]]:
        """`head` of each text, and how many tokens it has."""
        if not texts:
            return []
        scan = Scan(texts)
        found = self.tokens(scan)
        first, end_of_text = np.searchsorted(found.starts, scan.limits).T
        last = np.searchsorted(found.sums, found.sums[first] + tokens, side="right") - 1
        last = np.minimum(last, end_of_text)
        stops = np.minimum(np.append(found.starts, len(scan.text))[last], scan.limits[:, 1])
        limits = zip(texts, scan.limits[:, 0].tolist(), scan.limits[:, 1].tolist(), stops.tolist(), strict=True)
        heads = [text if stop == end else text[: stop - start].rstrip() for text, start, end, stop in limits]
        sizes: list[int] = (found.sums[last] - found.sums[first]).tolist()
        return list(zip(heads, sizes if self.additive else self.counts(heads), strict=True))

    def _sums(self, scan: Scan) -> tuple[NDArray[np.int32], Offsets]:
        """Tokens before each character and before the end, and offsets in the words that must be measured whole.

        A word has one token for each punctuation character, plus the tokens of the parts between them.
        """
        tokens = (scan.classes == ALONE).view(np.uint8)
        inner = np.zeros(len(tokens) + 2, dtype=bool)
        np.less(scan.classes, BLANK, out=inner[1:-1])
        edges = np.flatnonzero(inner[1:] != inner[:-1])
        starts, ends = edges[::2], edges[1::2]
        counts = self._lexicon.parts(scan, starts, ends)
        tokens[starts] = counts
        sums = np.zeros(len(tokens) + 1, dtype=np.int32)
        np.cumsum(tokens, dtype=np.int32, out=sums[1:])
        odd = scan.starts if self._encoder.opaque else np.concatenate([scan.odd, starts[counts == NAMED]])
        return sums, odd

    def _units(self, scan: Scan, odd: Offsets) -> tuple[Offsets, Offsets, NDArray[np.bool_]]:
        """Where the words of a text begin and end, the long ones in parts, and whether these are measured whole."""
        starts, ends, whole = scan.starts, scan.ends, np.zeros(len(scan.starts), dtype=bool)
        whole[np.searchsorted(starts, odd, side="right") - 1] = True
        places: list[int] = []
        inner: list[int] = []
        for number in np.flatnonzero(ends - starts > _LONG).tolist():
            word = scan.plain[starts[number] : ends[number]]
            if not (whole[number] and self._encoder.names_token(word)):
                lengths = list(map(len, _PARTS.findall(word)))
                places += repeat(number, len(lengths) - 1)
                inner += accumulate(lengths[:-1], initial=int(starts[number]))
                del inner[-len(lengths)]
        if not places:
            return starts, ends, whole
        after = np.add(places, 1)
        return np.insert(starts, after, inner), np.insert(ends, places, inner), np.insert(whole, after, whole[places])

    def _encoded(self, scan: Scan) -> Tokens:
        """Tokens by their positions in the whole texts, for models whose tokens may extend over white space."""
        segments = [segment for start, end in scan.limits.tolist() for segment in _cut(scan.text, start, end)]
        encodings = self._encoder.whole.encode_batch([scan.text[a:b] for a, b in segments], add_special_tokens=False)
        at = [base + a for (base, _), encoding in zip(segments, encodings, strict=True) for a, _ in encoding.offsets]
        starts, counts = np.unique(np.array(at, dtype=np.int64), return_counts=True)
        sums = np.append(0, np.cumsum(counts, dtype=np.int64))
        return Tokens(starts, sums, scan.limits[:, 1], additive=False)


def _words(scan: Scan, starts: Offsets, ends: Offsets, numbers: Offsets) -> list[str]:
    """The words with these numbers."""
    plain = scan.plain
    return [plain[start:end] for start, end in zip(starts[numbers].tolist(), ends[numbers].tolist(), strict=True)]


def _added(sums: Offsets, numbers: Offsets, more: Offsets) -> Offsets:
    """The sums after `more` is added to the summands with these numbers."""
    added = np.zeros_like(sums)
    added[numbers + 1] = more
    np.cumsum(added, out=added)
    added += sums
    return added


def _cut(text: str, start: int, stop: int) -> Iterable[tuple[int, int]]:
    """Ranges of at most `_SEGMENT` characters that cover a range of `text`, cut at white space if there is any."""
    while stop - start > _SEGMENT:
        limit = start + _SEGMENT
        end = max(text.rfind("\n", start + 1, limit), text.rfind(" ", start + 1, limit))
        end = limit if end < 0 else end
        yield start, end
        start = end
    if start < stop:
        yield start, stop
