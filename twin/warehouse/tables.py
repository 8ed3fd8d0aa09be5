"""The rows of each table as `dump` returns them and `restore` takes them, the same in every warehouse."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from twin.errors import ConsistencyError, InputError
from twin.models import Author, Capture, CrawlRecord, Document, Link
from twin.warehouse.rows import (
    SURELY_SMALL,
    Row,
    capture_row,
    check_size,
    first_line,
    horizon,
    parse,
    place,
    present,
    stamp,
)


class Table(NamedTuple):
    """One table.

    Args:
        model: the model whose fields its rows have at the top level.
        key: the fields that make up its id; rows are sorted by them in this order.
        stored: the fields that a row has in addition to those of the model.
        age: the fields that say which of two versions of a row is newer.
        series: the fields that are equal in rows of which one is the newest, such as all attempts at one link. Such
            rows have a `number`, and the highest is the newest, see `number_of_import`.
        moment: the time of a row of a series; it decides between rows with the same number.
    """

    model: type[BaseModel]
    key: tuple[str, ...]
    stored: tuple[str, ...]
    age: tuple[str, ...]
    series: tuple[str, ...] = ()
    moment: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every field of a row."""
        return (*self.stored, *self.model.model_fields)

    @property
    def contents(self) -> tuple[str, ...]:
        """The fields of a document that a later stage may use, and the hash that was stored with them."""
        return tuple(name for name in self.columns if name not in _UNUSED)

    @property
    def owner(self) -> str:
        """The field that holds the author's slug."""
        return "slug" if "slug" in self.key else "author"

    def identifier(self, row: Mapping[str, Any]) -> str:
        """The id of a row as one text; it sorts as its parts do, because no slug contains a space."""
        return " ".join(str(row[name]) for name in self.key)

    def compared(self, given: Mapping[str, Any], stored: Mapping[str, Any]) -> Literal["updated", "unchanged", "kept"]:
        """What `restore` does with a row that exists already. A time of the future is older than any other."""
        if self._times(given) == self._times(stored):
            return "unchanged"
        return "updated" if self._times(stored, horizon()) < self._times(given, horizon()) else "kept"

    def _times(self, row: Mapping[str, Any], latest: str | None = None) -> tuple[str, ...]:
        times = (row.get(name) or "" for name in self.age)
        return tuple("" if latest is not None and time > latest else time for time in times)

    def default(self, column: str) -> Any:
        """The value of a column in a row that was written before the column existed."""
        field = self.model.model_fields.get(column)
        if field is None or field.is_required():
            return None
        value = field.get_default(call_default_factory=True)
        return list(value) if isinstance(value, tuple) else value


_UNUSED = frozenset({"created_at", "updated_at", "checked_at", "removed_at", "capture"})

_ENTITY = ("created_at", "updated_at", "removed_at")
_DOCUMENT = Table(
    Document,
    ("id",),
    ("id", "content_hash", "created_at", "updated_at", "checked_at", "removed_at"),
    ("updated_at", "checked_at"),
)

TABLE = {
    "authors": Table(Author, ("slug",), _ENTITY, ("updated_at",)),
    "links": Table(Link, ("author", "url"), _ENTITY, ("updated_at",)),
    "raw": _DOCUMENT,
    "cleaned": _DOCUMENT,
    "crawl_log": Table(CrawlRecord, ("id",), ("id",), (), ("author", "category", "url"), "checked_at"),
    "captures": Table(Capture, ("id",), ("id",), ("fetched_at",), ("author", "link", "url"), "fetched_at"),
}

FUTURE = -1
"""The number of a row that came with a time of the future: any other row of its series is newer."""


def number_of_import(moment: str, newest: tuple[int, str] | None) -> int:
    """The number of a row that was not written by a crawl here, but came with `twin import`.

    Crawls number their rows 1, 2, 3, ... as they write them, because a clock may jump back. An import has no such
    order, so its rows get the number of the newest one that is there (0 if there is none), and their times decide.

    Args:
        moment: the time of the row.
        newest: number and time of the newest row of the series.
    """
    latest = horizon()
    if moment > latest:
        return FUTURE
    return newest[0] + (newest[1] > latest) if newest else 0


_ALWAYS = frozenset({"created_at", "updated_at"})
_SOMETIMES = frozenset({"checked_at", "removed_at"})


def checked_row(name: str, row: Mapping[str, Any]) -> Row:
    """A row of the table `name`, unchanged, once it is known to be valid.

    Raises:
        InputError: a field is missing, unknown or invalid, or the id does not match the contents.
    """
    table = TABLE[name]
    what = f"The {name} row {' '.join(str(row.get(part, '?')) for part in table.key)}"
    if odd := sorted(set(table.columns) ^ row.keys()):
        state = "lacks" if odd[0] in table.columns else "has the unknown field"
        raise InputError(f"{what} {state} {odd[0]}: export it again with this version of LLM Twin.")
    try:
        found = parse(table.model, present(table.model, row), f"{name} row")
    except ConsistencyError as error:
        raise InputError(f"{what} cannot be read: {error}") from None
    try:
        size = len(json.dumps(dict(row), ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, TypeError) as error:  # UnicodeError is a ValueError
        raise InputError(f"{what} contains something that is not JSON or not Unicode: {first_line(error)}.") from None
    for field in table.stored:
        _check_stored(what, field, row[field])
    own: Mapping[str, Any] = row
    if isinstance(found, Document):
        own = {"id": found.id}
        if size > SURELY_SMALL:
            check_size(dict(row), place(found))
    elif isinstance(found, CrawlRecord):
        own = {"checked_at": stamp(found.checked_at)}
    elif isinstance(found, Capture):
        own = capture_row(found)
    for field in {"id", "checked_at", "fetched_at"} & own.keys() & row.keys():
        if own[field] != row[field]:
            raise InputError(f"{what} has {field} {row[field]!r}, but it should be {own[field]!r}: export it again.")
    return {field: row[field] for field in table.columns}


def _check_stored(what: str, field: str, value: Any) -> None:
    if field not in _ALWAYS | _SOMETIMES:
        if not isinstance(value, str):
            raise InputError(f"{what} has a {field} that is not text: export it again.")
        return
    if value is None and field in _SOMETIMES:
        return
    try:
        whole = stamp(datetime.fromisoformat(value)) == value
    except (TypeError, ValueError):
        whole = False
    if not whole:  # another form of the same time would not sort with the others
        raise InputError(f"{what} has {field} {value!r}, which is not a time like {stamp(datetime(2026, 1, 2))}.")
