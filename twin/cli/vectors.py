"""`twin vectors`: what the vector store contains, and backup and restore, also between engines."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from twin.models import Category
from twin.settings import Settings
from twin.vectors.backup import Saved
from twin.vectors.base import VectorStore

app = typer.Typer(help="Look at the vector store, back it up, and restore it.", no_args_is_help=True)

_Author = typer.Option(None, "--author", help="Only this author. Default: all authors.")


@app.command("status")
def status(as_json: bool = typer.Option(False, "--json", help="Print one JSON array.")) -> None:
    """List the points that searches see: by category and author, with their model and index."""
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


@app.command("backup")
def backup(folder: Path, author: str | None = _Author) -> None:
    """Write the points into a folder that `twin vectors restore` can read into any engine."""
    from twin.vectors.backup import backup as write

    with _vectors() as opened:
        _say(write(opened, folder, author), f"written to {folder}")


@app.command("restore")
def restore(folder: Path, author: str | None = _Author) -> None:
    """Restore a backup: its authors and categories then have exactly its points. Safe to repeat."""
    from twin.vectors.backup import restore as read

    with _vectors() as opened:
        restored = read(opened, folder, author)
        waiting = {each.category for each in restored if not opened.serves(each.category, each.author, each.model)}
        _say(restored, f"restored to {opened.address}")
    for category in sorted(waiting):
        typer.echo(
            f"searches in {category} use the points of another model until every author has points of this one",
            err=True,
        )


@contextmanager
def _vectors() -> Iterator[VectorStore]:
    from twin.vectors import open_vector_store

    opened = open_vector_store(Settings.from_env())
    try:
        yield opened
    finally:
        opened.close()


def _say(saved: list[Saved], what: str) -> None:
    for each in saved:
        typer.echo(f"{each.category} of {each.author}: {each.points} points of {each.model}")
    typer.echo(f"{sum(each.points for each in saved)} points {what}")
