"""The sensors: one finds changed links, the other turns such changes into runs.

They meet in the events of the asset `links`: anything may report such an event (a sensor, the UI, CI, Dagster's REST
endpoint), and the second sensor treats all of them in the same way.
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import dagster as dg

from twin.authors.watching import Look, Memory, look
from twin.cleaning import COMPARED
from twin.errors import InputError
from twin.identity import check_slug
from twin.masking import no_secrets
from twin.models import Category
from twin.settings import Settings
from twin.warehouse.base import Warehouse
from twin_assets.columns import LINKS, Stage, keys
from twin_assets.framing import AUTHORS, metadata_of
from twin_jobs.jobs import run_tags, update_columns

CATEGORIES = "categories"
"""Metadata entry of a `links` event: the categories that its links belong to. If it is missing, all are meant."""

_SHOWN = 5
"""Problems that the reason of a tick without changes names; the log names each, once."""


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks for links that were added, changed or removed, in authors/*.yaml or with `twin links`, and "
    "reports each author that has some as a materialization of `links`. It starts no run: update_on_links does. It "
    "never fetches a link: the schedule `look_again` does.",
)
@no_secrets()
def discover_links(
    context: dg.SensorEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.SensorResult | dg.SkipReason:
    """Reports authors whose links changed, in `authors/*.yaml` or in the warehouse, as materialisations of `links`.

    The cursor holds what the last tick saw, such as the last reported version of the links, for each author and
    category. It advances together with the events, so a change is reported once, even if a tick is killed between
    writing and reporting. An author whom the cursor does not know yet is reported only if the newest materialisation of
    `links` has another version, so what `make demo` built is not built again.
    """
    remembered = _remembered(context.cursor)
    seen = look(warehouse, settings.authors_path, remembered)
    for problem in seen.new_problems:
        context.log.warning(problem)
    changed = [
        each
        for each in seen.changed
        if isinstance(remembered.get(each.slug), dict)
        or not _is_recorded(context.instance, each.slug, each.report.data_version)
    ]
    cursor = json.dumps(seen.memory, sort_keys=True)
    if not changed:
        context.update_cursor(cursor)
        reason = _skipped(seen)
        return dg.SensorResult(skip_reason=reason, cursor=cursor) if seen.changed else dg.SkipReason(reason)
    return dg.SensorResult(
        asset_events=[
            dg.AssetMaterialization(
                LINKS,
                partition=slug,
                metadata=metadata_of(report.model_dump(mode="json")) | {CATEGORIES: dg.MetadataValue.json(categories)},
                tags={"dagster/data_version": report.data_version},
            )
            for slug, categories, report in changed
        ],
        skip_reason=f"Reported the links of {', '.join(each.slug for each in changed)} as changed.",
        dynamic_partitions_requests=[AUTHORS.build_add_request([each.slug for each in changed])],
        cursor=cursor,
    )


def _is_recorded(instance: dg.DagsterInstance, slug: str, data_version: str) -> bool:
    """Whether the author is a partition and the newest materialisation of their `links` has this version."""
    if not instance.has_dynamic_partition(AUTHORS.name or "", slug):
        return False
    found = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=LINKS, asset_partitions=[slug]), limit=1)
    newest = found.records[0].asset_materialization if found.records else None
    return newest is not None and (newest.tags or {}).get("dagster/data_version") == data_version


def _skipped(seen: Look) -> str:
    """Why a tick reports nothing, and what somebody should do something about."""
    said = ["No author's links changed."]
    if seen.left:
        said.append(f"{seen.left} authors are looked at in the next tick.")
    if len(seen.problems) > _SHOWN:
        said += [*seen.problems[:_SHOWN], f"And {len(seen.problems) - _SHOWN} more: see `twin authors`."]
    else:
        said += seen.problems
    return "\n".join(said)


def _remembered(cursor: str | None) -> Memory:
    """What the cursor says; nothing if somebody set it by hand to something else, and then all links are reported."""
    try:
        remembered = json.loads(cursor or "{}")
    except ValueError:
        return {}
    return remembered if isinstance(remembered, dict) else {}


class LinkEvent(NamedTuple):
    """One materialisation of `links`: its storage id, its partition, the categories it names (none: all), and whether
    the run that made it also builds the downstream assets."""

    storage_id: int
    author: str | None
    categories: tuple[str, ...]
    downstream_in_run: bool


class ColumnRun(NamedTuple):
    """One run to request: the author, the categories, and the newest event that asked for it."""

    author: str
    categories: tuple[Category, ...]
    storage_id: int


def column_assets(categories: Sequence[Category]) -> list[dg.AssetKey]:
    """The assets that a change of the links of `categories` affects, from raw documents to the collection.

    A new article may be the same text as a post, and the other way round, so a change of one category cleans both and
    continues with what that changed; nothing of the other one is crawled.
    """
    compared = any(category in COMPARED for category in categories)
    cleaned = [each for each in Category if each in categories or (compared and each in COMPARED)]
    return [asset for stage in Stage for asset in keys(stage, categories if stage is Stage.RAW else cleaned)]


class Plan(NamedTuple):
    """Runs to request, and one sentence for each rejected event."""

    runs: list[ColumnRun]
    rejected: list[str]


def plan_runs(events: Sequence[LinkEvent], known: frozenset[str]) -> Plan:
    """One run for each author with new events, for all their categories together, in the order of authors.

    Args:
        events: in the order of their storage ids.
        known: slugs of the authors in the warehouse.
    """
    wanted: dict[str, tuple[set[Category], int]] = {}
    rejected = []
    for event in events:
        if event.downstream_in_run:
            continue
        try:
            author = check_slug(event.author or "")
        except InputError as error:
            rejected.append(f"Event {event.storage_id} of links is ignored: {error}")
            continue
        if author not in known:
            rejected.append(f"Event {event.storage_id} of links is ignored: the author '{author}' is not registered.")
            continue
        named = {Category(name) for name in event.categories if name in set(Category)} or set(Category)
        categories, _ = wanted.get(author, (set(), 0))
        wanted[author] = (categories | named, event.storage_id)
    runs = [
        ColumnRun(author, tuple(category for category in Category if category in categories), storage_id)
        for author, (categories, storage_id) in sorted(wanted.items())
    ]
    return Plan(runs, rejected)


@dg.asset_sensor(
    asset_key=LINKS,
    job=update_columns,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run of update_columns for each author with a new materialization of `links`, from documents "
    "to the searchable memory, for the affected categories alone. It leaves the dataset, the adapter and the "
    "evaluation as they were; the job `build_twin` brings these up to date as well.",
)
@no_secrets()
def update_on_links(
    context: dg.SensorEvaluationContext,
    asset_event: dg.EventLogEntry,  # noqa: ARG001 - the newest event only; every one after the cursor is read instead
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.SensorResult:
    """Requests a run of exactly the affected author and category columns for new materialisations of `links`.

    Dagster calls an asset sensor once per tick with the newest event, however many there were. So this one reads all
    events after the cursor, which Dagster itself advances. What was built after an event is not built again.
    """
    events = list(_events_after(context, int(context.cursor) if context.cursor else None))
    plan = plan_runs(events, frozenset(author.slug for author in warehouse.authors()))
    for sentence in plan.rejected:
        context.log.warning(sentence)
    runs = [run for run in plan.runs if not _is_built(context.instance, run)]
    requests = [
        dg.RunRequest(
            run_key=f"links:{run.storage_id}:{run.author}",
            partition_key=run.author,
            asset_selection=column_assets(run.categories),
            tags=run_tags("links", run.categories),
        )
        for run in runs
    ]
    authors = [run.author for run in runs]
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else _no_run(events, plan),
        dynamic_partitions_requests=[AUTHORS.build_add_request(authors)] if authors else [],
    )


def _is_built(instance: dg.DagsterInstance, run: ColumnRun) -> bool:
    """Whether all assets of a run are newer than the event that asks for it: `make demo` registers, then builds."""
    for asset in column_assets(run.categories):
        newest = instance.get_latest_storage_id_by_partition(
            asset, dg.DagsterEventType.ASSET_MATERIALIZATION, partitions={run.author}
        )
        if newest.get(run.author, 0) < run.storage_id:
            return False
    return True


def _no_run(events: Sequence[LinkEvent], plan: Plan) -> str:
    """Why new events of `links` need no run."""
    building = sum(event.downstream_in_run for event in events)
    said = [f"{building} of {len(events)} new materializations of links came from a run that builds the rest as well."]
    built = "Nobody's links changed." if not events else "All that the new materializations of links ask for is built."
    return "\n".join((said if building else []) + plan.rejected) or built


def _events_after(context: dg.SensorEvaluationContext, storage_id: int | None) -> Iterator[LinkEvent]:
    page = None
    while True:
        result = context.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=LINKS, after_storage_id=storage_id), limit=200, ascending=True, cursor=page
        )
        for record in result.records:
            materialization = record.asset_materialization
            entry = materialization.metadata.get(CATEGORIES) if materialization else None
            named = entry.value if entry is not None else ()
            yield LinkEvent(
                record.storage_id,
                record.partition_key,
                tuple(str(name) for name in named) if isinstance(named, (list, tuple)) else (),
                _builds_downstream(context.instance, record.run_id),
            )
        page = result.cursor
        if not result.has_more:
            return


def _builds_downstream(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether the run of an event builds the columns itself; then requesting them again would do the work twice."""
    run = instance.get_run_by_id(run_id) if run_id else None
    if run is None:
        return False
    if run.asset_selection is not None:
        return not run.asset_selection.isdisjoint(keys(Stage.RAW))
    return run.job_name in ("build_twin", "update_columns")
