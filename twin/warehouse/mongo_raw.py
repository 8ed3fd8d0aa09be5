"""Rows of MongoDB as the bytes that the server sends, for what must see every row but needs none of its values."""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymongo.collection import Collection

    from twin.warehouse.rows import Row

_ID = b"\x02_id\x00"
"""How a text `_id` begins, which the server puts first (bsonspec.org: type 2, name, NUL)."""

_SIZE = struct.Struct("<i")
_TEXT = _SIZE.size + len(_ID) + _SIZE.size
"""Where the text of such an id begins in its row: after the size of the row, `_ID`, and the length of the text."""


def owned_rows(collection: "Collection[Row]", owner: str) -> Iterator[tuple[str, bytes]]:
    """An author and the bytes of one or several of their rows, in the order of ids.

    Args:
        owner: the field that holds the author's slug, for a row that was added by hand without an id of ours.
    """
    batches: Any = collection.find_raw_batches({}).sort("_id", 1)  # typed as rows, but bytes
    batch: bytes
    for batch in batches:
        begin = end = 0
        author, prefix = "", b""  # of the rows from `begin` to `end`
        while end < len(batch):
            if not (prefix and batch.startswith(prefix, end + _TEXT) and batch.startswith(_ID, end + _SIZE.size)):
                if begin < end:
                    yield author, batch[begin:end]
                begin = end
                author, prefix = _author(batch, end, owner)
            end += _SIZE.unpack_from(batch, end)[0]
        if begin < end:
            yield author, batch[begin:end]


def _author(batch: bytes, start: int, owner: str) -> tuple[str, bytes]:
    """The author of the row at `start`, and what the ids of all rows of theirs begin with, empty if it is not known."""
    (size,) = _SIZE.unpack_from(batch, start)
    if not batch.startswith(_ID, start + _SIZE.size):
        import bson

        return str(bson.decode(batch[start : start + size]).get(owner)), b""
    (length,) = _SIZE.unpack_from(batch, start + _SIZE.size + len(_ID))
    slug = batch[start + _TEXT : start + _TEXT + length - 1].partition(b" ")[0]
    return slug.decode("utf-8", "replace"), slug + b" "
