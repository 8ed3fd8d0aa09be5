"""From texts to the token ids of one model, exactly as its own tokenizer makes them and many times faster.

`tokie` reads most texts about ten times faster than `tokenizers`. It is young, so it is used only where it was
compared: for BERT-like tokenizers whose probes both libraries read alike. All others are left to `tokenizers`, and so
    is each text
with a character outside the ranges that were compared one by one (the two know different versions of Unicode).
"""

import json
import re
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import tokie
from numpy.typing import NDArray
from tokenizers import Tokenizer

Ids = NDArray[np.int64]

T = TypeVar("T")

COMPARED = (
    (0x09, 0x0A), (0x0D, 0x0D), (0x20, 0x7E), (0xA0, 0x377), (0x391, 0x3A1), (0x3A3, 0x52F), (0x5D0, 0x5EA),
    (0x600, 0x61C), (0x61E, 0x6FF), (0x900, 0x97F), (0x1D00, 0x1DBF), (0x1E00, 0x1EFF), (0x2000, 0x2064),
    (0x2070, 0x2071), (0x2074, 0x208E), (0x2090, 0x209C), (0x20A0, 0x20BF), (0x20E3, 0x20E3), (0x2100, 0x218B),
    (0x2190, 0x2426), (0x2460, 0x2B73), (0x3000, 0x303F), (0x3041, 0x3096), (0x3099, 0x30FF), (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3), (0xFE00, 0xFE0F), (0xFF01, 0xFF5E), (0x1D400, 0x1D454), (0x1D5A0, 0x1D6A5), (0x1D7CE, 0x1D7FF),
    (0x1F1E6, 0x1F1FF), (0x1F300, 0x1F6D7), (0x1F6E0, 0x1F6EC), (0x1F6F0, 0x1F6FC), (0x1F780, 0x1F7D9),
    (0x1F7E0, 0x1F7EB), (0x1F900, 0x1F9FF), (0x1FA70, 0x1FA7C), (0x1FA80, 0x1FA89), (0x1FA8F, 0x1FAC6),
)  # fmt: skip
"""First and last code point of the ranges in which both libraries read every character alike."""

_INNER = re.compile(r"(?<=[^0-9A-Za-z])([0-9A-Za-z]+)(?=[^0-9A-Za-z])")
"""What is between two punctuation characters in the name of a token, such as SEP in [SEP]."""

_OTHER = re.compile("[^" + "".join(f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in COMPARED) + "]")

_FEW, _SHORT = 5_000, 50_000

_MARK = "^"

_PROBES = [
    "", " ", "Words of a sentence, e.g. 3.14 of them; isn't it?\n\n\tnext  line \r\n", "x" * 99, "x" * 100, "x" * 101,
    "word " * 600, "antidisestablishmentarianism" * 3, "def f(x):\n    return {'a': x ** 2}  # [MASK] [SEP]\n",
    "Grüße aus Zürich, señor Łukasz: e\u0301 a\u030a \u1e69 \u00c5\u00df", "Ελληνικά и Русский, \u05e2\u05d1\u05e8",
    "\u4e00\u4e8c\u4e09\u3002\u3072\u3089\u304c\u306a\u30ab\u30bf\u30ca \ud55c\uad6d\uc5b4 \uff46\uff55\uff4c\uff01",
    "\u0627\u0644\u0639\u064e\u0631\u0628\u064a\u0629\u061f \u0939\u093f\u0928\u094d\u0926\u0940\u0964",
    "\U0001f680 \u2764\ufe0f a\U0001f600b \U0001f468\u200d\U0001f469 \U0001d5ef\U0001d5fc\U0001d7d8",
    "\u201cquotes\u201d \u2014 dashes\u2026 \u20ac5 \u2192 \u00bd\u2075 zero\u200bwidth no\u00a0break \u2028 \u00ad",
    "https://example.org/a_b-c?d=e&f=%20#g </s> <s> <mask> <pad> <unk> <|endoftext|> [CLS][UNK]",
]  # fmt: skip


