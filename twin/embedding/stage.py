"""The stage chunks -> embeddings: one vector per chunk, each distinct text embedded once and never again."""

import logging
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from twin.artifacts import ArtifactStore, Metadata
from twin.chunking.stage import chunks_version, read_chunks
from twin.embedding.base import Embedder, Vectors
from twin.errors import ConsistencyError
from twin.identity import data_version, sha256
from twin.models import Category, StageReport
from twin.progress import Progress

logger = logging.getLogger("twin")

_WINDOW = 512
"""Chunks looked at together: enough to sort texts by length, and a bound for memory."""

_SLICE = 64
"""Texts embedded between two reports of progress."""


class EmbeddingReport(StageReport):
    """What `embed_chunks` did; `total` and `written` count rows, one per chunk."""

    texts_embedded: int  # distinct texts that the model read
    texts_reused: int  # distinct texts whose vector was there already
    dimension: int
    model: str


class Embedding(NamedTuple):
    """One row: the vector of a chunk's embedded text; of length 0 where vectors were not asked for."""

    chunk_id: str
    text_hash: str
    vector: Vectors


def embed_chunks(artifacts: ArtifactStore, embedder: Embedder, author: str, category: Category) -> EmbeddingReport:
    """Embed the author's chunks and store the vectors in the order of the chunks.

    A vector is taken from the author's stored embeddings of any category where model and text are the same.

    Args:
        artifacts: read: chunks and earlier embeddings; written: `embeddings/<author>/<category>.parquet`, which is
            untouched where nothing changed.
        embedder: its model is loaded only if there is a text to embed.
        author: slug.
        category: of the chunks.

    Raises:
        ConsistencyError: the chunks stage has not run, or the embedder returned vectors that are not finite, not of
            unit length, or too few.
        StoreError: a store cannot be used.
    """
    name = _name(author, category)
    label = f"embedding {category.value} of {author}"
    if chunks_version(artifacts, author, category) is None:
        raise ConsistencyError(f"There are no chunks of {author}'s {category.value} yet: run the chunks stage first.")
    wanted = [(chunk_id, text_hash) for chunk_id, text_hash, _ in _texts(artifacts, author, category)]
    version = data_version(wanted, embedder.fingerprint)
    distinct = {text_hash for _, text_hash in wanted}
    footer: Metadata = {
        "data_version": version,
        "model": embedder.fingerprint,
        "dimension": embedder.dimension,
        "chunks": len(wanted),
    }

    def report(written: int, embedded: int) -> EmbeddingReport:
        return EmbeddingReport(
            data_version=version,
            total=len(wanted),
            written=written,
            texts_embedded=embedded,
            texts_reused=len(distinct) - embedded,
            dimension=embedder.dimension,
            model=embedder.fingerprint,
        )

    known = artifacts.table_metadata(*name)
    if known is not None and known["data_version"] == version:
        return report(0, 0)
    before = {row.chunk_id for row in read_embeddings(artifacts, author, category, vectors=False)}
    before = before if known is not None and known["model"] == embedder.fingerprint else set()
    with _VectorFile(embedder.dimension) as vectors:
        _collect(artifacts, embedder.fingerprint, author, distinct, vectors)
        reused = len(vectors)
        todo = Progress(label, len(distinct) - reused)
        batches = _batches(_texts(artifacts, author, category), embedder, vectors, todo)
        artifacts.write_table(*name, schema=_schema(embedder.dimension), batches=batches, metadata=footer)
        embedded = len(vectors) - reused
    logger.info("%s: %d texts embedded, %d reused", label, embedded, reused)
    return report(len(before ^ {chunk_id for chunk_id, _ in wanted}), embedded)


def read_embeddings(
    artifacts: ArtifactStore, author: str, category: Category, *, vectors: bool = True
) -> Iterator[Embedding]:
    """Yield the stored rows in the order of the chunks; none where nothing is stored."""
    columns = ["chunk_id", "text_hash", *(["vector"] if vectors else [])]
    nothing = np.empty(0, dtype=np.float32)
    for batch in artifacts.read_table(*_name(author, category), columns=columns):
        rows = _matrix(batch) if vectors else [nothing] * batch.num_rows
        ids, hashes = batch.column("chunk_id").to_pylist(), batch.column("text_hash").to_pylist()
        yield from map(Embedding, ids, hashes, rows)


