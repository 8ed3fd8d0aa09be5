"""The instruction dataset: what the adapter learns from."""

import dagster as dg

from twin.artifacts import ArtifactStore
from twin.dataset.checks import FEWEST, check_dataset
from twin.dataset.stage import CODE_VERSION, DatasetReport, build_dataset, preview_samples, sample_columns
from twin.warehouse.base import Warehouse
from twin_assets.checks import Check, stage_check
from twin_assets.columns import Stage, keys
from twin_assets.framing import materialized, registered_author, twin_asset
from twin_assets.showing import Page

PAGE = Page(
    report=DatasetReport,
    counts="samples",
    columns=sample_columns(),
    own_table=True,
    omitted=frozenset({"path"}),
    made_by=[build_dataset],
)

CHECKS = (
    Check(
        "instruction_dataset_is_sound",
        "Every output is the author's text at its offsets, no id or instruction occurs twice, and no document or "
        "output is in two splits.",
        blocking=True,
    ),
    Check(
        "enough_samples_to_train_on",
        f"There are at least {FEWEST} training samples; with fewer, the adapter will hardly change the style.",
    ),
)


@twin_asset(
    deps=keys(Stage.CLEANED),
    code_version=CODE_VERSION,
    kinds={"parquet", "json"},
    tags={"layer": "feature"},
    page=PAGE,
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
    author = registered_author(context, warehouse)
    report = build_dataset(warehouse, artifacts, author)
    return materialized(report, page=PAGE, address=report.path, rows=preview_samples(artifacts, author))


dataset_checks = stage_check(instruction_dataset.key, CHECKS, check_dataset)
