"""The answer of a language model about a question, checked against what is known, beside what the rules found."""

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
    """What the model makes of a question, and the variants that it offers; what the rules found, and none, where the
    model fails."""
    try:
        said = model.understand(question, authors, today)
    except ValueError as error:
        logger.warning("the language model was of no use (%s): rules were used instead", error)
        note = f"The language model was of no use ({error}), so that rules were used instead."
        return rules.model_copy(update={"notes": (*rules.notes, note)}), ()
    notes = list(rules.notes)
    author = said.author if said.author in {each.slug for each in authors} else None
    if said.author and author is None and authors and not notes:
        notes.append(f"{said.author} is no author of this memory, so that the words of all authors were searched.")
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
