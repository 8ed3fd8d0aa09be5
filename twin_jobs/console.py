"""A console logger for people: one line per asset, one sentence per failure.

Dagster's own console logger prints a stack trace for a mistyped link; here the trace is only in the event log and the
UI. Choose this logger with `-c twin_jobs/console.yaml`, as `make demo` does.
"""

import logging
import sys

import dagster as dg

from twin.masking import masked
from twin_assets.showing import counted

INDENT = "    "


@dg.logger({}, description=__doc__)
def console(init_context: dg.InitLoggerContext) -> logging.Logger:
    job = init_context.job_def
    graph = job.asset_layer.asset_graph if job else None
    assets = {key.to_python_identifier() for key in graph.materializable_asset_keys} if graph else set()
    logger = logging.Logger("twin.console", level=logging.DEBUG)
    logger.addHandler(ConsoleHandler(assets))
    return logger


class ConsoleHandler(logging.Handler):
    """Writes to standard error, where the progress of a command belongs.

    Args:
        assets: step keys that make an asset; the start of other steps (checks) is not printed.
    """

    def __init__(self, assets: set[str]) -> None:
        super().__init__()
        self._assets = assets

    def emit(self, record: logging.LogRecord) -> None:
        event: dg.DagsterEvent | None = getattr(record, "dagster_event", None)
        if event is not None:
            line = self._event_line(event)
        else:
            said = getattr(record, "dagster_meta", {}).get("orig_message") or record.getMessage()
            # The steps that were not reached after a failure would be forty lines that hide the failure.
            consequence = said.startswith("Dependencies for step")
            line = f"{INDENT}{said}" if record.levelno >= logging.INFO and not consequence else None
        if line is not None:
            sys.stderr.write(masked(line).replace("\n", f"\n{INDENT}  ") + "\n")
            sys.stderr.flush()

    def _event_line(self, event: dg.DagsterEvent) -> str | None:
        step = (event.step_key or "").replace("__", "/")
        match event.event_type:
            case dg.DagsterEventType.STEP_START if event.step_key in self._assets:
                return f"▸ {step}"
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                metadata = event.step_materialization_data.materialization.metadata
                total = counted(metadata)
                if total is None:
                    return None
                return f"{INDENT}{total.value} stored, {metadata['written'].value} written"
            case dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                check = event.asset_check_evaluation_data
                about = f"{check.asset_key.to_user_string()}: {check.check_name}"
                return None if check.passed else f"{INDENT}! {about}: {check.description or 'failed'}"
            case dg.DagsterEventType.STEP_UP_FOR_RETRY:
                return f"{INDENT}! {step} is retried: {_sentence(event)}"
            case dg.DagsterEventType.STEP_FAILURE:
                return f"{INDENT}✗ {step}: {_sentence(event)}"
            case dg.DagsterEventType.RUN_FAILURE:
                return "✗ The run failed; its log and stack traces are in `make ui`."
            case _:
                return None


def _sentence(event: dg.DagsterEvent) -> str:
    """The innermost message of a step's error, without the class that Dagster puts before it."""
    error = getattr(event.event_specific_data, "error", None)
    while error is not None and error.cause is not None and error.cls_name != "Failure":
        error = error.cause
    return error.message.strip().split("Failure: ", 1)[-1] if error else "failed"
