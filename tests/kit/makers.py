"""Makes chunks and vectors for tests."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from twin.embedding.base import Vectors
from twin.models import Category, Chunk


def made_chunk(text: str, **fields: Any) -> Chunk:
    """A chunk that is the whole text of an article by Ada, except for the given fields."""
    usual = {
        "id": "0",
        "document_id": "0",
        "author": "ada",
        "category": Category.ARTICLES,
        "ordinal": 0,
        "start": 0,
        "end": len(text),
        "tokens": max(1, len(text.split())),
        "link": "https://ada.example/0",
        "platform": "web",
    }
    return Chunk.model_validate({**usual, "text": text, **fields})


def unit(rows: ArrayLike) -> Vectors:
    """The rows, shape (n, dimension) or (dimension,), each scaled to length 1."""
    array = np.asarray(rows, dtype=np.float64)
    vectors: Vectors = (array / np.linalg.norm(array, axis=-1, keepdims=True)).astype(np.float32)
    return vectors
