"""What the cleaning of a document depends on besides the document itself: its author's other texts.

The categories that are compared (`Traits.compared`) are looked at together, because a post is often the teaser of an
article.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from typing import NamedTuple
from urllib.parse import urlsplit

from twin.categories import Layout
from twin.cleaning.chrome import byline
from twin.cleaning.duplicates import Fingerprint, find_duplicates, fingerprint
from twin.cleaning.posts import clean_post
from twin.cleaning.repeated import paragraph_keys, repeated
from twin.cleaning.rules import clean_prose
from twin.models import Author, Category, Document, State
from twin.private.secrets import secrets_in_address
from twin.progress import progress
from twin.text.bylines import OTHER, is_other
from twin.warehouse.base import Warehouse

COMPARED = tuple(category for category in Category if category.traits.compared)


@dataclass(frozen=True)
class Place:
    """The place of a document among its author's texts.

    Args:
        duplicate_of: link of the document that is kept instead of it.
        also_at: links of the documents that it is kept instead of.
        repeated: keys of the paragraphs to remove from it.
    """

    duplicate_of: str | None = None
    also_at: tuple[str, ...] = ()
    repeated: frozenset[str] = field(default_factory=frozenset)


ALONE = Place()


def without_platform(document: Document) -> tuple[str, Counter[str]]:
    """A text without what its platform added (a file has no such text); and reason -> lines removed."""
    match document.category.traits.layout:
        case Layout.SOCIAL:
            return clean_post(document.text)
        case Layout.MARKDOWN:
            return clean_prose(document.text, platform=platform_of(document), title=document.title)
        case Layout.FILE:
            return document.text, Counter()


def platform_of(document: Document) -> str:
    """The platform by the name that crawlers use; imported documents may say "name.substack.com" instead."""
    host = urlsplit(document.link).hostname or ""
    for name in ("substack", "medium"):
        for value in (document.platform, host):
            if value in (name, f"{name}.com") or value.endswith(f".{name}.com"):
                return name
    return document.platform


def other_author(document: Document, author: Author | None) -> str | None:
    """Who else wrote a document: from its flag, or from the names under the title of a whole page without a flag."""
    if OTHER in document.metadata:
        return str(document.metadata[OTHER])
    name = None if "author" in document.metadata else byline(document.text, platform_of(document))
    return name if name and author and is_other(name, author) else None


class Raw(NamedTuple):
    """What cleaning needs to know of a raw document, so an unchanged one is not read again."""

    id: str
    link: str
    chars: int
    content_hash: str
    secret: bool  # a secret in its address: it is dropped

    @classmethod
    def of(cls, document: Document) -> "Raw":
        return cls(
            id=document.id,
            link=document.link,
            chars=len(document.text),
            content_hash=document.content_hash,
            secret=bool(secrets_in_address(document)),
        )


@dataclass(frozen=True)
class Compared:
    """An author's raw posts and articles, looked at together.

    Args:
        author: as registered when bylines of others were identified.
        raw: every document, in the order of ids.
        places: id -> place; documents that stand alone are left out.
    """

    author: Author | None
    raw: Mapping[Category, list[Raw]]
    places: Mapping[str, Place]


_last: dict[str, Compared] = {}
"""The result for the author compared last, without any text.

Posts and articles are cleaned and checked one after another in separate calls, and all of them need it.
"""


def compare(warehouse: Warehouse, author: str, read: Mapping[Category, Mapping[str, str]] | None = None) -> Compared:
    """Look at the author's raw posts and articles together.

    Texts are streamed; only the hashes of their words and paragraphs are held in memory. If the hashes of the documents
    stored now are the same as at the last call, its result is returned.

    Args:
        warehouse: read: raw documents.
        author: slug.
        read: id -> content hash of a category's documents, if the caller has just read them.
    """
    person, known = warehouse.author(author), _last.get(author)
    if known is None or known.author != person or not _unchanged(warehouse, author, known, read or {}):
        _last.clear()
        known = _last[author] = _compare(warehouse, author, person)
    return known


def _unchanged(warehouse: Warehouse, author: str, known: Compared, read: Mapping[Category, Mapping[str, str]]) -> bool:
    """Whether the warehouse contains exactly the compared documents; reading stops at the first difference."""
    for category in COMPARED:
        before = ((raw.id, raw.content_hash) for raw in known.raw[category])
        stored = ((raw.id, raw.content_hash) for raw in warehouse.documents(State.RAW, author, category))
        now = iter(read[category].items()) if category in read else stored
        if any(one != other for one, other in zip_longest(before, now)):
            return False
    return True


def _compare(warehouse: Warehouse, author: str, person: Author | None) -> Compared:
    prints: list[Fingerprint] = []
    found: dict[Category, list[Raw]] = {category: [] for category in COMPARED}
    keys: dict[Category, dict[str, set[str]]] = {category: {} for category in COMPARED}
    for category in COMPARED:
        for raw in progress(warehouse.documents(State.RAW, author, category), f"comparing {category} of {author}"):
            found[category].append(Raw.of(raw))
            if found[category][-1].secret:
                continue  # it is dropped, so it cannot replace another document or be named by one
            text, _ = without_platform(raw)
            # Another person's text never replaces the author's, nor the other way round.
            group = OTHER if other_author(raw, person) else ""
            prints.append(fingerprint(raw.id, text, link=raw.link, published_at=raw.published_at, group=group))
            keys[category][raw.id] = paragraph_keys(text, indented=category.traits.layout is Layout.MARKDOWN)
    return Compared(person, found, _places(prints, keys))


def _places(prints: list[Fingerprint], keys: dict[Category, dict[str, set[str]]]) -> dict[str, Place]:
    stays = find_duplicates(prints)
    links = {each.id: each.link for each in prints}
    gone: dict[str, frozenset[str]] = {}
    for category in COMPARED:
        own = [each for each in sorted(prints, key=_age) if each.id in keys[category] and each.id not in stays]
        for each, paragraphs in zip(own, repeated([keys[category][each.id] for each in own]), strict=True):
            gone[each.id] = frozenset(paragraphs)
    also_at: dict[str, list[str]] = {}
    for duplicate, kept in stays.items():
        also_at.setdefault(kept, []).append(links[duplicate])
    return {
        identifier: Place(
            duplicate_of=links[stays[identifier]] if identifier in stays else None,
            also_at=tuple(sorted(also_at.get(identifier, ()))),
            repeated=gone.get(identifier, frozenset()),
        )
        for identifier in sorted(stays.keys() | also_at.keys() | {each for each, found in gone.items() if found})
    }


def _age(each: Fingerprint) -> tuple[datetime, str]:
    moment = each.published_at or datetime.max.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC), each.link
