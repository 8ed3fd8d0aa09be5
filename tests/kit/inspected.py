"""Stored chunks and embeddings of one author, for tests that inspect or damage them."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tests.kit.makers import unit
from twin.artifacts import ArtifactStore
from twin.chunking import Profile, chunk_documents, read_chunks
from twin.chunking.inspection import inspect_chunks
from twin.embedding import SentenceTransformerEmbedder
from twin.identity import sha256
from twin.inspection import Inspection
from twin.models import Author, Category, Document, State
from twin.warehouse.sqlite import SqliteWarehouse

ADA, ARTICLES = "ada", Category.ARTICLES
EMBEDDER = SentenceTransformerEmbedder("all-MiniLM-L6-v2")
MODEL = "model@1/16"


class Stores:
    """A warehouse and an artifact store of one author."""

    def __init__(self, root: Path) -> None:
        self.warehouse = SqliteWarehouse(root / "warehouse.sqlite")
        self.artifacts = ArtifactStore(str(root))
        self.warehouse.upsert_authors([Author(slug=ADA, name="Ada")])

    def chunk(self, texts: Sequence[str], category: Category = ARTICLES, profile: str = "default") -> None:
        """Store these as the cleaned documents, and cut them."""
        documents = [
            Document(
                author=ADA,
                category=category,
                link=f"https://example.org/{category}/{number}",
                path=f"src/file{number}.py" if category is Category.REPOSITORIES else None,
                source="https://example.org",
                platform="web",
                title=None if category is Category.POSTS else f"Essay {number}",
                text=text,
            )
            for number, text in enumerate(texts)
        ]
        stale = self.warehouse.hashes(State.CLEANED, ADA, category).keys() - {document.id for document in documents}
        self.warehouse.remove_documents(State.CLEANED, stale)
        self.warehouse.upsert_documents(State.CLEANED, documents)
        chunk_documents(self.warehouse, self.artifacts, EMBEDDER, ADA, category, profile=Profile.parse(profile))

    def embed(self, vectors: NDArray[Any], category: Category = ARTICLES, model: str = MODEL) -> None:
        """Store these vectors, shape (chunks, dimension), as the embeddings of the chunks."""
        chunks = list(read_chunks(self.artifacts, ADA, category))
        size = vectors.shape[1]
        schema = pa.schema(
            [("chunk_id", pa.string()), ("text_hash", pa.string()), ("vector", pa.list_(pa.float32(), size))]
        )
        flat = pa.array(np.ascontiguousarray(vectors, np.float32).reshape(-1))
        columns = [
            pa.array([chunk.id for chunk in chunks]),
            pa.array([sha256(chunk.embedded_text) for chunk in chunks]),
            pa.FixedSizeListArray.from_arrays(flat, size),
        ]
        self.artifacts.write_table(
            "embeddings",
            ADA,
            f"{category.value}.parquet",
            schema=schema,
            batches=[pa.record_batch(columns, schema=schema)],
            metadata={
                "data_version": sha256(vectors.tobytes() + model.encode()),
                "model": model,
                "dimension": size,
                "chunks": len(chunks),
            },
        )

    def rewrite_chunks(self, change: Any) -> None:
        """Change the stored chunks without the stage; the table gets another version."""
        name = ("chunks", ADA, f"{ARTICLES.value}.parquet")
        batches = list(self.artifacts.read_table(*name))
        rows = change([row for batch in batches for row in batch.to_pylist()])
        footer = {**(self.artifacts.table_metadata(*name) or {}), "data_version": sha256(repr(rows))}
        batch = pa.RecordBatch.from_pylist(rows, schema=batches[0].schema)
        self.artifacts.write_table(*name, schema=batch.schema, batches=[batch], metadata=footer)

    def inspect(self, category: Category = ARTICLES) -> Inspection:
        return inspect_chunks(self.warehouse, self.artifacts, EMBEDDER, ADA, category)

    def cleaned(self) -> list[Document]:
        return list(self.warehouse.documents(State.CLEANED, ADA, ARTICLES))

    def count(self, category: Category = ARTICLES) -> int:
        return sum(1 for _ in read_chunks(self.artifacts, ADA, category))


def essay(seed: int, paragraphs: int = 8, words: int = 60) -> str:
    """Paragraphs of words that occur with no other seed."""
    return "\n\n".join(
        " ".join(f"word{seed}x{paragraph}x{number}" for number in range(words)) + "." for paragraph in range(paragraphs)
    )


def around(count: int, middle: int = 0, seed: int = 0, dimension: int = 16) -> NDArray[np.float32]:
    """Unit vectors scattered around one axis."""
    made = np.random.default_rng(seed).normal(scale=0.25, size=(count, dimension))
    made[:, middle] += 1
    return unit(made)


def png_of(markdown: str) -> bytes:
    found = re.search(r"\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert found is not None
    return base64.b64decode(found[1])
