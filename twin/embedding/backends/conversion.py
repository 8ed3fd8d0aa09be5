"""Makes OpenVINO models of a sentence-transformers model, in a separate process.

PyTorch and NNCF need most of a gigabyte and several seconds to import; a process that only embeds or searches never
loads them. The child reads `request.json` in a given folder and writes `model.xml`, `model.bin` and `records.json`
there. If it fails, the parent continues with the next backend.
"""

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from twin.embedding.backends.exports import Record
from twin.embedding.backends.inference import Inference, bf16_is_fast, cpu_key, quiet
from twin.embedding.backends.model import ModelFiles
from twin.embedding.backends.parity import compare, distinct, known_items
from twin.embedding.backends.probes import PROBES
from twin.embedding.base import Vectors
from twin.identity import sha256
from twin.models import Model

if TYPE_CHECKING:
    import openvino

logger = logging.getLogger("twin")

CALIBRATION_TEXTS = 96
"""Number of the user's texts for calibrating int8: half of them whole, and one sentence of each other one."""

_ORIGINAL_TEXTS = 24
"""Number of the user's texts compared with PyTorch: floats differ in the sixth digit, or there is a mistake."""

_JUDGED_TEXTS = 256

_FRAGILE = 2
"""Number of matrix products that stay in float, see `_fragile`: less than an eighth of a six-layer model's work."""

_TIMEOUT_S = 1800

Task = Literal["export", "quantise"]


class Request(Model):
    """The child's task. `xml` and `weights` belong to the f32 export, for `quantise`."""

    task: Task
    folder: str  # of the sentence-transformers model
    texts: tuple[str, ...]
    xml: str = ""
    weights: str = ""
    parent: int


@contextmanager
def converted(
    task: Task, files: ModelFiles, texts: Sequence[str], exported: tuple[Path, Path] | None = None
) -> Iterator[tuple[Path, list[Record]] | None]:
    """Run the child; return its folder and one record per judged backend, or None and a log line if it failed.

    Args:
        task: `export` makes f32 (and judges bf16) from PyTorch's model, `quantise` makes int8 from the f32 one.
        files: of the model.
        texts: the user's own texts, for calibration and probes.
        exported: `.xml` and `.bin` of the f32 export, for `quantise`.
    """
    xml, weights = (str(exported[0]), str(exported[1])) if exported else ("", "")
    with tempfile.TemporaryDirectory(prefix="twin-embedder-") as name:
        folder = Path(name)
        sample = distinct(texts, CALIBRATION_TEXTS + _JUDGED_TEXTS)
        request = Request(
            task=task, folder=str(files.folder), texts=tuple(sample), xml=xml, weights=weights, parent=os.getpid()
        )
        (folder / "request.json").write_text(request.model_dump_json(), "utf-8")
        yield _run(folder, task)


def _run(folder: Path, task: Task) -> tuple[Path, list[Record]] | None:
    command = [sys.executable, "-m", "twin.embedding.backends.conversion", str(folder)]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, check=False, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S
        )
        if done.returncode == 0:
            records = json.loads((folder / "records.json").read_text("utf-8"))
            return folder, [Record.model_validate(record) for record in records]
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1][:300]
        reason = f"signal {-done.returncode}" if done.returncode < 0 else last
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    logger.warning("the embedding model could not be prepared for OpenVINO (%s: %s): going on without", task, reason)
    return None


def main(folder: Path) -> None:
    """The child's work."""
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    request = Request.model_validate_json((folder / "request.json").read_text("utf-8"))
    records = _export(request, folder) if request.task == "export" else _quantise(request, folder)
    (folder / "records.json").write_text(json.dumps([record.model_dump() for record in records]), "utf-8")
    if os.getppid() != request.parent:  # the parent is gone
        shutil.rmtree(folder)


class _Judge:
    """Probes and queries for one model, and a backend's vectors of them."""

    def __init__(self, files: ModelFiles, texts: Sequence[str]) -> None:
        self._texts = [*PROBES, *texts]
        self._queries, self.answers = known_items(self._texts)
        self._files = files
        self.tokens = sum(files.sizer.counts(self._texts))

    def original(self) -> tuple[Vectors, Vectors]:
        """The vectors of sentence-transformers."""
        from twin.embedding.backends.sentence_transformer import SentenceTransformerEmbedder

        embedder = SentenceTransformerEmbedder(str(self._files.folder))
        return embedder.embed(self._texts), embedder.embed_queries(self._queries)

    def measured(self, inference: Inference) -> tuple[tuple[Vectors, Vectors], float]:
        """The vectors of a backend, and the texts' tokens per second."""
        files = self._files
        ids = files.sizer.ids([files.document_prompt + text for text in self._texts])
        inference.vectors(ids[:1])
        started = time.perf_counter()
        texts = inference.vectors(ids)
        speed = self.tokens / (time.perf_counter() - started)
        queries = inference.vectors(files.sizer.ids([files.query_prompt + query for query in self._queries]))
        return (texts, queries), round(speed, 1)

    def record(
        self, backend: str, reference: tuple[Vectors, Vectors], inference: Inference, beside: float = 0.0, **more: Any
    ) -> Record:
        """Judge one backend; `beside` is the speed of the backend it would replace."""
        vectors, speed = self.measured(inference)
        parity = compare(reference, vectors, self.answers)
        slower = f"it is slower here: {speed:.0f} tokens/s instead of {beside:.0f}" if speed < beside else None
        return Record(
            backend=backend,
            cpu=cpu_key(),
            refused=parity.refused or slower,
            parity={name: value for name, value in parity._asdict().items() if name != "refused"},
            tokens_per_second=speed,
            tokens_per_second_before=beside,
            versions={name: version(name) for name in ("openvino", "nncf", "torch", "sentence-transformers")},
            **more,
        )


