"""Fixtures of the crawling tests: a server on loopback and a fetcher that may ask it."""

import math
from collections.abc import Iterator

import pytest

from tests.kit.webserver import Server
from twin.crawling.web.fetcher import Fetcher, Limits


@pytest.fixture
def server() -> Iterator[Server]:
    opened = Server()
    yield opened
    opened.close()


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def fetcher(naps: list[float]) -> Fetcher:
    """One whose time passes only while it sleeps, and that pauses between requests only where a server asks for it."""
    limits = Limits(connect_s=1, read_s=0.5, total_s=1, max_bytes=2**20)
    return Fetcher(
        allow_loopback=True, limits=limits, requests_per_second=math.inf, sleep=naps.append, clock=lambda: sum(naps)
    )
