"""The language of a text, found offline by py3langid (Lui and Baldwin, "langid.py", ACL 2012; its model is in the
wheel)."""

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from twin.cleaning.lines import prose_of

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

ENOUGH = 100
"""With at least this many letters the result is reliable; for Han, kana or Hangul, a fifth is enough."""

_MOST = 4000
_LINK = re.compile(r"\]\([^)\n]*\)|https?://\S+|<[A-Z]+(?::[\w-]+)?>")
_DENSE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]")


class Language(NamedTuple):
    """An ISO 639-1 code and its confidence, 0 to 1; `enough` says whether the text was long enough to rely on it."""

    code: str
    score: float
    enough: bool


def detect_language(text: str, *, indented: bool = True) -> Language | None:
    """The language of a text's prose, without code, addresses and placeholders; None if it has no letters.

    Args:
        text: Markdown or plain text.
        indented: whether indented blocks are code, as in Markdown.
    """
    prose = _LINK.sub(" ", prose_of(text, indented=indented))
    prose = prose[: _cut(prose)]
    letters = sum(unicodedata.category(character)[0] in "LM" for character in prose)
    if not letters:
        return None
    code, score = _identifier().classify(prose)
    dense = len(_DENSE.findall(prose))
    return Language(str(code), round(float(score), 3), len(code) == 2 and letters + 4 * dense >= ENOUGH)


def _cut(prose: str) -> int:
    """Where to stop reading: at the end of a word, so the result does not depend on half a word."""
    end = prose.find(" ", _MOST)
    return len(prose) if end < 0 or end > _MOST + 200 else end


@lru_cache(maxsize=1)
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
