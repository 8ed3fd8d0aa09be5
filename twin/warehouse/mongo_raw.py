"""Rows of MongoDB as the bytes that the server sends, for what must see every row but needs none of its values."""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymongo.collection import Collection

    from twin.warehouse.rows import Row

_ID = b"\x02_id\x00"
"""How a text `_id` begins, which the server puts first (bsonspec.org: type 2, name, NUL)."""

_LENGTH = struct.Struct("<i")


def owned_rows(collection: "Collection[Row]", owner: str) -> Iterator[tuple[str, bytes]]:
    """The author and the bytes of each row, in the order of ids.

    Args:
        owner: the field that holds the author's slug, for a row that was added by hand without an id of ours.
    """
    import bson

    batches: Any = collection.find_raw_batches({}).sort("_id", 1)  # typed as rows, but bytes
    batch: bytes
    for batch in batches:
        start = 0
        while start < len(batch):
            (size,) = _LENGTH.unpack_from(batch, start)
            row = batch[start : start + size]
            start += size
            if row[4 : 4 + len(_ID)] == _ID:
                (length,) = _LENGTH.unpack_from(row, 4 + len(_ID))
                begin = 4 + len(_ID) + _LENGTH.size
                identifier = row[begin : begin + length - 1]
                yield identifier.partition(b" ")[0].decode("utf-8", "replace"), row
            else:
                yield str(bson.decode(row).get(owner)), row
