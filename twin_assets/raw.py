"""Raw documents: what the author published, as it was read."""

import dagster as dg

from twin.artifacts import ArtifactStore
from twin.crawling import Fetcher, crawl_author, crawl_tools
from twin.crawling.checks import verify_crawl
from twin.models import Category, State
from twin.settings import Settings
from twin.warehouse.base import Warehouse
from twin.warehouse.checks import verify_documents
from twin_assets.framing import (
    LINKS,
    STORE_RETRY,
    author_asset,
    author_check,
    author_of,
    checked,
    key,
    materialized,
    registered_author,
    sentences,
)


def raw_asset(category: Category) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """`raw/<category>` and its checks."""

    @author_asset(
        key=key("raw", category),
        deps=[LINKS],
        group_name="raw",
        kinds={"mongodb", category.traits.source_kind},
        tags={"layer": "raw"},
        pool="crawl",
        retry_policy=STORE_RETRY,
        description=f"The author's {category} as they were read from their links, one document each, in the "
        "warehouse's `raw`. A link that cannot be read is recorded, keeps its earlier documents and fails nothing "
        "else; an unchanged source writes nothing.",
    )
    def raw(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        artifacts: dg.ResourceParam[ArtifactStore],
        fetcher: dg.ResourceParam[Fetcher],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult:
        with sentences():
            author = registered_author(context, warehouse)
            tools = crawl_tools(fetcher, artifacts, warehouse, author, keep=settings.keep_captures)
            return materialized(crawl_author(warehouse, author, category, tools=tools))

    @author_check(
        asset=key("raw", category),
        blocking=True,
        description="Every raw document has text, an id that is made of its own author, link and path, and this "
        "partition's author and category.",
    )
    def documents_are_sound(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        with sentences():
            return checked(verify_documents(warehouse, State.RAW, author_of(context), category))

    @author_check(
        asset=key("raw", category),
        description="Every link of the author could be read at its last attempt.",
    )
    def links_are_readable(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        with sentences():
            return checked(verify_crawl(warehouse, author_of(context), category), dg.AssetCheckSeverity.WARN)

    return [raw, documents_are_sound, links_are_readable]
