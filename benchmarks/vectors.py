"""The vector store with 20,000 points: upserts, queries, recall and whole retrievals; and qdrant-client's local mode.

The vectors are those of 20,000 real sentences, which went through every stage as the posts of one author. The store
also has this author's articles. Queries, recall and retrievals use that store. Sentences are shorter than chunks, so
upserts are timed separately (`benchmarks.upserts`): the same vectors with the texts of real chunks of prose.
`run_large` is not part of the usual run: 100,000 points, made from these vectors and four noisy copies of each.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import corpora, handbook_line, upserts
from benchmarks.handbook_line import Store
from benchmarks.local_mode import LocalMode
from benchmarks.upserts import Clock, chunks_of, graph_apart, points_of
from benchmarks.workbench import Workbench
from twin.chunking import chunk_documents, read_chunks
from twin.embedding import embed_chunks, read_embeddings
from twin.embedding.base import Vectors
from twin.models import Category, Chunk, State
from twin.retrieval import Retriever
from twin.vectors import load_points
from twin.vectors.base import VectorStore, Where
from twin.vectors.edge.store import EdgeVectorStore

POINTS = 20_000
LIMIT = 10
_QUERIES = 300
_LOCAL_QUERIES, _LOCAL_FILTERED = 30, 10  # a filtered query takes it most of a second
_PLATFORM = "medium"  # the platform of every fifth point
_COPIES = 4  # of each real vector, in the large store
_NOISE = 0.02  # standard deviation of each number of a copy: its cosine with the original is about .93


def run(bench: Workbench) -> dict[str, float]:
    """Load and query; `upsert_points_per_cpu_s`, `query_p50_ms`, `query_filtered_p50_ms`, `recall_at_10`,
    `retrieve_p95_ms` and others."""
    store = handbook_line.opened(bench.line) if bench.line else _line(bench)
    try:
        loaded = _load(bench, store)
        queries = corpora.questions(bench.data)[:_QUERIES]
        vectors = bench.embedder.embed_queries(queries)
        numbers = _asked(store.vectors, Category.POSTS, loaded, vectors)
        numbers |= _retrieved(bench, store, loaded.author, queries)
    finally:
        store.close()
    numbers |= {"graph_cpu_s": loaded.graph.cpu, "graph_wall_s": loaded.graph.wall}
    return upserts.run(bench, loaded.vectors) | numbers | _local_mode(bench, loaded, vectors)


def run_large(bench: Workbench) -> dict[str, float]:
    """Load and query 100,000 points; the same numbers as those of `run`, with `_100k` at the end of their names."""
    texts = _sentences(bench)
    real = bench.embedder.embed(texts)
    random = np.random.default_rng(0)
    parts = [real]
    for _ in range(_COPIES):
        noisy = real + random.normal(scale=_NOISE, size=real.shape).astype(np.float32)
        parts.append(noisy / np.linalg.norm(noisy, axis=1, keepdims=True))
    vectors: Vectors = np.concatenate(parts)
    chunks = _spread(chunks_of(bench, len(vectors)))
    points = list(points_of(chunks, vectors))
    store = EdgeVectorStore(bench.scratch / "large")
    used = time.process_time()
    with graph_apart() as graph:
        store.apply(Category.ARTICLES, corpora.AUTHOR, "bench", dimension=vectors.shape[1], upserts=points, deletes=())
    used = time.process_time() - used - graph.cpu
    print(f"vectors: {len(real):,} real sentences and {_COPIES} copies of each with noise, {len(vectors):,} in all")
    print(f"  upserts of finished points: {len(vectors) / used:,.0f} points/CPU-s")
    print(f"  graph {graph.cpu:.1f} CPU-s, {graph.wall:.1f} s", flush=True)
    chosen = np.array([chunk.platform == _PLATFORM for chunk in chunks])
    loaded = _Loaded(corpora.AUTHOR, [chunk.id for chunk in chunks], vectors, chosen, graph)
    queries = bench.embedder.embed_queries(corpora.questions(bench.data)[:_QUERIES])
    numbers = _asked(store, Category.ARTICLES, loaded, queries)
    store.close()
    numbers |= {"upsert_points_per_cpu_s": len(vectors) / used, "graph_cpu_s": graph.cpu, "graph_wall_s": graph.wall}
    return {f"{name}_100k": value for name, value in numbers.items()}


def _line(bench: Workbench) -> Store:
    """The articles of the handbook as points, if only these parts run."""
    return handbook_line.build(bench.data / "handbook", bench.scratch / "line", bench.embedder).store


class _Loaded(NamedTuple):
    """The sentences as points."""

    author: str
    ids: list[str]
    vectors: Vectors  # in the order of `ids`
    chosen: NDArray[np.bool_]  # which of them match the platform filter
    graph: Clock


def _load(bench: Workbench, store: Store) -> _Loaded:
    """Sentences as posts of the author with the most articles, through every stage."""
    slugs = [author.slug for author in store.warehouse.authors()]
    author = max(slugs, key=lambda slug: store.vectors.count(Category.ARTICLES, slug))
    texts = _sentences(bench)
    begun = time.perf_counter()
    store.warehouse.upsert_documents(State.CLEANED, corpora.posts(author, texts))
    chunk_documents(store.warehouse, store.artifacts, bench.embedder, author, Category.POSTS)
    embed_chunks(store.artifacts, bench.embedder, author, Category.POSTS)
    prepared = time.perf_counter() - begun
    used = time.process_time()
    with graph_apart() as graph:
        report = load_points(store.artifacts, store.vectors, bench.embedder, author, Category.POSTS)
    used = time.process_time() - used
    if report.searchable != POINTS:
        raise SystemExit(f"There are {report.searchable:,} points instead of {POINTS:,}: a sentence was cut.")
    rows = list(read_embeddings(store.artifacts, author, Category.POSTS))
    print(f"vectors: {POINTS:,} real sentences; chunking and embedding took {prepared:.1f} s, which is not counted")
    print(
        f"  the loading stage, including reading the tables: {POINTS / (used - graph.cpu):,.0f} points/CPU-s; "
        f"graph {graph.cpu:.1f} CPU-s, {graph.wall:.1f} s"
    )
    chunks = read_chunks(store.artifacts, author, Category.POSTS)
    chosen = np.array([chunk.platform == _PLATFORM for chunk in chunks])
    return _Loaded(author, [row.chunk_id for row in rows], np.stack([row.vector for row in rows]), chosen, graph)


def _sentences(bench: Workbench) -> list[str]:
    """`POINTS` different sentences of the abstracts and the prose."""
    texts = corpora.sentences([*corpora.abstracts(bench.data), *(document.text for document in bench.prose)])
    if len(texts) < POINTS:
        raise SystemExit(f"{bench.data} gives only {len(texts):,} different sentences: {POINTS:,} are needed.")
    return texts[:POINTS]


def _spread(chunks: Iterator[Chunk]) -> list[Chunk]:
    """Put every fifth of them on the platform of the filter, the others on another."""
    platforms = (_PLATFORM, "web", "web", "web", "web")
    return [chunk.model_copy(update={"platform": platforms[number % 5]}) for number, chunk in enumerate(chunks)]


def _asked(store: VectorStore, category: Category, loaded: _Loaded, queries: Vectors) -> dict[str, float]:
    """Queries by vector, without and with a filter, and the share of the true neighbours that they find."""
    own, filtered = Where(author=loaded.author), Where(author=loaded.author, platforms=(_PLATFORM,))

    def ask(where: Where) -> Callable[[Any], list[str]]:
        return lambda query: [
            point.id for point in store.search(category, where, vector=query, sparse=None, limit=LIMIT).dense
        ]

    found, plain = _timed(ask(own), queries)
    found_narrow, narrow = _timed(ask(filtered), queries)
    recall = _recall(loaded.ids, loaded.vectors, queries, found)
    ids = [identifier for identifier, wanted in zip(loaded.ids, loaded.chosen, strict=True) if wanted]
    recall_narrow = _recall(ids, loaded.vectors[loaded.chosen], queries, found_narrow)
    print(
        f"queries by vector, {LIMIT} of {len(loaded.ids):,}, {len(queries)} questions of the collections; the filter "
        f"keeps {len(ids):,}"
    )
    print(
        f"  ours: p50 {plain[0]:.2f} ms, p95 {plain[1]:.2f}, recall@{LIMIT} {recall:.4f}; "
        f"filtered p50 {narrow[0]:.2f}, p95 {narrow[1]:.2f}, recall@{LIMIT} {recall_narrow:.4f}",
        flush=True,
    )
    return {
        "query_p50_ms": plain[0],
        "query_p95_ms": plain[1],
        "query_filtered_p50_ms": narrow[0],
        "query_filtered_p95_ms": narrow[1],
        "recall_at_10": recall,
        "recall_at_10_filtered": recall_narrow,
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
        raise SystemExit("A question found nothing.")
    return {"retrieve_p50_ms": p50, "retrieve_p95_ms": p95}


def _local_mode(bench: Workbench, loaded: _Loaded, queries: Vectors) -> dict[str, float]:
    """The same vectors and chunks in qdrant-client's local mode, without sparse vectors and without a graph."""
    chunks = _spread(chunks_of(bench, POINTS))
    with LocalMode(bench.scratch / "local", loaded.vectors.shape[1]) as local:
        used = time.process_time()
        local.load(chunks, loaded.vectors)
        used = time.process_time() - used
        found, (p50, p95) = _timed(lambda query: local.search(query, LIMIT), queries[:_LOCAL_QUERIES])
        _, (narrow, _) = _timed(lambda query: local.search(query, LIMIT, _PLATFORM), queries[:_LOCAL_FILTERED])
    recall = _recall([chunk.id for chunk in chunks], loaded.vectors, queries[:_LOCAL_QUERIES], found)
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


def _recall(ids: Sequence[str], vectors: Vectors, queries: Vectors, found: list[list[str]]) -> float:
    """Share of the true nearest neighbours that were found; any with the same score as the last one count as well."""
    scores = queries @ vectors.T
    numbers = {identifier: number for number, identifier in enumerate(ids)}
    least = np.partition(scores, -LIMIT, axis=1)[:, -LIMIT] - 1e-6
    hits = sum(
        sum(scores[row, numbers[identifier]] >= least[row] for identifier in identifiers)
        for row, identifiers in enumerate(found)
    )
    return float(hits) / (LIMIT * len(queries))


def _timed(ask: Callable[[Any], Any], queries: Any) -> tuple[list[Any], tuple[float, float]]:
    """The results of each query, and the median and the 95th percentile in milliseconds."""
    ask(queries[0])  # one-time opening must not count for a query
    found, milliseconds = [], []
    for query in queries:
        begun = time.perf_counter()
        found.append(ask(query))
        milliseconds.append(1000 * (time.perf_counter() - begun))
    p50, p95 = np.percentile(milliseconds, (50, 95))
    return found, (float(p50), float(p95))
