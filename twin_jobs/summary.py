"""Shows what the newest build of an author did, as one table: `python -m twin_jobs.summary AUTHOR`.

It reads Dagster's own event log, so it shows only what was recorded.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
from rich.console import Console
from rich.table import Table

from twin.commands import build
from twin_assets.columns import LINKS, Stage, keys
from twin_assets.showing import counted

WIDTH = 100
"""Columns of the table."""

SAMPLE = "llm-twin"
"""The author that the project brings along."""


class Row(NamedTuple):
    """One row of the table."""

    label: str
    counted: str
    work: dict[str, str]
    """Metadata field of the work done -> word for that work."""


COLUMN_ROWS = {
    Stage.RAW: Row("raw", "documents", {"written": "written"}),
    Stage.CLEANED: Row("cleaned", "documents", {"written": "written"}),
    Stage.CHUNKS: Row("chunks", "chunks", {"written": "changed"}),
    Stage.EMBEDDINGS: Row("embeddings", "vectors", {"texts_embedded": "embedded"}),
    Stage.COLLECTION: Row("collections", "points", {"points_written": "written", "points_deleted": "deleted"}),
}
"""Each stage is one row for the columns of all categories."""

ROWS = (
    (Row("links", "links", {"written": "changed"}), [LINKS]),
    *((COLUMN_ROWS[stage], keys(stage)) for stage in Stage),
    (
        Row("instruction_dataset", "samples", {"written": "changed"}),
        [dg.AssetKey("instruction_dataset")],
    ),
)


class Materialized(NamedTuple):
    """One asset of the run: its metadata, its data version, and the duration of its step in seconds."""

    metadata: dict[str, Any]
    data_version: str
    seconds: float


def newest_build(instance: dg.DagsterInstance, author: str) -> dg.DagsterRun | None:
    """The author's newest run of `build_twin`, whether it succeeded or not."""
    filters = dg.RunsFilter(job_name="build_twin", tags={"dagster/partition": author})
    records = instance.get_run_records(filters, limit=1)
    return records[0].dagster_run if records else None


def materializations(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, Materialized]:
    """What a run materialised, by asset key such as `posts/raw`."""
    seconds = {
        step.step_key: (step.end_time or 0) - (step.start_time or 0) for step in instance.get_run_step_stats(run.run_id)
    }
    found = {}
    for record in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        event = record.dagster_event
        materialization = record.asset_materialization
        if event is None or materialization is None:
            continue
        found[materialization.asset_key.to_user_string()] = Materialized(
            {name: value.value for name, value in materialization.metadata.items()},
            (materialization.tags or {}).get("dagster/data_version", ""),
            seconds.get(event.step_key or "", 0.0),
        )
    return found


def summary_table(author: str, assets: dict[str, Materialized]) -> Table:
    """One row per stage: how much there is, what this run did, its time, and the data version after it."""
    table = Table("stage", "there now", "this run", "time", "data version", box=None, pad_edge=False)
    table.title, table.title_justify = f"Twin of {author}", "left"
    for row, members_of in ROWS:
        members = [assets[name] for name in sorted(map(dg.AssetKey.to_user_string, members_of)) if name in assets]
        if not members:
            table.add_row(row.label, "-", "did not run", "", "")
            continue
        total = sum(counted(made.metadata) or 0 for made in members)
        done = ", ".join(
            f"{sum(made.metadata.get(field, 0) for made in members):,} {verb}" for field, verb in row.work.items()
        )
        if failed := sentences(made.metadata.get("failures") for made in members):
            done += f", {len(failed)} link{'s' * (len(failed) != 1)} failed"
        spent = sum(made.seconds for made in members)
        versions = " ".join(made.data_version[:6] for made in members)
        table.add_row(row.label, f"{total:,} {row.counted}", done, f"{spent:.1f} s", versions)
    if adapter := assets.get("lora_adapter"):
        done = "reused" if adapter.metadata.get("reused") else f"trained, {adapter.metadata.get('steps', 0)} steps"
        table.add_row(
            "lora_adapter",
            "1 adapter",
            done,
            f"{adapter.seconds:.1f} s",
            adapter.data_version[:6],
        )
    if evaluation := assets.get("twin_evaluation"):
        losses = f"{evaluation.metadata['base_loss']:.3f} → {evaluation.metadata['adapter_loss']:.3f}"
        held_out = evaluation.metadata.get("split") != "train"  # with very little text, nothing is held out
        done = f"{'held-out' if held_out else 'training'} loss (nats/token)"
        table.add_row("twin_evaluation", losses, done, f"{evaluation.seconds:.1f} s", evaluation.data_version[:6])
    return table


