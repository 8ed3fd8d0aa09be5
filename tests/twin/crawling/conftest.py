"""Fixtures of GitHub for the crawling tests: a forge on loopback, its crawler, and what that works with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.githost import GitHost
from twin.artifacts import ArtifactStore
from twin.crawling import Captures, Fetcher, Tools
from twin.crawling import base as registry
from twin.crawling.sources.github import GitHubCrawler
from twin.warehouse.sqlite import SqliteWarehouse


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitHost]:
    opened = GitHost(tmp_path / "served")
    yield opened
    opened.close()


@pytest.fixture
def tools(tmp_path: Path, fetcher: Fetcher) -> Iterator[Tools]:
    warehouse = SqliteWarehouse(tmp_path / "captures.db")
    captures = Captures(ArtifactStore(str(tmp_path / "store")), warehouse, "ada", link="https://github.com/ada/engine")
    yield Tools(fetcher.keeping(captures), captures)
    warehouse.close()


@pytest.fixture
def crawler(host: GitHost, monkeypatch: pytest.MonkeyPatch) -> type[GitHubCrawler]:
    """GitHub's crawler, with the host in GitHub's place."""
    here = type("Here", (GitHubCrawler,), {"server": host.root, "api": host.root, "protocols": "http"})
    monkeypatch.setitem(registry._CRAWLERS, "github", here)
    return here
