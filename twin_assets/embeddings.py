"""Embeddings: one vector for each chunk."""

import dagster as dg

from twin.artifacts import ArtifactStore
from twin.embedding import Embedder, embed_chunks
from twin.models import Category
from twin.verification import verify_embeddings
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
    """`embeddings/<category>` and its check."""

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
            return materialized(embed_chunks(artifacts, embedder, author_of(context), category))

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

    return [embeddings, vectors_are_sound]
