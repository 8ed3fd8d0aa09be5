"""How models become rows of a store and back; shared by every warehouse, so that they cannot disagree.

A document's row holds its fields at the top level (`title`, `text`, ...), so that a person can read and edit it with
the store's own tools. It has two hashes with different meanings:

* The *stored* hash is that of the last upsert. `upsert_documents` compares with it and with nothing else. So a person's
  edit of a raw document survives every crawl that finds the source unchanged, and is overwritten only when the source
  really changes.
* The *real* hash is computed from the contents as they are read. `documents`, `document` and `hashes` return only this
  one, and the cleaning stage compares it with the hash in its cleaned documents: an edit made directly in the store
  reaches the later stages with the next run, although the stored hash did not change.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from twin.errors import ConsistencyError, InputError
from twin.identity import content_hash
from twin.models import Capture, CrawlRecord, Document, State

Item = TypeVar("Item")
Row = dict[str, Any]
Parsed = TypeVar("Parsed", bound=BaseModel)

COMPARED = ("content_hash", "author", "category")
"""Fields that say whether a stored document is the given one. A row in which the place is wrong is in nobody's list."""

WRITE_BATCH = 200
"""Documents per write. Small enough to hold a lock only for milliseconds, large enough to save round trips."""

READ_PAGE = 64
"""Documents per page of a stream: at most about 64 MiB, because a file of a repository has at most 1 MiB."""

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""MongoDB's own limit for one document, as BSON. Every warehouse uses it, so that each can move into any other."""

TOMBSTONE: Row = {"title": None, "text": "", "metadata": {}, "capture": None, "content_hash": ""}
"""What a removed document contains in place of its contents."""

_TIMES = dict.fromkeys(("created_at", "updated_at", "checked_at", "removed_at"), "2026-01-01T00:00:00.000000+00:00")

SURELY_SMALL = MAX_DOCUMENT_BYTES // 16
"""Bytes of JSON that always fit in BSON; the worst case is a list of digits, in which `1,` becomes 12 bytes."""


def now() -> str:
    """The time of a write, UTC, in a form that sorts as text."""
    return stamp(datetime.now(UTC))


_TOLERANCE = timedelta(minutes=10)
"""How far the clocks of two machines that share a warehouse may differ."""


def horizon() -> str:
    """A time with `_TOLERANCE` from now: a stored time after it was written while a clock was wrong."""
    return stamp(datetime.now(UTC) + _TOLERANCE)


def stamp(moment: datetime) -> str:
    """A time as fixed-width UTC text; a naive one counts as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="microseconds")


def document_row(document: Document) -> Row:
    """The fields of a document with its id and hash.

    Times stay ISO text in every store: MongoDB's own type drops microseconds and the time zone, so the hash of what is
    read would differ from the hash of what was written.

    Raises:
        InputError: the document contains something that no store can keep; the message names its link.
    """
    try:
        row = document.model_dump(mode="json")
        size = len(json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8"))
    except UnicodeError:
        raise InputError(
            f"{place(document)} contains an invalid character (a lone surrogate) or undecoded bytes, which is not "
            "Unicode text: decode its source with the right encoding or with errors='replace'."
        ) from None
    except (TypeError, ValueError) as error:
        raise InputError(f"{place(document)} has metadata that is not JSON: {first_line(error)}.") from None
    row = {"id": document.id, **row, "content_hash": document.content_hash}
    if size > SURELY_SMALL:
        check_size(row, place(document))
    return row


def check_size(row: Row, what: str) -> None:
    """Refuse a document's row that would be too large for MongoDB including its times; `what` names it.

    Raises:
        InputError: it is too large, or MongoDB cannot store it at all.
    """
    if (size := bson_size(row | _TIMES, what)) > MAX_DOCUMENT_BYTES:
        raise InputError(
            f"{what} is {size / 1024**2:.1f} MiB, but MongoDB accepts at most 16 (it is {size - MAX_DOCUMENT_BYTES} "
            "bytes too large): exclude or split it."
        )


def bson_size(row: Row, what: str) -> int:
    """Bytes of a row in MongoDB; `what` names it.

    Raises:
        InputError: it contains something that BSON cannot: an integer of more than 64 bits, NUL in a key, ...
    """
    import bson
    from bson.errors import BSONError

    try:
        return len(bson.encode({"_id" if name == "id" else name: value for name, value in row.items()}))
    except (BSONError, OverflowError) as error:
        raise InputError(f"{what} has metadata that MongoDB cannot store: {first_line(error)}.") from None


def document_from(row: Mapping[str, Any], state: State) -> Document:
    """The document of a row, as it is now.

    Raises:
        ConsistencyError: somebody edited the row so that it is no longer a document, or a different one.
    """
    identifier = str(row.get("_id", row.get("id")))
    document = parse(Document, present(Document, row), f"{state} row {identifier}")
    if document.id != identifier:
        raise ConsistencyError(
            f"{place(document)} of {document.author} has the id {document.id}, but its {state} row has {identifier}: "
            "author, link and path make up the id, so restore the old ones or delete the row."
        )
    return document


def present(model: type[BaseModel], row: Mapping[str, Any]) -> Row:
    """The fields of a model that a row has; fields that an older version did not write read as their defaults."""
    return {name: row[name] for name in model.model_fields if name in row}


def parse(model: type[Parsed], fields: Mapping[str, Any], what: str) -> Parsed:
    """Validate what a store returned, or raise `ConsistencyError` naming the row, the field and what to do."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole row"
        raise ConsistencyError(
            f"The {what} of the warehouse is damaged at {field} ({first['msg']}): correct the field or delete the row."
        ) from None


def crawl_row(record: CrawlRecord) -> Row:
    """A crawl record with an id made of its contents, so that logging it twice stores it once."""
    fields = record.model_dump(mode="json") | {"checked_at": stamp(record.checked_at)}
    return {"id": content_hash(fields), **fields}


def capture_row(capture: Capture) -> Row:
    """The fields of a capture with its id; its time sorts as text."""
    return {"id": capture.id, **capture.model_dump(mode="json"), "fetched_at": stamp(capture.fetched_at)}


def refuse(refused: list[str]) -> None:
    """Raise the first refusal, if there is any, after all other rows were written.

    Raises:
        InputError: the first refusal, and how many more there are.
    """
    if len(refused) == 1:
        raise InputError(refused[0])
    if refused:
        raise InputError(f"{refused[0]} ({len(refused) - 1} more were refused; all others were written.)")


def place(document: Document) -> str:
    """A document as a message names it."""
    path = f" ({document.path})" if document.path is not None else ""
    return f"The document {document.link!r}{path}"


def first_line(error: Exception) -> str:
    """The first line of a library's error, without its full stop."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
