"""Fixtures of warehouses: SQLite in a file, and MongoDB over the wire through real pymongo.

A pytest plugin: a test module names it in `pytest_plugins`, so that all of them share one server.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.kit.warehouses import Opener
from twin.warehouse import MongoWarehouse, SqliteWarehouse, Warehouse


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "nx-27017 ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nx-27017 does not listen after 10 s")


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that speaks MongoDB's wire protocol, on a free loopback port."""
    if find_spec("nx_27017") is None:
        pytest.skip("the nx-27017 package (extra `dev`) is not installed, so there is no MongoDB to talk to")
    folder = tmp_path_factory.mktemp("mongo")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("nx-27017")), "-p", str(port), "--data-dir", str(folder / "data")]
    command += ["--log-file", str(folder / "log"), "--pid-file", str(folder / "pid")]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder)
    try:
        wait_for_port(port, process)
        yield f"mongodb://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


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


@pytest.fixture(params=["sqlite", "mongo"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the same empty store again and again."""
    if request.param == "sqlite":
        return lambda: SqliteWarehouse(tmp_path / "warehouse.sqlite")
    uri = request.getfixturevalue("mongo_uri")
    return lambda: MongoWarehouse(uri, database=f"t{abs(hash(tmp_path))}")


@pytest.fixture
def warehouse(opener: Opener) -> Iterator[Warehouse]:
    opened = opener()
    yield opened
    opened.close()
