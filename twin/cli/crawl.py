"""`twin replay`."""

import typer

from twin.cli.opening import CHOICES, category_named, known_author, stores
from twin.models import Category


def replay(
    author: str,
    category: list[Category] = typer.Option(
        [],
        "--category",
        parser=category_named,
        metavar="CATEGORY",
        help=f"Only this category ({CHOICES}); may be repeated.",
    ),
) -> None:
    """Read all of an author's links again from the captures of earlier crawls, without using the network.

    The exit status is 1 if a link cannot be read, which includes one that was never captured.
    """
    from twin.crawling import crawl_author

    failed = False
    with stores() as opened:
        # Nothing is fetched, so nothing is kept; but earlier captures are read even if captures are now turned off.
        tools = opened.crawl_tools(known_author(opened, author), keep=max(opened.settings.keep_captures, 1))
        for each in tuple(category) or tuple(Category):
            report = crawl_author(opened.warehouse, author, each, tools=tools, replay=True)
            # Each failed link was logged already.
            typer.echo(
                f"{each.value}: {report.new} new, {report.changed} changed, {report.unchanged} unchanged, "
                f"{report.removed} removed; {report.links_failed} of {report.links} links failed"
            )
            failed = failed or report.links_failed > 0
    if failed:
        raise typer.Exit(1)
