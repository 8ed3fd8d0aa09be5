"""Chunks: cleaned documents in pieces that fit the embedder."""

import dagster as dg

from twin.artifacts import ArtifactStore
from twin.chunking import chunk_documents
from twin.chunking.checks import verify_chunks
from twin.chunking.inspection import inspect_chunks, verify_duplicates, verify_lengths
from twin.embedding import Embedder
from twin.models import Category
from twin.settings import Settings
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
    """`chunks/<category>` and its checks."""

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
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult:
        with sentences():
            author = registered_author(context, warehouse)
            report = chunk_documents(warehouse, artifacts, embedder, author, category, profile=settings.chunking)
            found = inspect_chunks(warehouse, artifacts, embedder, author, category, cleaned=report.cleaned)
            return materialized(report, inspection=found)

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

    @author_check(
        asset=key("chunks", category),
        description="At most one chunk in ten repeats the text of another.",
    )
    def chunks_are_distinct(
        context: dg.AssetCheckExecutionContext, artifacts: dg.ResourceParam[ArtifactStore]
    ) -> dg.AssetCheckResult:
        with sentences():
            return checked(verify_duplicates(artifacts, author_of(context), category), dg.AssetCheckSeverity.WARN)

    @author_check(
        asset=key("chunks", category),
        description="The lengths of the chunks are distributed as they were in the version before this one "
        "(Kolmogorov-Smirnov distance, beyond chance and above 0.2). A build that changes nothing says the same again.",
    )
    def lengths_have_not_drifted(
        context: dg.AssetCheckExecutionContext, artifacts: dg.ResourceParam[ArtifactStore]
    ) -> dg.AssetCheckResult:
        with sentences():
            return checked(verify_lengths(artifacts, author_of(context), category), dg.AssetCheckSeverity.WARN)

    return [chunks, chunks_cover_documents, chunks_are_distinct, lengths_have_not_drifted]
