"""Finds the data of the benchmarks, and saves their results with the machine and versions that gave them."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"


def data_folder() -> Path:
    """The folder of real data next to the checkout, or the folder that TWIN_BENCH_DATA names.

    Raises:
        SystemExit: it does not exist; the message says how to set another one.
    """
    folder = Path(os.environ.get("TWIN_BENCH_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        raise SystemExit(f"The benchmark data is not at {folder}: set TWIN_BENCH_DATA to the folder that contains it.")
    return folder


def record(name: str, numbers: dict[str, Any], packages: tuple[str, ...], *, write: bool = True) -> None:
    """Write the numbers to `benchmarks/results/<name>.json` and print them as one JSON object, the last line of a run.

    Args:
        packages: distributions whose versions are recorded.
        write: whether to write the file or only to print: a run of some parts must not replace the results of all.
    """
    processor = next(
        (
            line.split(":", 1)[1].strip()
            for line in _lines(Path("/proc/cpuinfo"))
            if line.startswith(("model name", "Model"))
        ),
        platform.processor(),
    )
    described = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"system": platform.platform(), "processor": processor, "cores": os.cpu_count()},
        "python": platform.python_version(),
        "packages": {package: version(package) for package in packages},
        "numbers": numbers,
    }
    if write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(numbers), flush=True)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
