"""The stage cleaned -> chunks: one Parquet file per author and category, in the order of documents and ordinals."""

import logging
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
from pydantic import Field

from twin import layout
from twin.artifacts import ArtifactStore, Metadata
from twin.chunking.chunker import Chunker, take_batch
from twin.cutting import PROFILES, Profile
from twin.identity import data_version
from twin.models import Category, Chunk, Document, StageReport, State, embedded_text
from twin.progress import progress
from twin.tokens.sizer import Sizer
from twin.warehouse.base import Warehouse
from twin.warehouse.marks import Marks

logger = logging.getLogger("twin")

BATCH_ROWS = 1024

_HASH = "content_hash"

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("document_hash", pa.string(), nullable=False),  # content hash of the document that it was cut from
        pa.field("author", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("ordinal", pa.int32(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("context", pa.string(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("link", pa.string(), nullable=False),
        pa.field("path", pa.string()),
        pa.field("title", pa.string()),
        pa.field("platform", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("published_at", pa.string()),  # ISO 8601, which keeps the time zone as it was
        pa.field(_HASH, pa.string(), nullable=False),  # hash of the chunk; tables of older versions do not have it
    ]
)


class ChunkReport(StageReport):
    """What `chunk_documents` did; `total` and `written` count chunks."""

    documents: int = Field(description="cleaned documents, with chunks or without")
    chunks_added: int = Field(description="chunks with a new id")
    chunks_removed: int = Field(description="chunks that are gone")
    documents_rechunked: int = Field(description="documents that were cut in this run; the others kept their chunks")
    tokens: int = Field(description="tokens of all chunks together, as they are embedded")
    tokens_max: int = Field(description="tokens of the longest chunk")
    largest: str = Field(description="id of the longest chunk")
    cleaned: str = Field(default="", exclude=True)  # data version of the documents, for the next reader


class Row(NamedTuple):
    """One row of the table."""

    document_hash: str
    content_hash: str | None  # the table's hash of the chunk; None in a table of an older version
    chunk: Chunk


class Text(NamedTuple):
    """The text of a chunk that is embedded, with its hash."""

    id: str
    text: str  # with its context
    tokens: int
    content_hash: str  # of the whole chunk


class Measured(Protocol):
    """The part of an embedding model that chunking needs (see `twin.embedding.Embedder`)."""

    @property
    def sizer(self) -> Sizer:
        """Counts in the model's tokens."""


def chunk_documents(
    warehouse: Warehouse,
    artifacts: ArtifactStore,
    embedder: Measured,
    author: str,
    category: Category,
    *,
    profile: Profile = PROFILES["default"],
) -> ChunkReport:
    """Cut the author's cleaned documents and store the chunks; only new and changed documents are cut again.

    Args:
        warehouse: read: cleaned documents.
        artifacts: written: `chunks/<author>/<category>.parquet`; unchanged if nothing changed.
        embedder: the embedder that will read the chunks; only its tokenizer is used.
        author: slug.
        category: of the documents.
        profile: target and overlap of the chunks; with another profile, everything is cut again.

    Raises:
        StoreError: a store cannot be used.
    """
    chunker = Chunker(embedder.sizer, profile)
    chunker_id = chunker.id_of(category)
    name = _name(author, category)
    known = artifacts.table_metadata(*name)
    cleaned, source = _versions(warehouse, author, category, chunker_id)
    if known is not None and known["source"] == source:
        return _report(known, cleaned)
    reusable = known is not None and known["chunker"] == chunker_id
    rewrite = _Rewrite(chunker, category, read_rows(artifacts, author, category), reusable=reusable)
    label = f"chunking {category.value} of {author}"
    documents = progress(warehouse.documents(State.CLEANED, author, category), label)

    def finish() -> Metadata | None:
        footer = rewrite.metadata(source)
        return None if known is not None and known["data_version"] == footer["data_version"] else footer

    artifacts.write_table(*name, schema=SCHEMA, batches=_batches(rewrite.rows(documents)), metadata=finish)
    report = _report(rewrite.metadata(source), cleaned, rewrite)
    logger.info("%s: %d chunks of %d documents", label, report.total, report.documents)
    return report


def _versions(warehouse: Warehouse, author: str, category: Category, chunker_id: str) -> tuple[str, str]:
    """Versions of the cleaned documents, and of them with what cuts them."""
    marks = Marks(warehouse, author, f"chunking {category}", [(State.CLEANED, category)], {"chunker": chunker_id})
    if (known := marks.recall()) is not None:
        return known["cleaned"], known["source"]
    hashes = warehouse.hashes(State.CLEANED, author, category).items()
    cleaned, source = data_version(hashes), data_version(hashes, chunker_id)
    marks.keep({"cleaned": cleaned, "source": source})
    return cleaned, source


def read_chunks(artifacts: ArtifactStore, author: str, category: Category) -> Iterator[Chunk]:
    """Yield the stored chunks in the order of document ids and ordinals; nothing if none are stored."""
    for row in read_rows(artifacts, author, category):
        yield row.chunk


def read_rows(artifacts: ArtifactStore, author: str, category: Category) -> Iterator[Row]:
    """Like `read_chunks`, with the other columns of the table."""
    for batch in artifacts.read_table(*_name(author, category)):
        for fields in batch.to_pylist():
            content = (fields.pop(_HASH) or "") if _HASH in fields else None  # only a missing column is an older table
            yield Row(fields.pop("document_hash"), content, Chunk.model_validate(fields))


def read_texts(artifacts: ArtifactStore, author: str, category: Category) -> Iterator[Text]:
    """Like `read_chunks`, for callers that need only texts and hashes: nothing else is read."""
    columns = ["id", "context", "text", "tokens", _HASH]
    for batch in artifacts.read_table(*_name(author, category), columns=columns):
        if _HASH not in batch.schema.names:  # a table of an older version
            yield from (
                Text(chunk.id, chunk.embedded_text, chunk.tokens, chunk.content_hash)
                for chunk in read_chunks(artifacts, author, category)
            )
            return
        ids, contexts, texts, tokens, hashes = (batch.column(name).to_pylist() for name in columns)
        yield from map(Text, ids, map(embedded_text, contexts, texts), tokens, hashes)


def read_hashes(artifacts: ArtifactStore, author: str, category: Category) -> Iterator[tuple[str, str]]:
    """Yield id and content hash of the stored chunks, in their order."""
    for batch in artifacts.read_table(*_name(author, category), columns=["id", _HASH]):
        if _HASH not in batch.schema.names:
            yield from ((chunk.id, chunk.content_hash) for chunk in read_chunks(artifacts, author, category))
            return
        yield from zip(batch.column("id").to_pylist(), batch.column(_HASH).to_pylist(), strict=True)


def chunks_version(artifacts: ArtifactStore, author: str, category: Category) -> str | None:
    """Data version of the stored chunks; None if the stage has not run."""
    known = artifacts.table_metadata(*_name(author, category))
    return None if known is None else str(known["data_version"])


def chunks_overlap(artifacts: ArtifactStore, author: str, category: Category) -> int:
    """Tokens that a stored chunk may share with the one before it; 0 if the stage has not run."""
    known = artifacts.table_metadata(*_name(author, category))
    return 0 if known is None else int(known.get("overlap", 0))


def _name(author: str, category: Category) -> layout.Name:
    return layout.table(layout.CHUNKS, author, category)


class _Rewrite:
    """Merges stored rows with the cleaned documents, both in the order of document ids, and counts the changes."""

    def __init__(self, chunker: Chunker, category: Category, stored: Iterable[Row], *, reusable: bool) -> None:
        self._chunker, self._category, self._reusable = chunker, category, reusable
        self._groups = groupby(stored, key=lambda row: row.chunk.document_id)
        self._group = self._next_group()
        self._parts: list[tuple[str, str]] = []
        self.documents = self.rechunked = self.added = self.changed = self.removed = 0
        self.tokens = self.tokens_max = 0
        self.largest = ""

    def metadata(self, source: str) -> Metadata:
        """The footer of the table, after the last row."""
        identifier, (target, overlap) = self._chunker.id_of(self._category), self._chunker.cutting(self._category)
        return {
            "data_version": data_version(self._parts, identifier),
            "source": source,
            "chunker": identifier,
            "target": target,
            "overlap": overlap,
            "tokenizer": self._chunker.sizer.id,
            "documents": self.documents,
            "chunks": len(self._parts),
            "tokens": self.tokens,
            "tokens_max": self.tokens_max,
            "largest": self.largest,
        }

    def rows(self, documents: Iterable[Document]) -> Iterator[dict[str, Any]]:
        """Yield the rows of the new table, a limited number of documents at a time."""
        iterator = iter(documents)
        while batch := take_batch(iterator):
            yield from self._rows(batch)
        while self._group is not None:
            self._drop_group()

    def _rows(self, batch: list[Document]) -> Iterator[dict[str, Any]]:
        hashes = {document.id: document.content_hash for document in batch}
        stored = {identifier: self._stored_rows(identifier) for identifier in hashes}
        kept = {
            identifier: [row.chunk for row in rows]
            for identifier, rows in stored.items()
            if self._reusable and rows and rows[0].document_hash == hashes[identifier]
        }
        new = [document for document, identifier in zip(batch, hashes, strict=True) if identifier not in kept]
        fresh = [identifier for identifier in hashes if identifier not in kept]
        cut = dict(zip(fresh, (chunks for _, chunks in self._chunker.chunks(new)), strict=True))
        self.documents += len(batch)
        self.rechunked += len(cut)
        for identifier, content in hashes.items():
            chunks = kept[identifier] if identifier in kept else cut[identifier]
            before = {row.chunk.id: row.chunk for row in stored[identifier]}
            for row in self._scored(before, chunks):
                yield {**row, "document_hash": content}

    def _scored(self, before: dict[str, Chunk], chunks: list[Chunk]) -> Iterator[dict[str, Any]]:
        """Yield the chunks of one document as rows, and count the differences from the stored ones."""
        for chunk in chunks:
            old = before.pop(chunk.id, None)
            self.added += old is None
            self.changed += old is not None and old != chunk
            content = chunk.content_hash
            self._parts.append((chunk.id, content))
            self.tokens += chunk.tokens
            if chunk.tokens > self.tokens_max:
                self.tokens_max, self.largest = chunk.tokens, chunk.id
            yield {**chunk.model_dump(mode="json"), _HASH: content}
        self.removed += len(before)

    def _next_group(self) -> tuple[str, list[Row]] | None:
        group = next(self._groups, None)
        return None if group is None else (group[0], list(group[1]))

    def _drop_group(self) -> None:
        if self._group is not None:
            self.removed += len(self._group[1])
            self._group = self._next_group()

    def _stored_rows(self, document: str) -> list[Row]:
        """The stored rows of this document; rows before them belong to documents that are gone."""
        while self._group is not None and self._group[0] < document:
            self._drop_group()
        if self._group is None or self._group[0] != document:
            return []
        rows = self._group[1]
        self._group = self._next_group()
        return rows


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
    while part := list(islice(rows, BATCH_ROWS)):
        yield pa.RecordBatch.from_pylist(part, schema=SCHEMA)


def _report(footer: Metadata, cleaned: str, rewrite: _Rewrite | None = None) -> ChunkReport:
    added, changed, removed = (rewrite.added, rewrite.changed, rewrite.removed) if rewrite else (0, 0, 0)
    return ChunkReport(
        data_version=footer["data_version"],
        total=footer["chunks"],
        written=added + changed + removed,
        documents=footer["documents"],
        documents_rechunked=rewrite.rechunked if rewrite else 0,
        chunks_added=added,
        chunks_removed=removed,
        tokens=footer["tokens"],
        tokens_max=footer["tokens_max"],
        largest=footer["largest"],
        cleaned=cleaned,
    )
