"""The stage chunks -> embeddings: one vector per chunk, each distinct text embedded once and never again."""

import hashlib
import logging
import time
from collections.abc import Iterator
from itertools import islice, repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pydantic import Field

from twin import layout
from twin.artifacts import ArtifactStore, Metadata
from twin.chunking.stage import chunks_version, read_texts
from twin.embedding.base import Embedder, Preparable, Vectors, not_unit
from twin.embedding.vectorfile import Hashes, VectorFile, packed
from twin.errors import ConsistencyError
from twin.identity import data_version, sha256
from twin.models import Category, StageReport
from twin.progress import Progress

logger = logging.getLogger("twin")

EMBEDDING_VERSION = "1"
"""Raise it whenever the code gives other vectors for the same texts and model. It is not part of the data version, so
such a change also needs another fingerprint of the model: only then are stored vectors computed again."""

_WINDOW = 4096
"""Chunks handled together: enough to find texts of equal length, and a limit for memory."""

_SLICE = 512
"""Texts embedded between two progress reports; a kill loses at most these."""


class EmbeddingReport(StageReport):
    """What `embed_chunks` did; `total` and `written` count rows, one per chunk."""

    texts_embedded: int = Field(description="different texts that the model read in this run")
    texts_reused: int = Field(description="different texts that already had a vector")
    dimension: int = Field(description="numbers in a vector")
    model: str = Field(description="name, revision and dimension of the model; equal models give equal vectors")
    backend: str = Field(description="what the model ran on when the stored vectors were made")
    tokens_embedded: int = Field(description="tokens that the model read in this run, special tokens not counted")
    tokens_per_second: int = Field(description="while the model computed; 0 if it read nothing in this run")


class Embedding(NamedTuple):
    """One row: the vector of a chunk's embedded text; of length 0 if vectors were not requested."""

    chunk_id: str
    text_hash: str
    vector: Vectors


