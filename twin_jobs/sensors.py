"""The sensors: one finds changed links, the other turns such changes into runs.

They meet in the events of the asset `links`: anything may report such an event (a sensor, the UI, CI, Dagster's REST
endpoint), and the second sensor treats all of them in the same way.
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import dagster as dg

from twin.authors.files import load_authors
from twin.authors.registration import link_versions, sync_author
from twin.cleaning import COMPARED
from twin.errors import InputError
from twin.identity import check_slug
from twin.masking import no_secrets
from twin.models import Category
from twin.settings import Settings
from twin.warehouse.base import Warehouse
from twin_assets.columns import LINKS, Stage, keys
from twin_assets.framing import AUTHORS, metadata_of
from twin_jobs.jobs import update_columns

CATEGORIES = "categories"
"""Metadata entry of a `links` event: the categories that its links belong to. If it is missing, all are meant."""


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
@no_secrets()
def discover_links(
    context: dg.SensorEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.SensorResult | dg.SkipReason:
    """Reports authors whose links changed, in `authors/*.yaml` or in the warehouse, as materialisations of `links`.

    The cursor holds the last reported version of the links, for each author and category. It advances together with the
    events, so a change is reported once, even if a tick is killed between writing and reporting.
    """
    reported = _reported(context.cursor)
    files = load_authors(settings.authors_path)
    for error in files.errors:
        context.log.warning(str(error))
    versions = link_versions(warehouse, files)
    events = []
    for slug, by_category in versions.items():
        known = reported.get(slug, {})
        changed = [category for category, version in by_category.items() if known.get(category) != version]
        if not changed:
            continue
        try:
            report = sync_author(warehouse, slug, files)
        except InputError as error:  # this author's file broke after it was reported; the others continue
            context.log.warning(str(error))
            versions[slug] = known
            continue
        metadata = metadata_of(report.model_dump(mode="json")) | {CATEGORIES: dg.MetadataValue.json(changed)}
        events.append(
            dg.AssetMaterialization(
                LINKS, partition=slug, metadata=metadata, tags={"dagster/data_version": report.data_version}
            )
        )
    if not events:
        return dg.SkipReason("No author's links changed.")
    return dg.SensorResult(
        asset_events=events,
        dynamic_partitions_requests=[AUTHORS.build_add_request([str(event.partition) for event in events])],
        cursor=json.dumps(versions, sort_keys=True),
    )


def _reported(cursor: str | None) -> dict[str, dict[str, str]]:
    """What the cursor says; nothing if somebody set it by hand to something else, and then all links are reported."""
    try:
        reported = json.loads(cursor or "{}")
    except ValueError:
        return {}
    if not isinstance(reported, dict):
        return {}
    return {slug: versions for slug, versions in reported.items() if isinstance(versions, dict)}


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
)
@no_secrets()
def update_on_links(
    context: dg.SensorEvaluationContext,
    asset_event: dg.EventLogEntry,  # noqa: ARG001 - the newest event only; every one after the cursor is read instead
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.SensorResult:
    """Requests a run of exactly the affected author and category columns for new materialisations of `links`.

    Dagster calls an asset sensor once per tick with the newest event, however many there were. So this one reads all
    events after the cursor, which Dagster itself advances.
    """
    events = list(_events_after(context, int(context.cursor) if context.cursor else None))
    plan = plan_runs(events, frozenset(author.slug for author in warehouse.authors()))
    for sentence in plan.rejected:
        context.log.warning(sentence)
    requests = [
        dg.RunRequest(
            run_key=f"links:{run.storage_id}:{run.author}",
            partition_key=run.author,
            asset_selection=column_assets(run.categories),
            tags={"twin/trigger": "links"},
        )
        for run in plan.runs
    ]
    authors = [run.author for run in plan.runs]
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[AUTHORS.build_add_request(authors)] if authors else [],
    )


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
