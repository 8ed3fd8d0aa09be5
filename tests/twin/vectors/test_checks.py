"""The check of the points of an author: it fails on each damage that it is there to find."""

from tests.kit.staged import ADA, ARTICLES, EMBEDDER, Stores
from twin.chunking import read_chunks
from twin.embedding import read_embeddings
from twin.terms.bm25 import encode_chunk
from twin.vectors.base import Point, points_model


def test_lost_stray_and_old_points(stores: Stores) -> None:
    first, second, third = list(read_chunks(stores.artifacts, ADA, ARTICLES))[:3]
    vector = next(iter(read_embeddings(stores.artifacts, ADA, ARTICLES))).vector
    stray = first.model_copy(update={"id": "00000000-0000-5000-8000-000000000000"})
    changed = second.model_copy(update={"text": "old"})
    stores.vectors.apply(
        ARTICLES,
        ADA,
        points_model(EMBEDDER),
        dimension=EMBEDDER.dimension,
        upserts=[Point(old, vector, encode_chunk(old)) for old in (stray, changed)],
        deletes=[third.id],
    )
    assert stores.collection().problems == [
        "1 chunks have no point",
        "1 points are stale",
        "1 points have an older text",
    ]


def test_points_with_the_vectors_of_others(stores: Stores) -> None:
    first, second = list(read_chunks(stores.artifacts, ADA, ARTICLES))[:2]
    vectors = {row.chunk_id: row.vector for row in read_embeddings(stores.artifacts, ADA, ARTICLES)}
    stores.vectors.apply(
        ARTICLES,
        ADA,
        points_model(EMBEDDER),
        dimension=EMBEDDER.dimension,
        upserts=[
            Point(first, vectors[second.id], encode_chunk(first)),
            Point(second, vectors[second.id], encode_chunk(first)),
        ],
        deletes=[],
    )
    verdict = stores.collection()
    count = verdict.facts["vectors_compared"]
    assert count == verdict.facts["points"]
    assert verdict.problems == [
        f"1 of {count} points have a vector that is not their chunk's",
        f"1 of {count} points have terms that are not their chunk's",
    ]


def test_a_search_that_sees_another_model(stores: Stores) -> None:
    """Searches of an embedded store never wait for others: points of another model there are a mistake."""
    stores.vectors.apply(
        ARTICLES,
        ADA,
        "other",
        dimension=EMBEDDER.dimension,
        upserts=[
            Point(chunk, row.vector, encode_chunk(chunk))
            for chunk, row in zip(
                read_chunks(stores.artifacts, ADA, ARTICLES),
                read_embeddings(stores.artifacts, ADA, ARTICLES),
                strict=True,
            )
        ],
        deletes=[],
    )
    verdict = stores.collection()
    assert verdict.problems[-1] == "a search still sees points of other, although it waits for no other author"
    assert verdict.facts["points"] == 0
