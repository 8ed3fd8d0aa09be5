"""The embedder that chooses its backend: by the machine, the amount of work, and what was proved.

The first of these that may be used:

1. `torch-cuda` if PyTorch sees a GPU.
2. `openvino-int8` if the CPU multiplies 8-bit integers fast and an int8 export passed (see `parity`) and was faster
   than the backend it replaces. It is made from the user's own chunks, when there are enough of them and the remaining
   work is worth it.
3. `openvino-bf16` if the CPU has it, and it passed and was faster.
4. `openvino-f32`.
5. `torch-cpu`: a model that cannot be converted, or so little to do that converting it would take longer.

A rejected export is not tried again; its record says why. A query uses the same backend as the documents, because both
read the same records.
"""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from twin.artifacts import ArtifactStore
from twin.embedding.backends.conversion import CALIBRATION_TEXTS, Task, converted
from twin.embedding.backends.exports import Exports, Record
from twin.embedding.backends.inference import Inference, int8_is_fast
from twin.embedding.backends.model import DEFAULT_MODEL, ModelFiles
from twin.embedding.backends.sentence_transformer import SentenceTransformerEmbedder, cuda_is_there, is_loaded
from twin.embedding.base import Vectors, not_unit
from twin.errors import ConsistencyError

logger = logging.getLogger("twin")

BACKENDS = ("openvino-int8", "openvino-bf16", "openvino-f32", "torch")

_EXPORT_TOKENS = 20_000
"""Below this, PyTorch is done before an export would be ready."""

_QUANTISE_TOKENS = 200_000
"""The cost of calibrating and judging an int8 model, as tokens that the other backend embeds in that time."""

_INT8_GAIN = 0.4
"""Share of bf16's time that int8 saves if it is fast: an estimate, to decide whether to try it."""


