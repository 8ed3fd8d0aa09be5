"""OpenVINO on the CPU: token ids to unit vectors, without padding and without PyTorch.

The fastest precision depends on the CPU, so it is measured on each kind of CPU when the model is exported. Without
instructions for 8-bit integers (such as VNNI), the integer kernels are slower than the float ones, and sums of products
saturate, so int8 is not tried there. With these instructions it is judged, and used if it is faster.

* Texts of exactly equal length share a batch: no padding, so no attention mask, so the vector of a text does not
  depend on its neighbours.
* One stream per core: no core waits for another within a layer, as it would with one stream over all cores. A single
  text (a query) cannot be divided and gets all cores in one stream.
* The size of a batch matters little, if it is more than one text of some length.
"""

import importlib
import os
import platform
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.embedding.base import Vectors
from twin.tokens.encoder import Ids

if TYPE_CHECKING:
    import openvino

_BATCH_TOKENS = 1024
"""Tokens per request: long enough for the kernels, short enough to stay in the cache."""

_MAX_STREAMS = 32

_MAX_THREADS = 8
"""Threads for a single text: its layers are too small for more."""

_FEATURES = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16", "asimddp", "i8mm")

_FAST_INT8 = {"avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm"}
"""CPU features that multiply 8-bit integers several times as fast as floats."""


def quiet(module: str) -> Any:
    """Import `openvino` or `nncf` without sending usage data to anyone.

    If the package `openvino_telemetry` is installed, both send an event over the network when they are imported; if it
    cannot be imported, they use a stub.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module(module)


@cache
def cpu_features() -> tuple[str, ...]:
    """The relevant features of this CPU, sorted; empty if the system does not list them."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return ()
    flags = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    found = set(flags[1].split()) if flags else set()
    return tuple(sorted(found.intersection(_FEATURES)))


def cpu_key() -> str:
    """Names this kind of CPU, such as `x86_64-avx2`: measurements on one kind are not valid for another."""
    return "-".join([platform.machine() or "cpu", *cpu_features()])


def int8_is_fast() -> bool:
    """Whether this CPU has instructions for 8-bit integers."""
    return not _FAST_INT8.isdisjoint(cpu_features())


def bf16_is_fast() -> bool:
    """Whether OpenVINO computes in bf16 on this CPU."""
    return "BF16" in quiet("openvino").Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def cores() -> int:
    """Number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Inference:
    """One compiled model, which maps `input_ids`, shape (texts, tokens), to vectors, shape (texts, dimension).

    Args:
        xml: path of the model.
        weights: path of its `.bin`.
        dimension: numbers per vector.
        precision: `f32`, `bf16`, or `int8` for a model that was quantised.
        single: whether it gets one text at a time and must answer fast.
    """

    def __init__(self, xml: Path, weights: Path, dimension: int, precision: str, *, single: bool = False) -> None:
        ov = quiet("openvino")
        core = ov.Core()
        self.dimension = dimension
        streams = 1 if single else min(cores(), _MAX_STREAMS)
        threads = min(cores(), _MAX_THREADS) if single else cores()
        hint = {"INFERENCE_PRECISION_HINT": precision} if precision in ("f32", "bf16") else {}
        options = {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": threads, **hint}
        self._compiled = core.compile_model(core.read_model(xml, weights), "CPU", options)
        self._queue = ov.AsyncInferQueue(self._compiled, streams)
        self._lock = threading.Lock()
        self._own = threading.local()

    def vectors(self, ids: Sequence[Ids]) -> Vectors:
        """Unit vectors of texts, given as token ids with special tokens; shape (len(ids), dimension)."""
        found = np.empty((len(ids), self.dimension), dtype=np.float32)
        batches = list(_batches(ids))
        if len(batches) == 1:  # a query does not wait for the documents of another thread
            found[:] = self._request().infer([np.stack(ids)], share_inputs=True)[0]
            return found

        def keep(request: "openvino.InferRequest", batch: tuple[list[int], Any]) -> None:
            found[batch[0]] = request.get_output_tensor(0).data

        with self._lock:
            self._queue.set_callback(keep)
            for numbers in batches:
                tokens = np.stack([ids[number] for number in numbers])
                self._queue.start_async([tokens], (numbers, tokens), share_inputs=True)  # keeps `tokens` alive
            self._queue.wait_all()
        return found

    def _request(self) -> "openvino.InferRequest":
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        request: openvino.InferRequest = self._own.request
        return request


def _batches(ids: Sequence[Ids]) -> Iterator[list[int]]:
    """Numbers of texts of equal length, longest first, at most `_BATCH_TOKENS` tokens or one text together."""
    batch: list[int] = []
    for number in sorted(range(len(ids)), key=lambda number: -len(ids[number])):
        size = len(ids[number])
        if batch and (len(ids[batch[0]]) != size or (len(batch) + 1) * size > _BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
