"""Chunks: cleaned documents in pieces that fit the embedder."""

import dagster as dg

from twin.artifacts import ArtifactStore
from twin.chunking import chunk_documents
from twin.embedding import Embedder
from twin.models import Category
from twin.verification import verify_chunks
from twin.warehouse.base import Warehouse
from twin_assets.framing import (
    author_asset,
    author_check,
    author_of,
    checked,
    key,
    materialized,
    registered_author,
    sentences,
)


def chunks_asset(category: Category) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """`chunks/<category>` and its check."""

    @author_asset(
        key=key("chunks", category),
        deps=[key("cleaned", category)],
        group_name="chunks",
        kinds={"parquet", "python"},
        tags={"layer": "feature"},
        description=f"The author's {category} cut at headings, paragraphs and sentences into pieces sized in tokens of "
        "the embedder, as Parquet under `chunks/`. Every word is in a chunk, no chunk is cut short by the model, and "
        "character offsets lead back to the cleaned text.",
    )
    def chunks(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        artifacts: dg.ResourceParam[ArtifactStore],
        embedder: dg.ResourceParam[Embedder],
    ) -> dg.MaterializeResult:
        with sentences():
            author = registered_author(context, warehouse)
            return materialized(chunk_documents(warehouse, artifacts, embedder, author, category))

    @author_check(
        asset=key("chunks", category),
        blocking=True,
        description="Ids are unique, every chunk is the text at its offsets, every document is covered once to its "
        "last word, and no chunk exceeds the embedder's window.",
    )
    def chunks_cover_documents(
        context: dg.AssetCheckExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        artifacts: dg.ResourceParam[ArtifactStore],
        embedder: dg.ResourceParam[Embedder],
    ) -> dg.AssetCheckResult:
        with sentences():
            return checked(verify_chunks(warehouse, artifacts, embedder, author_of(context), category))

    return [chunks, chunks_cover_documents]