def embed_chunks(artifacts: ArtifactStore, embedder: Embedder, author: str, category: Category) -> EmbeddingReport:
    """Embed the author's chunks and store the vectors in the order of the chunks.

    A vector is reused from the author's stored embeddings of any category if model and text are the same. Vectors from
    before a kill are reused by the next run. Memory: the model, a window of chunks, and for each chunk one line while
    the data version is made, then three hashes and a number.

    Args:
        artifacts: read: chunks and earlier embeddings; written: `embeddings/<author>/<category>.parquet`, which is
            unchanged if nothing changed.
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
    version, ids, hashes = _wanted(artifacts, author, category, embedder.fingerprint)
    known = artifacts.table_metadata(*name)
    work = _Work(embedder, label)

    def report(written: int, embedded: int, backend: str) -> EmbeddingReport:
        return EmbeddingReport(
            data_version=version,
            total=len(ids),
            written=written,
            texts_embedded=embedded,
            texts_reused=len(np.unique(hashes)) - embedded,
            dimension=embedder.dimension,
            model=embedder.fingerprint,
            backend=backend,
            tokens_embedded=work.tokens,
            tokens_per_second=round(work.tokens / work.seconds) if work.tokens else 0,
        )

    if known is not None and known["data_version"] == version:
        return report(0, 0, known.get("backend", ""))
    stored = read_embeddings(artifacts, author, category, vectors=False)
    before = np.frombuffer(b"".join(_digest(row.chunk_id) for row in stored), dtype="S16")
    if known is None or known["model"] != embedder.fingerprint:
        before = before[:0]

    def finish() -> Metadata:
        return {
            "data_version": version,
            "model": embedder.fingerprint,
            "dimension": embedder.dimension,
            "chunks": len(ids),
            "backend": embedder.backend,
        }

    with VectorFile(embedder.dimension, hashes, _spool(artifacts, author, category, embedder.fingerprint)) as vectors:
        _collect(artifacts, embedder.fingerprint, author, vectors)
        work.start(vectors)
        batches = work.batches(_texts(artifacts, author, category), vectors)
        artifacts.write_table(*name, schema=schema_of(embedder.dimension), batches=batches, metadata=finish)
    logger.info(
        "%s: %d texts embedded by %s, %d reused", label, work.texts, embedder.backend, vectors.wanted - work.texts
    )
    return report(len(np.setxor1d(before, ids)), work.texts, embedder.backend)


def read_embeddings(
    artifacts: ArtifactStore, author: str, category: Category, *, vectors: bool = True
) -> Iterator[Embedding]:
    """Yield the stored rows in the order of the chunks; nothing if none are stored."""
    if vectors:
        for ids, hashes, matrix in read_matrices(artifacts, author, category):
            yield from map(Embedding, ids, hashes, matrix)
        return
    nothing = np.empty(0, dtype=np.float32)
    for batch in artifacts.read_table(*_name(author, category), columns=["chunk_id", "text_hash"]):
        ids, hashes = batch.column("chunk_id").to_pylist(), batch.column("text_hash").to_pylist()
        yield from map(Embedding, ids, hashes, repeat(nothing))


def read_matrices(
    artifacts: ArtifactStore, author: str, category: Category
) -> Iterator[tuple[list[str], list[str], Vectors]]:
    """`read_embeddings` batch by batch: chunk ids, text hashes and vectors of shape (rows, dimension)."""
    for batch in artifacts.read_table(*_name(author, category)):
        yield batch.column("chunk_id").to_pylist(), batch.column("text_hash").to_pylist(), matrix_of(batch)


def embeddings_model(artifacts: ArtifactStore, author: str, category: Category) -> str | None:
    """Fingerprint of the model of the stored embeddings; None if the stage has not run."""
    known = artifacts.table_metadata(*_name(author, category))
    return None if known is None else str(known["model"])


class _Work:
    """Embeds texts without a vector, window by window, and counts them."""

    def __init__(self, embedder: Embedder, label: str) -> None:
        self._embedder, self._label = embedder, label
        self.texts = self.tokens = 0
        self.seconds = 0.0

    def start(self, vectors: VectorFile) -> None:
        """Note how much there is to do."""
        self._todo = Progress(self._label, vectors.wanted - len(vectors))

    def batches(self, rows: Iterator[tuple[str, str, str]], vectors: VectorFile) -> Iterator[pa.RecordBatch]:
        """Rows of the table, window by window, from ids, text hashes and texts of the chunks."""
        while window := list(islice(rows, _WINDOW)):
            hashes = packed(text_hash for _, text_hash, _ in window)
            lacking = np.flatnonzero(vectors.lacks(hashes)).tolist()
            new = {window[number][1]: window[number][2] for number in lacking}
            if new:
                self._embed(list(new), list(new.values()), vectors)
            flat = pa.array(vectors.take(hashes).reshape(-1), pa.float32())
            yield pa.record_batch(
                [
                    pa.array([chunk_id for chunk_id, _, _ in window], pa.string()),
                    pa.array([text_hash for _, text_hash, _ in window], pa.string()),
                    pa.FixedSizeListArray.from_arrays(flat, self._embedder.dimension),
                ],
                schema=schema_of(self._embedder.dimension),
            )

    def _embed(self, hashes: list[str], texts: list[str], vectors: VectorFile) -> None:
        sizes = np.array(self._embedder.sizer.counts(texts))
        if isinstance(self._embedder, Preparable) and not self.texts:
            self._embedder.prepare(texts, int(sizes.mean() * (self._todo.total or 0)))
        order = np.argsort(-sizes, kind="stable")  # longest first: memory peaks at the start or never
        for start in range(0, len(order), _SLICE):
            part = order[start : start + _SLICE]
            begun = time.perf_counter()
            found = self._embedder.embed([texts[number] for number in part])
            self.seconds += time.perf_counter() - begun
            checked = _checked(found, len(part), self._embedder.dimension)
            vectors.add(packed(hashes[number] for number in part), checked)
            self.texts += len(part)
            self.tokens += int(sizes[part].sum())
            self._todo.advance(len(part))


def _collect(artifacts: ArtifactStore, model: str, author: str, vectors: VectorFile) -> None:
    """Collect this model's vectors of the wanted texts from all categories of the author."""
    for category in Category:
        if embeddings_model(artifacts, author, category) != model:
            continue
        for batch in artifacts.read_table(*_name(author, category), columns=["text_hash", "vector"]):
            hashes, first = np.unique(packed(batch.column("text_hash").to_pylist()), return_index=True)
            lacking = vectors.lacks(hashes)
            if lacking.any():
                vectors.add(hashes[lacking], matrix_of(batch)[first[lacking]])


