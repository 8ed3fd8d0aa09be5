"""What must be true of the points of a collection.

Each function reads what is *stored*, not what the stage returned, and lists what is wrong with it; the asset graph
blocks on the result.
"""

from collections.abc import Iterator

import numpy as np

from twin.artifacts import ArtifactStore
from twin.batching import batches
from twin.chunking.stage import read_hashes
from twin.embedding import Embedder, read_embeddings
from twin.models import Category
from twin.terms.bm25 import encode_chunks
from twin.vectors.base import VectorStore, points_model
from twin.vectors.payload import BATCH
from twin.verdict import Verdict

COMPARED_POINTS = 1000
"""Number of points in a collection whose vectors are compared on every run; that takes a fraction of a second."""

VECTOR_TOLERANCE = 1e-4
"""Tolerance for the cosine between a vector and the engine's copy."""


def check_collection(
    artifacts: ArtifactStore, vectors: VectorStore, embedder: Embedder, author: str, category: Category
) -> dict[str, Verdict]:
    """Every check of an author's points: name -> verdict."""
    return {"points_are_the_chunks": verify_collection(artifacts, vectors, embedder, author, category)}


def verify_collection(
    artifacts: ArtifactStore, vectors: VectorStore, embedder: Embedder, author: str, category: Category
) -> Verdict:
    """The points in the vector store are exactly the chunks, with both kinds of vectors. A search sees points of this
    model, unless it waits for other authors.

    Ids and contents are compared for all points, vectors for `COMPARED_POINTS` points evenly spread over the ids.
    """
    wanted = dict(read_hashes(artifacts, author, category))  # the checks of the chunks computed them again
    model = points_model(embedder)
    stored = vectors.hashes(category, author, model)
    seen = vectors.count(category, author)
    seen_model = vectors.model(category, author)
    serves = vectors.serves(category, author, model)
    problems = []
    if lacking := wanted.keys() - stored.keys():
        problems.append(f"{len(lacking)} chunks have no point")
    if stale := stored.keys() - wanted.keys():
        problems.append(f"{len(stale)} points are stale")
    if changed := [
        identifier for identifier in wanted.keys() & stored.keys() if wanted[identifier] != stored[identifier]
    ]:
        problems.append(f"{len(changed)} points have an older text")
    if serves and seen != len(stored):
        problems.append(f"a search sees {seen} points, but {len(stored)} are stored")
    if serves and seen_model not in (None, model):
        problems.append(f"a search sees points of {seen_model}, not of {model}")
    if not serves and not [other for other in vectors.authors(category) if other != author]:
        problems.append(f"a search still sees points of {seen_model}, although it waits for no other author")
    same = sorted(wanted.keys() & stored.keys() - set(changed))
    compared = set(same[:: -(-len(same) // COMPARED_POINTS)]) if same else set()
    problems += _wrong_vectors(artifacts, vectors, model, author, category, compared)
    facts = {"points": len(stored), "searchable": seen, "chunks": len(wanted), "waits_for_other_authors": not serves}
    return Verdict({**facts, "vectors_compared": len(compared), "collection": vectors.address}, problems)


def _wrong_vectors(  # noqa: PLR0917 - one store each
    artifacts: ArtifactStore, vectors: VectorStore, model: str, author: str, category: Category, ids: set[str]
) -> Iterator[str]:
    """Yield what is wrong with the vectors of these points."""
    if not ids:
        return
    rows = read_embeddings(artifacts, author, category)
    right = {row.chunk_id: row.vector for row in rows if row.chunk_id in ids}
    there, dense, sparse = 0, 0, 0
    for batch in batches(vectors.points(category, author, model, ids), BATCH):
        there += len(batch)
        for point, terms in zip(batch, encode_chunks([point.chunk for point in batch]), strict=True):
            vector = right.get(point.chunk.id)
            dense += (
                vector is None
                or vector.shape != point.vector.shape
                or not bool(np.dot(vector, point.vector) > 1 - VECTOR_TOLERANCE)
            )
            sparse += not (
                np.array_equal(terms.indices, point.sparse.indices) and np.allclose(terms.values, point.sparse.values)
            )
    if there != len(ids):
        yield f"{len(ids) - there} of {len(ids)} points have vanished"
    if dense:
        yield f"{dense} of {len(ids)} points have a vector that is not their chunk's"
    if sparse:
        yield f"{sparse} of {len(ids)} points have terms that are not their chunk's"
