"""What the product does when it is attacked, damaged or left alone, as one JSON object.

`make bench-faults`, or `python -m benchmarks.faults`. Every part is a module of its own, which says what it does.
"""

import json
import subprocess
import sys
from typing import Any

PARTS = {
    "idle": ("idle_build_share", "one_changed_build_share"),
    "sensor": ("sensor_tick_cpu_s",),
    "corruptions": ("corruptions_total", "corruptions_silent", "corruptions_healed"),
    "secrets": ("secrets_leaked",),
    "hostile": ("hostile_page_cpu_s",),
}
"""Module -> the numbers that are taken from its last line."""


def part(name: str) -> dict[str, Any]:
    """The last line of one part.

    Raises:
        SystemExit: it failed; its own message went to stderr.
    """
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"benchmarks.{name} failed with exit status {done.returncode}: see above.")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Run every part and print the numbers."""
    numbers: dict[str, Any] = {}
    for name, wanted in PARTS.items():
        found = part(name)
        print(f"{name}: {json.dumps(found)}", flush=True)
        numbers |= {key: found[key] for key in wanted}
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
