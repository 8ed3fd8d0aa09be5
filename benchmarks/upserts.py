"""Upserts of finished points into the embedded store, and its parts: making sparse vectors, and the engine alone.

Ours is everything from points in memory (chunk, dense and sparse vector) to a durable, verified version that readers
see: payloads, hashes of the filtered fields, five payload indexes, the sparse index. Published figures of an engine
    include
less: dense vectors and a payload that nobody filters by. That is measured too, on the same vectors. Graphs are not
included, because they are built when all points are there; `benchmarks.vectors` times that.
"""

import shutil
import statistics
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import corpora
from benchmarks.workbench import Workbench
from twin.chunking import Chunker
from twin.embedding.base import Vectors
from twin.identity import chunk_id
from twin.models import Category, Chunk
from twin.terms.bm25 import encode_chunks
from twin.vectors.base import Point
from twin.vectors.edge import shard as edge_shard
from twin.vectors.edge.store import EdgeVectorStore

_ROUNDS = 3
_TOGETHER = 256
_PAYLOAD = ("Words of a payload that is as long as a short chunk is, and that nobody filters by. " * 6)[:500]


def run(bench: Workbench, vectors: Vectors) -> dict[str, float]:
    """Each of the three in turn, medians: `upsert_points_per_cpu_s`, the engine alone, and `bm25_chunks_per_cpu_s`.

    Args:
        bench: the texts are from its prose.
        vectors: the points' vectors, shape (n, dimension).
    """
    count = len(vectors)
    chunks = list(chunks_of(bench, count))
    folder = bench.scratch / "upserts"
    rates: dict[str, list[float]] = {"bm25": [], "ours": [], "alone": []}
    for _ in range(_ROUNDS):
        used = time.process_time()
        points = list(points_of(chunks, vectors))
        rates["bm25"].append(count / (time.process_time() - used))
        for name, write in (("ours", _ours), ("alone", _alone)):
            used = time.process_time()
            write(folder, points)
            rates[name].append(count / (time.process_time() - used))
            shutil.rmtree(folder)
    bm25, ours, alone = (statistics.median(rates[name]) for name in ("bm25", "ours", "alone"))
    length = statistics.mean(len(chunk.text) for chunk in chunks)
    print(
        f"upserts of {count:,} finished points, texts of {length:.0f} characters on average; {_ROUNDS} rounds, medians"
    )
    print(f"  making the sparse vectors: {bm25:,.0f} chunks/CPU-s")
    print(f"  ours, with five payload indexes, sparse vectors and the chunk: {ours:,.0f} points/CPU-s")
    print(
        f"  the engine alone, no indexes, no sparse vectors, a payload of {len(_PAYLOAD)} characters: "
        f"{alone:,.0f} points/CPU-s",
        flush=True,
    )
    return {
        "upsert_points_per_cpu_s": ours,
        "upsert_points_per_cpu_s_engine_alone": alone,
        "bm25_chunks_per_cpu_s": bm25,
    }


def chunks_of(bench: Workbench, count: int) -> Iterator[Chunk]:
    """As many chunks as needed, from the same prose again and again, each with its own id."""
    cut = [chunk for _, chunks in Chunker(bench.embedder.sizer).chunks(bench.prose) for chunk in chunks]
    for number in range(count):
        chunk = cut[number % len(cut)]
        identifier = chunk_id(chunk.document_id, "bench", number, chunk.text)
        yield chunk.model_copy(update={"id": identifier, "author": corpora.AUTHOR, "ordinal": number})


def points_of(chunks: Sequence[Chunk], vectors: Vectors) -> Iterator[Point]:
    """The chunks as points, with sparse vectors made as in the stage."""
    for first in range(0, len(chunks), _TOGETHER):
        part = chunks[first : first + _TOGETHER]
        yield from map(Point, part, vectors[first : first + _TOGETHER], encode_chunks(part))


def _ours(folder: Path, points: list[Point]) -> None:
    store = EdgeVectorStore(folder)
    dimension = len(points[0].vector)
    with graph_apart(built=False):
        store.apply(Category.ARTICLES, corpora.AUTHOR, "bench", dimension=dimension, upserts=points, deletes=())
    if store.count(Category.ARTICLES, corpora.AUTHOR) != len(points):
        raise SystemExit(f"The store does not contain the {len(points):,} points that were written.")
    store.close()


def _alone(folder: Path, points: list[Point]) -> None:
    """Upserts the points in the way that is fastest for the engine, which is also ours."""
    from qdrant_edge import CountRequest, Distance, EdgeConfig, EdgeShard, EdgeVectorParams, UpdateOperation
    from qdrant_edge import Point as EdgePoint

    folder.mkdir()
    dense = EdgeVectorParams(len(points[0].vector), Distance.Cosine)
    shard = EdgeShard.create(str(folder), EdgeConfig(vectors={"dense": dense}, wal_enabled=False))
    for first in range(0, len(points), edge_shard.TOGETHER):
        made = []
        for point in points[first : first + edge_shard.TOGETHER]:
            vectors: Any = {"dense": array("f", point.vector.tobytes())}
            made.append(EdgePoint(point.chunk.id, vectors, {"text": _PAYLOAD}))
        shard.update(UpdateOperation.upsert_points(made))
    shard.flush()
    written = shard.count(CountRequest(exact=True))
    shard.close()
    if written != len(points):
        raise SystemExit(f"The engine does not contain the {len(points):,} points that were written.")


@dataclass
class Clock:
    """Seconds."""

    cpu: float = 0.0
    wall: float = 0.0


@contextmanager
def graph_apart(*, built: bool = True) -> Iterator[Clock]:
    """Times what the embedded engine calls optimizing (building the graph), or skips it."""
    clock, create = Clock(), edge_shard._load_or_create

    class Timed:
        """A shard that times its own optimizing."""

        def __init__(self, shard: Any) -> None:
            self._shard = shard

        def __getattr__(self, name: str) -> Any:
            return getattr(self._shard, name)

        def optimize(self) -> Any:
            begun, used = time.perf_counter(), time.process_time()
            done = self._shard.optimize() if built else False
            clock.cpu += time.process_time() - used
            clock.wall += time.perf_counter() - begun
            return done

    edge_shard._load_or_create = lambda *arguments: Timed(create(*arguments))  # type: ignore[assignment]
    try:
        yield clock
    finally:
        edge_shard._load_or_create = create
