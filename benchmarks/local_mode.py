"""qdrant-client's local mode: the store in pure Python that it offers without a server."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from twin.models import Chunk
from twin.vectors.base import Vector
from twin.vectors.payload import payload_of


class LocalMode:
    """One collection in a folder.

    Args:
        folder: where it is stored.
        dimension: of the vectors.
    """

    def __init__(self, folder: Path, dimension: int) -> None:
        from qdrant_client import QdrantClient
        from qdrant_client.models import Distance, VectorParams

        self._client = QdrantClient(path=str(folder))
        self._client.create_collection("points", VectorParams(size=dimension, distance=Distance.COSINE))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def load(self, chunks: Sequence[Chunk], vectors: Sequence[Vector] | Any) -> None:
        """Upsert points with the same payload as in our store, in batches of 256."""
        from qdrant_client.models import PointStruct

        points = (
            PointStruct(id=chunk.id, vector=vector.tolist(), payload=payload_of(chunk))
            for chunk, vector in zip(chunks, vectors, strict=True)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it advises against more than 20,000 points
            self._client.upload_points("points", points, batch_size=256)

    def search(self, vector: Vector, limit: int, platform: str | None = None) -> list[str]:
        """Ids of the nearest points, only of one platform if it is given."""
        from qdrant_client.models import FieldCondition, Filter, MatchValue

        condition = FieldCondition(key="platform", match=MatchValue(value=platform or ""))
        found = self._client.query_points(
            "points",
            query=vector.tolist(),
            query_filter=Filter(must=[condition]) if platform else None,
            limit=limit,
        )
        return [str(point.id) for point in found.points]
