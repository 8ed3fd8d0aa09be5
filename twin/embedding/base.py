"""What an embedding model must offer."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from twin.chunking.tokens import Sizer

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Texts to vectors. All but `embed` is known without loading the model."""

    @property
    def fingerprint(self) -> str:
        """Name, revision (a hash of the weights) and dimension: equal fingerprints give equal vectors."""

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens that the model reads of one text, special tokens included."""

    @property
    def sizer(self) -> Sizer:
        """Counts in this model's tokens."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of the texts in their order, shape (len(texts), dimension), float32, unit length.

        Raises:
            InputError: the model cannot be loaded.
            ConsistencyError: the model made no proper vector of a text.
        """