class Encoder:
    """Encodes texts for one model.

    Args:
        tokenizer: the model's; it is not changed. Truncation and padding are switched off in private copies, because
            packaged tokenizers have them on and would report a long text as short.
        window: tokens that the model reads, including special tokens.

    Attributes:
        is_bert: whether the tokens of a text are those of its words.
        folds: whether the model reads capitals as small letters.
        opaque: whether the parts of a word do not show that it may contain a token by its name (see `name_parts`).
    """

    def __init__(self, tokenizer: Tokenizer, window: int) -> None:
        self.whole = Tokenizer.from_str(tokenizer.to_str())
        self.whole.no_truncation()
        self.whole.no_padding()
        self.serialised = self.whole.to_str()
        config = json.loads(self.serialised)
        self.is_bert = _is_bert(config)
        contents = [token["content"] for token in config.get("added_tokens", [])]
        self._named = {_bare(content) for content in contents}
        self._parts = {found[1] for name in self._named if (found := _INNER.search(name))}
        self.opaque = not all(_INNER.search(name) and name.isascii() for name in contents)
        self.folds = self.is_bert and bool(config["normalizer"].get("lowercase"))
        self._longest = int(config["model"].get("max_input_chars_per_word") or 0)
        self._window = window
        self._cut = Tokenizer.from_str(self.serialised)
        self._cut.enable_truncation(window)

    @property
    def backend(self) -> str:
        """What reads ordinary texts: `tokie`, or `tokenizers` if the two differ for this tokenizer."""
        return "tokenizers" if self._fast is None else "tokie"

    @cached_property
    def _fast(self) -> "_Fast | None":
        return _compared(self.serialised, self._window) if self.is_bert else None

    def names_token(self, word: str) -> bool:
        """Whether a word may contain the name of a token, such as [SEP], and is then not read like other words."""
        bare = word.lower() if word.isascii() and word.isprintable() else _bare(word)
        return any(name in bare for name in self._named)

    def name_parts(self, parts: list[str]) -> set[str]:
        """The parts that, between two punctuation parts, may give a word the name of a token."""
        names = self._parts
        return {
            part for part in parts if (part.lower() if part.isascii() and part.isprintable() else _bare(part)) in names
        }

    def vocabulary(self) -> list[str]:
        """Words of ASCII letters and digits that are one token, in the order of their ids: frequent ones first."""
        if not self.is_bert:
            return []
        numbers = self.whole.get_vocab(with_added_tokens=False)
        plain = (word for word in numbers if word.isascii() and word.isalnum() and len(word) <= self._longest)
        return sorted((word for word in plain if not self.folds or word == word.lower()), key=numbers.__getitem__)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text, without special tokens, whatever the window."""
        return self._each(texts, _Fast.lengths, lambda texts: [len(found) for found in _slow(self.whole, texts)])

    def word_lengths(self, words: Sequence[str]) -> list[int]:
        """Like `lengths`, for many words of a BERT-like tokenizer."""
        return self._each(words, _Fast.word_lengths, lambda words: [len(found) for found in _slow(self.whole, words)])

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of each text as the model reads them: with special tokens, cut at the window."""
        return self._each(texts, _Fast.cut, lambda texts: _slow(self._cut, texts, special=True))

    def _each(
        self, texts: Sequence[str], fast: "Callable[[_Fast, list[str]], list[T]]", slow: Callable[[list[str]], list[T]]
    ) -> list[T]:
        """The results of `fast` for all texts that it may read, and of `slow` for the others."""
        library = self._fast
        if library is None:
            return slow(list(texts))
        if _OTHER.search("".join(texts)) is None:  # the usual case
            return fast(library, list(texts))
        strange = [_OTHER.search(text) is not None for text in texts]
        left = iter(slow([text for text, odd in zip(texts, strange, strict=True) if odd]))
        right = iter(fast(library, [text for text, odd in zip(texts, strange, strict=True) if not odd]))
        return [next(left if odd else right) for odd in strange]