def what_next(author: str, assets: dict[str, Materialized]) -> list[str]:
    """What to try after a successful build: commands that work as they are printed, in the folder of the project."""
    twin = _shown(str(Path(sys.executable).with_name("twin")))
    question = "why is LinkedIn never scraped?" if author == SAMPLE else "what is it about?"
    commands = [
        (f'{twin} search {author} "{question}"', "ask its memory"),
        (f"{twin} documents list {author}", "see what was read"),
        ("make ui", "see the pipeline in the browser"),
    ]
    width = max(len(command) for command, _ in commands)
    lines = ["Try next:", *(f"  {command:<{width}}   # {what}" for command, what in commands), ""]
    if adapter := assets.get("lora_adapter"):
        lines.append(
            f"The adapter is in {_shown(str(adapter.metadata.get('path')))}; its README.md says how to load it."
        )
        if str(adapter.metadata.get("base_model", "")).startswith("nano"):
            lines += [
                "It was trained on nano, a tiny model that tests the pipeline and cannot talk. For a twin that talks,",
                "set a real base model: TWIN_BASE_MODEL=Qwen/Qwen3-0.6B (see docs/configuration.md).",
            ]
    if author == SAMPLE:
        lines.append("Your own twin: write authors/SLUG.yaml (see README.md), then run `make demo AUTHOR=SLUG`.")
    return lines


def sentences(markdown: Iterable[str | None]) -> list[str]:
    """The items of Markdown lists, each once: a link with two categories fails in both for the same reason."""
    return list(dict.fromkeys(line for text in markdown if text for line in text.splitlines()))


def _shown(path: str) -> str:
    """A path, relative to the current folder if possible."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def main(arguments: list[str]) -> int:
    """Print the table; the exit status is 0 only if the newest build succeeded."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m twin_jobs.summary AUTHOR\n")
        return 2
    author = arguments[0]
    if not os.environ.get("DAGSTER_HOME"):
        sys.stderr.write(
            f"DAGSTER_HOME is not set: run `{build(author)}`, or set it to the folder of Dagster's history.\n"
        )
        return 1
    with dg.DagsterInstance.get() as instance:
        run = newest_build(instance, author)
        if run is None:
            sys.stderr.write(f"No build of '{author}' is recorded in this DAGSTER_HOME: run `{build(author)}`.\n")
            return 1
        assets = materializations(instance, run)
        Console(width=WIDTH).print(summary_table(author, assets))
        if "links" in assets and (said := assets["links"].metadata.get("missing_file")):
            sys.stderr.write(f"{said}\n")
        raw = {each.to_user_string() for each in keys(Stage.RAW)}
        for field, title in (("failures", "Links that failed"), ("skipped", "Links that are never fetched")):
            if said := sentences(made.metadata.get(field) for name, made in assets.items() if name in raw):
                sys.stderr.write("\n".join([f"{title}:", *said]) + "\n")
        if not run.is_success:
            sys.stderr.write(f"The build ended as {run.status.value}: see run {run.run_id} in `make ui`.\n")
            return 1
    sys.stdout.write("\n" + "\n".join(what_next(author, assets)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
