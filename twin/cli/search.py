"""`twin search`."""

import json
from datetime import datetime
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from twin.cli.opening import stores
from twin.models import Category

if TYPE_CHECKING:
    from twin.retrieval import Result

EVERYBODY = "all"
"""Used instead of an author's slug to search all authors."""


def search_command(  # noqa: PLR0917 - options of a command
    author: str = typer.Argument(
        help="Slug of the author, or `all`. If omitted: the author that the question names, otherwise all."
    ),
    query: str | None = typer.Argument(None, help="A question or words, in any language."),
    limit: int = typer.Option(5, "-k", "--limit", min=1, max=1000, help="Number of chunks; neighbours are joined."),
    category: list[Category] = typer.Option([], "--category", help="Only this category; may be repeated."),
    platform: list[str] = typer.Option([], "--platform", help="Only this platform; may be repeated."),
    language: list[str] = typer.Option([], "--language", help="Only this ISO 639-1 language; may be repeated."),
    since: datetime | None = typer.Option(None, "--from", help="Only texts published on this day or later."),
    until: datetime | None = typer.Option(None, "--until", help="Only texts published before this day."),
    literally: bool = typer.Option(False, "--literally", help="Take no filters from the question; add no variants."),
    context: bool = typer.Option(False, "--context", help="Print numbered passages for a prompt instead of hits."),
    budget: int | None = typer.Option(None, "--budget", min=1, help="Tokens of the context (2000); implies --context."),
    trace: bool = typer.Option(False, "--trace", help="Print every step as JSON after the hits."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON: hits, or one object with --trace or --context."),
) -> None:
    """Search an author's texts by meaning and by words; prints score, link and character range."""
    from twin.vectors.base import Where

    slug, question = (None, author) if query is None else (author, query)
    slug = None if slug == EVERYBODY else slug
    with stores() as opened:
        result = opened.retriever(opened.people() if slug is None else ()).search(
            question,
            author=slug,
            limit=limit,
            categories=tuple(category) or None,
            where=Where(
                platforms=tuple(platform), languages=tuple(language), published_from=since, published_until=until
            ),
            budget_tokens=budget or (2000 if context else None),
            self_query=not literally,
            expand=not literally,
        )
    if as_json:
        whole = trace or result.context is not None
        found = result.as_dict() if whole else [hit.as_dict() for hit in result.hits]
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _show(result, everybody=slug is None)
        if trace:
            typer.echo(json.dumps(result.trace.as_dict(), ensure_ascii=False, indent=2))


def _show(result: "Result", *, everybody: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for note in result.notes:
        typer.echo(f"twin: {note}", err=True)
    if result.context is not None:
        typer.echo(result.context.text)
        return
    for rank, hit in enumerate(result.hits, 1):
        chunk = hit.chunk
        where = f"{chunk.link} {chunk.path}" if chunk.path else chunk.link
        whose = f"{chunk.author}: " if everybody else ""
        console.print(f"{rank}. {hit.score:.3f}  {whose}{where} [{hit.start}:{hit.end}]", style="bold", markup=False)
        console.print(" ".join(hit.text.split())[:300], style="dim", markup=False)
        if hit.copies:
            console.print(f"also at {', '.join(copy.link for copy in hit.copies)}", style="dim", markup=False)
