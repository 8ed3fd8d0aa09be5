"""Raw documents: what the author published, as it was read."""

from datetime import timedelta
from functools import partial

import dagster as dg

from twin.artifacts import ArtifactStore
from twin.crawling import Fetcher, crawl_author, crawl_tools
from twin.crawling.base import reading_version
from twin.crawling.checks import check_raw
from twin.crawling.stage import CrawlReport
from twin.inspection.columns import model_columns
from twin.models import Category, Document, State
from twin.settings import Settings
from twin.warehouse.base import Warehouse
from twin.warehouse.preview import preview_documents
from twin_assets.checks import Check, stage_check
from twin_assets.columns import LINKS, Stage, key
from twin_assets.framing import STORE_RETRY, column_asset, materialized, registered_author
from twin_assets.kinds import WAREHOUSE
from twin_assets.showing import Page

PAGE = Page(report=CrawlReport, counts="documents", columns=model_columns(Document), made_by=[crawl_author])

CHECKS = (
    Check(
        "documents_are_sound",
        "Every raw document has text, an id made from its own author, link and path, and this partition's "
        "author and category.",
        blocking=True,
    ),
    Check("links_are_readable", "Every link of the author could be read at the last attempt."),
)

FRESHNESS = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=7), fail_window=timedelta(days=30))
"""How long ago the sources may have been looked at; the schedule `look_again` does it every day."""


def raw_asset(category: Category) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """`<category>/raw` and its checks."""

    @column_asset(
        category,
        Stage.RAW,
        deps=[LINKS],
        code_version=reading_version(category),
        kinds={WAREHOUSE, category.traits.source_kind},
        tags={"layer": "raw"},
        pool="crawl",
        retry_policy=STORE_RETRY,
        freshness_policy=FRESHNESS,
        page=PAGE,
        description=f"The author's {category} as they were read from their links, one document each, in the "
        "warehouse's `raw`. A link that cannot be read is recorded, keeps its earlier documents and does not stop the "
        "others. If a source has not changed, nothing is written.",
    )
    def raw(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        artifacts: dg.ResourceParam[ArtifactStore],
        fetcher: dg.ResourceParam[Fetcher],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult:
        author = registered_author(context, warehouse)
        tools = crawl_tools(fetcher, artifacts, warehouse, author, keep=settings.keep_captures)
        report = crawl_author(warehouse, author, category, tools=tools)
        rows = preview_documents(warehouse, State.RAW, author, category)
        return materialized(report, page=PAGE, address=warehouse.address, rows=rows)

    return [raw, stage_check(key(category, Stage.RAW), CHECKS, partial(check_raw, category=category))]
