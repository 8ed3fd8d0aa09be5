"""Which runs still have a process: each run holds a lock on a file, and the kernel frees it however the process ends.

A run whose process was killed (out of memory, a power cut, `kill -9`) would stay "started" for hours in Dagster's
records, and the queue would wait for it.
"""

import fcntl
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.tags import GRPC_INFO_TAG

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan


def lock_path(instance: dg.DagsterInstance, run_id: str) -> Path:
    """The lock file of a run; all processes that share the storage of an instance agree on it."""
    return Path(instance.root_directory) / "running" / run_id


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock of a run. The file appears locked and disappears before the lock is free, so nobody can take a run
    that is starting or ending for a lost one. Where no lock is possible (a full disk), the run goes on without.
    """
    locked = None
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        locked, name = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            # Unlike flock, this lock is not shared with forked children, which may outlive a killed run.
            fcntl.lockf(locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
            Path(name).rename(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        if locked is not None:
            os.close(locked)


def is_lost(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the process of an unfinished run is gone. A run of another host or storage is never lost.

    A run that did not come as far as its lock is lost if the local code server that started it is gone.
    """
    path = lock_path(instance, run.run_id)
    try:
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.fstat(file.fileno()).st_nlink > 0  # else the run ended between the two lines above
    except FileNotFoundError:
        return isinstance(instance.run_storage, SqliteRunStorage) and _server_is_gone(run)
    except OSError:
        return False  # the lock is held, or cannot be asked for


def _server_is_gone(run: dg.DagsterRun) -> bool:
    path = json.loads(run.tags.get(GRPC_INFO_TAG, "{}")).get("socket")
    if not path:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return True
        except OSError:
            return False
    return False


class _Held(dg.Executor):
    """An executor that holds the lock of its run while it works."""

    def __init__(self, executor: dg.Executor) -> None:
        self._executor = executor

    @property
    def retries(self) -> Any:
        return self._executor.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._executor.step_dependency_config

    def execute(
        self, plan_context: "PlanOrchestrationContext", execution_plan: "ExecutionPlan"
    ) -> Iterator[dg.DagsterEvent]:
        with held(lock_path(plan_context.instance, plan_context.run_id)):
            yield from self._executor.execute(plan_context, execution_plan)


def _create(init_context: dg.InitExecutorContext) -> dg.Executor:
    create = dg.in_process_executor.executor_creation_fn
    if create is None:
        raise dg.DagsterInvariantViolationError("Dagster's in-process executor cannot be made.")
    return _Held(create(init_context))


in_process = dg.ExecutorDefinition(
    name="in_process",
    config_schema=cast(Any, dg.in_process_executor.config_schema),
    executor_creation_fn=_create,
    description="All steps in one process, which holds the lock of its run.",
)
