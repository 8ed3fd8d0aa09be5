"""Finds the known authors that a question names. Read only: it never creates an author."""

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from twin.models import Author, Category

_ALIKE = 0.85
"""A misspelt name is taken for a known one from this ratio of equal letters on."""

_NAME = r"[^\W\d_a-zß-öø-ÿ][\w'’.-]*"
_FULL_NAME = rf"{_NAME}(?:\s+(?:(?:van|von|de|der|den|da|di|la|le|bin|al|el)\s+)?{_NAME}){{1,2}}"
_WORKS = "|".join(category.traits.asked.by_author for category in Category)
_WORKS_ABROAD = "|".join(filter(None, (category.traits.asked.by_author_abroad for category in Category)))
_CLAIMS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?i:\b(?:written|posted|published|wrote|{_WORKS}|texts?|blog|notes?)\s+(?:by|of|from))\s+({_FULL_NAME})",
        rf"(?i:\b(?:did|does|has|have|would))\s+({_FULL_NAME})\s+"
        r"(?i:ever\s+|already\s+)?(?i:write|written|post|posted|publish|published|say|said|think|blog)\b",
        rf"(?i:\b(?:schreibt|schrieb|sagt|sagte))\s+({_FULL_NAME})",
        rf"(?i:\b(?:geschrieben|{_WORKS_ABROAD}|texte|écrit|écrits|escrito))\s+"
        rf"(?i:von|par|de|por)\s+({_FULL_NAME})",
    )
)
"""How a question says whose texts it asks for. Only with capitals, so `by hand` is not an author."""


class Named(NamedTuple):
    """An author that a question names. `span` is the place, so that the name can be left out of the query."""

    author: str | None  # slug; None if it is not a known author
    span: tuple[int, int]
    how: str  # "name", "similar" or "unknown"
    text: str  # as written in the question


def named_authors(question: str, authors: Sequence[Author]) -> list[Named]:
    """The authors that a question names, each once, in the order of the question.

    The full name, an alias or the slug names a known author if it occurs as whole words, in any case and without
    accents. Where the question says whose texts it asks for, an almost equal name is enough; a name there that
    resembles no known one is returned as unknown.
    """
    plain = _plain(question)
    found: dict[str, Named] = {}
    for author in authors:
        for name in sorted({author.name, author.slug, author.slug.replace("-", " "), *author.aliases}, key=_length):
            span = _whole(_plain(name.lstrip("@")), plain)
            if span and _distinctive(name, question[span[0] : span[1]]):
                found.setdefault(author.slug, Named(author.slug, span, "name", question[slice(*span)]))
    claimed = [match.span(1) for pattern in _CLAIMS for match in pattern.finditer(question)]
    for span in claimed:
        if not any(_overlap(span, each.span) for each in found.values()):
            text = question[slice(*span)]
            slug = _similar(_plain(text), authors)
            found.setdefault(slug or text, Named(slug, span, "similar" if slug else "unknown", text))
    return sorted(found.values(), key=lambda each: each.span)


def _length(name: str) -> tuple[int, str]:
    return -len(name), name


def _distinctive(name: str, written: str) -> bool:
    """Whether a match cannot be a common word: several words, a handle, or one long word with a capital."""
    return len(_plain(name).split()) > 1 or "@" in name or (len(name) >= 4 and written[:1].isupper())


def _whole(name: str, text: str) -> tuple[int, int] | None:
    match = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) if name.strip() else None
    return match.span() if match else None


def _similar(name: str, authors: Sequence[Author]) -> str | None:
    """Slug of the author with the nearest name, if it is near enough; None if two are equally near."""
    rated = sorted(
        (
            (
                max(SequenceMatcher(None, name, _plain(each)).ratio() for each in (author.name, *author.aliases)),
                author.slug,
            )
            for author in authors
        ),
        key=lambda pair: (-pair[0], pair[1]),
    )
    if not rated or rated[0][0] < _ALIKE or (len(rated) > 1 and rated[1][0] == rated[0][0]):
        return None
    return rated[0][1]


def _plain(text: str) -> str:
    """Lower case without accents, character by character, so positions stay the same."""
    return "".join(unicodedata.normalize("NFD", each)[0].lower()[:1] for each in text)


def _overlap(left: tuple[int, int], right: tuple[int, int]) -> bool:
    return left[0] < right[1] and right[0] < left[1]
