"""A model behind an OpenAI-compatible `/v1/embeddings` endpoint: OpenAI's own, vLLM, text-embeddings-inference, ...

Request: `{"model", "input": [texts], "encoding_format": "float"}`; answer: `{"data": [{"index", "embedding"}]}`
(https://platform.openai.com/docs/api-reference/embeddings).
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import SecretStr

from twin.embedding.backends.model import ModelFiles
from twin.embedding.base import Vectors
from twin.endpoint import Endpoint, Names
from twin.errors import ConsistencyError, InputError
from twin.tokens.sizer import Sizer

SAFE_WINDOW = 256
"""Tokens of a chunk if the model's own tokenizer is unknown: every embedding model in use reads 512 or more, and no
tokenizer makes twice as many tokens of a text as MiniLM's."""

_FILE_WINDOW = 512
"""Tokens of a chunk if the tokenizer is known and the window is not."""

_BATCH_TEXTS = 64
_BATCH_TOKENS = 16_384
_PARALLEL = 4
_ATTEMPTS = 6
_TIMEOUT_S = (10.0, 120.0)
_LONGEST_S = 600.0
_NAMES = Names(url="TWIN_EMBEDDING_URL", key="TWIN_EMBEDDING_API_KEY", model="TWIN_EMBEDDING_MODEL")


class EndpointEmbedder:
    """One model of an endpoint; there is no request before the dimension or a vector is needed.

    Its fingerprint is its name and dimension: an endpoint does not say which weights it uses. Give other weights
    another name.

    Args:
        url: without `/embeddings`, such as `https://api.openai.com/v1`; with it also works.
        model: the name that the endpoint knows.
        key: sent as a bearer token, only to this address.
        tokenizer: folder of a model or a `tokenizer.json`, to measure chunks; None: the packaged model's tokenizer,
            with a window that is safe for any model.
    """

    backend = "endpoint"

    def __init__(self, url: str, model: str, key: SecretStr | None = None, tokenizer: str | None = None) -> None:
        self._endpoint = Endpoint(
            url,
            "embeddings",
            key=key,
            names=_NAMES,
            timeout_s=_TIMEOUT_S,
            longest_s=_LONGEST_S,
            attempts=_ATTEMPTS,
        )
        self.model, self._tokenizer = model, tokenizer

    @cached_property
    def sizer(self) -> Sizer:
        """Counts with the given tokenizer, or with the packaged model's."""
        if self._tokenizer is None:
            return Sizer.from_file(ModelFiles().folder / "tokenizer.json", SAFE_WINDOW)
        path = Path(self._tokenizer).expanduser()
        if path.is_dir():
            return ModelFiles(str(path)).sizer
        if not path.is_file():
            raise InputError(
                "TWIN_EMBEDDING_TOKENIZER is neither a folder nor a tokenizer.json: set it to one of them."
            )
        return Sizer.from_file(path, _FILE_WINDOW)

    @property
    def max_tokens(self) -> int:
        """Tokens of the longest chunk, special tokens included."""
        return self.sizer.window

    @cached_property
    def dimension(self) -> int:
        """Numbers per vector; requested from the endpoint once."""
        return int(self._ask(["dimension"]).shape[1])

    @property
    def fingerprint(self) -> str:
        """`name@endpoint/dimension`."""
        return f"{self.model.rsplit('/', 1)[-1]}@endpoint/{self.dimension}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`; with several parallel requests.

        Raises:
            InputError: the endpoint refuses the key, the model or the texts.
            StoreError: it cannot be reached, or kept failing.
            ConsistencyError: its answer is not one valid vector per text.
        """
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            parts = list(pool.map(self._ask, self._batches(texts)))
        vectors = np.concatenate(parts)
        if vectors.shape[1] != self.dimension:
            raise ConsistencyError(
                f"{self._endpoint.url} returned vectors of {vectors.shape[1]} numbers, and of {self.dimension} before."
            )
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Like `embed`: an endpoint has no prompts."""
        return self.embed(texts)

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        tokens = 0
        for text, size in zip(texts, self.sizer.counts(texts), strict=True):
            if batch and (len(batch) == _BATCH_TEXTS or tokens + size > _BATCH_TOKENS):
                yield batch
                batch, tokens = [], 0
            batch.append(text)
            tokens += size
        yield batch

    def _ask(self, texts: list[str]) -> Vectors:
        """Vectors of one request, shape (len(texts), the endpoint's dimension), of unit length."""
        body = {"model": self.model, "input": texts, "encoding_format": "float"}
        answer = self._endpoint.post(body, "embeddings")
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
            numbers = [row["index"] for row in rows]
        except (ValueError, KeyError, TypeError) as error:
            raise ConsistencyError(f"{self._endpoint.url} did not answer with embeddings.") from error
        if vectors.ndim != 2 or numbers != list(range(len(texts))):
            raise ConsistencyError(f"{self._endpoint.url} answered with {len(rows)} vectors for {len(texts)} texts.")
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.all(np.isfinite(norms) & (norms > 0)):
            raise ConsistencyError(f"{self._endpoint.url} answered with a vector that is empty or not finite.")
        unit: Vectors = vectors / norms
        return unit
