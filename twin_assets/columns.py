"""The names in the graph: a category is a column, a stage is a row, and an asset of a column is called
`<category>/<stage>` and is in the group of its category.

Jobs, sensors, the summary and the tests take all keys from this module.
"""

from collections.abc import Iterable
from enum import StrEnum

import dagster as dg

from twin.models import Category


class Stage(StrEnum):
    """The stages of every category, in this order."""

    RAW = "raw"
    CLEANED = "cleaned"
    CHUNKS = "chunks"
    EMBEDDINGS = "embeddings"
    COLLECTION = "collection"


LINKS = dg.AssetKey("links")

SOURCES = "links"
"""The group of the root. It is not in `TWIN`, so that the collapsed graph reads from left to right."""

TWIN = "twin"
"""The group of everything that is made from all columns: the dataset, the adapter and its evaluation."""


def key(category: Category, stage: Stage) -> dg.AssetKey:
    """Key of a column's asset, such as `posts/raw`."""
    return dg.AssetKey([category.value, stage.value])


def keys(stage: Stage, categories: Iterable[Category] = tuple(Category)) -> list[dg.AssetKey]:
    """Keys of one stage in several columns, by default in all."""
    return [key(category, stage) for category in categories]
