"""Exact token counts of the embedder that will read the chunks."""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tokenizers import Tokenizer

from twin.errors import InputError

_SEGMENT = 100_000
"""Characters encoded at once: bounds the memory of one huge text, and lets all cores work on it."""

_MIN_WINDOW = 16


@dataclass(frozen=True, slots=True)
class Tokens:
    """Where the tokens of one text begin: one encoding answers every question about its parts."""

    starts: list[int]  # character offsets, ascending

    def count(self, start: int, end: int) -> int:
        """Number of tokens that begin in the range."""
        return bisect_left(self.starts, end) - bisect_left(self.starts, start)

    def after(self, start: int, tokens: int) -> int | None:
        """Offset at which the token number `tokens` (from 0) after `start` begins; None where the text ends first."""
        index = bisect_left(self.starts, start) + tokens
        return self.starts[index] if index < len(self.starts) else None


class Sizer:
    """Measures texts in tokens of one embedding model.

    Args:
        tokenizer: of the model; truncation and padding are switched off in a private copy, because packaged
            tokenizers have them on and would then report a long text as short.
        window: tokens that the model reads, special tokens included.
    """

    def __init__(self, tokenizer: Tokenizer, window: int) -> None:
        serialised = tokenizer.to_str()
        self._tokenizer = Tokenizer.from_str(serialised)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.window = window
        self.limit = window - self._tokenizer.num_special_tokens_to_add(is_pair=False)
        if self.limit < _MIN_WINDOW:
            raise InputError(f"An embedding model with a window of {window} tokens is too small to chunk for.")
        self.id = hashlib.sha256(self._tokenizer.to_str().encode()).hexdigest()[:12]

    @classmethod
    def from_file(cls, path: Path, window: int) -> Self:
        """Read a `tokenizer.json`."""
        try:
            return cls(Tokenizer.from_file(str(path)), window)
        except InputError:
            raise
        except Exception as error:  # the library raises bare Exception for a missing or malformed file
            raise InputError(f"{path} is not a tokenizer.json that can be read ({error}).") from error

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text, special tokens not counted."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]

    def count(self, text: str) -> int:
        """Number of tokens of one text, special tokens not counted."""
        return self.counts([text])[0]

    def tokens(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of each text, encoded once, all texts in one batch."""
        segments = [(number, start, text[start:end]) for number, text in enumerate(texts) for start, end in _cut(text)]
        encodings = self._tokenizer.encode_batch([segment for _, _, segment in segments], add_special_tokens=False)
        starts: list[list[int]] = [[] for _ in texts]
        for (number, base, _), encoding in zip(segments, encodings, strict=True):
            starts[number].extend(base + start for start, _ in encoding.offsets)
        return [Tokens(sorted(found)) for found in starts]

    def head(self, text: str, tokens: int) -> str:
        """The longest beginning of `text` with at most that many tokens, as the text's own tokens fall."""
        (found,) = self.tokens([text])
        end = found.after(0, tokens)
        return text if end is None else text[:end].rstrip()


def _cut(text: str) -> list[tuple[int, int]]:
    """Ranges of at most `_SEGMENT` characters that cover `text`, cut at white space where there is any."""
    ranges, start = [], 0
    while len(text) - start > _SEGMENT:
        limit = start + _SEGMENT
        end = max(text.rfind("\n", start + 1, limit), text.rfind(" ", start + 1, limit))
        end = limit if end < 0 else end
        ranges.append((start, end))
        start = end
    if start < len(text):
        ranges.append((start, len(text)))
    return ranges
