"""Authors who were removed: nothing of theirs is written until they are registered again.

A run that began before the removal may go on for hours, in another process or on another machine. So a removal leaves a
tombstone: a hash of the slug, and a token that differs for each removal. Every write of an author's rows looks for it.
Registering the author removes it, and so does the beginning of an import.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import uuid4

from twin.errors import RemovedError
from twin.identity import sha256
from twin.warehouse.tables import TABLE

REMOVALS = "removals"
"""The table of the tombstones. It is not one of `TABLES`: it is neither dumped nor restored."""


def tombstone_id(slug: str) -> str:
    """Id of an author's tombstone, from which the name cannot be read."""
    return sha256(f"{REMOVALS} {slug}")


def new_token() -> str:
    """A token for one removal."""
    return uuid4().hex


def owners(table: str, rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """The authors whose rows these are."""
    return {str(row[TABLE[table].owner]) for row in rows}


def refuse_removed(slugs: Collection[str], tombstones: Mapping[str, str]) -> None:
    """Refuse to write rows of these authors if one of them was removed.

    Args:
        slugs: owners of the rows.
        tombstones: id -> token.

    Raises:
        RemovedError: one of them was removed.
    """
    for slug in sorted(slugs):
        if tombstone_id(slug) in tombstones:
            raise RemovedError(slug)


def refuse_outdated(slugs: Collection[str], tombstones: Mapping[str, str], known: Mapping[str, str | None]) -> None:
    """Refuse to register authors who were removed after the caller decided to register them.

    Args:
        slugs: the authors.
        tombstones: id -> token.
        known: slug -> the token that the caller knew when it decided.

    Raises:
        RemovedError: one of them was removed since.
    """
    for slug in sorted(slugs):
        if slug in known and tombstones.get(tombstone_id(slug)) not in (None, known[slug]):
            raise RemovedError(slug)
