"""`twin documents`: look at raw documents, edit one, remove one."""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import typer

from twin.cli.opening import known_author, stores
from twin.cli.tables import add_row, print_table, table
from twin.commands import build
from twin.errors import InputError
from twin.models import IMPORT, Document
from twin.regular import read_regular
from twin.warehouse import editing as documents

app = typer.Typer(help="List, show, edit or remove an author's raw documents in the warehouse.")

LINK = typer.Argument(help="Its link as declared or as listed, the end of its link or path, its title, or its id.")
PATH = typer.Option(None, help="Path of the file, if several files of a repository have this link.")


@app.command("list")
def show_all(
    author: str, as_json: bool = typer.Option(False, "--json", help="Print one JSON object per line, without the text.")
) -> None:
    """List an author's documents (length in characters); the other commands accept what is in the last column."""
    rows: list[dict[str, str | int | None]] = []
    with stores() as opened:
        for document in documents.list_documents(opened.warehouse, known_author(opened, author)):
            rows.append(_facts(document))
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    names = Counter(end for row in rows for end in _ends(row))
    shown = table("category", "date", "length", "title", "document", right=("length",))
    for row in rows:
        name = next((end for end in _ends(row) if names[end] == 1), f"{row['link']} {row['path'] or ''}".rstrip())
        title = _short(str(row["title"] or row["begins"]))
        add_row(shown, str(row["category"]), str(row["date"] or "-"), str(row["characters"]), title, name)
    print_table(shown)


@app.command("show")
def show(author: str, link: str = LINK, path: str | None = PATH) -> None:
    """Print the text of one document."""
    with stores() as opened:
        typer.echo(documents.find_document(opened.warehouse, known_author(opened, author), link, path).text, nl=False)


@app.command("edit")
def edit(
    author: str,
    link: str = LINK,
    file: Path = typer.Option(help="A file with the new text; `-` reads standard input."),
    path: str | None = PATH,
) -> None:
    """Replace the text of one document; the next build chunks and embeds only this document again."""
    text = _text(file)
    with stores() as opened:
        changed = documents.replace_text(opened.warehouse, known_author(opened, author), link, text, path)
    if not changed:
        typer.echo("unchanged: it already has that text")
        return
    typer.echo(f"changed. To update the twin: `{build(author)}`")


@app.command("remove")
def remove(author: str, link: str = LINK, path: str | None = PATH) -> None:
    """Remove one document; the next build removes its chunks and points."""
    with stores() as opened:
        removed = documents.remove_document(opened.warehouse, known_author(opened, author), link, path)
        kinds = {declared.kind for declared in opened.warehouse.links(author) if declared.url == removed.source}
    typer.echo(f"removed {removed.link}{f' {removed.path}' if removed.path else ''}")
    if kinds - {IMPORT}:
        typer.echo(
            f"It will come back the next time {removed.source} is read or replayed, unless you exclude it there too."
        )
    typer.echo(f"To update the twin: `{build(author)}`")


def _facts(document: Document) -> dict[str, str | int | None]:
    """What the list shows of a document, and its id."""
    return {
        "category": document.category.value,
        "date": document.published_at.date().isoformat() if document.published_at else None,
        "characters": len(document.text),
        "title": document.title,
        "begins": " ".join(document.text[:200].split()),
        "link": document.link,
        "path": document.path,
        "id": document.id,
    }


def _ends(row: Mapping[str, str | int | None]) -> list[str]:
    """What the other commands accept for a document if no other has the same: the ends of its path or link."""
    parts = str(row["path"] or row["link"]).removeprefix("local:").split("/")
    return [end for count in range(1, len(parts) + 1) if (end := "/".join(parts[-count:]))]


def _short(title: str, most: int = 24) -> str:
    """A title that leaves room for the other columns, cut between words."""
    words = title.split(" ")
    while len(words) > 1 and len(" ".join(words)) > most:
        words.pop()
    short = " ".join(words)[:most]
    return short if short == title else f"{short} …"


def _text(file: Path) -> str:
    """The contents of a file, or of standard input for `-`, unchanged, including line ends and spaces."""
    name = "Standard input" if str(file) == "-" else str(file)
    try:
        return (sys.stdin.buffer.read() if str(file) == "-" else read_regular(file)).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text (byte {error.start}): save it as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}): give a readable file.") from None
