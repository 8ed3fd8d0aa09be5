"""Self-query: takes the conditions out of a question, such as author, date and platform.

It uses only rules, so an answer costs nothing and is always the same; `twin.retrieval.question.language_model` may
understand more. A rule matches only where the question speaks of writing (`posts on LinkedIn since March`), never
because a word occurs somewhere: a wrong filter hides the answer, a missing one only leaves more to rank.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from twin.models import Author, Category, Model
from twin.retrieval.question.dates import period
from twin.retrieval.question.names import named_authors
from twin.terms.stopwords import stop_words
from twin.text.platforms import NAMED
from twin.vectors.base import Where

_LANGUAGES = {
    name: code
    for code, names in {
        "ar": "Arabic العربية", "cs": "Czech", "da": "Danish", "de": "German Deutsch allemand alemán alemão tedesco",
        "en": "English Englisch anglais inglés inglês inglese", "es": "Spanish Spanisch espagnol español",
        "fi": "Finnish", "fr": "French Französisch français francés", "el": "Greek", "hi": "Hindi", "hu": "Hungarian",
        "it": "Italian Italienisch italien italiano", "ja": "Japanese 日本語", "ko": "Korean 한국어", "nl": "Dutch",
        "no": "Norwegian", "pl": "Polish", "pt": "Portuguese Portugiesisch português", "ro": "Romanian",
        "ru": "Russian Russisch русском", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian",
        "vi": "Vietnamese", "zh": "Chinese 中文",
    }.items()
    for name in names.casefold().split()
}  # fmt: skip
_ANY_PLATFORM = "|".join(map(re.escape, NAMED))
_ANY_LANGUAGE = "|".join(sorted(map(re.escape, _LANGUAGES), key=len, reverse=True))
_ON = r"(?:on|from|in|auf|sur|en|no|su)"
_TEXTS = [category for category in Category if not category.traits.is_files]
_NOUNS = "|".join(category.traits.asked.nouns for category in Category)
_NOUNS_OF_TEXTS = "|".join(category.traits.asked.nouns for category in _TEXTS)
_SINGULARS = "|".join(category.traits.singular for category in Category)
_OF_PLATFORM = "|".join(category.traits.asked.of_platform for category in Category)
_WRITTEN = (
    r"(?:wrote|writ(?:es?|ing|ten)|posted|published|shared|blogged|geschrieben|schrieb|veröffentlicht|écrit|escrit[oa])"
)
_DO_WRITE = (
    r"(?:(?:did|does|do|has|have|had)\s+(?:\w+\s+){1,3}?(?:write|written|post|posted|publish|published|share|shared)\b)"
)
_WORKS = rf"(?:{_NOUNS}|{_SINGULARS}|texts|{_WRITTEN})"
_WRITING = re.compile(rf"\b(?:{_WORKS}|{_DO_WRITE})\b", re.IGNORECASE)
"""Words that show that a question is about writing; `post` is also an HTTP verb, so it does not count alone."""

_PLATFORM_RULES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?P<platform>{_ANY_PLATFORM})\s+(?:{_OF_PLATFORM})\b",
        rf"\b(?:{_NOUNS}|{_WRITTEN}|{_DO_WRITE})\b.*?\b{_ON}\s+(?P<platform>{_ANY_PLATFORM})\b",
        rf"\b{_ON}\s+(?P<platform>{_ANY_PLATFORM})\s+{_WRITTEN}\b",
        rf"^\s*{_ON}\s+(?P<platform>{_ANY_PLATFORM})\s*,",
    )
)
_CATEGORY_RULES = tuple(
    (category, re.compile(pattern, re.IGNORECASE))
    for category in Category
    for nouns in (category.traits.asked.nouns,)
    for pattern in (
        rf"\b(?:my|your|his|her|their|in\s+the|all(?:\s+the)?|{_ANY_PLATFORM})\s+(?P<noun>{nouns})\b",
        rf"\b(?P<noun>{nouns})\s+(?:about|on|in|by|from|over|über|sobre|sur|published|written|that\s+(?:mention|discuss|explain))\b",
        rf"^\s*(?:find|show|list|search)\s+(?:me\s+)?(?:the\s+)?(?P<noun>{nouns})\b",
    )
)
_LANGUAGE_RULE = re.compile(
    rf"\b(?:{_WORKS})\s+(?:\w+\s+)?(?:in|auf|en|em)\s+(?P<language>{_ANY_LANGUAGE})(?!\w)"
    rf"|(?<!\w)(?P<adjective>{_ANY_LANGUAGE})(?:-language)?\s+(?:{_NOUNS_OF_TEXTS})\b",
    re.IGNORECASE,
)
_LEADS = re.compile(r"(?:\b(?:written\s+|posted\s+|published\s+)?(?:by|from|of|von|par|por|de)\s+)?@?$", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_EMPTY = stop_words("en").union(
    (
        "me",
        "any",
        "find",
        "show",
        "list",
        "wrote",
        "write",
        "written",
        "posted",
    ),
    (word for category in _TEXTS for word in (category.value, category.traits.singular)),
    ("publish", "published", "say", "said", "think", "know"),
)
"""Words that cannot be searched for alone."""


class Asked(Model):
    """What a question asks for: `query` is what to search for, the rest is where."""

    query: str
    where: Where = Where()
    categories: tuple[Category, ...] = ()  # empty: the question names none
    rules: tuple[str, ...] = ()  # the rules that matched, as "rule: words of the question"
    notes: tuple[str, ...] = ()  # one sentence each, for the reader


def asked(question: str, authors: Sequence[Author], today: date) -> Asked:
    """Split a question into what to search for and where.

    Args:
        question: as the user typed it.
        authors: the authors that it can name; empty if the author is given already.
        today: the day that `last year` refers to.
    """
    where: dict[str, Any] = {}
    rules, notes, taken = list[str](), list[str](), list[tuple[int, int]]()

    def fire(rule: str, span: tuple[int, int], *, take: bool) -> None:
        rules.append(f"{rule}: {question[slice(*span)].strip()}")
        if take:
            taken.append(span)

    named = named_authors(question, authors) if authors else []
    known = [each for each in named if each.author]
    for each in named:
        if each.author is None:
            notes.append(f"{each.text} is not an author in this memory, so the texts of all authors were searched.")
    if len(known) == 1 and known[0].author:
        where["author"] = known[0].author
        lead = _LEADS.search(question[: known[0].span[0]])
        fire(f"author ({known[0].how})", (lead.start() if lead else known[0].span[0], known[0].span[1]), take=True)
    elif known:
        notes.append("Several authors are named, so the texts of all authors were searched.")
    for rule in _PLATFORM_RULES:
        if match := rule.search(question):
            where["platforms"] = (NAMED[match["platform"].casefold()],)
            fire("platform", _with_preposition(question, match.span("platform")), take=True)
            break
    if match := _LANGUAGE_RULE.search(question):
        group = "language" if match["language"] else "adjective"
        where["languages"] = (_LANGUAGES[match[group].casefold()],)
        fire("language", _with_preposition(question, match.span(group)), take=True)
    writing = _WRITING.search(question)
    if writing and (found := period(question, today)) and (found.start or found.end):
        where["published_from"], where["published_until"] = found.start, found.end
        fire(f"date ({found.rule})", found.span, take=True)
    categories = []
    for category, rule in _CATEGORY_RULES:
        if category not in categories and (match := rule.search(question)):
            categories.append(category)
            fire("category", match.span("noun"), take=False)
    return Asked(
        query=_without(question, taken),
        where=Where(**where),
        categories=tuple(categories),
        rules=tuple(rules),
        notes=tuple(notes),
    )


def _with_preposition(question: str, span: tuple[int, int]) -> tuple[int, int]:
    lead = re.search(rf"\b{_ON}\s+$", question[: span[0]], re.IGNORECASE)
    return (lead.start() if lead else span[0]), span[1]


def _without(question: str, spans: list[tuple[int, int]]) -> str:
    """The question without the words that became conditions; the whole question if nothing else would be left."""
    text = question
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]} {text[end:]}"
    text = re.sub(r"\s+([?,.;:!])", r"\1", " ".join(text.split())).strip(" ,;:")
    left = [word for word in _WORD.findall(text.casefold()) if word not in _EMPTY]
    return text if left else question.strip()
