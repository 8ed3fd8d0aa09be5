"""Collections: the author's searchable memory in Qdrant."""

from functools import partial

import dagster as dg

from twin.artifacts import ArtifactStore
from twin.embedding import Embedder
from twin.models import Category
from twin.terms.bm25 import BM25_VERSION
from twin.vectors import load_points
from twin.vectors.base import VectorStore
from twin.vectors.checks import check_collection
from twin.vectors.stage import CollectionReport
from twin_assets.checks import Check, stage_check
from twin_assets.columns import Stage, key
from twin_assets.framing import STORE_RETRY, author_of, column_asset, materialized
from twin_assets.showing import Page

PAGE = Page(report=CollectionReport, counts="points", omitted=frozenset({"address"}), made_by=[load_points])

CHECKS = (
    Check(
        "points_are_the_chunks",
        "The author's points are exactly the chunks: the same ids and contents, and no others. A sample has the "
        "right vectors of both kinds. Searches use this model, unless they still wait for other authors.",
        blocking=True,
    ),
)


def collection_asset(category: Category) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """`<category>/collection` and its check."""

    @column_asset(
        category,
        Stage.COLLECTION,
        deps=[key(category, Stage.EMBEDDINGS)],
        code_version=f"bm25-{BM25_VERSION}",  # the rest of a point is its stored chunk and vector
        kinds={"qdrant"},
        tags={"layer": "serving"},
        pool="vector_store",
        retry_policy=STORE_RETRY,
        page=PAGE,
        description=f"The author's {category} in Qdrant, one point per chunk: its vector, its terms for BM25, its text "
        "and link. New points are written, changed ones replaced, stale ones deleted; an unchanged collection is not "
        "touched. Another embedding model or BM25 encoder makes a new collection, and searches move to it at once.",
    )
    def collection(
        context: dg.AssetExecutionContext,
        artifacts: dg.ResourceParam[ArtifactStore],
        embedder: dg.ResourceParam[Embedder],
        vectors: dg.ResourceParam[VectorStore],
    ) -> dg.MaterializeResult:
        report = load_points(artifacts, vectors, embedder, author_of(context), category)
        return materialized(report, page=PAGE, address=report.address)

    rows = partial(check_collection, category=category)
    return [collection, stage_check(key(category, Stage.COLLECTION), CHECKS, rows)]
