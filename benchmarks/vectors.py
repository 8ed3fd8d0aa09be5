"""The vector store with 20,000 points: upserts, queries, recall and whole retrievals; and qdrant-client's local mode.

The vectors are those of 20,000 real sentences, which went through every stage as the posts of one author, whose
articles are there beside them; queries, recall and retrievals are asked of that store. Sentences are shorter than
chunks are, so upserts are timed apart: the same vectors with the texts of real chunks of prose, at hand as chunks and
vectors. Making sparse vectors, payloads and hashes is in it, and the check of the store afterwards; building the graph
is told apart.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from benchmarks import corpora, handbook_line
from benchmarks.handbook_line import Store
from benchmarks.local_mode import LocalMode
from benchmarks.workbench import Workbench
from twin.chunking import Chunker, chunk_documents
from twin.embedding import embed_chunks, read_embeddings
from twin.embedding.base import Vectors
from twin.identity import chunk_id
from twin.models import Category, Chunk, State
from twin.retrieval import Retriever
from twin.vectors import load_points
from twin.vectors.base import Point, VectorStore, Where
from twin.vectors.bm25 import encode_chunks
from twin.vectors.edge import EdgeVectorStore

POINTS = 20_000
LIMIT = 10
_QUERIES = 300
_LOCAL_QUERIES, _LOCAL_FILTERED = 30, 10  # a filtered one takes it most of a second
_PLATFORM = "medium"  # of every fifth post
_TOGETHER = 256


def run(bench: Workbench) -> dict[str, float]:
    """Load and ask; `upsert_points_per_cpu_s`, `query_p50_ms`, `query_filtered_p50_ms`, `recall_at_10`,
    `retrieve_p95_ms` and others."""
    store = handbook_line.opened(bench.line) if bench.line else _line(bench)
    try:
        loaded = _load(bench, store)
        queries = corpora.questions(bench.data)[:_QUERIES]
        vectors = bench.embedder.embed_queries(queries)
        numbers = _asked(store.vectors, loaded, vectors) | _retrieved(bench, store, loaded.author, queries)
    finally:
        store.close()
    return _upserted(bench, loaded) | numbers | _local_mode(bench, loaded, vectors)


def _line(bench: Workbench) -> Store:
    """The articles of the handbook as points, of a run of these parts alone."""
    return handbook_line.build(bench.data / "handbook", bench.scratch / "line", bench.embedder).store


class _Loaded(NamedTuple):
    """The sentences as points."""

    author: str
    ids: list[str]
    vectors: Vectors  # in the order of `ids`


def _load(bench: Workbench, store: Store) -> _Loaded:
    """Sentences as posts of the author with the most articles, through every stage."""
    slugs = [author.slug for author in store.warehouse.authors()]
    author = max(slugs, key=lambda slug: store.vectors.count(Category.ARTICLES, slug))
    texts = corpora.sentences([*corpora.abstracts(bench.data), *(document.text for document in bench.prose)])
    if len(texts) < POINTS:
        raise SystemExit(f"{bench.data} gives only {len(texts):,} different sentences: {POINTS:,} are needed.")
    begun = time.perf_counter()
    store.warehouse.upsert_documents(State.CLEANED, corpora.posts(author, texts[:POINTS]))
    chunk_documents(store.warehouse, store.artifacts, bench.embedder, author, Category.POSTS)
    embed_chunks(store.artifacts, bench.embedder, author, Category.POSTS)
    prepared = time.perf_counter() - begun
    used = time.process_time()
    with _graph() as graph:
        report = load_points(store.artifacts, store.vectors, bench.embedder, author, Category.POSTS)
    used = time.process_time() - used
    if report.searchable != POINTS:
        raise SystemExit(f"{report.searchable:,} points are there instead of {POINTS:,}: a sentence was cut.")
    rows = list(read_embeddings(store.artifacts, author, Category.POSTS))
    print(f"vectors: {POINTS:,} real sentences; to chunk and embed them took {prepared:.1f} s, which is not counted")
    print(
        f"  the stage that loads them, tables read and compared: {POINTS / (used - graph.cpu):,.0f} points/CPU-s; "
        f"graph {graph.cpu:.1f} CPU-s, {graph.wall:.1f} s"
    )
    return _Loaded(author, [row.chunk_id for row in rows], np.stack([row.vector for row in rows]))


def _upserted(bench: Workbench, loaded: _Loaded) -> dict[str, float]:
    """The same vectors with the texts of real chunks, into a new store."""
    chunks = list(_chunks(bench))
    vectors = EdgeVectorStore(bench.scratch / "upserts")
    with _graph() as graph:
        used = time.process_time()
        vectors.apply(
            Category.ARTICLES, corpora.AUTHOR, "bench", dimension=loaded.vectors.shape[1],
            upserts=_points(chunks, loaded.vectors), deletes=(),
        )  # fmt: skip
        used = time.process_time() - used - graph.cpu
    if vectors.count(Category.ARTICLES, corpora.AUTHOR) != POINTS:
        raise SystemExit(f"The store does not hold the {POINTS:,} points that were written.")
    vectors.close()
    length = statistics.mean(len(chunk.text) for chunk in chunks)
    print(f"upserts of {POINTS:,} points, texts of {length:.0f} characters in the mean")
    print(f"  ours: {POINTS / used:,.0f} points/CPU-s; graph {graph.cpu:.1f} CPU-s, {graph.wall:.1f} s", flush=True)
    return {
        "upsert_points_per_cpu_s": POINTS / used,
        "graph_cpu_s": graph.cpu,
        "graph_wall_s": graph.wall,
    }


def _chunks(bench: Workbench) -> Iterator[Chunk]:
    """`POINTS` chunks of the articles, over and over, each with an id of its own."""
    cut = [chunk for _, chunks in Chunker(bench.embedder.sizer).chunks(bench.prose) for chunk in chunks]
    for number in range(POINTS):
        chunk = cut[number % len(cut)]
        identifier = chunk_id(chunk.document_id, "bench", number, chunk.text)
        yield chunk.model_copy(update={"id": identifier, "author": corpora.AUTHOR, "ordinal": number})


def _points(chunks: list[Chunk], vectors: Vectors) -> Iterator[Point]:
    for first in range(0, len(chunks), _TOGETHER):
        part = chunks[first : first + _TOGETHER]
        yield from map(Point, part, vectors[first : first + _TOGETHER], encode_chunks(part))


def _asked(store: VectorStore, loaded: _Loaded, queries: Vectors) -> dict[str, float]:
    """Queries by vector, without and with a filter, and how many of the true neighbours they find."""
    own, filtered = Where(author=loaded.author), Where(author=loaded.author, platforms=(_PLATFORM,))

    def ask(where: Where) -> Callable[[Any], list[str]]:
        return lambda query: [
            point.id for point in store.search(Category.POSTS, where, vector=query, sparse=None, limit=LIMIT).dense
        ]

    found, plain = _timed(ask(own), queries)
    _, narrow = _timed(ask(filtered), queries)
    recall = _recall(loaded, queries, found)
    print(f"queries by vector, {LIMIT} of {POINTS:,}, {len(queries)} questions of the collections")
    print(
        f"  ours: p50 {plain[0]:.2f} ms, p95 {plain[1]:.2f}; filtered p50 {narrow[0]:.2f}, p95 {narrow[1]:.2f}; "
        f"recall@{LIMIT} {recall:.4f}",
        flush=True,
    )
    return {
        "query_p50_ms": plain[0],
        "query_p95_ms": plain[1],
        "query_filtered_p50_ms": narrow[0],
        "query_filtered_p95_ms": narrow[1],
        "recall_at_10": recall,
    }


def _retrieved(bench: Workbench, store: Store, author: str, queries: list[str]) -> dict[str, float]:
    """Whole retrievals: embedding the question, both searches in every category, fusion, joining, context."""
    retriever = Retriever(store.vectors, bench.embedder, authors=store.warehouse.authors())
    found, (p50, p95) = _timed(lambda query: retriever.search(query, author=author).hits, queries)
    points = sum(store.vectors.count(category, author) for category in Category)
    print(
        f"retrieval over all categories, {points:,} points, {len(queries)} questions: p50 {p50:.1f} ms, p95 {p95:.1f}"
    )
    if not all(found):
        raise SystemExit("A question found nothing at all.")
    return {"retrieve_p50_ms": p50, "retrieve_p95_ms": p95}


def _local_mode(bench: Workbench, loaded: _Loaded, queries: Vectors) -> dict[str, float]:
    """The same vectors and chunks in qdrant-client's local mode, which gets no sparse vectors and builds no graph."""
    chunks = list(_chunks(bench))
    for number, chunk in enumerate(chunks):
        chunks[number] = chunk.model_copy(update={"platform": _PLATFORM if number % 5 == 0 else "web"})
    with LocalMode(bench.scratch / "local", loaded.vectors.shape[1]) as local:
        used = time.process_time()
        local.load(chunks, loaded.vectors)
        used = time.process_time() - used
        found, (p50, p95) = _timed(lambda query: local.search(query, LIMIT), queries[:_LOCAL_QUERIES])
        _, (narrow, _) = _timed(lambda query: local.search(query, LIMIT, _PLATFORM), queries[:_LOCAL_FILTERED])
    recall = _recall(loaded._replace(ids=[chunk.id for chunk in chunks]), queries[:_LOCAL_QUERIES], found)
    print(
        f"  local mode of qdrant-client: {POINTS / used:,.0f} points/CPU-s; p50 {p50:.1f} ms, p95 {p95:.1f}; "
        f"filtered p50 {narrow:.1f}; recall@{LIMIT} {recall:.4f}",
        flush=True,
    )
    return {
        "upsert_points_per_cpu_s_local_mode": POINTS / used,
        "query_p50_ms_local_mode": p50,
        "query_filtered_p50_ms_local_mode": narrow,
    }


