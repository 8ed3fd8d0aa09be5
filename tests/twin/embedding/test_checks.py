"""The check of embeddings: it fails on each damage that it is there to find."""

import pytest

from tests.kit.staged import ADA, ARTICLES, Change, Stores
from twin.embedding.checks import verify_embeddings


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: rows[:-1], "1 chunks have no vector"),
        (lambda rows: [*rows, rows[0] | {"chunk_id": "stray"}], "1 vectors have no chunk"),
        (lambda rows: [*rows, rows[0]], "has 2 vectors"),
        (lambda rows: [rows[0] | {"text_hash": "0" * 64}, *rows[1:]], "is of another text"),
        (lambda rows: [rows[0] | {"vector": [2 * x for x in rows[0]["vector"]]}, *rows[1:]], "has length 2.0"),
        (lambda rows: [rows[0] | {"vector": [float("nan")] * 384}, *rows[1:]], "has length nan"),
    ],
)
def test_damaged_embeddings(stores: Stores, change: Change, problem: str) -> None:
    stores.rewrite("embeddings", ADA, "articles.parquet", change=change)
    assert any(problem in found for found in stores.embeddings().problems), stores.embeddings().problems


def test_vectors_of_another_dimension(stores: Stores) -> None:
    verdict = verify_embeddings(stores.artifacts, ADA, ARTICLES, 768)
    assert "has shape (384,), not (768,)" in verdict.problems[0]
