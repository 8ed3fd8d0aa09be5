"""A small memory to search in: real chunks in the embedded store, and an embedder without weights."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tests.kit.makers import made_chunk, unit
from twin.embedding import SentenceTransformerEmbedder
from twin.embedding.base import Vectors
from twin.identity import chunk_id, document_id, sha256
from twin.models import Author, Category, Chunk
from twin.terms.analysis import words
from twin.terms.bm25 import encode_chunk
from twin.tokens.sizer import Sizer
from twin.vectors.base import Point, points_model
from twin.vectors.edge.store import EdgeVectorStore

MINILM = SentenceTransformerEmbedder()
ADA = Author(slug="ada", name="Ada Lovelace", aliases=("@countess",))
BOB = Author(slug="bob-noyce", name="Robert Noyce", language="de")


class WordEmbedder:
    """A bag of words: every word has a random direction with its hash as the seed, and a text is their mean."""

    def __init__(self, name: str = "words", dimension: int = 64) -> None:
        self.name, self.dimension = name, dimension
        self.queries: list[str] = []

    fingerprint = property(lambda self: f"{self.name}@1/{self.dimension}")
    max_tokens = 256
    backend = "words"

    @property
    def sizer(self) -> Sizer:
        return MINILM.sizer

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = [sum((self._direction(word) for word in words(text.casefold())), self._direction("")) for text in texts]
        return unit(np.array(rows).reshape(len(texts), self.dimension))

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        self.queries += texts
        return self.embed(texts)

    def _direction(self, word: str) -> np.ndarray:
        return np.random.default_rng(int(sha256(word)[:8], 16)).normal(size=self.dimension) * (1 if word else 0.01)


def chunks_of(
    parts: Sequence[str],
    *,
    name: str = "a",
    author: str = "ada",
    category: Category = Category.ARTICLES,
    platform: str = "web",
    language: str | None = "en",
    year: int | None = None,
    path: str | None = None,
    gap: str = "\n\n",
) -> list[Chunk]:
    """A document's chunks: `parts` are its texts, with `gap` between them in the document."""
    link = f"https://{author}.example/{name}"
    document = document_id(author, link, path)
    made, start = [], 0
    for ordinal, text in enumerate(parts):
        made.append(
            made_chunk(
                text,
                id=chunk_id(document, "test", ordinal, text),
                document_id=document,
                author=author,
                category=category,
                ordinal=ordinal,
                start=start,
                end=start + len(text),
                link=link,
                path=path,
                title=f"Title of {name}",
                platform=platform,
                language=language,
                published_at=datetime(year, 6, 1, tzinfo=UTC) if year else None,
            )
        )
        start += len(text) + len(gap)
    return made


def fill_store(folder: Path, embedder: WordEmbedder, chunks: Iterable[Chunk]) -> EdgeVectorStore:
    """A store with the chunks of all their authors and categories."""
    store = EdgeVectorStore(folder)
    groups: dict[tuple[Category, str], list[Chunk]] = {}
    for chunk in chunks:
        groups.setdefault((chunk.category, chunk.author), []).append(chunk)
    for (category, author), group in groups.items():
        vectors = embedder.embed([chunk.embedded_text for chunk in group])
        points = [Point(chunk, vector, encode_chunk(chunk)) for chunk, vector in zip(group, vectors, strict=True)]
        store.apply(category, author, points_model(embedder), dimension=embedder.dimension, upserts=points, deletes=())
    return store
