"""Chunks: cleaned documents cut into pieces that fit the embedder."""

from functools import partial

import dagster as dg

from twin import layout
from twin.artifacts import ArtifactStore
from twin.chunking import chunk_documents
from twin.chunking.checks import check_chunks
from twin.chunking.chunker import CHUNKER_VERSION
from twin.chunking.inspection import FACTS, chunk_columns, inspect_chunks, preview_chunks
from twin.chunking.stage import ChunkReport
from twin.embedding import Embedder
from twin.models import Category
from twin.settings import Settings
from twin.warehouse.base import Warehouse
from twin_assets.checks import Check, stage_check
from twin_assets.columns import Stage, key
from twin_assets.framing import column_asset, materialized, registered_author
from twin_assets.showing import Page

PAGE = Page(
    report=ChunkReport, counts="chunks", columns=chunk_columns(), more=FACTS, own_table=True, made_by=[chunk_documents]
)

CHECKS = (
    Check(
        "chunks_cover_documents",
        "Ids are unique, every chunk is the text at its offsets, every document is covered once up to its last word, "
        "and no chunk is longer than the embedder's window.",
        blocking=True,
    ),
    Check("chunks_are_distinct", "At most one chunk in ten repeats the text of another."),
    Check(
        "lengths_have_not_drifted",
        "The lengths of the chunks are distributed as in the previous version (Kolmogorov-Smirnov distance, beyond "
        "chance and above 0.2). A build that changes nothing gives the same result again.",
    ),
)


def chunks_asset(category: Category) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """`<category>/chunks` and its checks."""

    @column_asset(
        category,
        Stage.CHUNKS,
        deps=[key(category, Stage.CLEANED)],
        code_version=CHUNKER_VERSION,
        kinds={"parquet"},
        tags={"layer": "feature"},
        page=PAGE,
        description=f"The author's {category} cut at headings, paragraphs and sentences into pieces measured in tokens "
        "of the embedder, as Parquet under `chunks/`. Every word is in a chunk, the model truncates no chunk, and "
        "character offsets point to the cleaned text.",
    )
    def chunks(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        artifacts: dg.ResourceParam[ArtifactStore],
        embedder: dg.ResourceParam[Embedder],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult:
        author = registered_author(context, warehouse)
        report = chunk_documents(warehouse, artifacts, embedder, author, category, profile=settings.chunking)
        found = inspect_chunks(warehouse, artifacts, embedder, author, category, cleaned=report.cleaned)
        return materialized(
            report,
            page=PAGE,
            address=str(artifacts.path(*layout.table(layout.CHUNKS, author, category))),
            rows=preview_chunks(artifacts, author, category),
            inspection=found,
        )

    return [chunks, stage_check(key(category, Stage.CHUNKS), CHECKS, partial(check_chunks, category=category))]
