"""`twin vectors`: what the vector store contains."""

import json
import textwrap
from typing import Any

import typer

from twin.cli.opening import stores
from twin.cli.tables import add_row, print_table, table, width
from twin.models import Category

app = typer.Typer(help="Inspect the vector store.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `status` a command: typer would otherwise run a group's only command under the group's name."""


@app.command("status")
def status(as_json: bool = typer.Option(False, "--json", help="Print one JSON array.")) -> None:
    """List the points that searches see: by category and author, with their model and index."""
    rows: list[dict[str, Any]] = []
    with stores() as opened:
        for category in Category:
            rows += [
                {
                    "category": category.value,
                    "author": author,
                    "points": opened.vectors.count(category, author),
                    "model": opened.vectors.model(category, author),
                    "index": opened.vectors.index(category, author),
                }
                for author in opened.vectors.authors(category)
            ]
        address = opened.vectors.address
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if rows:
        _show(rows)
    typer.echo(f"{sum(row['points'] for row in rows)} points in {address}")


def _show(rows: list[dict[str, Any]]) -> None:
    """A table of what differs; what is the same for every row is said once, below it."""
    every = [row | row["index"] for row in rows]
    names = list(dict.fromkeys(name for row in every for name in row if name != "index"))
    values = {name: {json.dumps(row.get(name)) for row in every} for name in names}
    first = ("category", "author", "points")
    columns = [name for name in names if name in first or len(values[name]) > 1]
    shown = table(*columns, right=tuple(set(columns) - {"category", "author", "model"}))
    for row in every:
        add_row(shown, *(str(row.get(name, "-")) for name in columns))
    print_table(shown)
    same = [f"{name} {every[0].get(name)}" for name in names if name not in columns]
    if same:
        typer.echo(textwrap.fill(f"each with {', '.join(same)}", width(), break_on_hyphens=False))
