"""Fixtures of the crawling tests: a server on loopback and a fetcher that may ask it."""

from collections.abc import Iterator

import pytest

from tests.twin.webserver import Server
from twin.crawling.web import Fetcher, Limits


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
    limits = Limits(connect_s=1, read_s=0.5, total_s=1, max_bytes=2**20)
    return Fetcher(allow_loopback=True, limits=limits, sleep=naps.append)
