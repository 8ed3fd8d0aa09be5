"""What a crawler works with: the one way to the web, and what was fetched before."""

from dataclasses import dataclass

from twin.artifacts import ArtifactStore
from twin.crawling.web.captures import Captures
from twin.crawling.web.fetcher import Fetcher
from twin.warehouse.base import Warehouse


@dataclass(frozen=True)
class Tools:
    """What a crawler works with.

    Args:
        fetcher: the one way to the web. Where it is offline it answers from the captures alone.
        captures: of the link that is being read, for what was fetched by other ways than `fetcher`, such as a clone;
            None keeps nothing.
    """

    fetcher: Fetcher
    captures: Captures | None = None


def crawl_tools(
    fetcher: Fetcher, artifacts: ArtifactStore, warehouse: Warehouse, author: str, *, keep: int = 2
) -> Tools:
    """What the crawl of one author works with; a `keep` of 0 captures nothing."""
    return Tools(fetcher, Captures(artifacts, warehouse, author, keep=keep) if keep else None)
