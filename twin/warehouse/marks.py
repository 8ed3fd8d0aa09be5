"""Marks: what a stage or a check made of documents, kept until one of them changes, whoever changes it.

A warehouse of one file counts the changes of its documents by triggers, which also see an edit by a person with the
database's own tools. So a build in which nothing changed reads no text again. A server has no triggers; there, every
build reads everything.

A flipped bit on the disk is no change that a trigger sees. So a mark counts for a day, and everything is read once a
day. It also counts only for the same code.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import AwareDatetime, ValidationError

from twin.errors import StoreError
from twin.identity import content_hash
from twin.models import Category, Model, State
from twin.verdict import Verdict
from twin.warehouse.base import Warehouse

LASTS = timedelta(days=1)

_LIBRARIES = ("phonenumbers", "python-stdnum", "py3langid")
"""Libraries whose versions decide what the stages make of a text."""

logger = logging.getLogger("twin")

Part = tuple[State, Category]


@runtime_checkable
class Marking(Protocol):
    """A warehouse that counts changes and keeps marks."""

    def revision(self, state: State, author: str, category: Category) -> int:
        """How often a document of these was inserted, changed or removed, by whatever program."""

    def mark(self, author: str, name: str) -> str | None:
        """The mark of that name."""

    def put_mark(self, author: str, name: str, content: str) -> None:
        """Keep a mark; it goes with the author."""


class _Mark(Model):
    depends: str
    revisions: list[int]
    made_at: AwareDatetime
    result: dict[str, Any]


class Marks:
    """The mark of one stage or check.

    Args:
        warehouse: where the documents are.
        author: slug.
        name: of the mark.
        parts: the documents that were read or written.
        depends: what else the result depends on.
    """

    def __init__(
        self, warehouse: Warehouse, author: str, name: str, parts: Iterable[Part], depends: Mapping[str, Any]
    ) -> None:
        self._warehouse = warehouse if isinstance(warehouse, Marking) else None
        self._author, self._name, self._parts = author, name, list(parts)
        self._depends = content_hash({"code": _code(), **depends})
        self._before = self._revisions()

    def recall(self) -> dict[str, Any] | None:
        """What was kept, if nothing has changed since; otherwise None."""
        mark = self._stored()
        return mark.result if mark is not None and mark.revisions == self._before else None

    def still(self, part: Part) -> bool:
        """Whether this part is as it was when the result was kept, though others may have changed."""
        mark, place = self._stored(), self._parts.index(part)
        return mark is not None and mark.revisions[place : place + 1] == self._before[place : place + 1]

    def keep(self, result: Mapping[str, Any], written: int = 0) -> None:
        """Keep a result that was made of the documents as they were when this object was made.

        Args:
            result: JSON values.
            written: number of documents of the last of the parts that the caller itself changed since then. If there
                were more changes, somebody else made them, and nothing is kept.
        """
        if self._warehouse is None:
            return
        expected = [*self._before[:-1], self._before[-1] + written]
        if self._revisions() != expected:
            return
        mark = _Mark(depends=self._depends, revisions=expected, made_at=datetime.now(UTC), result=dict(result))
        with suppress(StoreError):  # a read-only store can be checked as well
            self._warehouse.put_mark(self._author, self._name, mark.model_dump_json())

    def _stored(self) -> _Mark | None:
        """The mark that is stored, if it was made less than a day ago by the same code."""
        stored = self._warehouse.mark(self._author, self._name) if self._warehouse else None
        try:
            mark = _Mark.model_validate_json(stored or "")
        except ValidationError:  # there is none, or somebody edited it
            return None
        if mark.depends != self._depends:
            return None
        if not timedelta() <= datetime.now(UTC) - mark.made_at < LASTS:
            logger.info("%s of %s: reading everything again, as once a day", self._name, self._author)
            return None
        return mark

    def _revisions(self) -> list[int]:
        if self._warehouse is None:
            return []
        return [self._warehouse.revision(state, self._author, category) for state, category in self._parts]


def kept_verdicts(marks: Marks, check: Callable[[], dict[str, Verdict]]) -> dict[str, Verdict]:
    """The verdicts of a check, from its mark if nothing has changed; a problem is never kept, but looked for again."""
    known = marks.recall()
    if known is not None:
        return {name: Verdict(facts, []) for name, facts in known.items()}
    verdicts = check()
    if not any(verdict.problems for verdict in verdicts.values()):
        marks.keep({name: verdict.facts for name, verdict in verdicts.items()})
    return verdicts


@cache
def _code() -> str:
    """A hash of the domain's own code and rules, and of the libraries that they use on texts."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256("".join(version(name) for name in _LIBRARIES).encode(), usedforsecurity=False)
    for path in sorted(root.rglob("*")):
        if path.suffix in (".py", ".toml", ".json"):
            digest.update(path.read_bytes())
    return digest.hexdigest()
