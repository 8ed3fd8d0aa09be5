"""What every asset shares: the partition, the owners, the way from a domain report to Dagster's metadata, and the way
from a user's error to a failure of one sentence.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg

from twin.commands import BUILD, REGISTER
from twin.errors import StoreError, TwinError
from twin.identity import check_slug
from twin.inspection import Inspection
from twin.models import Category, StageReport
from twin.verdict import Verdict
from twin.warehouse.base import Warehouse
from twin_assets.columns import TWIN, Stage, key

AUTHORS = dg.DynamicPartitionsDefinition(name="author")

STORE_RETRY = dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""For stages that talk to servers. Bad input is never retried: see `sentences`."""


def author_asset(**options: Any) -> Callable[[Callable[..., dg.MaterializeResult]], dg.AssetsDefinition]:
    """A decorator like `dagster.asset`, which takes its options, for an asset with one partition per author.

    Everything in the graph is one. An error of the domain that leaves the body is a failure of one sentence.
    """

    def decorate(body: Callable[..., dg.MaterializeResult]) -> dg.AssetsDefinition:
        asset: dg.AssetsDefinition = dg.asset(partitions_def=AUTHORS, owners=["team:twin"], **options)(
            sentences()(body)
        )
        return asset

    return decorate


def column_asset(
    category: Category, stage: Stage, **options: Any
) -> Callable[[Callable[..., dg.MaterializeResult]], dg.AssetsDefinition]:
    """`author_asset` for one stage of one category: named and grouped by the rule of `twin_assets.columns`."""
    return author_asset(key=key(category, stage), group_name=category.value, **options)


def twin_asset(**options: Any) -> Callable[[Callable[..., dg.MaterializeResult]], dg.AssetsDefinition]:
    """`author_asset` for what is made from all columns."""
    return author_asset(group_name=TWIN, **options)


def author_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> str:
    """The author whose partition this run builds.

    Raises:
        dg.Failure: no author was chosen; the sentence says how to choose one.
    """
    if not context.has_partition_key:
        raise dg.Failure(f"No author was chosen: run `{REGISTER}` first, then `{BUILD}`.", allow_retries=False)
    with sentences():
        return check_slug(context.partition_key)


def registered_author(context: dg.AssetExecutionContext, warehouse: Warehouse) -> str:
    """The author of this run, who must be in the warehouse; adds the partition where the instance lacks it.

    The warehouse is the truth about who exists. The instance may be a fresh one beside an old warehouse (another
    DAGSTER_HOME, or none at all, as in CI), which is no reason to fail.

    Raises:
        dg.Failure: nobody of that name is registered; the sentence names the authors there are and what to run.
    """
    author = author_of(context)
    if warehouse.author(author) is None:
        known = ", ".join(found.slug for found in warehouse.authors()) or "nobody yet"
        raise dg.Failure(
            f"The author '{author}' is not registered (registered: {known}): write authors/{author}.yaml and run "
            f"`{REGISTER}`, or bring the author in with `twin import`.",
            allow_retries=False,
        )
    if not context.instance.has_dynamic_partition(AUTHORS.name or "", author):
        context.instance.add_dynamic_partitions(AUTHORS.name or "", [author])
    return author


@contextmanager
def sentences() -> Iterator[None]:
    """Turn the domain's errors into failures whose description is their sentence; only store errors are retried."""
    try:
        yield
    except TwinError as error:
        raise dg.Failure(str(error), allow_retries=isinstance(error, StoreError)) from error


def metadata_of(fields: Mapping[str, Any]) -> dict[str, dg.MetadataValue]:
    """Metadata of a report's fields: numbers plot over time, lists become Markdown, dictionaries become JSON."""
    values: dict[str, dg.MetadataValue] = {}
    for name, value in fields.items():
        match value:
            case bool():
                values[name] = dg.MetadataValue.bool(value)
            case int():
                values[name] = dg.MetadataValue.int(value)
            case float():
                values[name] = dg.MetadataValue.float(value)
            case list() if value:
                values[name] = dg.MetadataValue.md("\n".join(f"* {item}" for item in value))
            case dict() if value:
                values[name] = dg.MetadataValue.json(value)
            case str() if value:
                values[name] = dg.MetadataValue.text(str(value))  # of an enum, whose own class Dagster refuses to store
            case _:
                pass  # an empty list, dictionary, text or None says nothing
    return values


def materialized(
    report: StageReport,
    check_results: list[dg.AssetCheckResult] | None = None,
    inspection: Inspection | None = None,
    **extra: Any,
) -> dg.MaterializeResult:
    """The materialisation of a stage's report, with its data version and row count.

    Args:
        inspection: facts and pictures to show as well. Every materialisation carries them, also one that wrote
            nothing: the UI shows the newest, and a picture that is gone after an idle run is none.
    """
    fields = {**report.model_dump(mode="json", exclude={"data_version"}), **extra}
    shown = {}
    if inspection is not None:
        fields |= inspection.facts
        shown = {name: dg.MetadataValue.md(markdown) for name, markdown in inspection.shown.items()}
    return dg.MaterializeResult(
        metadata={**metadata_of(fields), **shown, "dagster/partition_row_count": report.total},
        data_version=dg.DataVersion(report.data_version),
        check_results=check_results or [],
    )


def checked(
    verdict: Verdict, severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR, name: str | None = None
) -> dg.AssetCheckResult:
    """The check result of a verdict; its problems become the description, its facts the metadata.

    Args:
        name: of the check, where the asset itself reports it.
    """
    return dg.AssetCheckResult(
        check_name=name,
        passed=not verdict.problems,
        severity=severity,
        description=_first(verdict.problems) or None,
        metadata={**metadata_of(verdict.facts), **metadata_of({"problems": verdict.problems[:50]})},
    )


def _first(problems: list[str], count: int = 5) -> str:
    """The first problems in one line, and how many more there are."""
    more = [f"and {len(problems) - count} more"] if len(problems) > count else []
    return "; ".join([problem.rstrip(".") for problem in problems[:count]] + more)