class _Fast:
    """One tokenizer in `tokie`; `before` and `after` are the special tokens around a text."""

    def __init__(self, serialised: str, before: Ids, after: Ids, window: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tokenizer.json"  # it only reads files
            path.write_text(serialised, encoding="utf-8")
            self._tokenizer = tokie.Tokenizer.from_json(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._before, self._after = before, after
        self._room = window - len(before) - len(after)
        self._mark = self.encode([_MARK])[0]

    def lengths(self, texts: list[str]) -> list[int]:
        """Number of tokens of each text."""
        if len(texts) < _FEW and sum(map(len, texts)) < _SHORT:  # starting other threads would take longer
            return list(map(self._tokenizer.count_tokens, texts))
        lengths: list[int] = self._flat(texts)[1].tolist()
        return lengths

    def word_lengths(self, words: list[str]) -> list[int]:
        """Tokens of each word, from one text with a mark between words, unless the mark is also one of the words."""
        ids, _ = self._flat([f" {_MARK} ".join(words)])
        marks = np.flatnonzero(ids == self._mark[0])
        if len(marks) != len(words) - 1 or len(self._mark) != 1:
            return self.lengths(words)
        lengths: list[int] = (np.diff(marks, prepend=-1, append=len(ids)) - 1).tolist()
        return lengths

    def encode(self, texts: list[str]) -> list[Ids]:
        """Token ids of each text."""
        ids, lengths = self._flat(texts)
        return np.split(ids, np.cumsum(lengths)[:-1]) if texts else []

    def cut(self, texts: list[str]) -> list[Ids]:
        """Token ids of each text with special tokens, cut at the window."""
        return [np.concatenate([self._before, ids[: self._room], self._after]) for ids in self.encode(texts)]

    def _flat(self, texts: list[str]) -> tuple[Ids, Ids]:
        ids, lengths = self._tokenizer.encode_batch_flat(texts, False)  # type: ignore[attr-defined] # its stub lags behind
        return ids.astype(np.int64), lengths.astype(np.int64)


def _is_bert(config: dict[str, Any]) -> bool:
    """Whether a text's tokens are those of its words, each on its own, as in BERT (Devlin et al., 2019).

    Then white space separates tokens and is not one itself, and a text has as many tokens as its words together.
    """
    parts = {name: config.get(name) or {} for name in ("normalizer", "pre_tokenizer", "model")}
    kinds = [part.get("type") for part in parts.values()]
    added = [token["content"] for token in config.get("added_tokens", [])]
    return (
        kinds == ["BertNormalizer", "BertPreTokenizer", "WordPiece"]
        and bool(parts["normalizer"].get("clean_text") and parts["normalizer"].get("handle_chinese_chars"))
        and not any(content.split() != [content] for content in added)
    )


def _bare(word: str) -> str:
    """A word of ASCII letters after everything that a normaliser may do to it."""
    return "".join(c for c in unicodedata.normalize("NFD", word).lower() if "!" <= c <= "~")


def _slow(tokenizer: Tokenizer, texts: list[str], *, special: bool = False) -> list[Ids]:
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=special)
    return [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]


@lru_cache(maxsize=4)
def _compared(serialised: str, window: int) -> _Fast | None:
    """The tokenizer in `tokie`, if that reads the probes as `tokenizers` does, both whole and cut."""
    whole, cut = Tokenizer.from_str(serialised), Tokenizer.from_str(serialised)
    cut.enable_truncation(window)
    bare, dressed = _slow(whole, ["a"])[0].tolist(), _slow(whole, ["a"], special=True)[0].tolist()
    at = next((at for at in range(len(dressed)) if dressed[at : at + len(bare)] == bare), 0)
    before, after = (np.array(part, dtype=np.int64) for part in (dressed[:at], dressed[at + len(bare) :]))
    try:
        fast = _Fast(serialised, before, after, window)
        found = [*fast.encode(_PROBES), *fast.cut(_PROBES)]
        lengths = fast.lengths(_PROBES)
    except (tokie.TokieError, OSError, ValueError, RuntimeError):  # a kind that it does not support
        return None
    expected = [*_slow(whole, _PROBES), *_slow(cut, _PROBES, special=True)]
    alike = all(map(np.array_equal, found, expected)) and lengths == [len(ids) for ids in expected[: len(_PROBES)]]
    return fast if alike else None
