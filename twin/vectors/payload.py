"""Points as engines store them: names, payloads to and from chunks, and what all engines share."""

from collections.abc import Callable, Iterable, Mapping
from operator import gt
from typing import Any, TypeVar

import numpy as np

from twin.errors import StoreError
from twin.identity import sha256
from twin.models import Chunk
from twin.terms.bm25 import SparseVector
from twin.vectors.base import Point, Scored, Where

DENSE = "dense"
"""Name of the dense vector."""

SPARSE = "bm25"
"""Name of the sparse vector."""

BATCH = 256
"""Points per request: from this number on, the client's overhead is small (Qdrant's bulk upload guide: 64 to 256)."""

KEYWORDS = ("document_id", "platform", "language", "link")
"""Payload fields, besides the author, that searches filter by equality."""

MOMENT = "published_at"
"""The payload field that searches filter by a range of time."""

CHUNK = "chunk"
"""The embedded engine's payload field with a chunk as canonical JSON; the content hash is the hash of this text."""

_T = TypeVar("_T")
_HASH = "content_hash"


def payload_of(chunk: Chunk) -> dict[str, Any]:
    """JSON fields of the chunk and their hash, as a server stores them, readable by every client."""
    return {**chunk.model_dump(mode="json"), _HASH: chunk.content_hash}


def chunk_of(payload: Mapping[str, Any] | None) -> Chunk:
    """The chunk of a payload of either kind.

    Raises:
        StoreError: the point was not written by this project.
    """
    fields = dict(payload or {})
    if isinstance(text := fields.get(CHUNK), str):
        return Chunk.model_validate_json(text)
    if fields.pop(_HASH, None) is None:
        raise StoreError("A point has no chunk in its payload: the collection was written by another program.")
    return Chunk.model_validate(fields)


def point_of(record: Any) -> Point:
    """The point of a record with payload and vectors; each engine has its own class of records."""
    terms = record.vector[SPARSE]
    return Point(
        chunk_of(record.payload),
        np.array(record.vector[DENSE], dtype=np.float32),
        SparseVector(np.array(terms.indices, dtype=np.uint32), np.array(terms.values, dtype=np.float32)),
    )


def hash_of(payload: Mapping[str, Any] | None) -> str:
    """Content hash of the stored chunk; empty if it is missing, which never equals a chunk's hash."""
    fields = payload or {}
    return sha256(fields[CHUNK]) if CHUNK in fields else str(fields.get(_HASH, ""))


HASHED = [_HASH]
"""Payload fields that `hash_of` needs of `payload_of`."""


def wanted_keywords(where: Where) -> dict[str, tuple[str, ...]]:
    """The values that each field of `KEYWORDS` may have; fields without a condition are left out."""
    values = (where.document_ids, where.platforms, where.languages, where.links)
    return {field: wanted for field, wanted in zip(KEYWORDS, values, strict=True) if wanted}


def best(found: Iterable[Scored], limit: int) -> list[Scored]:
    """The best points, equal scores in the order of ids, so a result is always the same."""
    points = list(found)
    scores = [point.score for point in points]
    if not all(map(gt, scores, scores[1:])):  # an engine's result is in order, except for equal scores
        points.sort(key=lambda point: (-point.score, point.id))
    return points[:limit]


def settled(fetch: Callable[[int], list[Scored]], limit: int) -> list[Scored]:
    """The best `limit` points that an engine finds, with equal scores in the order of ids.

    If several points score like the n-th, an engine asked for n points returns any of them. So it is asked for more,
    until its last point scores less than the last one wanted.

    Args:
        fetch: gets a number of points from the engine, best first.
        limit: how many points are wanted.
    """
    asked = limit + 1
    while True:
        found = fetch(asked)
        if len(found) < asked or found[-1].score < found[limit - 1].score:
            return best(found, limit)
        asked += max(asked // 4, 32)
