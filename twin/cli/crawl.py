"""`twin replay`."""

import typer

from twin.artifacts import ArtifactStore
from twin.cli.opening import known_author, warehouse
from twin.models import Category
from twin.settings import Settings


def replay(
    author: str,
    category: list[Category] = typer.Option([], "--category", help="Only this category; may be repeated."),
) -> None:
    """Read all of an author's links again from the captures of earlier crawls, without using the network."""
    from twin.crawling import Fetcher, crawl_author, crawl_tools

    settings = Settings.from_env()
    failed = False
    with warehouse() as opened:
        # Nothing is fetched, so nothing is kept; but earlier captures are read even if captures are now turned off.
        keep = max(settings.keep_captures, 1)
        tools = crawl_tools(
            Fetcher.from_settings(settings),
            ArtifactStore(settings.store_path),
            opened,
            known_author(opened, author),
            keep=keep,
        )
        for each in tuple(category) or tuple(Category):
            report = crawl_author(opened, author, each, tools=tools, replay=True)
            # Each failed link was logged already.
            typer.echo(
                f"{each.value}: {report.new} new, {report.changed} changed, {report.unchanged} unchanged, "
                f"{report.removed} removed; {report.links_failed} of {report.links} links failed"
            )
            failed = failed or report.links_failed > 0
    if failed:
        raise typer.Exit(1)