def _export(request: Request, folder: Path) -> list[Record]:
    files = ModelFiles(request.folder)
    judge = _Judge(files, distinct(request.texts, _ORIGINAL_TEXTS))
    reference = judge.original()  # first, because it checks that the model can be loaded
    xml = _save(_convert(files), folder)
    f32 = Inference(*xml, files.dimension, "f32")
    records = [judge.record("openvino-f32", reference, f32)]
    if bf16_is_fast() and records[0].refused is None:
        judge = _Judge(files, distinct(request.texts, _JUDGED_TEXTS))
        reference, speed = judge.measured(f32)
        records.append(judge.record("openvino-bf16", reference, Inference(*xml, files.dimension, "bf16"), speed))
    return records


def _convert(files: ModelFiles) -> "openvino.Model":
    """Everything from token ids to the unit vector, as one graph for texts of equal length."""
    import torch

    from twin.embedding.backends.sentence_transformer import load_torch

    ov = quiet("openvino")
    original = load_torch(files.model, files.folder, files.max_tokens).float().cpu().eval()
    transformer, *others = original.children()

    class Whole(torch.nn.Module):
        """Without a mask, because nothing is padded: then attention uses the plugin's fused kernel."""

        def __init__(self) -> None:
            super().__init__()
            self.transformer: torch.nn.Module = transformer.auto_model  # type: ignore[assignment]
            self.others = torch.nn.ModuleList(others)

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            hidden = self.transformer(input_ids=input_ids)[0]
            features = {"token_embeddings": hidden, "attention_mask": torch.ones_like(input_ids)}
            for module in self.others:
                features = module(features)
            return torch.nn.functional.normalize(features["sentence_embedding"], dim=1)

    with torch.no_grad():
        model = ov.convert_model(Whole(), example_input=torch.ones(2, 9, dtype=torch.long))
    model.inputs[0].node.set_partial_shape(ov.PartialShape([-1, -1]))
    model.validate_nodes_and_infer_types()
    return model


def _quantise(request: Request, folder: Path) -> list[Record]:
    ov, nncf = quiet("openvino"), quiet("nncf")
    files = ModelFiles(request.folder)
    exported = Path(request.xml), Path(request.weights)
    sample = distinct(request.texts, CALIBRATION_TEXTS)
    ids = files.sizer.ids(_calibration(files, sample))
    original = ov.Core().read_model(*exported)
    model = nncf.quantize(
        original,
        nncf.Dataset([tokens[None] for tokens in ids]),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(ids),
        ignored_scope=nncf.IgnoredScope(names=_fragile(original)),
    )
    saved = _save(model, folder)
    judge = _Judge(files, request.texts[len(sample) :] or sample)
    reference, speed = judge.measured(Inference(*exported, files.dimension, "f32"))
    if bf16_is_fast():
        _, speed = judge.measured(Inference(*exported, files.dimension, "bf16"))
    int8 = Inference(*saved, files.dimension, "int8")
    calibration = {"texts": len(sample), "hash": sha256("\n".join(map(sha256, sample)))}
    return [judge.record("openvino-int8", reference, int8, speed, calibration=calibration)]


def _fragile(model: "openvino.Model") -> list[str]:
    """Names of the matrix products that stay in float: the narrowing ones of the first two feed-forward layers.

    Their inputs come from GELU: most are near zero and some far away, which 8 bits represent badly, and every later
    layer builds on the error.
    """
    found = []
    for node in model.get_ordered_ops():
        if node.get_type_name() == "MatMul":
            wide, narrow = node.input(0).get_partial_shape()[-1], node.output(0).get_partial_shape()[-1]
            if wide.is_static and narrow.is_static and wide.get_length() > narrow.get_length():
                found.append(node.get_friendly_name())
    return found[:_FRAGILE]


def _calibration(files: ModelFiles, sample: Sequence[str]) -> list[str]:
    """The texts that determine the ranges of activations: chunks, sentences as short as queries, and unusual texts.

    If only whole chunks were used, a one-word query would fall outside the ranges, and its vector would be clipped.
    """
    half = len(sample) // 2
    sentences, numbers = known_items(sample[half:])
    short = dict(zip(numbers, sentences, strict=True)).values()  # the last sentence of each text
    return [
        *(files.document_prompt + text for text in [*sample[:half], *PROBES[1::2]]),
        *(files.query_prompt + sentence for sentence in short),
    ]


def _save(model: "openvino.Model", folder: Path) -> tuple[Path, Path]:
    quiet("openvino").save_model(model, folder / "model.xml", compress_to_fp16=False)
    return folder / "model.xml", folder / "model.bin"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
