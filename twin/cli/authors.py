"""`twin authors` and `twin links`."""

import json
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from twin.authors.files import load_authors
from twin.authors.leftovers import find_leftovers
from twin.authors.missing import missing_files
from twin.authors.registration import add_link, drop_link
from twin.authors.removal import remove_author
from twin.cli.opening import known_author, stores
from twin.models import IMPORT, Category, CrawlRecord, State

app = typer.Typer(help="List the authors in the warehouse, or remove one.")
links = typer.Typer(help="Add a link to an author without editing a file, list links, or remove one.")


@app.callback(invoke_without_command=True)
def list_authors(context: typer.Context) -> None:
    """List the authors in the warehouse, and the author files that are missing or cannot be used."""
    if context.invoked_subcommand is not None:
        return
    table = Table("author", "name", "links", *(f"cleaned {category.value}" for category in Category), box=None)
    with stores() as opened:
        for author in opened.warehouse.authors():
            counts = [str(len(opened.warehouse.hashes(State.CLEANED, author.slug, category))) for category in Category]
            table.add_row(author.slug, author.name, str(len(opened.warehouse.links(author.slug))), *counts)
        files = load_authors(opened.settings.authors_path)
        missing = missing_files(opened.warehouse, opened.settings.authors_path)
    Console(width=200).print(table)
    for sentence in missing.values():
        typer.echo(f"twin: {sentence}", err=True)
    for error in files.errors:
        typer.echo(f"twin: {error}", err=True)
    if files.errors:
        raise typer.Exit(1)


@app.command("remove")
def remove_everything(
    author: str, yes: bool = typer.Option(False, "--yes", help="Do not ask for confirmation.")
) -> None:
    """Permanently delete an author and all their documents, captures, chunks, points, samples and adapters."""
    if not yes:
        typer.confirm(f"Permanently delete {author} and all their data?", abort=True)
    with stores() as opened:
        files = load_authors(opened.settings.authors_path)
        report = remove_author(author, opened.warehouse, opened.artifacts, opened.vectors, files)
    if not report.removed:
        typer.echo(f"nothing is stored for {author}")
        return
    parts = [f"{count} file{'s' * (count != 1)} of {folder}" for folder, count in report.files.items()]
    typer.echo(f"removed {author}: {', '.join([f'{report.rows} rows', f'{report.points} points', *parts])}")


@app.command("leftovers")
def leftovers() -> None:
    """Show what is stored of authors who are not in the warehouse; remove it with `twin authors remove`."""
    with stores() as opened:
        found = find_leftovers(opened.warehouse, opened.artifacts, opened.vectors)
    for slug, left in found.items():
        files = sum(left.files.values())
        typer.echo(f"{slug}: {left.rows} rows, {left.points} points, {files} files: run `twin authors remove {slug}`")
    if not found:
        typer.echo("nothing is stored of unknown authors")
    else:
        raise typer.Exit(1)


@links.command("add")
def add(
    author: str,
    link: str = typer.Argument(help="An http(s) URL, or a path on this machine."),
    kind: str | None = typer.Option(
        None, help="Kind of a local source, such as repository or files. Not needed for a URL."
    ),
    name: str | None = typer.Option(None, help="The author's name, if the author is new."),
) -> None:
    """Add a link to an author. The discovery sensor finds it, or the next `build_twin` reads it."""
    with stores() as opened:
        declared = add_link(opened.warehouse, author, {kind: link} if kind else link, base=Path.cwd(), name=name)
    typer.echo(f"added {declared.url} ({declared.kind}: {', '.join(declared.categories)}) to {author}")


@links.command("remove")
def remove(author: str, link: str) -> None:
    """Remove a link that `twin links add` added; the next build removes its documents, chunks and points."""
    with stores() as opened:
        removed = drop_link(opened.warehouse, known_author(opened, author), link)
    typer.echo(f"removed {removed} from {author}")


@links.command("list")
def show(author: str, as_json: bool = typer.Option(False, "--json", help="Print one JSON object per line.")) -> None:
    """List an author's links, each with the result of the last attempt to read it."""
    table = Table("link", "kind", "from", "category", "last attempt", box=None)
    with stores() as opened:
        warehouse, slug = opened.warehouse, known_author(opened, author)
        crawls = {category: warehouse.last_crawls(slug, category) for category in Category}
        for link in warehouse.links(slug):
            for category in link.categories:
                crawl = crawls[category].get(link.url)
                if as_json:
                    shown = {"status", "message", "documents", "checked_at"}
                    attempt = crawl.model_dump(mode="json", include=shown) if crawl else {"status": None}
                    typer.echo(json.dumps(link.model_dump(mode="json") | {"category": category, **attempt}))
                    continue
                never = "imported" if link.kind == IMPORT else "not yet"
                table.add_row(link.url, link.kind, link.origin, category.value, _attempt(crawl) or never)
    if not as_json:
        Console(width=200).print(table)


def _attempt(crawl: CrawlRecord | None) -> str | None:
    """The result of the last attempt at a link. A failed one has no number: documents of earlier attempts stay."""
    if crawl is None:
        return None
    if crawl.message:
        return f"{crawl.status}: {crawl.message}"
    return f"{crawl.status}, {crawl.documents} document{'s' * (crawl.documents != 1)}"
