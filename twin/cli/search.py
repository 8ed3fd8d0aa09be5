"""`twin search`."""

import json
import re
import textwrap
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from twin.cli.opening import CHOICES, category_named, known_author, stores
from twin.cli.tables import one_line, printable, width
from twin.errors import InputError
from twin.models import Category
from twin.text.kinds import Kind, kind_of

if TYPE_CHECKING:
    from twin.retrieval import Hit, Result

EVERYBODY = "all"
"""Used instead of an author's slug to search all authors."""

USAGE = "[AUTHOR] QUESTION"

_INDENT = "   "
_FENCE = re.compile(r"\s*(```|~~~)")
_CONTINUES = re.compile(r"[^\W\d]|[(\"'*_`[]*[^\W\d]")
"""A line that goes on with the paragraph before it: it begins with a word, and is no heading, item, row or fence."""


class SearchCommand(TyperCommand):
    """Its usage says that the author comes first and may be left out, which one variadic argument cannot say."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        return [self.options_metavar or "", USAGE]


def search_command(  # noqa: PLR0917 - options of a command
    words: list[str] = typer.Argument(
        metavar=USAGE,
        help="The slug of an author, or `all`, and a question or words in any language, in quotes. Without an author: "
        "the author that the question names, otherwise all.",
    ),
    limit: int = typer.Option(
        5, "-k", "--limit", metavar="N", min=1, max=1000, help="Number of chunks; neighbours are joined."
    ),
    category: list[Category] = typer.Option(
        [],
        "--category",
        parser=category_named,
        metavar="CATEGORY",
        help=f"Only this category ({CHOICES}); may be repeated.",
    ),
    platform: list[str] = typer.Option([], "--platform", metavar="NAME", help="Only this platform; may be repeated."),
    language: list[str] = typer.Option(
        [], "--language", metavar="CODE", help="Only this ISO 639-1 language; may be repeated."
    ),
    since: datetime | None = typer.Option(
        None, "--from", metavar="DAY", help="Only texts published on this day or later."
    ),
    until: datetime | None = typer.Option(None, "--until", metavar="DAY", help="Only texts published before this day."),
    literally: bool = typer.Option(False, "--literally", help="Take no filters from the question; add no variants."),
    context: bool = typer.Option(False, "--context", help="Print numbered passages for a prompt instead of hits."),
    budget: int | None = typer.Option(
        None, "--budget", metavar="N", min=1, help="Tokens of the context (2000); implies --context."
    ),
    trace: bool = typer.Option(False, "--trace", help="Print every step as JSON after the hits."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON: hits, or one object with --trace or --context."),
) -> None:
    """Search an author's texts by meaning and by words; prints whole passages with title, link and date."""
    from twin.vectors.base import Where

    slug, question = _author_and_question(words)
    with stores() as opened:
        try:
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
        except InputError:
            if slug is not None and question.strip():
                known_author(opened, slug)  # a name that nobody has is said first
            raise
    if as_json:
        whole = trace or result.context is not None
        found = result.as_dict() if whole else [hit.as_dict() for hit in result.hits]
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _show(result, everybody=slug is None)
        if trace:
            typer.echo(json.dumps(result.trace.as_dict(), ensure_ascii=False, indent=2))


def _author_and_question(words: list[str]) -> tuple[str | None, str]:
    """The slug, or None for everybody, and the question."""
    if len(words) == 1:
        return None, words[0]
    if len(words) > 2:
        raise InputError(f'Put the question in quotes: twin search {words[0]} "{" ".join(words[1:])}"')
    return (None if words[0] == EVERYBODY else words[0]), words[1]


def _show(result: "Result", *, everybody: bool) -> None:
    for note in result.notes:
        typer.echo(f"twin: {note}", err=True)
    if result.context is not None:
        typer.echo(result.context.text or "No passage fits into the budget: raise --budget.")
        return
    if not result.hits:
        typer.echo("twin: Nothing was found: use other words, or fewer conditions.", err=True)
    console = Console(highlight=False, soft_wrap=True)
    for rank, hit in enumerate(result.hits, 1):
        if rank > 1:
            typer.echo()
        title, facts = heading(hit, everybody=everybody)
        console.print(f"{rank}. {title}", style="bold", markup=False)
        for line in facts:
            console.print(f"{_INDENT}{line}", style="dim", markup=False)
        typer.echo()
        typer.echo(passage(hit))


def passage(hit: "Hit") -> str:
    """The text of a hit, indented. Prose is wrapped between words, code stays as it is."""
    lines = _lines(printable(hit.text), code=kind_of(hit.chunk) is Kind.CODE)
    return "\n".join(f"{_INDENT}{line}".rstrip() for line in lines)


def heading(hit: "Hit", *, everybody: bool) -> tuple[str, list[str]]:
    """The title of a hit, and the lines below it: link and range; date, kind, author and score; copies."""
    chunk = hit.chunk
    traits = chunk.category.traits
    untitled = traits.noun_on.get(chunk.platform, traits.singular)
    title = " ".join((chunk.path or chunk.title or untitled[0].upper() + untitled[1:]).split())
    date = [chunk.published_at.date().isoformat()] if chunk.published_at else []
    author = [f"by {chunk.author}"] if everybody else []
    facts = [*date, traits.singular, *author, f"score {hit.score:.3f}"]
    lines = [f"{chunk.link} [{hit.start}:{hit.end}]", " · ".join(facts)]
    if hit.copies:
        lines.append(f"also at {', '.join(dict.fromkeys(copy.link for copy in hit.copies))}")
    return one_line(title), [one_line(line) for line in lines]


def _lines(text: str, *, code: bool) -> Iterator[str]:
    """The lines of a passage as they are printed."""
    room, rest, lines = width() - len(_INDENT), "", text.strip("\n").splitlines()
    fences = [line.strip() for line in lines if _FENCE.match(line)]
    fenced = len(fences) % 2 == 1 and fences[0] in ("```", "~~~")  # it begins within a block, which this line ends
    for line in lines:
        if rest:  # of a paragraph that was wrapped already, but for a wider page
            if _CONTINUES.match(line):
                line, rest = f"{rest} {line}", ""  # noqa: PLW2901
            else:
                yield rest
                rest = ""
        fence = _FENCE.match(line) is not None
        fenced ^= fence
        if code or fenced or fence or len(line) <= room or line.startswith("|"):
            yield line
            continue
        indent = re.match(r"\s*", line)
        *pieces, rest = textwrap.wrap(
            line,
            room,
            subsequent_indent=indent[0] if indent else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield from pieces
    if rest:
        yield rest