class AutomaticEmbedder(ModelFiles):
    """One sentence-transformers model on the best backend; see `ModelFiles` for its possible names.

    Args:
        model: packaged name, folder or hub id.
        artifacts: stores the exports.
        backend: one of `BACKENDS` to use only that one, if it may be used, or `auto`.
    """

    def __init__(self, model: str = DEFAULT_MODEL, *, artifacts: ArtifactStore, backend: str = "auto") -> None:
        super().__init__(model)
        self._artifacts, self._wanted = artifacts, backend
        self._engine: _Engine | None = None  # of documents
        self._asked: _Engine | None = None  # of queries
        self._failed: set[str] = set()
        self._lock = threading.RLock()

    @property
    def backend(self) -> str:
        """The backend in use; before the first text, the one that would be used for a query."""
        if (engine := self._engine or self._asked) is not None:
            return engine.backend
        record = self._best()
        return record.backend if record else self._torch.backend

    def prepare(self, texts: Sequence[str], tokens: int) -> None:
        """See `Preparable.prepare`: export or quantise the model, if that saves time."""
        with self._lock:
            made = False
            if self._openvino_wanted and (tokens >= _EXPORT_TOKENS or self._wanted != "auto"):
                made = self._export(texts)
                made = self._quantise(texts, tokens) or made
            if made or self._engine is None:
                self._engine, self._asked = self._open(), None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        if self._engine is None:
            self.prepare(texts, sum(self.sizer.counts(texts)))
        return self._vectors(texts, self.document_prompt, self._engine)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_queries`. The first query exports the model, so every later one is fast."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        with self._lock:
            if self._asked is None:
                if self._engine is None and self._openvino_wanted and not is_loaded(self.folder):
                    self._export([])
                self._asked = self._open(single=True)
            engine = self._asked
        return self._vectors(texts, self.query_prompt, engine)

    def _vectors(self, texts: Sequence[str], prompt: str, engine: "_Engine | None") -> Vectors:
        if engine is None or engine.inference is None:
            of_query = prompt == self.query_prompt
            return self._torch.embed_queries(texts) if of_query else self._torch.embed(texts)
        vectors = engine.inference.vectors(self.sizer.ids([prompt + text for text in texts]))
        for bad in not_unit(vectors)[:1]:
            raise ConsistencyError(f"{self.model} did not make a valid vector of the text {texts[bad][:80]!r}.")
        return vectors

    @property
    def _torch(self) -> SentenceTransformerEmbedder:
        return SentenceTransformerEmbedder(self.model)

    @property
    def _openvino_wanted(self) -> bool:
        """Whether OpenVINO may be used: not if PyTorch was requested or has a GPU, or pooling excludes the prompt."""
        if self._wanted == "torch" or (self._wanted == "auto" and cuda_is_there()):
            return False
        apart = any(module["config"].get("include_prompt") is False for module in self.modules)
        return not (apart and (self.document_prompt or self.query_prompt))

    @property
    def _exports(self) -> Exports:
        return Exports(self._artifacts, self.key)

    def _best(self) -> Record | None:
        """The record of the backend that is used; None means PyTorch."""
        if not self._openvino_wanted:
            return None
        names = BACKENDS[:-1] if self._wanted == "auto" else (self._wanted,)
        for name in names:
            record = self._exports.record(name)
            if record and record.refused is None:
                return record
        return None

    def _open(self, *, single: bool = False) -> "_Engine":
        record = self._best()
        if record is None:
            return _Engine(self._torch.backend, None)
        try:
            files = self._exports.files(record)
            if files is None:
                raise FileNotFoundError("its files are gone")
            return _Engine(record.backend, _inference(files, self.dimension, record.backend, single))
        except (OSError, RuntimeError, ImportError) as error:
            logger.warning("%s of %s cannot be loaded (%s): PyTorch is used", record.backend, self.model, error)
            return _Engine(self._torch.backend, None)

    def _export(self, texts: Sequence[str]) -> bool:
        """Whether an f32 export was made now, accepted or not."""
        record = self._exports.record("openvino-f32")
        if record is not None and (record.refused or self._exports.files(record) is not None):
            return False
        logger.info("preparing %s for this machine (once, about 30 seconds)", self.model)
        return self._convert("export", texts, None)

    def _quantise(self, texts: Sequence[str], tokens: int) -> bool:
        """Whether an int8 export was made now, accepted or not."""
        forced = self._wanted == "openvino-int8"
        exported = self._exports.record("openvino-f32")
        if not (forced or (self._wanted == "auto" and int8_is_fast())):
            return False
        known = self._exports.record("openvino-int8")
        if exported is None or exported.refused or (known and (known.refused or self._exports.files(known))):
            return False
        if len(set(texts)) < CALIBRATION_TEXTS:
            logger.info("no int8 for %s yet: %d texts are too few to calibrate it", self.model, len(set(texts)))
            return False
        saved = tokens * _INT8_GAIN
        if not forced and saved < _QUANTISE_TOKENS:
            logger.info(
                "not converting %s to int8: that would take longer than embedding these %d tokens", self.model, tokens
            )
            return False
        logger.info("quantising %s on %d of these texts, once", self.model, CALIBRATION_TEXTS)
        return self._convert("quantise", texts, self._exports.files(exported))

    def _convert(self, task: Task, texts: Sequence[str], exported: tuple[Path, Path] | None) -> bool:
        if task in self._failed:
            return False
        with converted(task, self, texts, exported) as result:
            if result is None:
                self._failed.add(task)
                return False
            folder, records = result
            self._exports.save(folder, records)
        for record in records:
            if record.refused:
                logger.warning("%s of %s is not used: %s", record.backend, self.model, record.refused)
        return True


class _Engine:
    """The computing engine: an OpenVINO model, or PyTorch if `inference` is None."""

    def __init__(self, backend: str, inference: Inference | None) -> None:
        self.backend, self.inference = backend, inference


_inferences: dict[tuple[Path, str, bool], Inference] = {}
_loading = threading.Lock()


def _inference(files: tuple[Path, Path], dimension: int, backend: str, single: bool) -> Inference:
    """The compiled model: one per process and use."""
    key = files[0], backend, single
    with _loading:
        if key not in _inferences:
            _inferences[key] = Inference(*files, dimension, backend.removeprefix("openvino-"), single=single)
        return _inferences[key]
