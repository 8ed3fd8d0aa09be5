"""From texts to terms: what a word is, and under which terms it is found, in any language and in source code.

A word is stemmed by the language of its text (Snowball). An identifier is found as a whole, however it is written
(`max_retries`, `maxRetries`), and by its parts. Scripts without spaces become overlapping pairs of characters; Han
characters are also indexed singly (Nie, Gao, Zhang and Zhou, "On the use of words and n-grams for Chinese information
retrieval", IRAL 2000). What depends only on the word is computed once per process and cached.
"""

import re
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import Any, cast

import numpy as np
import Stemmer  # type: ignore[import-not-found]
from numpy.typing import NDArray

from twin.terms.stopwords import stop_words

ALGORITHMS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
"""ISO 639-1 code -> Snowball algorithm."""

_SCRIPTS = (
    ("latin", "\u0000-\u024f\u1e00-\u1eff", "en"),
    ("greek", "\u0370-\u03ff\u1f00-\u1fff", "el"),
    ("cyrillic", "\u0400-\u052f", "ru"),
    ("armenian", "\u0530-\u058f", "hy"),
    ("hebrew", "\u0590-\u05ff", "yi"),
    ("arabic", "\u0600-\u06ff\u0750-\u077f", "ar"),
    ("devanagari", "\u0900-\u097f", "hi"),
    ("tamil", "\u0b80-\u0bff", "ta"),
)
"""Script, its letters, and the language whose stemmer is used if a text's own language is unknown or has another
script. Stemmers of languages that share a script but not their endings must not be mixed, so there is one per
script."""

_OWN_SCRIPT = {
    "el": "greek", "ru": "cyrillic", "sr": "cyrillic", "hy": "armenian", "yi": "hebrew", "ar": "arabic", "fa": "arabic",
    "hi": "devanagari", "ne": "devanagari", "ta": "tamil",
}  # fmt: skip

_ACCENTED = frozenset({"latin", "greek", "arabic", "hebrew"})
"""Scripts in which people may omit a mark; in other scripts a mark is a letter."""

_STEMMING = threading.Lock()
"""A stemmer is not safe for two threads."""

LONGEST = 64
"""A word with more characters is data (a hash, base64) that nobody types."""

_REMEMBERED = 1 << 18
"""Words cached per language; then all of them are dropped."""

_DENSE = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_STACKED = "\u0e01-\u0e4e\u0e80-\u0eff\u1000-\u109f\u1780-\u17d3"  # Thai, Lao, Burmese, Khmer
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u0900-\u0963\u0966-\u0dff\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u0f71-\u0f84\u102b-\u103e"
    "\u1056-\u1059\u17b4-\u17d3"
)
"""Marks that belong to words but are not in `\\w`."""

_WORD = re.compile(rf"[\w'.+#{_MARKS}]+")
_UNSPACED = re.compile(f"[{_DENSE}]+|[{_STACKED}]+")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_CLUSTER = re.compile(rf".[{_MARKS}]*")
_ASCII_WORDS = bytes(code if chr(code).isalnum() or chr(code) in "_'.+#" else 32 for code in range(128)) + bytes(128)
_TYPOGRAPHY = (("’", "'"), ("‘", "'"), ("ʼ", "'"), ("“", " "), ("”", " "), ("–", " "), ("—", " "), ("…", " "))
_INVISIBLE = re.compile("[\u00ad\u0640\u200b-\u200f\u2060\ufeff]")
_ELIDED = re.compile(r"(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu|dell|all|nell|sull|dall|un|quest)'(?=\w{2})")
_CODES = re.compile(r"[a-z]{1,2}(?:\+\+|#)")  # C++, C#, F#
_COMPOUND = re.compile(r"[\d_.+#']")
_PARTS = re.compile(rf"(?:[^\W\d_]|[{_MARKS}])+|\d+")
_HUMP = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_JOINED = re.compile(r"[_']")
_INITIALS = re.compile(r"\w(?:\.\w)+")


