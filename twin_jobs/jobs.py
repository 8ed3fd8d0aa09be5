"""The jobs: register the authors, build a twin, update the columns of an author."""

from collections.abc import Iterable

import dagster as dg

from twin.authors.files import load_authors
from twin.authors.registration import sync_author
from twin.errors import InputError
from twin.models import Category
from twin.settings import Settings
from twin.warehouse.base import Warehouse
from twin_assets.columns import LINKS
from twin_assets.framing import AUTHORS, metadata_of, sentences
from twin_jobs.running import in_process


@dg.op
def register(
    context: dg.OpExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> None:
    """Register the authors of `authors/*.yaml` and those already in the warehouse; make each a partition.

    A file that cannot be used is reported, with its line and how to fix it, after all others are registered.
    """
    with sentences():
        files = load_authors(settings.authors_path)
        if "authors" in settings.model_fields_set and not settings.authors_path.exists():
            context.log.warning(
                f"The folder of author files, {settings.authors_path}, does not exist: set TWIN_AUTHORS."
            )
        for declared in files.authors:
            slug = declared.author.slug
            try:
                report = sync_author(warehouse, slug, files)
            except InputError as error:  # removed meanwhile, with their file
                context.log.warning(str(error))
                continue
            if report.written or not context.instance.has_dynamic_partition(AUTHORS.name or "", slug):
                context.log_event(
                    dg.AssetMaterialization(
                        LINKS,
                        partition=slug,
                        metadata=metadata_of(report.model_dump(mode="json")),
                        tags={"dagster/data_version": report.data_version},
                    )
                )
            context.log.info(
                f"registered {slug}: {report.total} links, {report.added} of them new and {report.changed} changed; "
                f"{report.removed} removed"
            )
            if not report.total:
                context.log.warning(
                    f"{slug} has no links, so there is nothing to read: add some under 'links:' in "
                    f"{files.folder / slug}.yaml, or with `twin links add {slug} ADDRESS`."
                )
        known = [found.slug for found in warehouse.authors()]
        context.instance.add_dynamic_partitions(AUTHORS.name or "", known)
    if not known and not files.errors:
        raise dg.Failure(
            f"There is no author file in {settings.authors} and nobody in the warehouse: write authors/<slug>.yaml, "
            "set TWIN_AUTHORS to the folder of author files, or use `twin import`.",
            allow_retries=False,
        )
    if files.errors:
        raise dg.Failure("\n".join(str(error) for error in files.errors), allow_retries=False)


@dg.job(description=f"{register.__doc__}Run it before a job that needs an author.", executor_def=in_process)
def register_links() -> None:
    register()


def run_tags(trigger: str, categories: Iterable[Category] = tuple(Category)) -> dict[str, str]:
    """The tags by which runs can be found in the UI: what started it, and which categories it builds.

    `BY_AUTHOR` adds the author. A sensor or schedule that requests a run gives it its own.
    """
    named = [category.value for category in categories]
    return {"twin/trigger": trigger, "twin/categories": "all" if len(named) == len(Category) else ", ".join(named)}


BY_AUTHOR = dg.PartitionedConfig(
    partitions_def=AUTHORS,
    run_config_for_partition_key_fn=lambda _: {},  # everything has a default, so nothing has to be typed
    # Dagster lets these tags win over those of a request, so here is only what is the same for every run of an author.
    tags_for_partition_key_fn=lambda author: {"twin/author": author},
)

IN_THE_UI = "In the UI: *Materialize all*, choose the author, *Launch*. Nothing has to be typed."

build_twin = dg.define_asset_job(
    "build_twin",
    selection=dg.AssetSelection.all(),
    config=BY_AUTHOR,
    tags=run_tags("person"),
    description="The whole pipeline of one author, from links to a trained and evaluated adapter. It brings everything "
    "up to date, also what `update_columns` leaves as it was, and does only the work that is needed. Run "
    f"`register_links` first. {IN_THE_UI} Elsewhere the tag `dagster/partition` says for whom.",
)

update_columns = dg.define_asset_job(
    "update_columns",
    selection=dg.AssetSelection.assets(LINKS) | dg.AssetSelection.groups(*(category.value for category in Category)),
    description="The searchable memory of one author: links, documents, chunks, embeddings and collections. It leaves "
    "the dataset, the adapter and the evaluation as they were; run `build_twin` to bring these up to date as well. The "
    f"sensor `update_on_links` requests parts of this job, and the schedule `look_again` all of it. {IN_THE_UI}",
    config=BY_AUTHOR,
    tags=run_tags("person"),
)


@dg.schedule(
    job=update_columns,
    cron_schedule="0 4 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Looks at all sources of every registered author again, every day at 4:00 UTC: new posts in feeds and "
    "profiles, changed files and repositories. It is off until you switch it on. What has not changed is not "
    "downloaded, embedded or written again. The dataset and the adapter stay as they were; `build_twin` renews them.",
)
def look_again(
    context: dg.ScheduleEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Requests `update_columns` for every author in the warehouse."""
    authors = sorted(author.slug for author in warehouse.authors())
    if not authors:
        return dg.SkipReason("No author is registered yet.")
    context.instance.add_dynamic_partitions(AUTHORS.name or "", authors)
    day = context.scheduled_execution_time.date().isoformat()
    return [dg.RunRequest(run_key=f"{day}:{slug}", partition_key=slug, tags=run_tags("schedule")) for slug in authors]