def _texts(artifacts: ArtifactStore, author: str, category: Category) -> Iterator[tuple[str, str, str]]:
    """Yield id, text hash and embedded text of each chunk."""
    for chunk in read_texts(artifacts, author, category):
        yield chunk.id, sha256(chunk.text), chunk.text


def _wanted(artifacts: ArtifactStore, author: str, category: Category, model: str) -> tuple[str, Hashes, Hashes]:
    """Data version of the new table, digests of its chunk ids, and its text hashes, in the chunks' order."""
    ids, hashes = bytearray(), bytearray()

    def parts() -> Iterator[tuple[str, str]]:
        for chunk_id, text_hash, _ in _texts(artifacts, author, category):
            ids.extend(_digest(chunk_id))
            hashes.extend(bytes.fromhex(text_hash))
            yield chunk_id, text_hash

    version = data_version(parts(), model)
    return version, np.frombuffer(ids, dtype="S16"), np.frombuffer(hashes, dtype="S32")


def _digest(identifier: str) -> bytes:
    """Digest of a chunk id, to compare sets of ids."""
    return hashlib.blake2b(identifier.encode(), digest_size=16).digest()


def _spool(artifacts: ArtifactStore, author: str, category: Category, model: str) -> Path | None:
    """The file where vectors wait until the table is complete; None if the store is remote. Those of other models are
    removed."""
    table = artifacts.path(*_name(author, category))
    if table.protocol not in ("", "file", "local"):
        return None
    spool = Path(table.path).with_name(f".{category.value}-{sha256(model)[:12]}.spool")
    for other in spool.parent.glob(f".{category.value}-*.spool"):
        if other != spool:
            other.unlink(missing_ok=True)
    return spool


def _checked(vectors: Vectors, count: int, dimension: int) -> Vectors:
    if vectors.shape != (count, dimension):
        raise ConsistencyError(
            f"The embedding model returned an array of shape {vectors.shape} for {count} texts "
            f"instead of {(count, dimension)}."
        )
    if not_unit(vectors).size:
        raise ConsistencyError("The embedding model returned a vector that is empty or not finite: nothing was stored.")
    return vectors


def matrix_of(batch: pa.RecordBatch) -> Vectors:
    """The vectors of a batch of rows, shape (rows, dimension); a view of it. (`to_numpy` would load pandas.)"""
    column = batch.column("vector")
    vectors: Vectors = np.asarray(np.from_dlpack(column.flatten()), dtype=np.float32)  # which copies nothing
    return vectors.reshape(batch.num_rows, column.type.list_size)


def _name(author: str, category: Category) -> layout.Name:
    return layout.table(layout.EMBEDDINGS, author, category)


def schema_of(dimension: int) -> pa.Schema:
    """The columns of the table of vectors with so many numbers."""
    return pa.schema(
        [
            pa.field("chunk_id", pa.string(), nullable=False),
            pa.field("text_hash", pa.string(), nullable=False),  # sha256 of the chunk's embedded text
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
        ]
    )
