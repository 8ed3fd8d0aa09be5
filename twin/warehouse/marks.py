"""Marks: what a stage or a check made of documents, kept for as long as nothing changes.

A mark names the digests of the stored documents: hashes of their bytes, which cost a fiftieth of reading them as
documents. So a build in which nothing changed parses, cleans and compares no text, and still notices every change: an
edit by a person with the database's own tools, and a damaged byte on the disk. A mark also counts only for the same
code.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from copy import copy
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from twin.errors import StoreError
from twin.identity import content_hash
from twin.models import Category, Model, State
from twin.verdict import Verdict
from twin.warehouse.base import Warehouse

_LIBRARIES = ("phonenumbers", "python-stdnum", "py3langid")
"""Libraries whose versions decide what the stages make of a text."""

Part = tuple[State, Category]


class _Mark(Model):
    depends: str
    digests: list[str]
    result: dict[str, Any]


class Marks:
    """The mark of one stage or check.

    Args:
        warehouse: where the documents are.
        author: slug.
        name: of the mark.
        parts: the documents that are read; a stage that writes documents names these last.
        depends: what else the result depends on.
    """

    def __init__(
        self, warehouse: Warehouse, author: str, name: str, parts: Iterable[Part], depends: Mapping[str, Any]
    ) -> None:
        self._warehouse, self._author, self._name, self._parts = warehouse, author, name, list(parts)
        self._depends = content_hash({"code": _code(), **depends})
        self._before = self._digests()

    def named(self, name: str) -> "Marks":
        """Another mark of the same documents, which are not read again for it."""
        other = copy(self)
        other._name = name
        return other

    def recall(self) -> dict[str, Any] | None:
        """What was kept, if nothing has changed since; otherwise None."""
        mark = self._stored()
        return mark.result if mark is not None and mark.digests == self._before else None

    def still(self, part: Part) -> bool:
        """Whether this part is as it was when the result was kept, though others may have changed."""
        mark, place = self._stored(), self._parts.index(part)
        return mark is not None and mark.digests[place : place + 1] == self._before[place : place + 1]

    def keep(self, result: Mapping[str, Any], *, wrote: bool = False) -> None:
        """Keep a result that was made of the documents as they were when this object was made.

        Nothing is kept if somebody changed them meanwhile.

        Args:
            result: JSON values.
            wrote: whether the caller itself has changed the documents of the last part.
        """
        after = self._digests()
        unchanged = len(after) - wrote
        if after[:unchanged] != self._before[:unchanged]:
            return
        mark = _Mark(depends=self._depends, digests=after, result=dict(result))
        with suppress(StoreError):  # a read-only store can be checked as well
            self._warehouse.put_mark(self._author, self._name, mark.model_dump_json())

    def _stored(self) -> _Mark | None:
        """The mark that is stored, if the same code made it."""
        try:
            mark = _Mark.model_validate_json(self._warehouse.mark(self._author, self._name) or "")
        except ValidationError:  # there is none, or somebody edited it
            return None
        return mark if mark.depends == self._depends else None

    def _digests(self) -> list[str]:
        return [self._warehouse.digest(state, self._author, category) for state, category in self._parts]


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
