"""Posts of social networks: line breaks and emoji are their style, and hashtags and mentions are fields."""

import re
from collections import Counter
from collections.abc import Iterable

from twin.cleaning.lines import Line, marked, prose_of, split_lines, text_of
from twin.cleaning.tidying import tidy

_SEPARATORS = re.compile("[\u2028\u2029]")
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963"
    "\u0966-\u0dff\u0e31-\u0e4e\u0eb1-\u0ecd\u0f18-\u0fbc\u102b-\u109d\u1712-\u17d3\u200c\u200d\u30fb\u00b7"
)
"""Characters inside words that are not letters: vowel signs, joiners, the middle dots of Catalan and Japanese. Python's
`\\w` matches none of them."""

_WORD = rf"\w(?:[\w{_MARKS}]*[\w{_MARKS}])?"
_HASHTAG = re.compile(rf"(?<![\w{_MARKS}&/#＃])[#＃](?=[\w{_MARKS}]*[^\W\d_])({_WORD})")
_MENTION = re.compile(rf"(?<![\w{_MARKS}@＠/.+-])[@＠](?=[\w.-]*[^\W\d_])({_WORD}(?:[.-]{_WORD})*)")
_TEMPLATE_HASHTAG = re.compile(r"\{hashtag\|\\?#\|([^|{}\n]+)\}|\bhashtag(?=#\w)")
"""How LinkedIn writes a hashtag for its own API, and for screen readers before the visible one."""

_TEMPLATE_MENTION = re.compile(r"@\[([^\]\n]+)\]\(urn:li:[^)\n]*\)|\{mention\|([^|{}\n]+)\|urn:li:[^|{}\n]*\}")
_BETWEEN = re.compile(r"[\s,;.|/•·\-–—_*]*")
_CUT = re.compile(r"(?:…|\.{3})?\s*(?:see|show) (?:more|less|translation)|… ?more", re.I)


def clean_post(text: str) -> tuple[str, Counter[str]]:
    """A post without invisible characters, odd spaces, styled letters and a final block of hashtags only; and
    reason -> lines removed.

    Hashtags inside sentences, emoji and line breaks stay unchanged. A post that has only hashtags stays too. Fenced
    code keeps every character except the form of its line ends.
    """
    removed: Counter[str] = Counter()
    originals = split_lines(_SEPARATORS.sub("\n", text))
    lines = marked(originals, [tidy(_untemplated(line), post=True) for line in originals], indented=False)
    kept = [line for line in lines if line.code or not _CUT.fullmatch(line.text.strip())]
    removed["navigation"] += len(lines) - len(kept)
    end = _end(kept)
    if any(line.text.strip() for line in kept[:end]):
        removed["hashtags"] += sum(1 for line in kept[end:] if line.text)
        kept = kept[:end]
    return text_of(kept), +removed


def hashtags(text: str) -> list[str]:
    """The hashtags of a post without `#`, in any script, each once and as first written; code has no hashtags."""
    lines = split_lines(prose_of(text, indented=False))
    plain = "\n".join(tidy(_untemplated(line), post=True) for line in lines)
    return _once(found[1] for found in _HASHTAG.finditer(plain))


def mentions(text: str) -> list[str]:
    """The people a post names with an @, without the sign; e-mail addresses and paths of URLs do not count."""
    prose = prose_of(text, indented=False)
    named = [(found.start(), found[1] or found[2]) for found in _TEMPLATE_MENTION.finditer(prose)]
    named += [(found.start(), found[1]) for found in _MENTION.finditer(prose)]
    return _once(tidy(name, post=True) for _, name in sorted(named))


def _untemplated(line: str) -> str:
    if "urn:li:" in line:
        line = _TEMPLATE_MENTION.sub(lambda found: found[1] or found[2], line)
    if "hashtag" in line:
        line = _TEMPLATE_HASHTAG.sub(lambda found: f"#{found[1]}" if found[1] else "", line)
    return line


def _end(lines: list[Line]) -> int:
    """Index after the last line that has more than hashtags."""
    end = len(lines)
    while end and not lines[end - 1].code and not _BETWEEN.sub("", _HASHTAG.sub("", lines[end - 1].text)):
        end -= 1
    return end


def _once(names: Iterable[str]) -> list[str]:
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(name.casefold(), name)
    return list(first.values())
