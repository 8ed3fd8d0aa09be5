"""Embeddings: one vector for each chunk."""

import dagster as dg

from twin.artifacts import ArtifactStore
from twin.embedding import Embedder, embed_chunks
from twin.embedding.checks import verify_embeddings
from twin.embedding.inspection import inspect_embeddings, verify_reading, verify_vectors
from twin.models import Category
from twin_assets.framing import (
    author_asset,
    author_check,
    author_of,
    checked,
    key,
    materialized,
    sentences,
)


def embeddings_asset(category: Category) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """`embeddings/<category>` and its checks."""

    @author_asset(
        key=key("embeddings", category),
        deps=[key("chunks", category)],
        group_name="embeddings",
        kinds={"parquet", "pytorch"},
        tags={"layer": "feature"},
        description=f"The vectors of the author's {category}, as Parquet under `embeddings/`. A text that this model "
        "has embedded before is never embedded again.",
    )
    def embeddings(
        context: dg.AssetExecutionContext,
        artifacts: dg.ResourceParam[ArtifactStore],
        embedder: dg.ResourceParam[Embedder],
    ) -> dg.MaterializeResult:
        with sentences():
            author = author_of(context)
            report = embed_chunks(artifacts, embedder, author, category)
            return materialized(report, inspection=inspect_embeddings(artifacts, author, category))

    @author_check(
        asset=key("embeddings", category),
        blocking=True,
        description="Every chunk has exactly one vector, of its own text, of the model's dimension, finite and of "
        "unit length.",
    )
    def vectors_are_sound(
        context: dg.AssetCheckExecutionContext,
        artifacts: dg.ResourceParam[ArtifactStore],
        embedder: dg.ResourceParam[Embedder],
    ) -> dg.AssetCheckResult:
        with sentences():
            return checked(verify_embeddings(artifacts, author_of(context), category, embedder.dimension))

    @author_check(
        asset=key("embeddings", category),
        description="No chunk is longer than what the embedder reads, counted again with its own tokenizer.",
    )
    def texts_are_read_to_the_end(
        context: dg.AssetCheckExecutionContext,
        artifacts: dg.ResourceParam[ArtifactStore],
        embedder: dg.ResourceParam[Embedder],
    ) -> dg.AssetCheckResult:
        with sentences():
            verdict = verify_reading(artifacts, embedder, author_of(context), category)
            return checked(verdict, dg.AssetCheckSeverity.WARN)

    @author_check(
        asset=key("embeddings", category),
        description="The lengths of the vectors, and their cosines with the former mean, are distributed as they were "
        "in the version before this one (Kolmogorov-Smirnov distance, beyond chance and above 0.2). A build that "
        "changes nothing says the same again.",
    )
    def vectors_have_not_drifted(
        context: dg.AssetCheckExecutionContext, artifacts: dg.ResourceParam[ArtifactStore]
    ) -> dg.AssetCheckResult:
        with sentences():
            return checked(verify_vectors(artifacts, author_of(context), category), dg.AssetCheckSeverity.WARN)

    return [embeddings, vectors_are_sound, texts_are_read_to_the_end, vectors_have_not_drifted]
