"""Runs whose process is gone: the lock tells them, and the sensor fails them and has them started again."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.utils import make_new_run_id

from tests.integration.installation import REPOSITORY
from twin.models import Category
from twin_assets.columns import Stage, key
from twin_jobs.definitions import build_defs
from twin_jobs.recovery import fail_lost_runs
from twin_jobs.running import held, is_lost, lock_path

HOLD = """
import os, sys, time
from pathlib import Path
from twin_jobs.running import held
with held(Path(sys.argv[1])):
    if sys.argv[2:] and not os.fork():
        sys.stdout.close()
        time.sleep(30)  # a child that outlives its run
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster home in a folder."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened


@contextmanager
def holder(path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a lock until it is told to end."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        if process.poll() is None or arguments:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def started(
    instance: dg.DagsterInstance,
    job: str = "build_twin",
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED,
    **tags: str,
) -> dg.DagsterRun:
    run = dg.DagsterRun(
        job_name=job, run_id=make_new_run_id(), status=status, tags={"dagster/partition": "ada", **tags}
    )
    return instance.add_run(run)


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def tick(instance: dg.DagsterInstance) -> dg.SensorResult | dg.SkipReason:
    found = fail_lost_runs(dg.build_sensor_context(instance))
    assert isinstance(found, (dg.SensorResult, dg.SkipReason))
    return found


def test_a_killed_process_loses_its_run_and_a_living_one_does_not(instance: dg.DagsterInstance) -> None:
    run = started(instance)
    with holder(lock_path(instance, run.run_id)) as process:
        assert not is_lost(instance, run)
        assert isinstance(tick(instance), dg.SkipReason)
        process.kill()
        process.wait()
        assert is_lost(instance, run)
        assert is_lost(instance, run), "to look changes nothing"


def test_a_child_that_outlives_its_run_does_not_keep_the_lock(instance: dg.DagsterInstance) -> None:
    run = started(instance)
    with holder(lock_path(instance, run.run_id), "fork") as process:
        process.kill()
        process.wait()
        assert is_lost(instance, run)


def test_a_run_that_ended_leaves_no_file_and_is_not_lost(instance: dg.DagsterInstance) -> None:
    run = started(instance)
    path = lock_path(instance, run.run_id)
    with holder(path) as process:
        process.communicate("\n", timeout=30)
    assert process.returncode == 0
    assert list(path.parent.iterdir()) == []
    assert not is_lost(instance, run)


def test_without_a_place_for_locks_a_run_goes_on_and_is_not_judged(instance: dg.DagsterInstance) -> None:
    run = started(instance)
    path = lock_path(instance, run.run_id)
    path.parent.write_text("a file where the folder should be")
    went_on = False
    with held(path):
        went_on = True
    assert went_on
    assert not is_lost(instance, run)


def test_a_run_of_another_host_is_never_judged(instance: dg.DagsterInstance) -> None:
    """No lock file here, and a code server that is reached by TCP or not known at all."""
    tcp = started(instance, **{GRPC_INFO_TAG: '{"host": "code", "port": 4000}'})
    unknown = started(instance)
    assert isinstance(tick(instance), dg.SkipReason)
    assert {status(instance, tcp), status(instance, unknown)} == {dg.DagsterRunStatus.STARTED}


def test_a_run_that_never_began_is_lost_with_its_code_server(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    address = str(tmp_path / "code.sock")
    run = started(
        instance,
        status=dg.DagsterRunStatus.STARTING,
        **{GRPC_INFO_TAG: f'{{"host": "localhost", "socket": "{address}"}}'},
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(address)
        server.listen()
        assert not is_lost(instance, run)
    assert is_lost(instance, run)  # the socket is there and nobody listens: its server was killed
    Path(address).unlink()
    assert is_lost(instance, run)
    tick(instance)
    assert status(instance, run) is dg.DagsterRunStatus.FAILURE


def lose(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """The lock file as a killed process leaves it: there, and locked by nobody."""
    path = lock_path(instance, run.run_id)
    path.parent.mkdir(exist_ok=True)
    path.touch()


def test_a_lost_run_of_a_command_line_is_failed_and_requested_once(instance: dg.DagsterInstance) -> None:
    run = started(instance)
    lose(instance, run)
    found = tick(instance)
    assert isinstance(found, dg.SensorResult)
    (request,) = found.run_requests or []
    assert (request.job_name, request.partition_key) == ("build_twin", "ada")
    assert request.run_key == f"lost:{run.run_id}"
    assert [each.partition_keys for each in found.dynamic_partitions_requests or []] == [["ada"]]
    assert status(instance, run) is dg.DagsterRunStatus.FAILURE
    assert not lock_path(instance, run.run_id).exists()
    said = [entry.message for entry in instance.all_logs(run.run_id)]
    assert any("The process of this run is gone" in each for each in said)
    assert isinstance(tick(instance), dg.SkipReason)


def test_every_lost_run_is_failed_and_the_others_stay(instance: dg.DagsterInstance) -> None:
    lost = [started(instance, job) for job in ("register_links", "update_columns", "__ASSET_JOB", "old_job")]
    for run in lost:
        lose(instance, run)
    alive = started(instance)
    waiting = started(instance, status=dg.DagsterRunStatus.NOT_STARTED)
    with holder(lock_path(instance, alive.run_id)):
        found = tick(instance)
    assert {status(instance, run) for run in lost} == {dg.DagsterRunStatus.FAILURE}
    assert status(instance, alive) is dg.DagsterRunStatus.STARTED
    assert status(instance, waiting) is dg.DagsterRunStatus.NOT_STARTED
    assert isinstance(found, dg.SensorResult)
    assert {request.job_name for request in found.run_requests or []} == {"register_links", "update_columns"}


def test_a_selection_is_requested_as_it_was(instance: dg.DagsterInstance) -> None:
    chosen = frozenset({key(category, Stage.RAW) for category in Category})
    run = instance.add_run(
        dg.DagsterRun(
            job_name="update_columns",
            run_id=make_new_run_id(),
            status=dg.DagsterRunStatus.STARTED,
            asset_selection=chosen,
            run_config={"loggers": {"twin": {}}},
            tags={"dagster/partition": "ada"},
        )
    )
    lose(instance, run)
    found = tick(instance)
    assert isinstance(found, dg.SensorResult)
    (request,) = found.run_requests or []
    assert set(request.asset_selection or []) == chosen
    assert request.run_config == {"loggers": {"twin": {}}}


def test_every_job_holds_the_lock(instance: dg.DagsterInstance) -> None:
    for job in build_defs().resolve_all_job_defs():
        assert job.executor_def.description == "All steps in one process, which holds the lock of its run.", job.name
