"""`twin vectors`: what the vector store holds."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from twin.models import Category
from twin.settings import Settings
from twin.vectors.base import VectorStore

app = typer.Typer(help="Look at the vector store.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `status` a command of its own: typer would run the only command of a group by the group's name."""


@app.command("status")
def status(as_json: bool = typer.Option(False, "--json", help="One JSON array.")) -> None:
    """List the points that searches see, by category and author, what they are made with and how they are indexed."""
    rows: list[dict[str, Any]] = []
    with _vectors() as opened:
        for category in Category:
            rows += [
                {
                    "category": category.value,
                    "author": author,
                    "points": opened.count(category, author),
                    "model": opened.model(category, author),
                    "index": opened.index(category, author),
                }
                for author in opened.authors(category)
            ]
        address = opened.address
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        index = ", ".join(f"{name} {value}" for name, value in row["index"].items())
        typer.echo(f"{row['category']} of {row['author']}: {row['points']} points of {row['model']}; {index}")
    typer.echo(f"{sum(row['points'] for row in rows)} points in {address}")


@contextmanager
def _vectors() -> Iterator[VectorStore]:
    from twin.vectors import open_vector_store

    opened = open_vector_store(Settings.from_env())
    try:
        yield opened
    finally:
        opened.close()
