"""Search in one author's collections."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from twin.embedding.base import Embedder
from twin.errors import InputError
from twin.identity import check_slug
from twin.models import Category, Chunk
from twin.vectors.base import VectorStore, Where, points_model


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


def search(
    vectors: VectorStore,
    embedder: Embedder,
    author: str,
    query: str,
    *,
    limit: int = 5,
    categories: Sequence[Category] = tuple(Category),
) -> list[Hit]:
    """The author's chunks that are nearest in meaning to the query, best first, over all given categories.

    Args:
        vectors: where the points are.
        embedder: the one that the points were made with.
        author: slug.
        query: in the author's language or the model's.
        limit: number of hits at most.
        categories: searched together; scores of all categories compare.

    Raises:
        InputError: the query is empty, the limit not positive, no category is given, the author has no points, or
            they are of another model: distances between the vectors of two models mean nothing, even where their
            dimensions agree.
        StoreError: the vector store cannot be used.
    """
    check_slug(author)
    if not query.strip():
        raise InputError("The query is empty: say what to search for.")
    if limit < 1:
        raise InputError(f"The number of results must be 1 or more, not {limit}.")
    if not categories:
        raise InputError(f"No category is given: choose of {', '.join(Category)}.")
    if not any(vectors.count(category, author) for category in categories):
        names = ", ".join(category.value for category in categories)
        job = "dagster job execute -m twin_jobs.definitions -j build_twin"
        tags = json.dumps({"dagster/partition": author})
        raise InputError(f"{author} has no points in {names}: build the twin first ({job} --tags '{tags}').")
    for category in categories:
        if not vectors.serves(category, author, points_model(embedder)):
            raise InputError(
                f"The {category.value} of {author} are searched with another embedding model than "
                f"{embedder.fingerprint}: build the collections again, or set TWIN_EMBEDDING_MODEL back."
            )
    (vector,) = embedder.embed([query.strip()])
    hits: list[Hit] = []
    for category in dict.fromkeys(categories):
        found = vectors.search(category, Where(author=author), vector=vector, sparse=None, limit=limit).dense
        chunks = vectors.chunks(category, found)
        hits.extend(Hit(chunks[point.id], point.score) for point in found if point.id in chunks)
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk.id))[:limit]
