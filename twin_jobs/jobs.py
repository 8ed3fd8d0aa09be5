"""The jobs: register the authors, build a twin, update the columns of an author."""

import dagster as dg

from twin.authors.files import load_authors
from twin.authors.registration import sync_author
from twin.errors import InputError
from twin.models import Category
from twin.settings import Settings
from twin.warehouse.base import Warehouse
from twin_assets.columns import LINKS
from twin_assets.framing import AUTHORS, metadata_of, sentences


@dg.op
def register(
    context: dg.OpExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> None:
    """Register the authors of `authors/*.yaml` and those already in the warehouse; make each a partition.

    A file that cannot be used is reported, with its line and how to fix it, after all others are registered.
    """
    with sentences():
        files = load_authors(settings.authors_path)
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


@dg.job(description=f"{register.__doc__}Run it before a job that needs an author.", executor_def=dg.in_process_executor)
def register_links() -> None:
    register()


build_twin = dg.define_asset_job(
    "build_twin",
    selection=dg.AssetSelection.all(),
    description="The whole pipeline of one author, from links to a trained and evaluated adapter. Choose the author "
    "with the tag `dagster/partition`; run `register_links` first.",
)

update_columns = dg.define_asset_job(
    "update_columns",
    selection=dg.AssetSelection.assets(LINKS) | dg.AssetSelection.groups(*(category.value for category in Category)),
    description="Links, documents, chunks, embeddings and collections of one author; the adapter does not change. "
    "The sensor on links requests parts of it.",
)
