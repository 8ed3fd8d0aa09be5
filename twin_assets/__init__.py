"""The asset graph: what exists for an author, and from what each asset is made.

A body here does three things: get from resources, call the domain, report metadata. How an asset is made belongs in
`twin`, where it is stored in `twin_resources`, and when it is made in `twin_jobs`.
"""

import warnings

from dagster import AssetChecksDefinition, AssetsDefinition, BetaWarning, PreviewWarning

from twin.models import Category

# Partitioned asset checks are marked preview in Dagster 1.13. We use them knowingly and pin the minor version; a
# warning at every start would teach people to ignore warnings. The filters must precede the first definition.
warnings.filterwarnings("ignore", category=PreviewWarning)
warnings.filterwarnings("ignore", category=BetaWarning)

from twin_assets.chunks import chunks_asset  # noqa: E402
from twin_assets.cleaned import cleaned_asset  # noqa: E402
from twin_assets.collection import collection_asset  # noqa: E402
from twin_assets.columns import Stage  # noqa: E402
from twin_assets.dataset import dataset_checks, instruction_dataset  # noqa: E402
from twin_assets.embeddings import embeddings_asset  # noqa: E402
from twin_assets.links import links, links_checks  # noqa: E402
from twin_assets.raw import raw_asset  # noqa: E402
from twin_assets.training import lora_adapter, twin_evaluation  # noqa: E402

COLUMN = {
    Stage.RAW: raw_asset,
    Stage.CLEANED: cleaned_asset,
    Stage.CHUNKS: chunks_asset,
    Stage.EMBEDDINGS: embeddings_asset,
    Stage.COLLECTION: collection_asset,
}
"""Makes the asset and the checks of each stage, for a category."""


def all_assets() -> list[AssetsDefinition | AssetChecksDefinition]:
    """Every asset and check of the graph."""
    columns = [part for stage in Stage for category in Category for part in COLUMN[stage](category)]
    return [links, links_checks, *columns, instruction_dataset, dataset_checks, lora_adapter, twin_evaluation]


__all__ = ["all_assets"]
