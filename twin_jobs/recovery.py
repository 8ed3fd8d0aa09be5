"""Runs whose process is gone are failed and requested again, so a computer that lost its power builds on."""

import dagster as dg

from twin_assets.framing import AUTHORS
from twin_jobs.jobs import build_twin, register_links, update_columns
from twin_jobs.running import is_lost, lock_path

AUTHOR_TAG = "dagster/partition"

JOBS = {job.name: job for job in (register_links, build_twin, update_columns)}

UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


@dg.sensor(
    jobs=list(JOBS.values()),
    minimum_interval_seconds=20,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Fails runs whose process is gone (killed, out of memory, a power cut), so that the queue does not "
    "wait for them, and has them started again. Only runs of this host are judged.",
)
def fail_lost_runs(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Fails lost runs. Dagster's `run_retries` start those from the UI again, and this sensor requests those from a
    command line (`make demo`), about whose code location Dagster knows nothing.
    """
    instance = context.instance
    failed, requests = [], []
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        if not is_lost(instance, run):
            continue
        newest = instance.get_run_by_id(run.run_id)
        if newest is None or newest.status not in UNFINISHED:
            continue  # it ended while this looked
        instance.report_run_failed(newest, "The process of this run is gone: it was killed, or the computer stopped.")
        lock_path(instance, run.run_id).unlink(missing_ok=True)
        failed.append(run.run_id)
        context.log.warning(f"Run {run.run_id} ({run.job_name}) has no process any more and is failed.")
        if run.remote_job_origin is None and run.job_name in JOBS:
            requests.append(_again(run))
    if not failed:
        return dg.SkipReason("Every run has its process.")
    authors = [request.partition_key for request in requests if request.partition_key]
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else f"Failed {len(failed)} runs without a process; Dagster starts them again.",
        dynamic_partitions_requests=[AUTHORS.build_add_request(authors)] if authors else [],
    )


def _again(run: dg.DagsterRun) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"lost:{run.run_id}",
        job_name=run.job_name,
        partition_key=run.tags.get(AUTHOR_TAG),
        run_config=run.run_config,
        asset_selection=sorted(run.asset_selection) if run.asset_selection else None,
        tags={"twin/trigger": "lost"},
    )
