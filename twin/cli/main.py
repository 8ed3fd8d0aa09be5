"""Entry point of `twin`. Every error that the user can fix is one sentence on standard error and exit status 1."""

import logging
import sys

import typer

from twin import __version__
from twin.cli import authors, crawl, documents, move, search, vectors
from twin.errors import TwinError

app = typer.Typer(
    name="twin",
    help="Manage authors and links, import and export a warehouse, edit documents, and search what an author wrote.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(authors.app, name="authors")
app.add_typer(authors.links, name="links")
app.add_typer(documents.app, name="documents")
app.add_typer(vectors.app, name="vectors")
app.command("import")(move.import_warehouse)
app.command("export")(move.export_warehouse)
app.command("replay")(crawl.replay)
app.command("search", cls=search.SearchCommand)(search.search_command)


@app.callback(invoke_without_command=True)
def options(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        typer.echo(f"llm-twin {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command; the console script of the distribution."""
    logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.WARNING)
    logging.getLogger("twin").setLevel(logging.INFO)
    try:
        app()
    except TwinError as error:
        typer.echo(f"twin: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:  # `twin search ... | head`
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
