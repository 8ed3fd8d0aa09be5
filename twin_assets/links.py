"""The root of the graph: which sources an author has."""

import dagster as dg

from twin.authors.files import load_authors
from twin.authors.registration import sync_author
from twin.settings import Settings
from twin.warehouse.base import Warehouse
from twin_assets.framing import STORE_RETRY, author_asset, materialized, registered_author, sentences


@author_asset(
    group_name="links",
    kinds={"python", "yaml"},
    tags={"layer": "source"},
    retry_policy=STORE_RETRY,
)
def links(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult:
    """The sources of one author: repositories, exports, feeds and articles.

    They come from `authors/<slug>.yaml`, from `twin links add` and from `twin import`, canonicalised, in the
    warehouse's `links`. A link that left the author file leaves here too, and its documents with it.
    """
    with sentences():
        author = registered_author(context, warehouse)
        report = sync_author(warehouse, author, load_authors(settings.authors_path))
    return materialized(report)
