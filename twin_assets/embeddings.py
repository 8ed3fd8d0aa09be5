"""Embeddings: one vector for each chunk."""

from functools import partial

import dagster as dg

from twin import layout
from twin.artifacts import ArtifactStore
from twin.embedding import Embedder, embed_chunks
from twin.embedding.checks import check_embeddings
from twin.embedding.inspection import FACTS, embedding_columns, inspect_embeddings
from twin.embedding.stage import EMBEDDING_VERSION, EmbeddingReport
from twin.models import Category
from twin_assets.checks import Check, stage_check
from twin_assets.columns import Stage, key
from twin_assets.framing import author_of, column_asset, materialized
from twin_assets.kinds import EMBEDDER
from twin_assets.showing import Page

PAGE = Page(
    report=EmbeddingReport,
    counts="vectors",
    columns=embedding_columns(),
    more=FACTS,
    own_table=True,
    made_by=[embed_chunks],
)

CHECKS = (
    Check(
        "vectors_are_sound",
        "Every chunk has exactly one vector, made from its own text: of the model's dimension, finite, of unit length.",
        blocking=True,
    ),
    Check(
        "texts_are_read_to_the_end",
        "No chunk is longer than the embedder reads, counted again with its own tokenizer.",
    ),
    Check(
        "vectors_have_not_drifted",
        "The lengths of the vectors, and their cosines with the previous mean, are distributed as in the previous "
        "version (Kolmogorov-Smirnov distance, beyond chance and above 0.2). A build that changes nothing gives the "
        "same result again.",
    ),
)


def embeddings_asset(category: Category) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """`<category>/embeddings` and its checks."""

    @column_asset(
        category,
        Stage.EMBEDDINGS,
        deps=[key(category, Stage.CHUNKS)],
        code_version=EMBEDDING_VERSION,
        kinds={"parquet", *EMBEDDER},
        tags={"layer": "feature"},
        page=PAGE,
        description=f"The vectors of the author's {category}, as Parquet under `embeddings/`. A text that this model "
        "has embedded before is never embedded again.",
    )
    def embeddings(
        context: dg.AssetExecutionContext,
        artifacts: dg.ResourceParam[ArtifactStore],
        embedder: dg.ResourceParam[Embedder],
    ) -> dg.MaterializeResult:
        author = author_of(context)
        report = embed_chunks(artifacts, embedder, author, category)
        return materialized(
            report,
            page=PAGE,
            address=str(artifacts.path(*layout.table(layout.EMBEDDINGS, author, category))),
            inspection=inspect_embeddings(artifacts, author, category),
        )

    rows = partial(check_embeddings, category=category)
    return [embeddings, stage_check(key(category, Stage.EMBEDDINGS), CHECKS, rows)]
