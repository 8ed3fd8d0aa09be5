"""The check of chunks: it fails on each damage that it is there to find."""

import pyarrow as pa
import pytest

from tests.kit.staged import ADA, ARTICLES, EMBEDDER, Change, Stores
from twin import layout
from twin.chunking import chunk_documents
from twin.embedding import embed_chunks
from twin.vectors import load_points


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: rows[:-1], "characters in no chunk"),
        (lambda rows: [*rows, rows[0]], "occurs 2 times"),
        (lambda rows: [rows[0] | {"start": rows[0]["start"] + 1}, *rows[1:]], "not the text at its offsets"),
        (lambda rows: [rows[0] | {"tokens": 7}, *rows[1:]], "says it has 7 tokens"),
        (lambda rows: [rows[0] | {"context": "word " * 300}, *rows[1:]], "tokens, and the embedder reads 254"),
        (lambda rows: [*rows, rows[0] | {"id": "again", "ordinal": 99}], "chunks that overlap"),
        (lambda rows: [*rows, rows[0] | {"id": "x", "document_id": "y"}], "is not a cleaned document"),
        (lambda rows: [rows[0] | {"content_hash": "0" * 64}, *rows[1:]], "content hash"),
    ],
)
def test_damaged_chunks(stores: Stores, change: Change, problem: str) -> None:
    stores.rewrite("chunks", ADA, "articles.parquet", change=change)
    assert any(problem in found for found in stores.chunks().problems), stores.chunks().problems


def test_a_table_of_an_older_version_has_no_hashes_and_needs_no_rewrite(stores: Stores) -> None:
    name = layout.table(layout.CHUNKS, ADA, ARTICLES)
    (batch,) = stores.artifacts.read_table(*name)
    older = batch.select([column for column in batch.schema.names if column != "content_hash"])
    metadata = stores.artifacts.table_metadata(*name) or {}
    path = stores.artifacts.write_table(*name, schema=older.schema, batches=[older], metadata=metadata)
    before = path.read_bytes()
    assert stores.chunks().problems == []
    chunked = chunk_documents(stores.warehouse, stores.artifacts, EMBEDDER, ADA, ARTICLES)
    assert (chunked.written, chunked.data_version) == (0, metadata["data_version"])
    assert embed_chunks(stores.artifacts, EMBEDDER, ADA, ARTICLES).written == 0
    assert load_points(stores.artifacts, stores.vectors, EMBEDDER, ADA, ARTICLES).written == 0
    assert stores.collection().problems == []
    assert path.read_bytes() == before


def test_a_table_with_an_empty_hash_is_not_an_older_table(stores: Stores) -> None:
    name = layout.table(layout.CHUNKS, ADA, ARTICLES)
    (batch,) = stores.artifacts.read_table(*name)
    fields = [field.with_nullable(True) for field in batch.schema]
    hashes = pa.array([None, *batch.column("content_hash").to_pylist()[1:]], pa.string())
    columns = [hashes if field.name == "content_hash" else batch.column(field.name) for field in fields]
    damaged = pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
    metadata = stores.artifacts.table_metadata(*name) or {}
    stores.artifacts.write_table(*name, schema=damaged.schema, batches=[damaged], metadata=metadata)
    (problem,) = stores.chunks().problems
    assert "another content hash" in problem
    assert "run the chunks stage again" in problem
