"""The stores of an author after every stage has run, for tests that damage them, and the check of each stage.

`tests/twin/conftest.py` builds them once per run (`filled`) and gives copies to the tests (`stores`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from twin.artifacts import ArtifactStore
from twin.chunking import chunk_documents
from twin.chunking.checks import verify_chunks
from twin.cleaning import clean_documents
from twin.dataset.checks import verify_dataset
from twin.dataset.stage import build_dataset
from twin.embedding import SentenceTransformerEmbedder, embed_chunks
from twin.embedding.checks import verify_embeddings
from twin.models import Author, Category, Document, State
from twin.vectors import load_points
from twin.vectors.checks import verify_collection
from twin.vectors.edge.store import EdgeVectorStore
from twin.verdict import Verdict
from twin.warehouse.checks import verify_documents
from twin.warehouse.sqlite import SqliteWarehouse

ADA, ARTICLES = "ada", Category.ARTICLES
EMBEDDER = SentenceTransformerEmbedder("all-MiniLM-L6-v2")
Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


class Stores:
    """The stores of an author with two articles."""

    def __init__(self, root: Path) -> None:
        self.warehouse = SqliteWarehouse(root / "warehouse.sqlite")
        self.artifacts = ArtifactStore(str(root))
        self.vectors = EdgeVectorStore(root / "vectors")

    def close(self) -> None:
        self.vectors.close()
        self.warehouse.close()

    def fill(self, texts: list[str]) -> None:
        """Take the articles through every stage."""
        self.warehouse.upsert_authors([Author(slug=ADA, name="Ada")])
        documents = [
            Document(
                author=ADA,
                category=ARTICLES,
                link=f"https://example.org/{number}",
                source=f"https://example.org/{number}",
                platform="web",
                title=f"Essay {number}",
                text=text,
            )
            for number, text in enumerate(texts)
        ]
        self.warehouse.upsert_documents(State.RAW, documents)
        clean_documents(self.warehouse, ADA, ARTICLES)
        chunk_documents(self.warehouse, self.artifacts, EMBEDDER, ADA, ARTICLES)
        embed_chunks(self.artifacts, EMBEDDER, ADA, ARTICLES)
        load_points(self.artifacts, self.vectors, EMBEDDER, ADA, ARTICLES)
        build_dataset(self.warehouse, self.artifacts, ADA)

    def rewrite(self, *parts: str, change: Change) -> None:
        """Change the rows of a stored table without its stage."""
        batches = list(self.artifacts.read_table(*parts))
        rows = change([row for batch in batches for row in batch.to_pylist()])
        schema = batches[0].schema
        metadata = self.artifacts.table_metadata(*parts) or {}
        self.artifacts.write_table(
            *parts, schema=schema, batches=[pa.RecordBatch.from_pylist(rows, schema=schema)], metadata=metadata
        )

    def documents(self, state: State) -> Verdict:
        return verify_documents(self.warehouse, state, ADA, ARTICLES)

    def chunks(self) -> Verdict:
        return verify_chunks(self.warehouse, self.artifacts, EMBEDDER, ADA, ARTICLES)

    def embeddings(self) -> Verdict:
        return verify_embeddings(self.artifacts, ADA, ARTICLES, EMBEDDER.dimension)

    def collection(self) -> Verdict:
        return verify_collection(self.artifacts, self.vectors, EMBEDDER, ADA, ARTICLES)

    def dataset(self) -> Verdict:
        return verify_dataset(self.warehouse, self.artifacts, ADA)


def prose(html: str) -> str:
    """The headings and paragraphs of a page."""
    from bs4 import BeautifulSoup

    return "\n\n".join(part.get_text() for part in BeautifulSoup(html, "html.parser").find_all(["h2", "p"]))
