"""`twin vectors`: what the vector store contains, and backup and restore, also between engines."""

import json
from pathlib import Path
from typing import Any

import typer

from twin.cli.opening import stores
from twin.models import Category
from twin.vectors.backup import Saved

app = typer.Typer(help="Look at the vector store, back it up, and restore it.", no_args_is_help=True)

_Author = typer.Option(None, "--author", help="Only this author. Default: all authors.")


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


@app.command("backup")
def backup(folder: Path, author: str | None = _Author) -> None:
    """Write the points into a folder that `twin vectors restore` can read into any engine."""
    from twin.vectors.backup import backup as write

    with stores() as opened:
        _say(write(opened.vectors, folder, author), f"written to {folder}")


@app.command("restore")
def restore(folder: Path, author: str | None = _Author) -> None:
    """Restore a backup: its authors and categories then have exactly its points. Safe to repeat."""
    from twin.vectors.backup import restore as read

    with stores() as opened:
        vectors = opened.vectors
        restored = read(vectors, folder, author)
        waiting = {each.category for each in restored if not vectors.serves(each.category, each.author, each.model)}
        _say(restored, f"restored to {vectors.address}")
    for category in sorted(waiting):
        typer.echo(
            f"searches in {category} use the points of another model until every author has points of this one",
            err=True,
        )


def _say(saved: list[Saved], what: str) -> None:
    for each in saved:
        typer.echo(f"{each.category} of {each.author}: {each.points} points of {each.model}")
    typer.echo(f"{sum(each.points for each in saved)} points {what}")
