"""`twin authors` and `twin links`."""

import json
import textwrap
from pathlib import Path

import typer

from twin.authors.files import load_authors
from twin.authors.leftovers import find_leftovers
from twin.authors.missing import missing_files
from twin.authors.registration import add_link, drop_link
from twin.authors.removal import check_removable, remove_author
from twin.cli.opening import known_author, stores
from twin.cli.tables import add_row, print_table, printable, table, width
from twin.commands import build
from twin.errors import InputError
from twin.models import IMPORT, Category, CrawlRecord, State
from twin.nearest import did_you_mean

app = typer.Typer(help="List the authors in the warehouse, or remove one.")
links = typer.Typer(help="Add a link to an author without editing a file, list links, or remove one.")


@app.callback(invoke_without_command=True)
def _without_command(context: typer.Context) -> None:
    """List the authors, or remove one."""
    if context.invoked_subcommand is None:
        list_authors()


@app.command("list")
def list_authors() -> None:
    """List the authors with their cleaned documents, and the author files that are missing or cannot be used."""
    counts = ("links", *(category.value for category in Category))
    shown = table("author", "name", *counts, right=counts)
    with stores() as opened:
        warehouse = opened.warehouse
        authors = list(warehouse.authors())
        for author in authors:
            cleaned = [str(len(warehouse.hashes(State.CLEANED, author.slug, category))) for category in Category]
            add_row(shown, author.slug, author.name, str(len(warehouse.links(author.slug))), *cleaned)
        files = load_authors(opened.settings.authors_path)
        missing = missing_files(opened.warehouse, opened.settings.authors_path)
    print_table(shown)
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
    with stores() as opened:
        files = load_authors(opened.settings.authors_path)
        check_removable(author, files)
        if not yes:
            typer.confirm(f"Permanently delete {author} and all their data?", abort=True)
        report = remove_author(author, opened.warehouse, opened.artifacts, opened.vectors, files)
        if not report.removed:
            known = [each.slug for each in opened.warehouse.authors()]
            hint = did_you_mean(author, known, "list them with `twin authors list`")
            raise InputError(f"There is no author '{author}', and nothing is stored under this name{hint}")
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
    typer.echo(f"To read it now: `{build(author)}`")


@links.command("remove")
def remove(author: str, link: str) -> None:
    """Remove a link that `twin links add` added; the next build removes its documents, chunks and points.

    LINK is the address or path as it was declared, or its end if no other link ends like it.
    """
    with stores() as opened:
        removed = drop_link(opened.warehouse, known_author(opened, author), link)
    typer.echo(f"removed {removed} from {author}")
    typer.echo(f"To update the twin: `{build(author)}`")


@links.command("list")
def show(author: str, as_json: bool = typer.Option(False, "--json", help="Print one JSON object per line.")) -> None:
    """List an author's links, each with the result of the last attempt to read it."""
    shown, said = table("link", "kind", "from", "read as", "last attempt"), dict[str, list[str]]()
    with stores() as opened:
        warehouse, slug = opened.warehouse, known_author(opened, author)
        crawls = {category: warehouse.last_crawls(slug, category) for category in Category}
        for link in warehouse.links(slug):
            attempts = {category: crawls[category].get(link.url) for category in link.categories}
            if as_json:
                for category, crawl in attempts.items():
                    fields = {"status", "message", "documents", "checked_at"}
                    attempt = crawl.model_dump(mode="json", include=fields) if crawl else {"status": None}
                    typer.echo(json.dumps(link.model_dump(mode="json") | {"category": category, **attempt}))
                continue
            made = [crawl for crawl in attempts.values() if crawl is not None]
            never = "imported" if link.kind == IMPORT else "not yet"
            result = _result(made) or never
            add_row(shown, link.url, link.kind, link.origin, ", ".join(link.categories), result)
            for message in dict.fromkeys(crawl.message for crawl in made if crawl.message):
                reason = message.removeprefix(f"{link.url}: ")
                said.setdefault(reason, []).append(link.url)
    if as_json:
        return
    print_table(shown)
    for reason, urls in said.items():
        where = "" if any(url in reason for url in urls) else f"{', '.join(dict.fromkeys(urls))}: "
        typer.echo("\n" + textwrap.fill(printable(where + reason), width(), break_on_hyphens=False))


def _result(attempts: list[CrawlRecord]) -> str | None:
    """The result of the last attempts at one link. A failed one has no number: documents of earlier attempts stay."""
    statuses = {crawl.status for crawl in attempts}
    for status in ("failed", "skipped"):
        if status in statuses:
            return f"{status}: see below"
    if not attempts:
        return None
    documents = sum(crawl.documents for crawl in attempts)
    status = "ok" if "ok" in statuses else "unchanged"
    return f"{status}, {documents} document{'s' * (documents != 1)}"
