"""What an embedding model must offer."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from twin.tokens.sizer import Sizer

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Texts to vectors. The properties are known without loading the model."""

    @property
    def fingerprint(self) -> str:
        """Name, revision (a hash of the weights) and dimension: equal fingerprints give equal vectors.

        Equal as far as retrieval can tell: the backend is not part of it, because a backend is used only after a
        comparison with the original, see `twin.embedding.backends.parity`.
        """

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens that the model reads of one text, special tokens included."""

    @property
    def sizer(self) -> Sizer:
        """Counts in this model's tokens; its limit leaves room for the prompt that goes before a document."""

    @property
    def backend(self) -> str:
        """The backend: `openvino-int8`, `openvino-bf16`, `openvino-f32`, `torch-cpu`, `torch-cuda`, `endpoint`."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of documents in their order, shape (len(texts), dimension), float32, unit length.

        Raises:
            InputError: the model cannot be loaded.
            ConsistencyError: the model did not make a valid vector of a text.
        """

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of queries, as `embed`, with the prompt that the model needs before a query."""


@runtime_checkable
class Preparable(Protocol):
    """An embedder that can choose how to compute, when it knows how much there is to do."""

    def prepare(self, texts: Sequence[str], tokens: int) -> None:
        """Get ready to embed `tokens` tokens of texts such as these. May take a while, if that saves time later."""


NORM_TOLERANCE = 1e-3
"""Tolerance for the length of a unit vector in float32: ten times the possible loss of a mean over 256 tokens."""


def not_unit(vectors: Vectors) -> NDArray[np.intp]:
    """Numbers of the rows that do not have unit length, or are not finite; ascending.

    Args:
        vectors: shape (n, dimension).
    """
    close = np.abs(np.linalg.norm(vectors, axis=1) - 1.0) <= NORM_TOLERANCE  # false for NaN
    return np.flatnonzero(~close)
