"""`twin vectors`: what the vector store contains."""

import json
from typing import Any

import typer

from twin.cli.opening import stores
from twin.models import Category

app = typer.Typer(help="Look at the vector store.", no_args_is_help=True)


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
    for row in rows:
        index = ", ".join(f"{name} {value}" for name, value in row["index"].items())
        typer.echo(f"{row['category']} of {row['author']}: {row['points']} points of {row['model']}; {index}")
    typer.echo(f"{sum(row['points'] for row in rows)} points in {address}")