def words(text: str) -> list[str]:
    """The words of a text in their order and spelling; punctuation stays attached where a word may need it."""
    if not text.isascii():
        for mark, plain in _TYPOGRAPHY:
            text = text.replace(mark, plain)
        if not text.isascii():
            return _WORD.findall(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))
    return text.encode("ascii").translate(_ASCII_WORDS).decode("ascii").split()


class Vocabulary(dict[str, int]):
    """Word -> its number here, assigned at first sight; the ids of its terms are `ids[starts[n] : starts[n + 1]]`.

    Every word of every chunk is looked up here, so this is a dictionary of integers with two arrays, not objects.
    """

    def __init__(self, terms: Callable[[str], Iterable[str]]) -> None:
        super().__init__()
        self._terms = terms
        self._growing = threading.Lock()
        self.starts = np.zeros(1024, dtype=np.int64)
        self.ids = np.zeros(1024, dtype=np.uint32)

    def __missing__(self, word: str) -> int:
        with self._growing:
            if (number := self.get(word)) is not None:
                return number
            number = len(self)
            found = [term_id(term) for term in self._terms(word)]
            start = int(self.starts[number])
            end = start + len(found)
            self.ids, self.starts = _room(self.ids, end), _room(self.starts, number + 2)
            self.ids[start:end] = found
            self.starts[number + 1] = end
            self[word] = number
            return number

    def of(self, word: str) -> list[int]:
        """The ids of one word's terms."""
        number = self[word]  # first, because it may replace the arrays
        return cast(list[int], self.ids[self.starts[number] : self.starts[number + 1]].tolist())

    @property
    def full(self) -> bool:
        """Whether it is time to drop everything, so that memory stays limited whatever is read."""
        return len(self) >= _REMEMBERED or int(self.starts[len(self)]) >= 4 * _REMEMBERED


def _room(array: NDArray[Any], length: int) -> NDArray[Any]:
    """The array, or a copy of twice the size if it is too short; holders of the old one lose nothing."""
    if length <= len(array):
        return array
    grown = np.zeros(max(2 * len(array), length), dtype=array.dtype)
    grown[: len(array)] = array
    return grown


