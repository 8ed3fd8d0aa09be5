"""Points as engines store them: names, the payload of a chunk and the chunk again, and what every engine shares."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from operator import gt
from typing import Any, TypeVar

import numpy as np

from twin.errors import StoreError
from twin.identity import sha256
from twin.models import Chunk
from twin.terms.bm25 import SparseVector
from twin.vectors.base import Point, Scored, Where

DENSE = "dense"
"""Name of the vector of meaning."""

SPARSE = "bm25"
"""Name of the vector of terms."""

BATCH = 256
"""Points per request: the client's overhead is small from here on (Qdrant's bulk upload guide: 64 to 256)."""

KEYWORDS = ("document_id", "platform", "language", "link")
"""Payload fields that searches filter by for equality, beside the author."""

MOMENT = "published_at"
"""The payload field that searches filter by for a range of time."""

CHUNK = "chunk"
"""The payload field of the embedded engine that holds a chunk as canonical JSON, of which its content hash is made."""

_T = TypeVar("_T")
_HASH = "content_hash"


def payload_of(chunk: Chunk) -> dict[str, Any]:
    """JSON fields of the chunk and their hash: what a server stores, readable for every client."""
    return {**chunk.model_dump(mode="json"), _HASH: chunk.content_hash}


def chunk_of(payload: Mapping[str, Any] | None) -> Chunk:
    """The chunk again, of either kind of payload.

    Raises:
        StoreError: the point was not written by this project.
    """
    fields = dict(payload or {})
    if isinstance(text := fields.get(CHUNK), str):
        return Chunk.model_validate_json(text)
    if fields.pop(_HASH, None) is None:
        raise StoreError("A point has no chunk in its payload: the collection was written by something else.")
    return Chunk.model_validate(fields)


def point_of(record: Any) -> Point:
    """The point again, of a record with payload and vectors; either engine has a class of its own for it."""
    terms = record.vector[SPARSE]
    return Point(
        chunk_of(record.payload),
        np.array(record.vector[DENSE], dtype=np.float32),
        SparseVector(np.array(terms.indices, dtype=np.uint32), np.array(terms.values, dtype=np.float32)),
    )


def hash_of(payload: Mapping[str, Any] | None) -> str:
    """Content hash of the stored chunk; empty where there is none, which equals no chunk's."""
    fields = payload or {}
    return sha256(fields[CHUNK]) if CHUNK in fields else str(fields.get(_HASH, ""))


HASHED = [_HASH]
"""Payload fields that `hash_of` needs of `payload_of`."""


def wanted_keywords(where: Where) -> dict[str, tuple[str, ...]]:
    """The values that each field of `KEYWORDS` may have; fields without a condition are left out."""
    values = (where.document_ids, where.platforms, where.languages, where.links)
    return {field: wanted for field, wanted in zip(KEYWORDS, values, strict=True) if wanted}


def batches(things: Iterable[_T], size: int = BATCH) -> Iterator[list[_T]]:
    """Cut a stream into lists of at most `size`."""
    iterator = iter(things)
    while batch := list(islice(iterator, size)):
        yield batch


def best(found: Iterable[Scored], limit: int) -> list[Scored]:
    """The best, equal scores in the order of ids, so that a result is always the same."""
    points = list(found)
    scores = [point.score for point in points]
    if not all(map(gt, scores, scores[1:])):  # what an engine gives is in order but for equal scores
        points.sort(key=lambda point: (-point.score, point.id))
    return points[:limit]


def settled(fetch: Callable[[int], list[Scored]], limit: int) -> list[Scored]:
    """The best `limit` points that an engine finds, with equal scores in the order of ids.

    An engine that is asked for n points leaves out any of those that score like the n-th, as it happens; it is asked
    for more until the last one that it gives scores less than the last one that is wanted.

    Args:
        fetch: asks the engine for a number of points, best first.
        limit: how many are wanted.
    """
    asked = limit + 1
    while True:
        found = fetch(asked)
        if len(found) < asked or found[-1].score < found[limit - 1].score:
            return best(found, limit)
        asked += max(asked // 4, 32)
