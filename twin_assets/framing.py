"""What all assets share: the partition, the owners, Dagster metadata from domain reports, and one-sentence failures
from user errors.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from twin.commands import BUILD, build
from twin.errors import StoreError, TwinError
from twin.identity import check_slug
from twin.inspection import Inspection
from twin.inspection.preview import Row
from twin.masking import masked, masked_values, no_secrets
from twin.models import Category, StageReport
from twin.nearest import did_you_mean, listed
from twin.verdict import Verdict
from twin.warehouse.base import Warehouse
from twin_assets.columns import TWIN, Stage, key
from twin_assets.showing import Page, place, sample_rows

AUTHORS = dg.DynamicPartitionsDefinition(name="author")

STORE_RETRY = dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""For stages that use servers. Bad input is never retried: see `sentences`."""


def author_asset(
    *, page: Page | None = None, description: str | None = None, **options: Any
) -> Callable[[Callable[..., dg.MaterializeResult]], dg.AssetsDefinition]:
    """A decorator like `dagster.asset`, with the same options, for an asset with one partition per author.

    Every asset of the graph uses it. If the body raises an error of the domain, the failure is one sentence.

    Args:
        page: what the UI shows of it.
        description: what it is; None: the docstring of the body.
        options: of `dagster.asset`.
    """

    def decorate(body: Callable[..., dg.MaterializeResult]) -> dg.AssetsDefinition:
        said = description or inspect.getdoc(body) or ""
        shown = page.definition(body, said) if page else {"description": said}
        asset: dg.AssetsDefinition = dg.asset(partitions_def=AUTHORS, owners=["team:twin"], **shown, **options)(
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
    """`author_asset` for an asset made from all columns."""
    return author_asset(group_name=TWIN, **options)


def author_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> str:
    """The author whose partition this run builds.

    Raises:
        dg.Failure: no author was chosen; the message says how to choose one.
    """
    if not context.has_partition_key:
        raise dg.Failure(f"No author was chosen: choose one as the partition, or run `{BUILD}`.", allow_retries=False)
    with sentences():
        return check_slug(context.partition_key)


def registered_author(context: dg.AssetExecutionContext, warehouse: Warehouse) -> str:
    """The author of this run, who must be in the warehouse; adds the partition if the instance does not have it.

    The warehouse decides who exists. The instance may be new while the warehouse is old (another DAGSTER_HOME, or none
    at all, as in CI); that must not fail.

    Raises:
        dg.Failure: the author is not registered; the message names the registered authors and what to run.
    """
    author = author_of(context)
    if warehouse.author(author) is None:
        known = [found.slug for found in warehouse.authors()]
        otherwise = f"write authors/{author}.yaml and run `{build(author)}`, or import the author with `twin import`"
        raise dg.Failure(
            f"The author '{author}' is not registered (registered: {listed(known) or 'nobody yet'})"
            + did_you_mean(author, known, otherwise),
            allow_retries=False,
        )
    if not context.instance.has_dynamic_partition(AUTHORS.name or "", author):
        context.instance.add_dynamic_partitions(AUTHORS.name or "", [author])
    return author


@contextmanager
def sentences() -> Iterator[None]:
    """Turn the domain's errors into failures with the same message; only store errors are retried.

    Other errors stay what they are, unless they or their causes contain a secret: Dagster stores all of their texts.
    """
    try:
        with no_secrets():
            yield
    except TwinError as error:
        raise dg.Failure(str(error), allow_retries=isinstance(error, StoreError)) from error


def metadata_of(fields: Mapping[str, Any]) -> dict[str, dg.MetadataValue]:
    """Metadata of a report's fields: Dagster plots numbers over time; lists become Markdown, dictionaries JSON."""
    values: dict[str, dg.MetadataValue] = {}
    for name, value in fields.items():  # names are ours, so only values are masked
        match masked_values(value):
            case bool() as shown:
                values[name] = dg.MetadataValue.bool(shown)
            case int() as shown:
                values[name] = dg.MetadataValue.int(shown)
            case float() as shown:
                values[name] = dg.MetadataValue.float(shown)
            case list() as shown if shown:
                values[name] = dg.MetadataValue.md("\n".join(f"* {item}" for item in shown))
            case dict() as shown if shown:
                values[name] = dg.MetadataValue.json(shown)
            case str() as shown if shown:
                values[name] = dg.MetadataValue.text(str(shown))  # Dagster refuses to store the class of an enum
            case _:
                pass  # nothing to show: an empty list, dictionary or text, or None
    return values


def materialized(
    report: StageReport,
    check_results: list[dg.AssetCheckResult] | None = None,
    *,
    page: Page,
    address: str,
    rows: Sequence[Row] = (),
    inspection: Inspection | None = None,
    pictures: Mapping[str, str] | None = None,
) -> dg.MaterializeResult:
    """The materialisation of a stage's report, with its data version.

    Every materialisation has everything, even if it wrote nothing: the UI shows only the newest one, so pictures and
    rows would disappear after an idle run.

    Args:
        report: what the stage did.
        check_results: of the checks that the asset itself reports.
        page: what the UI shows of the asset.
        address: where it is stored: a path or a URI.
        rows: a few rows of it.
        inspection: facts and pictures to show.
        pictures: other pictures to show, as Markdown by name.
    """
    shown = {**(inspection.shown if inspection else {}), **(pictures or {})}
    return dg.MaterializeResult(
        metadata={
            **place(address),
            **sample_rows(rows),
            **{name: dg.MetadataValue.md(masked(markdown)) for name, markdown in shown.items()},
            **metadata_of({**page.entries(report), **(inspection.facts if inspection else {})}),
        },
        data_version=dg.DataVersion(report.data_version),
        check_results=check_results or [],
    )


def checked(
    verdict: Verdict, severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR, name: str | None = None
) -> dg.AssetCheckResult:
    """The check result of a verdict: its problems become the description, its facts the metadata.

    Args:
        name: of the check, if the asset itself reports it.
    """
    return dg.AssetCheckResult(
        check_name=name,
        passed=not verdict.problems,
        severity=severity,
        description=masked(_first(verdict.problems)) or None,
        metadata={**metadata_of(verdict.facts), **metadata_of({"problems": verdict.problems[:50]})},
    )


def _first(problems: list[str], count: int = 5) -> str:
    """The first problems in one line, and the number of the others."""
    more = [f"and {len(problems) - count} more"] if len(problems) > count else []
    return "; ".join([problem.rstrip(".") for problem in problems[:count]] + more)
