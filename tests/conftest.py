"""Fixtures for all tests, the order of the tests, and the report about those on real data."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from twin import masking
from twin.artifacts import ArtifactStore
from twin.warehouse import SqliteWarehouse

REPOSITORY = Path(__file__).parents[1]
REAL_DATA = "real data"

SLOW_TO_MAKE = {"built", "daemon", "trained", "loaded", "filled"}
"""Fixtures that take about ten seconds: a build, a training. Every test that uses one is slow."""

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")  # chance finds bugs on a developer's machine, and must not fail somebody else's change


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests by their fixtures, and tests that use real data. Files with slow tests come first, so that no
    process works alone on a long one at the end."""
    slow_files = set()
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & SLOW_TO_MAKE:
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow"):
            slow_files.add(item.path)
        if "shared_data" in fixtures:
            item.user_properties.append((REAL_DATA, True))  # reports carry it, also from the processes of xdist
    items.sort(key=lambda item: item.path not in slow_files)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report how many tests ran on real data: they skip themselves if it is missing, and nobody would notice."""
    outcomes = {
        outcome: sum((REAL_DATA, True) in getattr(report, "user_properties", ()) for report in reports)
        for outcome, reports in terminalreporter.stats.items()
        if outcome in ("passed", "failed", "error", "skipped")
    }
    skipped = outcomes.pop("skipped", 0)
    ran = sum(outcomes.values())
    if skipped:
        told = f"{_tests(skipped)} skipped, ../shared/data is absent"
    else:
        told = f"{_tests(ran)} ran on ../shared/data" if ran else "none of these tests needs it"
    terminalreporter.write_line(f"real data: {told}")


def _tests(count: int) -> str:
    return f"{count} test" + "s" * (count != 1)


@pytest.fixture(autouse=True)
def _no_secret_of_another_test() -> Iterator[None]:
    """The secrets of a test are ordinary words, which the messages of the next one may contain."""
    yield
    masking.forget()


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of this checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data next to the checkout. It cannot be published, so tests are skipped without it."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real test data is not at {folder}")
    return folder


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    """An empty artifact store."""
    return ArtifactStore(str(tmp_path / "store"))


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[SqliteWarehouse]:
    """An empty warehouse in a file; a module that needs authors overrides this with one that adds them."""
    opened = SqliteWarehouse(tmp_path / "warehouse.sqlite")
    yield opened
    opened.close()
