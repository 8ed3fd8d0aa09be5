"""PyTorch as backend: any sentence-transformers model, on a GPU or the CPU. It is the reference for the others."""

import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from twin.embedding.backends.model import ModelFiles
from twin.embedding.base import Vectors, not_unit
from twin.errors import ConsistencyError, InputError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

logger = logging.getLogger("twin")

_BATCH_TOKENS = {"cpu": 2048, "cuda": 65_536}
"""Padded tokens per batch. On a CPU small batches are faster, because they stay in the cache."""


class SentenceTransformerEmbedder(ModelFiles):
    """One model, see `ModelFiles`; the weights are loaded by the first `embed`."""

    @property
    def backend(self) -> str:
        """`torch-cuda` if PyTorch sees such a device, otherwise `torch-cpu`."""
        loaded = _models.get(self.folder)
        return f"torch-{loaded.device.type}" if loaded else "torch-cuda" if cuda_is_there() else "torch-cpu"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`. Texts of similar length share a batch, so there is little padding."""
        return self._embed(texts, self.document_prompt)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_queries`."""
        return self._embed(texts, self.query_prompt)

    def _embed(self, texts: Sequence[str], prompt: str) -> Vectors:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        model = load_torch(self.model, self.folder, self.max_tokens)
        for batch in self._batches(texts, _BATCH_TOKENS.get(model.device.type, 2048)):
            vectors[batch] = model.encode(
                [texts[number] for number in batch],
                prompt=prompt,  # even if it is empty: otherwise a default prompt would be used
                batch_size=len(batch),
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        for bad in not_unit(vectors)[:1]:
            raise ConsistencyError(f"{self.model} did not make a valid vector of the text {texts[bad][:80]!r}.")
        return vectors

    def _batches(self, texts: Sequence[str], budget: int) -> Iterator[list[int]]:
        """Numbers of the texts of each batch, longest first; a batch has at most `budget` padded tokens."""
        sizes = [min(count, self.max_tokens) for count in self.sizer.counts(texts)]
        batch: list[int] = []
        for number in sorted(range(len(texts)), key=lambda number: -sizes[number]):
            if batch and (len(batch) + 1) * (sizes[batch[0]] + 2) > budget:
                yield batch
                batch = []
            batch.append(number)
        yield batch


_models: dict[Path, "SentenceTransformer"] = {}
_loading = threading.Lock()


def load_torch(name: str, folder: Path, max_tokens: int) -> "SentenceTransformer":
    """The loaded model of a folder: one per process, so the assets of a run load it once.

    Raises:
        InputError: the folder has no model that sentence-transformers can load.
    """
    with _loading:
        if folder not in _models:
            logger.info("loading the embedding model %s", name)
            logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # about kernels that nothing here uses
            from sentence_transformers import SentenceTransformer
            from transformers.utils.logging import disable_progress_bar

            disable_progress_bar()  # type: ignore[no-untyped-call]
            try:
                model = SentenceTransformer(str(folder))
            except (OSError, ValueError) as error:
                raise InputError(f"The embedding model {name} cannot be loaded ({error}).") from error
            model.max_seq_length = max_tokens
            _models[folder] = model
        return _models[folder]


def is_loaded(folder: Path) -> bool:
    """Whether this process has already loaded the model of that folder in PyTorch."""
    return folder in _models


def cuda_is_there() -> bool:
    """Whether NVIDIA's driver finds a device and PyTorch was built for it, without loading PyTorch."""
    import ctypes
    from importlib.metadata import PackageNotFoundError, version

    try:
        if version("torch").endswith("+cpu"):
            return False
        driver = ctypes.CDLL("libcuda.so.1")
    except (OSError, PackageNotFoundError):
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
