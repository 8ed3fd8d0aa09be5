"""The cost of inspecting chunks and embeddings: `python -m benchmarks.inspection 600`, or another number of chunks.

The documents are made of random words and really cut. The vectors are random, because nothing here depends on them. The
first inspection draws every picture, the second finds them drawn; the checks read the tables each time.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from twin import layout
from twin.artifacts import ArtifactStore
from twin.chunking import chunk_documents, read_chunks
from twin.chunking.inspection import inspect_chunks, verify_duplicates, verify_lengths
from twin.embedding import SentenceTransformerEmbedder
from twin.embedding.inspection import inspect_embeddings, verify_reading, verify_vectors
from twin.identity import sha256
from twin.models import Author, Category, Document, State
from twin.warehouse.sqlite import SqliteWarehouse

AUTHOR, CATEGORY, DIMENSION = "ada", Category.ARTICLES, 384
PARAGRAPHS = 10  # of a document; each becomes about one chunk


def documents(count: int) -> Iterator[Document]:
    """Documents with paragraphs of about the length of a chunk."""
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(20_000)]
    for number in range(count):
        text = "\n\n".join(" ".join(chance.choices(words, k=chance.randint(40, 70))) for _ in range(PARAGRAPHS))
        address = f"https://example.org/{number}"
        yield Document(
            author=AUTHOR,
            category=CATEGORY,
            link=address,
            source=address,
            platform="web",
            title=f"Essay {number}",
            text=text,
        )


def embed(artifacts: ArtifactStore) -> int:
    """Store a random vector for each chunk; return how many there are."""
    schema = pa.schema(
        [("chunk_id", pa.string()), ("text_hash", pa.string()), ("vector", pa.list_(pa.float32(), DIMENSION))]
    )
    chance = np.random.default_rng(0)
    ids = [chunk.id for chunk in read_chunks(artifacts, AUTHOR, CATEGORY)]

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(ids), 1024):
            part = ids[start : start + 1024]
            vectors = chance.normal(size=(len(part), DIMENSION)) + 1
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            flat = pa.array(vectors.astype(np.float32).reshape(-1))
            columns = [pa.array(part), pa.array(part), pa.FixedSizeListArray.from_arrays(flat, DIMENSION)]
            yield pa.record_batch(columns, schema=schema)

    footer = {"data_version": sha256(str(len(ids))), "model": "random/384", "dimension": DIMENSION, "chunks": len(ids)}
    name = layout.table(layout.EMBEDDINGS, AUTHOR, CATEGORY)
    artifacts.write_table(*name, schema=schema, batches=batches(), metadata=footer)
    return len(ids)


def peak_mb() -> float:
    """The peak memory of this process so far, in MB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def timed(task: Callable[[], Any]) -> tuple[float, float]:
    """CPU and wall time of a task, in seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    task()
    return round(time.process_time() - cpu, 3), round(time.perf_counter() - wall, 3)


def main(chunks: int) -> None:
    """Make the tables, inspect them, and print the numbers as one JSON object."""
    with tempfile.TemporaryDirectory() as folder:
        embedder = SentenceTransformerEmbedder()
        artifacts = ArtifactStore(folder)
        warehouse = SqliteWarehouse(Path(folder) / layout.WAREHOUSE)
        warehouse.upsert_authors([Author(slug=AUTHOR, name="Ada")])
        warehouse.upsert_documents(State.CLEANED, documents(-(-chunks // PARAGRAPHS)))
        chunk_documents(warehouse, artifacts, embedder, AUTHOR, CATEGORY)
        numbers: dict[str, Any] = {"chunks": embed(artifacts)}

        def look() -> None:
            inspect_chunks(warehouse, artifacts, embedder, AUTHOR, CATEGORY)
            inspect_embeddings(artifacts, AUTHOR, CATEGORY)

        def check() -> None:
            verify_duplicates(artifacts, AUTHOR, CATEGORY)
            verify_lengths(artifacts, AUTHOR, CATEGORY)
            verify_reading(artifacts, embedder, AUTHOR, CATEGORY)
            verify_vectors(artifacts, AUTHOR, CATEGORY)

        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # resets the peak
        before = peak_mb()
        for name, task in (("first", look), ("again", look), ("checks", check)):
            numbers[f"{name}_cpu_s"], numbers[f"{name}_wall_s"] = timed(task)
        numbers["peak_growth_mb"] = round(peak_mb() - before, 1)
        warehouse.close()
    print(json.dumps(numbers))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
