"""What a crawler works with: access to the web, and what was fetched before."""

from dataclasses import dataclass

from twin.artifacts import ArtifactStore
from twin.crawling.web.captures import Captures
from twin.crawling.web.fetcher import Fetcher
from twin.warehouse.base import Warehouse


@dataclass(frozen=True)
class Tools:
    """What a crawler works with.

    Args:
        fetcher: the only access to the web. Offline it answers only from the captures.
        captures: captures of the current link, for what is fetched in other ways than by `fetcher`, such as a clone;
            None keeps nothing.
    """

    fetcher: Fetcher
    captures: Captures | None = None


def crawl_tools(
    fetcher: Fetcher, artifacts: ArtifactStore, warehouse: Warehouse, author: str, *, keep: int = 2
) -> Tools:
    """What the crawl of one author works with; a `keep` of 0 captures nothing."""
    return Tools(fetcher, Captures(artifacts, warehouse, author, keep=keep) if keep else None)
