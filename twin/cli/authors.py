"""`twin authors` and `twin links`."""

import json
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from twin.artifacts import ArtifactStore
from twin.authors.files import load_authors
from twin.authors.registration import add_link, drop_link
from twin.authors.removal import remove_author
from twin.cli.opening import known_author, warehouse
from twin.models import IMPORT, Category, CrawlRecord, State
from twin.settings import Settings

app = typer.Typer(help="The authors in the warehouse: list them, remove one.")
links = typer.Typer(help="The sources of an author: add one without editing a file, list them, remove one.")


@app.callback(invoke_without_command=True)
def list_authors(context: typer.Context) -> None:
    """List the authors in the warehouse, and say which author files cannot be used."""
    if context.invoked_subcommand is not None:
        return
    table = Table("author", "name", "links", *(f"cleaned {category.value}" for category in Category), box=None)
    with warehouse() as opened:
        for author in opened.authors():
            counts = [str(len(opened.hashes(State.CLEANED, author.slug, category))) for category in Category]
            table.add_row(author.slug, author.name, str(len(opened.links(author.slug))), *counts)
    Console(width=200).print(table)
    files = load_authors(Settings.from_env().authors_path)
    for error in files.errors:
        typer.echo(f"twin: {error}", err=True)
    if files.errors:
        raise typer.Exit(1)


@app.command("remove")
def remove_everything(
    author: str, yes: bool = typer.Option(False, "--yes", help="Do not ask whether it is meant.")
) -> None:
    """Remove an author with every document, capture, chunk, point, sample and adapter, for good."""
    from twin.vectors import open_vector_store

    settings = Settings.from_env()
    if not yes:
        typer.confirm(f"Remove {author} with everything of theirs, for good?", abort=True)
    vectors = open_vector_store(settings)
    try:
        with warehouse() as opened:
            files = load_authors(settings.authors_path)
            report = remove_author(author, opened, ArtifactStore(settings.store_path), vectors, files)
    finally:
        vectors.close()
    if not report.removed:
        typer.echo(f"nothing of {author} is there")
        return
    parts = [f"{count} file{'s' * (count != 1)} of {folder}" for folder, count in report.files.items()]
    typer.echo(f"removed {author}: {', '.join([f'{report.rows} rows', f'{report.points} points', *parts])}")


@links.command("add")
def add(
    author: str,
    link: str = typer.Argument(help="An http(s) URL, or the path of something on this machine with --kind."),
    kind: str | None = typer.Option(None, help="What a path is, such as repository or files. Needless for a URL."),
    name: str | None = typer.Option(None, help="The author's name, where the author is new."),
) -> None:
    """Add a link to an author; the discovery sensor finds it, or the next `build_twin` reads it."""
    with warehouse() as opened:
        declared = add_link(opened, author, {kind: link} if kind else link, base=Path.cwd(), name=name)
    typer.echo(f"added {declared.url} ({declared.kind}: {', '.join(declared.categories)}) to {author}")


@links.command("remove")
def remove(author: str, link: str) -> None:
    """Remove a link that was added here; its documents, chunks and points go with the next build."""
    with warehouse() as opened:
        removed = drop_link(opened, known_author(opened, author), link)
    typer.echo(f"removed {removed} from {author}")


@links.command("list")
def show(author: str, as_json: bool = typer.Option(False, "--json", help="One JSON object a line.")) -> None:
    """List an author's links with how the last attempt at each went."""
    table = Table("link", "kind", "from", "category", "last attempt", box=None)
    with warehouse() as opened:
        crawls = {category: opened.last_crawls(known_author(opened, author), category) for category in Category}
        for link in opened.links(author):
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
    """How the last attempt at a link went. One that failed says no number: the documents of earlier ones are there."""
    if crawl is None:
        return None
    if crawl.message:
        return f"{crawl.status}: {crawl.message}"
    return f"{crawl.status}, {crawl.documents} document{'s' * (crawl.documents != 1)}"
