"""Embedding: the chunks of the handbook's articles, by our embedder and by sentence-transformers, on two threads.

Three ways take turns on the same texts: `encode(texts)` of sentence-transformers with its defaults (batches of 32,
sorted by length), the reference's batches of ten consecutive texts, and our embedder with the backend that the product
chose. Converting the model is not included (its time is printed once); tokenizing is included in all.
"""

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.reference import EMBEDDED_TOGETHER
from benchmarks.workbench import Workbench
from twin.embedding.base import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_TEXTS = 1000
_ROUNDS = 2
"""Parts of the texts, each embedded separately, with equal shares of long and short texts."""


def run(bench: Workbench) -> dict[str, float]:
    """Compare them; `embed_speedup` is the wall time of the default divided by ours, the median of the rounds."""
    import torch

    torch.set_num_threads(2)
    texts = bench.texts(bench.embedder)
    if len(texts) < _TEXTS:
        raise SystemExit(f"{bench.data / 'handbook'} gives only {len(texts)} chunks: {_TEXTS:,} are needed.")
    texts = [texts[number * len(texts) // _TEXTS] for number in range(_TEXTS)]
    model = bench.sentence_transformer
    ways: dict[str, Callable[[list[str]], Vectors]] = {
        "sentence-transformers, default": lambda part: np.asarray(model.encode(part, show_progress_bar=False)),
        f"ours, {bench.embedder.backend}": bench.embedder.embed,
        "batches of ten, like the reference": lambda part: _by_tens(model, part),
    }
    default, ours, tens = ways
    wall: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    parts: dict[str, list[Vectors]] = {name: [] for name in ways}
    for number in range(_ROUNDS):
        for name, way in ways.items():
            begun, used = time.perf_counter(), time.process_time()
            parts[name].append(way(texts[number::_ROUNDS]))
            wall[name].append(time.perf_counter() - begun)
            cpu[name].append(time.process_time() - used)
    vectors = {name: np.concatenate(found) for name, found in parts.items()}
    tokens = sum(bench.embedder.sizer.counts(texts))
    mean, threads = tokens / len(texts), torch.get_num_threads()
    print(f"embedding: {len(texts)} chunks, {mean:.0f} tokens on average, {threads} threads")
    print(f"  {'':<34}{'chunks/s':>10}{'chunks/CPU-s':>14}{'times default':>15}{'cosine, min':>13}{'mean':>9}")
    for name in ways:
        seconds, used = sum(wall[name]), sum(cpu[name])
        cosines = np.sum(_unit(vectors[default]) * _unit(vectors[name]), axis=1)
        print(
            f"  {name:<34}{len(texts) / seconds:10.1f}{len(texts) / used:14.1f}{_ratio(wall, default, name):15.2f}"
            f"{cosines.min():13.5f}{cosines.mean():9.5f}",
            flush=True,
        )
    found = np.sum(_unit(vectors[default]) * _unit(vectors[ours]), axis=1)
    return {
        "embed_speedup": _ratio(wall, default, ours),
        "embed_speedup_cpu": _ratio(cpu, default, ours),
        "embed_speedup_over_reference": _ratio(wall, tens, ours),
        "embed_chunks_per_s": len(texts) / sum(wall[ours]),
        "embed_chunks_per_cpu_s": len(texts) / sum(cpu[ours]),
        "embed_chunks_per_s_default": len(texts) / sum(wall[default]),
        "embed_chunks_per_cpu_s_default": len(texts) / sum(cpu[default]),
        "embed_chunks_per_s_reference": len(texts) / sum(wall[tens]),
        "embed_cosine_min": float(found.min()),
        "embed_cosine_mean": float(found.mean()),
    }


def _ratio(seconds: dict[str, list[float]], slow: str, fast: str) -> float:
    """How many times longer one way takes than another in the same rounds."""
    return statistics.median(one / other for one, other in zip(seconds[slow], seconds[fast], strict=True))


def _by_tens(model: "SentenceTransformer", texts: list[str]) -> Vectors:
    parts = (texts[first : first + EMBEDDED_TOGETHER] for first in range(0, len(texts), EMBEDDED_TOGETHER))
    return np.concatenate([np.asarray(model.encode(part, show_progress_bar=False)) for part in parts])


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
