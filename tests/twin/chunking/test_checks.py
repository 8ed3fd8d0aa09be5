"""The check of chunks: it fails on each damage that it is there to find."""

import pytest

from tests.kit.staged import ADA, Change, Stores


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
    ],
)
def test_damaged_chunks(stores: Stores, change: Change, problem: str) -> None:
    stores.rewrite("chunks", ADA, "articles.parquet", change=change)
    assert any(problem in found for found in stores.chunks().problems), stores.chunks().problems
