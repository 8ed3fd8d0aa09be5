"""A link appears, and its points appear without anybody using the UI: the daemon, both sensors, a queued run."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.installation import REPOSITORY, SCRIPTS, Installation

PATIENCE_S = 180
WORKSPACE = "load_from:\n  - python_module: {module_name: twin_jobs.definitions, location_name: llm-twin}\n"


@pytest.fixture
def daemon(installation: Installation) -> Iterator[Installation]:
    """An installation whose daemon runs."""
    workspace = installation.root / "workspace.yaml"
    workspace.write_text(WORKSPACE, encoding="utf-8")
    log = (installation.root / "daemon.log").open("w")
    process = subprocess.Popen(
        [str(SCRIPTS / "dagster-daemon"), "run", "-w", str(workspace)],
        cwd=REPOSITORY,
        env=installation.environment,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield installation
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        log.close()


@pytest.mark.slow
def test_a_link_appears_and_its_points_appear(daemon: Installation, tmp_path: Path) -> None:
    (daemon.root / "sources").mkdir()
    (daemon.root / "sources" / "one.md").write_text("# One\n\nThe first note about looms.\n", encoding="utf-8")
    daemon.declare("ada", "name: Ada\nlinks:\n  - files: ../sources/one.md\n")
    assert _points(daemon, 1) == 1

    second = tmp_path / "two.md"
    second.write_text("# Two\n\nThe second note, about punched cards.\n", encoding="utf-8")
    added = daemon.twin("links", "add", "ada", str(second), "--kind", "files")
    assert added.returncode == 0, added.stderr
    assert _points(daemon, 2) == 2


def _points(installation: Installation, wanted: int) -> int:
    """Wait until the author has this many points; return how many there are."""
    deadline = time.monotonic() + PATIENCE_S
    found = 0
    while found != wanted and time.monotonic() < deadline:
        time.sleep(2)
        if (Path(installation.settings.store) / "vectors").exists():
            found = len(installation.state("ada")["collections/articles"])
    if found != wanted:
        raise AssertionError((installation.root / "daemon.log").read_text()[-4000:])
    return found
