"""Fixtures that tests of more than one room use; a room's own are in its conftest.py, helpers in tests/kit."""

import math
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.kit.mongoserver import mongo_server
from tests.kit.staged import Stores, prose
from tests.kit.webserver import Server
from twin.crawling.web.fetcher import Fetcher, Limits
from twin.warehouse import MongoWarehouse, SqliteWarehouse, Warehouse


@pytest.fixture
def server() -> Iterator[Server]:
    """A web server on loopback."""
    opened = Server()
    yield opened
    opened.close()


@pytest.fixture
def naps() -> list[float]:
    """How long the fetcher slept, each time."""
    return []


@pytest.fixture
def fetcher(naps: list[float]) -> Fetcher:
    """One whose time passes only while it sleeps, and that pauses between requests only where a server asks for it."""
    limits = Limits(connect_s=1, read_s=0.5, total_s=1, max_bytes=2**20)
    return Fetcher(
        allow_loopback=True, limits=limits, requests_per_second=math.inf, sleep=naps.append, clock=lambda: sum(naps)
    )


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server that speaks MongoDB's wire protocol, one for the whole run."""
    if find_spec("nx_27017") is None:
        pytest.skip("the nx-27017 package (extra `dev`) is not installed, so there is no MongoDB to talk to")
    with mongo_server(tmp_path_factory.mktemp("mongo")) as address:
        yield address


@pytest.fixture
def new_warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Warehouse]]:
    """Makes one empty warehouse after the other, of the kind that is given: sqlite or mongo."""
    made: list[Warehouse] = []

    def make(kind: str) -> Warehouse:
        if kind == "sqlite":
            made.append(SqliteWarehouse(tmp_path / f"warehouse{len(made)}.sqlite"))
        else:
            uri = request.getfixturevalue("mongo_uri")
            made.append(MongoWarehouse(uri, database=f"t{abs(hash(tmp_path))}n{len(made)}"))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The folder of stores that every stage has run on, once."""
    root = tmp_path_factory.mktemp("filled")
    pages = sorted((repository / "examples" / "pages").glob("*.html"))[:2]
    made = Stores(root)
    made.fill([prose(page.read_text(encoding="utf-8")) for page in pages])
    made.close()
    return root


@pytest.fixture
def stores(tmp_path: Path, filled: Path) -> Iterator[Stores]:
    """A copy of them to damage."""
    shutil.copytree(filled, tmp_path / "stores")
    made = Stores(tmp_path / "stores")
    yield made
    made.close()
