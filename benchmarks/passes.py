"""How often a build reads and hashes each document and chunk, and what an idle rebuild costs.

`python -m benchmarks.passes`, or with `--against CHECKOUT` to compare with another checkout, such as one of an older
commit. Each builds its own store from the articles of the handbook, then both rebuild in turns, always in a new
process. A pass reads every document or chunk of a state once.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.record import ROOT, data_folder, record

ROUNDS = 5
LINE = Path(__file__).with_name("passes_line.py")


def build(checkout: Path, export: Path, store: Path, how: str) -> dict[str, Any]:
    """One build by a checkout, in a separate process.

    Raises:
        SystemExit: the build failed; its own message went to stderr.
    """
    command = [sys.executable, "-P", str(LINE), str(export), str(store), how]
    variables = os.environ | {"PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=checkout, env=variables, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The build by {checkout} failed with exit status {done.returncode}: see above.")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def passes(found: Mapping[str, Any]) -> dict[str, float]:
    """Passes over each state and table, and hashes per document and chunk."""
    there = dict(found["there"])
    there |= {"points": there["chunks"], "Chunk": there["chunks"], "Document": there["raw"] + there["cleaned"]}
    counted = {f"{name}_read": (name, count) for name, count in found["reads"].items()}
    counted |= {f"{name.lower()}_hashed": (name, count) for name, count in found["hashes"].items()}
    return {
        label: round(count / there[name.partition(",")[0]], 2)
        for label, (name, count) in sorted(counted.items())
        if there.get(name.partition(",")[0])
    }


def main(against: Path | None, rounds: int) -> None:
    """Count, time, and print the numbers as one JSON object."""
    export = data_folder() / "handbook"
    if not export.is_dir():
        print(f"Skipped: the articles of the handbook are not at {export}.")
        return
    checkouts = {"now": ROOT} | ({"before": against.resolve()} if against else {})
    numbers: dict[str, Any] = {}
    times: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    with tempfile.TemporaryDirectory(prefix="bench-passes-") as folder:
        for name, checkout in checkouts.items():
            for kind in ("first", "idle"):
                found = build(checkout, export, Path(folder) / name, "count")
                numbers[f"{name}_{kind}"] = passes(found)
                print(f"{name}, {kind} build: {numbers[f'{name}_{kind}']}", flush=True)
                if kind == "idle" and found["written"]:
                    raise SystemExit(f"The idle rebuild by {checkout} wrote {found['written']} items, not 0.")
        for _ in range(rounds):
            for name, checkout in checkouts.items():
                found = build(checkout, export, Path(folder) / name, "time")
                times[name].append({unit: sum(found[unit].values()) for unit in ("cpu", "wall")})
    for unit in ("cpu", "wall"):
        for name, found_times in times.items():
            numbers[f"{name}_{unit}_s"] = round(statistics.median(each[unit] for each in found_times), 3)
        if against:
            numbers[f"{unit}_ratio"] = round(numbers[f"now_{unit}_s"] / numbers[f"before_{unit}_s"], 3)
    record("passes", numbers, ("pydantic", "pyarrow"), write=against is not None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout, measured in turns with this one")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    main(arguments.against, arguments.rounds)
