"""The code location. Dagster loads `defs`; `build_defs` makes new definitions for tests and deployments."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from twin_assets import all_assets
from twin_jobs.console import console
from twin_jobs.jobs import build_twin, look_again, register_links, update_columns
from twin_jobs.recovery import fail_lost_runs
from twin_jobs.running import in_process
from twin_jobs.sensors import discover_links, update_on_links
from twin_resources import stores
from twin_resources.trainer import trainer


def default_resources() -> dict[str, Any]:
    """The resources of every deployment; the environment chooses the implementations when a run starts."""
    return {
        "settings": stores.settings,
        "warehouse": stores.warehouse,
        "vectors": stores.vectors,
        "artifacts": stores.artifacts,
        "fetcher": stores.fetcher,
        "embedder": stores.embedder,
        "trainer": trainer,
    }


def build_defs(resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """New definitions, with some resources replaced.

    The in-process executor is the default because separate processes would load Dagster and the embedder again for each
    of the nineteen assets; training has its own process anyway.
    """
    return dg.Definitions(
        assets=all_assets(),
        jobs=[register_links, build_twin, update_columns],
        schedules=[look_again],
        sensors=[discover_links, update_on_links, fail_lost_runs],
        resources={**default_resources(), **(resource_overrides or {})},
        executor=in_process,
        loggers={"twin": console, "console": dg.colored_console_logger},
    )


defs = build_defs()
