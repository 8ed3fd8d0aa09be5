"""A computer that loses its power while it builds: the killed runs are failed and started again, until one succeeds."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg
import pytest

from tests.integration.conftest import ADA, write_sources
from tests.integration.installation import REPOSITORY, SCRIPTS, Installation

PATIENCE_S = 600
WORKSPACE = "load_from:\n  - python_module: {module_name: twin_jobs.definitions, location_name: llm-twin}\n"


@contextmanager
def killed(installation: Installation, *command: str) -> Iterator[None]:
    """A command that gets SIGKILL at the end, with everything that it started."""
    with (installation.root / "killed.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=installation.environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait(installation: Installation, what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, (installation.root / "killed.log").read_text()[-6000:]
        time.sleep(0.2)


@pytest.mark.slow
def test_killed_builds_go_on(installation: Installation) -> None:
    write_sources(installation.root / "sources")
    installation.declare("ada", ADA)
    installation.register()
    workspace = installation.root / "workspace.yaml"
    workspace.write_text(WORKSPACE, encoding="utf-8")
    daemon = [str(SCRIPTS / "dagster-daemon"), "run", "-w", str(workspace)]
    locks = installation.home / "running"

    def runs() -> dict[str, dg.DagsterRun]:
        with dg.DagsterInstance.from_config(str(installation.home)) as instance:
            found = instance.get_runs(dg.RunsFilter(job_name="update_columns"))
        # The sensor on links requests one of its own, because nothing was built yet.
        return {run.run_id: run for run in reversed(found) if run.tags.get("twin/trigger") != "links"}

    def under_way() -> set[str]:
        return {path.name for path in locks.iterdir() if path.name in runs()} if locks.exists() else set()

    with killed(
        installation, *installation.command("update_columns", "ada", {"loggers": {"twin": {}}})
    ):  # as `make demo` does
        wait(installation, lambda: len(under_way()) == 1)
    (first,) = runs()
    assert runs()[first].status is dg.DagsterRunStatus.STARTED

    with killed(installation, *daemon):
        wait(installation, lambda: bool(under_way() - {first}))
    assert runs()[first].status is dg.DagsterRunStatus.FAILURE
    (second,) = under_way()
    assert runs()[second].status in (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)

    def is_over() -> bool:
        newest = list(runs().values())[-1]
        return newest.run_id not in (first, second) and newest.status is dg.DagsterRunStatus.SUCCESS

    with killed(installation, *daemon):
        wait(installation, is_over)
    assert [run.status for run in runs().values()] == [
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.SUCCESS,
    ]
    assert under_way() == set()
    assert len(installation.state("ada")["collections/articles"]) > 0
