"""Checks a language model's answer about a question against what is known, and combines it with the rules."""

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime

from twin.models import Author
from twin.retrieval.question.asked import Asked
from twin.retrieval.question.expansion import MOST
from twin.retrieval.question.language_model import LanguageModel, Understanding
from twin.vectors.base import Where

logger = logging.getLogger("twin")


def understand(
    model: LanguageModel, question: str, authors: Sequence[Author], today: date, rules: Asked
) -> tuple[Asked, tuple[str, ...]]:
    """What the model understood, and the variants that it offers; if the model fails, the result of the rules and no
    variants."""
    try:
        said = model.understand(question, authors, today)
    except ValueError as error:
        logger.warning("the language model could not be used (%s): rules were used instead", error)
        note = f"The language model could not be used ({error}), so rules were used instead."
        return rules.model_copy(update={"notes": (*rules.notes, note)}), ()
    notes = list(rules.notes)
    author = said.author if said.author in {each.slug for each in authors} else None
    if said.author and author is None and authors and not notes:
        notes.append(f"{said.author} is not an author in this memory, so the texts of all authors were searched.")
    where = Where(
        author=author,
        platforms=said.platforms,
        languages=said.languages,
        published_from=_moment(said.published_from),
        published_until=_moment(said.published_until),
    )
    return (
        Asked(
            query=said.query.strip() or rules.query,
            where=where,
            categories=said.categories,
            rules=(f"language model: {model.model}",),
            notes=tuple(notes),
        ),
        _variants(said, {question.casefold(), said.query.strip().casefold()}),
    )


def _variants(said: Understanding, known: set[str]) -> tuple[str, ...]:
    others = (" ".join(text.split()) for text in said.variants)
    return tuple(dict.fromkeys(text for text in others if text and text.casefold() not in known))[:MOST]


def _moment(day: date | datetime | None) -> datetime | None:
    if day is None or isinstance(day, datetime):
        return day
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
