"""`twin documents`: look at raw documents, edit one, remove one."""

import re
import sys
from pathlib import Path

import typer

from twin.cli.opening import known_author, stores
from twin.errors import InputError
from twin.models import IMPORT
from twin.warehouse import editing as documents

app = typer.Typer(help="The raw documents of an author in the warehouse: list, show, edit, remove.")


@app.command("list")
def show_all(author: str) -> None:
    """List an author's documents: category, characters, link and path."""
    with stores() as opened:
        for document in documents.list_documents(opened.warehouse, known_author(opened, author)):
            where = f"{document.link} {document.path}" if document.path else document.link
            cells = (document.category.value, str(len(document.text)), where, document.title or "")
            typer.echo("\t".join(map(_cell, cells)))


@app.command("show")
def show(author: str, link: str, path: str | None = typer.Option(None, help="Of a file in a repository.")) -> None:
    """Print the text of one document."""
    with stores() as opened:
        typer.echo(documents.find_document(opened.warehouse, known_author(opened, author), link, path).text, nl=False)


@app.command("edit")
def edit(
    author: str,
    link: str,
    file: Path = typer.Option(help="The new text; `-` reads standard input."),
    path: str | None = typer.Option(None, help="Of a file in a repository."),
) -> None:
    """Replace the text of one document; the next build re-chunks and re-embeds only it."""
    text = _text(file)
    with stores() as opened:
        changed = documents.replace_text(opened.warehouse, known_author(opened, author), link, text, path)
    typer.echo("changed" if changed else "unchanged: it has that text already")


@app.command("remove")
def remove(author: str, link: str, path: str | None = typer.Option(None, help="Of a file in a repository.")) -> None:
    """Remove one document; its chunks and points go with the next build."""
    with stores() as opened:
        removed = documents.remove_document(opened.warehouse, known_author(opened, author), link, path)
        kinds = {declared.kind for declared in opened.warehouse.links(author) if declared.url == removed.source}
    typer.echo(f"removed {link}")
    if kinds - {IMPORT}:
        typer.echo(f"It comes back when {removed.source} is read again and still has it: exclude it there, too.")


def _cell(text: str) -> str:
    """A text within its cell of one line: names of files and titles may hold line breaks and orders to a terminal."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: repr(found[0])[1:-1], text)


def _text(file: Path) -> str:
    """The bytes of a file, or of standard input for `-`, as they are: no line end and no space is changed."""
    name = "Standard input" if str(file) == "-" else str(file)
    try:
        return (sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is no UTF-8 text (byte {error.start}): save it as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}): give a readable file.") from None