def embeddings_model(artifacts: ArtifactStore, author: str, category: Category) -> str | None:
    """Fingerprint of the model of the stored embeddings; None where the stage has not run."""
    known = artifacts.table_metadata(*_name(author, category))
    return None if known is None else str(known["model"])


class _VectorFile:
    """Vectors by text hash: the hashes in memory, the vectors in an unnamed file that the system caches and drops."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._rows: dict[str, int] = {}

    def __enter__(self) -> "_VectorFile":
        self._file = tempfile.TemporaryFile()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, text_hash: str) -> bool:
        return text_hash in self._rows

    def add(self, hashes: Iterable[str], vectors: Vectors) -> None:
        """Append vectors, shape (n, dimension), of n hashes that are not there yet."""
        self._file.seek(0, 2)
        self._file.write(np.ascontiguousarray(vectors, dtype=np.float32).tobytes())
        for text_hash in hashes:
            self._rows[text_hash] = len(self._rows)

    def take(self, hashes: list[str]) -> Vectors:
        """Vectors of these hashes, shape (n, dimension)."""
        self._file.flush()
        size = self._dimension * 4
        found = np.empty((len(hashes), self._dimension), dtype=np.float32)
        for number, text_hash in enumerate(hashes):
            self._file.seek(self._rows[text_hash] * size)
            found[number] = np.frombuffer(self._file.read(size), dtype=np.float32)
        return found


def _collect(artifacts: ArtifactStore, model: str, author: str, wanted: set[str], vectors: _VectorFile) -> None:
    """Gather the vectors that this model made of the wanted texts, from all categories of the author."""
    for category in Category:
        if embeddings_model(artifacts, author, category) != model:
            continue
        for row in read_embeddings(artifacts, author, category):
            if row.text_hash in wanted and row.text_hash not in vectors:
                vectors.add([row.text_hash], row.vector)


def _texts(artifacts: ArtifactStore, author: str, category: Category) -> Iterator[tuple[str, str, str]]:
    """Yield id, text hash and embedded text of each chunk."""
    for chunk in read_chunks(artifacts, author, category):
        yield chunk.id, sha256(chunk.embedded_text), chunk.embedded_text


def _batches(
    rows: Iterator[tuple[str, str, str]], embedder: Embedder, vectors: _VectorFile, todo: Progress
) -> Iterator[pa.RecordBatch]:
    while window := list(islice(rows, _WINDOW)):
        new = {text_hash: text for _, text_hash, text in window if text_hash not in vectors}
        by_length = sorted(new, key=lambda text_hash: len(new[text_hash]))
        for start in range(0, len(by_length), _SLICE):
            part = by_length[start : start + _SLICE]
            found = embedder.embed([new[text_hash] for text_hash in part])
            vectors.add(part, _checked(found, len(part), embedder.dimension))
            todo.advance(len(part))
        hashes = [text_hash for _, text_hash, _ in window]
        flat = pa.array(vectors.take(hashes).reshape(-1), pa.float32())
        yield pa.record_batch(
            [
                pa.array([chunk_id for chunk_id, _, _ in window], pa.string()),
                pa.array(hashes, pa.string()),
                pa.FixedSizeListArray.from_arrays(flat, embedder.dimension),
            ],
            schema=_schema(embedder.dimension),
        )


def _checked(vectors: Vectors, count: int, dimension: int) -> Vectors:
    if vectors.shape != (count, dimension):
        raise ConsistencyError(
            f"The embedding model returned an array of shape {vectors.shape} for {count} texts "
            f"instead of {(count, dimension)}."
        )
    norms = np.linalg.norm(vectors, axis=1)
    if not np.all(np.abs(norms - 1) < 1e-3):  # false for NaN too
        raise ConsistencyError("The embedding model returned a vector that is empty or not finite: nothing was stored.")
    return vectors


def _matrix(batch: pa.RecordBatch) -> Vectors:
    column = batch.column("vector")
    flat: Vectors = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(batch.num_rows, column.type.list_size)


def _name(author: str, category: Category) -> tuple[str, str, str]:
    return "embeddings", author, f"{category.value}.parquet"


def _schema(dimension: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("chunk_id", pa.string(), nullable=False),
            pa.field("text_hash", pa.string(), nullable=False),  # sha256 of the chunk's embedded text
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
        ]
    )
