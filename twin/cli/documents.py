"""`twin documents`: look at raw documents, edit one, remove one."""

import re
import sys
from pathlib import Path

import typer

from twin.cli.opening import known_author, stores
from twin.errors import InputError
from twin.models import IMPORT
from twin.regular import read_regular
from twin.warehouse import editing as documents

app = typer.Typer(help="List, show, edit or remove an author's raw documents in the warehouse.")


@app.command("list")
def show_all(author: str) -> None:
    """List an author's documents: category, number of characters, link and path."""
    with stores() as opened:
        for document in documents.list_documents(opened.warehouse, known_author(opened, author)):
            where = f"{document.link} {document.path}" if document.path else document.link
            cells = (document.category.value, str(len(document.text)), where, document.title or "")
            typer.echo("\t".join(map(_cell, cells)))


@app.command("show")
def show(author: str, link: str, path: str | None = typer.Option(None, help="Path, for a repository's file.")) -> None:
    """Print the text of one document."""
    with stores() as opened:
        typer.echo(documents.find_document(opened.warehouse, known_author(opened, author), link, path).text, nl=False)


@app.command("edit")
def edit(
    author: str,
    link: str,
    file: Path = typer.Option(help="A file with the new text; `-` reads standard input."),
    path: str | None = typer.Option(None, help="Path, for a repository's file."),
) -> None:
    """Replace the text of one document; the next build chunks and embeds only this document again."""
    text = _text(file)
    with stores() as opened:
        changed = documents.replace_text(opened.warehouse, known_author(opened, author), link, text, path)
    typer.echo("changed" if changed else "unchanged: it already has that text")


@app.command("remove")
def remove(
    author: str, link: str, path: str | None = typer.Option(None, help="Path, for a repository's file.")
) -> None:
    """Remove one document; the next build removes its chunks and points."""
    with stores() as opened:
        removed = documents.remove_document(opened.warehouse, known_author(opened, author), link, path)
        kinds = {declared.kind for declared in opened.warehouse.links(author) if declared.url == removed.source}
    typer.echo(f"removed {link}")
    if kinds - {IMPORT}:
        typer.echo(f"It comes back when {removed.source} is read again and still contains it: exclude it there, too.")


def _cell(text: str) -> str:
    """A text as a cell of one line: file names and titles may contain line breaks and terminal escape codes."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: repr(found[0])[1:-1], text)


def _text(file: Path) -> str:
    """The contents of a file, or of standard input for `-`, unchanged, including line ends and spaces."""
    name = "Standard input" if str(file) == "-" else str(file)
    try:
        return (sys.stdin.buffer.read() if str(file) == "-" else read_regular(file)).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text (byte {error.start}): save it as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}): give a readable file.") from None
