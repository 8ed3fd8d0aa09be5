"""Words and letters in any script."""

import re

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, kana and Han."""
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff\u200c\u200d"
"""Characters within a word that are not letters: accents, points, the vowels of Indian scripts, joiners."""
_CHARACTER = re.compile(f"[{_UNSPACED}]")
# Word beginnings, not whole words: a repetition of either kind would store a trace of each letter in memory.
_START = re.compile(rf"(?<![^\W{_UNSPACED}])(?<![{_MARKS}])[^\W{_UNSPACED}]")
_CHARACTERS_PER_WORD = 2
"""In scripts without spaces. Japanese and Thai words are longer; this would rather take a short text for a long one."""


def count_words(text: str) -> int:
    """How many words a text has; in a script without spaces between words, two characters count as one word."""
    words = sum(1 for _ in _START.finditer(text))
    unspaced = sum(1 for _ in _CHARACTER.finditer(text))
    return words + -(-unspaced // _CHARACTERS_PER_WORD)


def letters_of(text: str) -> str:
    """The letters and digits of a text in lower case, which two spellings of one phrase share."""
    return "".join(character for character in text.casefold() if character.isalnum())
