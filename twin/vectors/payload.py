"""A chunk as the payload of a point, and back; the same in every engine."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from twin.errors import StoreError
from twin.models import Chunk
from twin.vectors.base import Hit, Point

VECTOR = "dense"
"""Name of the vector of meaning; sparse vectors get names of their own beside it."""

BATCH = 256
"""Points per request: the client's overhead is small from here on (Qdrant's bulk upload guide: 64 to 256)."""

INDEXED = ("document_id", "platform")
"""Payload fields that searches filter by, beside the author."""

_HASH = "content_hash"


def payload_of(chunk: Chunk) -> dict[str, Any]:
    """JSON fields of the chunk and their hash."""
    return {**chunk.model_dump(mode="json"), _HASH: chunk.content_hash}


def chunk_of(payload: Mapping[str, Any] | None) -> Chunk:
    """The chunk again.

    Raises:
        StoreError: the point was not written by this project.
    """
    fields = dict(payload or {})
    if fields.pop(_HASH, None) is None:
        raise StoreError("A point has no chunk in its payload: the collection was written by something else.")
    return Chunk.model_validate(fields)


def hash_of(payload: Mapping[str, Any] | None) -> str:
    """Stored content hash; empty where there is none, which equals no chunk's."""
    return str((payload or {}).get(_HASH, ""))


def batches(points: Iterable[Point]) -> Iterator[list[Point]]:
    """Cut a stream of points into lists of at most `BATCH`."""
    iterator = iter(points)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def best(hits: Iterable[Hit], limit: int) -> list[Hit]:
    """The nearest hits, best first; equal scores in the order of ids, so that a result is always the same."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk.id))[:limit]
