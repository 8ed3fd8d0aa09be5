"""Words and letters in any script."""

import re

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, kana and Han."""
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff\u200c\u200d"
"""What stands within a word and is no letter: accents, points, the vowels of Indian scripts, joiners."""
_CHARACTER = re.compile(f"[{_UNSPACED}]")
# Where words begin, not whole words: a repetition of either kind would keep a trace of each letter in memory.
_START = re.compile(rf"(?<![^\W{_UNSPACED}])(?<![{_MARKS}])[^\W{_UNSPACED}]")
_CHARACTERS_PER_WORD = 2
"""Of a script without spaces. Words of Japanese and Thai are longer; this errs towards taking a short text for one."""


def count_words(text: str) -> int:
    """How many words a text has; where a script has no spaces between words, two characters are taken for one."""
    words = sum(1 for _ in _START.finditer(text))
    unspaced = sum(1 for _ in _CHARACTER.finditer(text))
    return words + -(-unspaced // _CHARACTERS_PER_WORD)


def letters_of(text: str) -> str:
    """The letters and digits of a text in lower case: what two ways of writing one phrase share."""
    return "".join(character for character in text.casefold() if character.isalnum())
