"""`python -m benchmarks.sensor`: what a tick of the sensor costs that finds nothing changed, in CPU seconds."""

import argparse
import json
import tempfile
import time
from pathlib import Path

import dagster as dg

from twin import layout
from twin.settings import Settings
from twin.warehouse.sqlite import SqliteWarehouse
from twin_jobs.sensors import discover_links


def author_file(number: int, links: int) -> str:
    """An author file with links of several kinds."""
    forms = (
        "https://blog.example/{0}/{1}",
        "https://github.com/writer{0}/project{1}",
        "https://writer{0}.substack.com/p/post-{1}",
    )
    declared = [forms[each % len(forms)].format(number, each) for each in range(links)]
    return "\n".join([f"name: Writer {number}", "links:", *(f"  - {link}" for link in declared), ""])


def tick(folder: Path, cursor: str | None) -> tuple[str | None, bool, float]:
    """One tick with newly opened stores, as the daemon makes it: its cursor, whether it was idle, and CPU seconds."""
    settings = Settings(store=str(folder), authors=str(folder / "authors"))
    with dg.DagsterInstance.ephemeral() as instance:
        begun = time.process_time()
        warehouse = SqliteWarehouse(folder / layout.WAREHOUSE)
        context = dg.build_sensor_context(
            instance, cursor=cursor, resources={"warehouse": warehouse, "settings": settings}
        )
        result = discover_links.evaluate_tick(context)
        warehouse.close()
        spent = time.process_time() - begun
    return result.cursor, result.skip_message == "No author's links changed.", spent


def main() -> None:
    """Print one JSON object: the median of several idle ticks, after every author was discovered."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sensor", description=__doc__)
    parser.add_argument("--authors", type=int, default=1000)
    parser.add_argument("--links", type=int, default=50, help="for each author")
    parser.add_argument("--ticks", type=int, default=7, help="idle ticks to measure")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-sensor-") as name:
        folder = Path(name)
        (folder / "authors").mkdir()
        for number in range(given.authors):
            text = author_file(number, given.links)
            (folder / "authors" / f"writer-{number}.yaml").write_text(text, encoding="utf-8")
        cursor, idle, discovery, first = None, False, 0.0, 0
        while not idle:
            cursor, idle, spent = tick(folder, cursor)
            discovery, first = discovery + spent, first + 1
        spent_idle = []
        for _ in range(given.ticks):
            cursor, idle, spent = tick(folder, cursor)
            if not idle:
                raise AssertionError("a tick found a change where there is none")
            spent_idle.append(spent)
    numbers = {
        "sensor_tick_cpu_s": round(sorted(spent_idle)[len(spent_idle) // 2], 4),
        "authors": given.authors,
        "links": given.authors * given.links,
        "first_ticks": first,
        "first_ticks_cpu_s": round(discovery, 1),
        "cursor_bytes": len(cursor or ""),
    }
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
