"""The instruction dataset: what the adapter learns from."""

import dagster as dg

from twin.artifacts import ArtifactStore
from twin.dataset.checks import verify_dataset
from twin.dataset.stage import build_dataset
from twin.models import Category
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


@author_asset(
    deps=[key("cleaned", category) for category in Category],
    group_name="dataset",
    kinds={"dataset", "parquet"},
    tags={"layer": "feature"},
)
def instruction_dataset(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    artifacts: dg.ResourceParam[ArtifactStore],
) -> dg.MaterializeResult:
    """Chat examples in the author's own words, as Parquet and JSONL with a dataset card under `datasets/`.

    Only the instructions are made up; every output is a verbatim span of a cleaned document, with its offsets. The
    split into train, validation and test is by document.
    """
    with sentences():
        author = registered_author(context, warehouse)
        return materialized(build_dataset(warehouse, artifacts, author))


@author_check(
    asset=instruction_dataset,
    blocking=True,
    description="Every output is the author's text at its offsets, no id or instruction occurs twice, and no document "
    "or output is in two splits.",
)
def instruction_dataset_is_sound(
    context: dg.AssetCheckExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    artifacts: dg.ResourceParam[ArtifactStore],
) -> dg.AssetCheckResult:
    with sentences():
        return checked(verify_dataset(warehouse, artifacts, author_of(context)))