class Analyzer:
    """Terms of words in one language; an instance is a cache, see `analyzer`.

    Args:
        language: ISO 639-1 code of the texts, or None if it is unknown.
        code: whether they are source code, where `HTTPServer` is a phrase; in prose `GitHub` is a name.
    """

    def __init__(self, language: str | None, *, code: bool) -> None:
        self.language, self.code = language, code
        self._vocabulary = Vocabulary(self.terms)

    def vocabulary(self) -> Vocabulary:
        """The words met so far; get it again for every batch of texts, and keep it while its numbers are in use."""
        if self._vocabulary.full:
            self._vocabulary = Vocabulary(self.terms)
        return self._vocabulary

    def terms(self, word: str) -> Iterator[str]:
        """Yield the terms of one word, the word as a whole first; nothing for a stop word or punctuation."""
        word = word.strip("'.")
        if not word or len(word) > LONGEST:
            yield from self._unspaced(word) if word and _UNSPACED.search(word) else ()
        elif word.isascii() and _CODES.fullmatch(folded := word.rstrip(".").casefold()):
            yield folded
        elif not word.isascii() and _UNSPACED.search(word):
            yield from self._unspaced(word)
        else:
            yield from self._spaced(word.strip("+#'."))

    def _spaced(self, word: str) -> Iterator[str]:
        if not word:
            return
        if not _COMPOUND.search(word) and not self._humps(word):
            folded = _fold(word)
            if folded not in stop_words(self.language or "en"):
                yield self._stem(folded)
            return
        if "'" in word and not any(mark in word for mark in "_.+#"):
            yield from self._apostrophe(_fold(word))
            return
        parts = [part for run in _PARTS.findall(word) for part in (_HUMP.split(run) if self._humps(run) else [run])]
        if len(parts) < 2:
            yield from (self._stem(_fold(part)) for part in parts or [word] if part.strip("_"))
            return
        if len(whole := self._whole(_fold(word))) > 1:
            yield whole
        if not all(part.isdigit() for part in parts):
            stops = stop_words(self.language or "en")
            folded_parts = (_fold(part) for part in parts if len(part) > 1)
            yield from (self._stem(part) for part in folded_parts if part not in stops)

    def _whole(self, word: str) -> str:
        """One spelling for a whole identifier; dots stay, except those of `U.S.`"""
        word = word.removesuffix("'s")
        return (word.replace(".", "") if _INITIALS.fullmatch(word) else _JOINED.sub("", word)).strip(".")

    def _apostrophe(self, word: str) -> Iterator[str]:
        """`Ada's`, `l'histoire`, `don't`: the stem of the word without its grammar."""
        if word in stop_words(self.language or "en"):
            return
        bare = _ELIDED.sub("", word).removesuffix("'s")
        for part in bare.split("'"):
            if len(part) > 1 and part not in stop_words(self.language or "en"):
                yield self._stem(part)

    def _humps(self, word: str) -> bool:
        """Whether capitals inside a word separate its parts."""
        if word.islower() or word.isupper() or word.istitle():
            return False
        return self.code or (word[0].islower() and word[-1].islower()) or len(_HUMP.findall(word)) > 1

    def _unspaced(self, word: str) -> Iterator[str]:
        place = 0
        for found in _UNSPACED.finditer(word):
            if before := word[place : found.start()]:
                yield from self.terms(before)
            place = found.end()
            clusters = _CLUSTER.findall(found.group())
            yield from map("".join, pairwise(clusters))
            yield from clusters if len(clusters) == 1 else (each for each in clusters if _HAN.match(each))
        if after := word[place:]:
            yield from self.terms(after)

    def _stem(self, word: str) -> str:
        if word.isascii() and not word.isalpha():
            return word
        script, fallback = script_of(word[0])
        language = self.language or "en"
        if _OWN_SCRIPT.get(language, "latin") != script:
            language = fallback
        if not language:
            return word
        if language == "en" and not word.isascii():
            word = _bare(word)  # its stemmer does not handle accents
        with _STEMMING:
            stem = str(_stemmer(language).stemWord(word))
        return _bare(stem) if script in _ACCENTED and not stem.isascii() else stem


def term_id(term: str) -> int:
    """The 32-bit id of a term, the same on every machine; among 100,000 terms, two share an id with even odds."""
    return int.from_bytes(blake2b(term.encode("utf-8", "replace"), digest_size=4).digest(), "little")


def analyzer(language: str | None, *, code: bool = False) -> Analyzer:
    """The only analyzer of a language; a language without a stemmer counts as unknown."""
    return _analyzer(language if language in ALGORITHMS else None, code)


@cache
def _analyzer(language: str | None, code: bool) -> Analyzer:
    return Analyzer(language, code=code)


@lru_cache(maxsize=4096)
def script_of(letter: str) -> tuple[str, str]:
    """Script of a letter, and the language whose stemmer is its default; empty if there is none."""
    for name, pattern, language in _letters():
        if pattern.match(letter):
            return name, language
    return "", ""


def query_analyzers(languages: Iterable[str], *, code: bool = False) -> Sequence[Analyzer]:
    """The analyzers for reading a query: for every given language, and for texts in an unknown language."""
    named = sorted({language for language in languages if language in ALGORITHMS})
    return [analyzer(None, code=code), *(analyzer(language, code=code) for language in named)]


@cache
def _letters() -> list[tuple[str, re.Pattern[str], str]]:
    return [(name, re.compile(f"[{letters}]"), language) for name, letters, language in _SCRIPTS]


@cache
def _stemmer(language: str) -> "Stemmer.Stemmer":
    return Stemmer.Stemmer(ALGORITHMS[language], 0)


def _fold(word: str) -> str:
    """Casefold; the Turkish dotted capital becomes a plain i."""
    return word.casefold().replace("i\u0307", "i")


def _bare(word: str) -> str:
    """A word without accents, which people often omit when they type a query."""
    marked = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(each for each in marked if unicodedata.category(each) != "Mn"))