def _recall(loaded: _Loaded, queries: Vectors, found: list[list[str]]) -> float:
    """Part of the true nearest neighbours that were found; any that score like the last of them count as such."""
    scores = queries @ loaded.vectors.T
    numbers = {identifier: number for number, identifier in enumerate(loaded.ids)}
    least = np.partition(scores, -LIMIT, axis=1)[:, -LIMIT] - 1e-6
    hits = sum(
        sum(scores[row, numbers[identifier]] >= least[row] for identifier in identifiers)
        for row, identifiers in enumerate(found)
    )
    return float(hits) / (LIMIT * len(queries))


def _timed(ask: Callable[[Any], Any], queries: Any) -> tuple[list[Any], tuple[float, float]]:
    """What each query found, and the median and the 95th percentile of milliseconds."""
    ask(queries[0])  # what is opened once is no query's time
    found, milliseconds = [], []
    for query in queries:
        begun = time.perf_counter()
        found.append(ask(query))
        milliseconds.append(1000 * (time.perf_counter() - begun))
    p50, p95 = np.percentile(milliseconds, (50, 95))
    return found, (float(p50), float(p95))


@dataclass
class _Clock:
    cpu: float = 0.0
    wall: float = 0.0


@contextmanager
def _graph() -> Iterator[_Clock]:
    """Times what the embedded engine calls optimizing: it builds the graph, when all points are there."""
    from twin.vectors import edge_shard

    clock, create = _Clock(), edge_shard._load_or_create

    class Timed:
        """A shard that times its own optimizing."""

        def __init__(self, shard: Any) -> None:
            self._shard = shard

        def __getattr__(self, name: str) -> Any:
            return getattr(self._shard, name)

        def optimize(self) -> Any:
            begun, used = time.perf_counter(), time.process_time()
            done = self._shard.optimize()
            clock.cpu += time.process_time() - used
            clock.wall += time.perf_counter() - begun
            return done

    edge_shard._load_or_create = lambda *arguments: Timed(create(*arguments))  # type: ignore[assignment]
    try:
        yield clock
    finally:
        edge_shard._load_or_create = create
