"""`twin search`."""

import json

import typer
from rich.console import Console

from twin.models import Category
from twin.settings import Settings


def search_command(
    author: str,
    query: str,
    limit: int = typer.Option(5, "-k", "--limit", min=1, max=1000, help="How many chunks."),
    category: list[Category] = typer.Option([], "--category", help="Only this category; may be repeated."),
    as_json: bool = typer.Option(False, "--json", help="One JSON array."),
) -> None:
    """Find the author's own chunks nearest to a question, with score, link and character range."""
    from twin.embedding import SentenceTransformerEmbedder
    from twin.retrieval import search
    from twin.vectors import open_vector_store

    settings = Settings.from_env()
    vectors = open_vector_store(settings)
    try:
        embedder = SentenceTransformerEmbedder(settings.embedding_model)
        hits = search(vectors, embedder, author, query, limit=limit, categories=tuple(category) or tuple(Category))
    finally:
        vectors.close()
    if as_json:
        typer.echo(json.dumps([hit.as_dict() for hit in hits], ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    for rank, hit in enumerate(hits, 1):
        chunk = hit.chunk
        where = f"{chunk.link} {chunk.path}" if chunk.path else chunk.link
        console.print(f"{rank}. {hit.score:.3f}  {where} [{chunk.start}:{chunk.end}]", style="bold", markup=False)
        console.print(" ".join(chunk.text.split())[:300], style="dim", markup=False)
