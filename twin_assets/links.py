"""The root of the graph: the sources of an author."""

import dagster as dg

from twin.authors.checks import check_links
from twin.authors.files import load_authors
from twin.authors.registration import LINKS_VERSION, LinksReport, sync_author
from twin.settings import Settings
from twin.warehouse.base import Warehouse
from twin_assets.checks import Check, stage_check
from twin_assets.columns import LINKS, SOURCES
from twin_assets.framing import STORE_RETRY, author_asset, materialized, registered_author
from twin_assets.kinds import WAREHOUSE
from twin_assets.showing import Page

PAGE = Page(report=LinksReport, counts="links", made_by=[sync_author])

CHECKS = (Check("author_file_is_there", "The file that declares links of the author is still there."),)


@author_asset(
    group_name=SOURCES,
    code_version=LINKS_VERSION,
    kinds={WAREHOUSE, "yaml"},
    tags={"layer": "source"},
    retry_policy=STORE_RETRY,
    page=PAGE,
)
def links(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult:
    """The sources of one author: repositories, exports, feeds and articles.

    They come from `authors/<slug>.yaml`, `twin links add` and `twin import`, in canonical form, and are stored in the
    warehouse's `links`. A link that is removed from the author file is removed here too, with its documents.
    """
    author = registered_author(context, warehouse)
    report = sync_author(warehouse, author, load_authors(settings.authors_path))
    return materialized(report, page=PAGE, address=warehouse.address)


links_checks = stage_check(LINKS, CHECKS, check_links)
