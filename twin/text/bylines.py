"""Whose page is it? A page that names somebody else as its author is flagged, so that nobody's words are used to train
another person's twin."""

import re
import unicodedata

from twin.models import Author, Document

OTHER = "by_other"
"""The metadata key of the flag; its value is the byline. The dataset stage leaves such documents out."""

_SEPARATORS = re.compile(r"\s*(?:,|;|&|\||\band\b|\bund\b|\bet\b|\by\b|\bwith\b)\s*", re.I)
_BEFORE = re.compile(r"^\s*(?:written\s+)?by\s+", re.I)
_ORGANISATION = re.compile(
    r"\b(team|staff|editors?|editorial|admin|magazine|newsletter|blog|inc|gmbh|ltd|press)\b", re.I
)


def flagged(document: Document, author: Author | None) -> Document:
    """The document, with `metadata["by_other"]` if its byline names somebody else than `author`.

    A byline that cannot be a person's name (the site's own, a team's) flags nothing, and neither does a document
    without one. Several names flag nothing if the author is among them.
    """
    byline = document.metadata.get("author")
    if author is None or not isinstance(byline, str) or not is_other(byline, author, document.metadata.get("site")):
        return document
    return document.model_copy(update={"metadata": document.metadata | {OTHER: byline}})


def is_other(byline: str, author: Author, site: object = None) -> bool:
    """Whether a byline names one or more persons, and none of them is `author` by name, slug or alias."""
    names = [name for name in _SEPARATORS.split(_BEFORE.sub("", byline)) if _letters(name)]
    for name in (byline, *names):
        if _is_name(name, author.name) or any(_is_handle(name, handle) for handle in (author.slug, *author.aliases)):
            return False
    persons = [name for name in names if not _ORGANISATION.search(name) and _letters(name) != _letters(str(site or ""))]
    return bool(persons)


def _is_name(name: str, own: str) -> bool:
    """Whether a byline's name can be the author's: a part of the author's name, such as "Ada", or a longer form."""
    words, mine = _words(name), _words(own)
    return bool(words and mine) and (words <= mine or mine <= words)


def _is_handle(name: str, handle: str) -> bool:
    """Whether it is one of the author's handles in another spelling. A handle of one word must match exactly: many
    other people are called Ada."""
    return _letters(name) == _letters(handle) or (len(_words(handle)) > 1 and _words(handle) <= _words(name))


def _letters(text: str) -> str:
    return "".join(character for character in _folded(text) if character.isalnum())


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[^\w]+", _folded(text)) if word}


def _folded(text: str) -> str:
    """Ignore case and accents, in every script."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
