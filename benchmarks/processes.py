"""Runs parts of a benchmark in separate processes, and measures the peak memory of a process."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any


def child(module: str, *arguments: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a module in a fresh process and return the JSON object of its last line; the lines before it are printed.

    Raises:
        SystemExit: it failed; its own message went to stderr.
    """
    command = [sys.executable, "-m", module, *arguments]
    variables = os.environ | (environment or {})
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, env=variables, stdout=subprocess.PIPE, text=True) as process:
        last = ""
        for line in process.stdout or ():
            if last:
                print(last, end="", flush=True)
            last = line
    if process.returncode:
        raise SystemExit(f"{module} {' '.join(arguments)} failed with exit status {process.returncode}: see above.")
    return dict(json.loads(last))


def peak_mb() -> float:
    """The peak of this process alone. On Linux, that of getrusage begins at the size of the parent process, so a large
    parent would hide any growth."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def two_cores() -> None:
    """Limit this process and its children to two cores, so that a larger machine measures the same."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
