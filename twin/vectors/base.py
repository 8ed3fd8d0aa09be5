"""What a vector store must do. One contract suite, `tests/twin/test_vectors.py`, runs against every implementation."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from twin.models import Category, Chunk

Vector = NDArray[np.float32]


class Point(NamedTuple):
    """One embedded chunk: `point id = chunk.id`; `vector` has shape (dimension,), unit length, float32."""

    chunk: Chunk
    vector: Vector


class Hit(NamedTuple):
    """One result: the chunk and its cosine similarity to the query, in [-1, 1]; higher is nearer."""

    chunk: Chunk
    score: float

    def as_dict(self) -> dict[str, Any]:
        """The hit as JSON values: how near it is, where it stands, and what it says."""
        chunk = self.chunk
        return {
            "score": round(self.score, 6),
            "category": chunk.category.value,
            "title": chunk.title,
            "link": chunk.link,
            "path": chunk.path,
            "start": chunk.start,
            "end": chunk.end,
            "text": chunk.text,
            "document_id": chunk.document_id,
            "chunk_id": chunk.id,
        }


class VectorStore(Protocol):
    """Points per category, with the author as tenant. A reader never blocks a writer, nor a writer a reader.

    `model` is the fingerprint of the embedding model (name, revision, dimension): points of different models never
    mix; a changed model makes a new collection. Every method raises `StoreError` with one sentence where the store
    cannot be used.
    """

    @property
    def address(self) -> str:
        """Where this store is, for people; never with credentials."""

    def hashes(self, category: Category, author: str, model: str) -> dict[str, str]:
        """Point id -> content hash of its chunk, for the author's points of this model; empty where there are none."""

    def apply(
        self,
        category: Category,
        author: str,
        model: str,
        *,
        dimension: int,
        upserts: Iterable[Point],
        deletes: Collection[str],
    ) -> None:
        """Write and delete points, all or nothing for readers where the engine allows it; then what was written is
        durable. Deleting an unknown id is not an error. With nothing to write or delete nothing is touched."""

    def count(self, category: Category, author: str) -> int:
        """Number of the author's points that a search sees."""

    def serves(self, category: Category, author: str, model: str) -> bool:
        """Whether a search sees the author's points of this model. After a change of model a shared collection goes on
        answering with the old one until every author is loaded with the new one."""

    def search(self, categories: Sequence[Category], author: str, vector: Vector, *, limit: int) -> list[Hit]:
        """The author's nearest points over all given categories, best first; equal scores in the order of ids."""

    def remove_author(self, author: str) -> int:
        """Delete the author's points of every category and every model for good; return how many there were."""

    def close(self) -> None: ...
