"""Collections: the author's searchable memory in Qdrant."""

import dagster as dg

from twin.artifacts import ArtifactStore
from twin.embedding import Embedder
from twin.models import Category
from twin.vectors import load_points
from twin.vectors.base import VectorStore
from twin.vectors.checks import verify_collection
from twin_assets.framing import (
    STORE_RETRY,
    author_asset,
    author_check,
    author_of,
    checked,
    key,
    materialized,
    sentences,
)


def collections_asset(category: Category) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """`collections/<category>` and its check."""

    @author_asset(
        key=key("collections", category),
        deps=[key("embeddings", category)],
        group_name="collections",
        kinds={"qdrant"},
        tags={"layer": "serving"},
        pool="vector_store",
        retry_policy=STORE_RETRY,
        description=f"The author's {category} in Qdrant, one point a chunk: its vector, its terms for BM25, its text "
        "and link. New points are written, changed ones replaced, stale ones deleted; an unchanged collection is not "
        "touched. Another embedding model or encoder of terms makes a new collection, and searches move to it at once.",
    )
    def collection(
        context: dg.AssetExecutionContext,
        artifacts: dg.ResourceParam[ArtifactStore],
        embedder: dg.ResourceParam[Embedder],
        vectors: dg.ResourceParam[VectorStore],
    ) -> dg.MaterializeResult:
        with sentences():
            return materialized(load_points(artifacts, vectors, embedder, author_of(context), category))

    @author_check(
        asset=key("collections", category),
        blocking=True,
        description="The author's points are exactly the chunks: the same ids with the same contents, no more; a "
        "sample has the right vectors of both kinds; searches see this model, unless they wait for other authors.",
    )
    def points_are_the_chunks(
        context: dg.AssetCheckExecutionContext,
        artifacts: dg.ResourceParam[ArtifactStore],
        embedder: dg.ResourceParam[Embedder],
        vectors: dg.ResourceParam[VectorStore],
    ) -> dg.AssetCheckResult:
        with sentences():
            return checked(verify_collection(artifacts, vectors, embedder, author_of(context), category))

    return [collection, points_are_the_chunks]
