"""`make bench-retrieval`: quality and speed of search, compared with simpler ways on the same points.

Documents are ranked by their best chunk (nDCG@10). Passages are scored by characters, with 5 chunks per question,
compared with the reference's packs of 1,000 to 2,000 characters. Nothing is kept between two runs.
"""

import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from benchmarks import retrieval_collections as collections
from benchmarks.handbook_line import Store, opened
from benchmarks.record import data_folder, record
from benchmarks.retrieval_collections import Collection, is_development
from benchmarks.retrieval_systems import (
    PASSAGES,
    by_meaning,
    by_ranks,
    by_words,
    document_scores,
    lists,
    ours,
    packs,
    passage_scores,
    rankings,
)
from benchmarks.workbench import open_embedder
from twin.chunking import read_chunks
from twin.embedding import Embedder, read_embeddings
from twin.embedding.base import Preparable
from twin.evaluation.ranking import SpanScores, paired_difference
from twin.identity import chunk_id
from twin.models import Category
from twin.retrieval import Retriever
from twin.terms.bm25 import SparseVector, encode_chunks
from twin.vectors.base import Point, points_model

PACKAGES = ("qdrant-edge-py", "openvino", "torch", "sentence-transformers", "tokie", "PyStemmer", "numpy")
POINTS = 20_000
DOCUMENTS_FROM = 50
"""Number of chunks requested from the retriever for a ranking of documents."""

_TIMED = 200
_TOKENS = 1_000_000
"""About the number of texts that one run embeds; the backend is chosen for it."""


def main() -> None:
    """Run everything; the last line printed is one JSON object."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # the model comes in a package
    begun = time.perf_counter()
    data = data_folder()
    with TemporaryDirectory(prefix="bench-retrieval-") as folder:
        scratch = Path(folder)
        store, embedder = opened(scratch), open_embedder(scratch)
        prose, code, excerpts = collections.cranfield(data), collections.cosqa(data), collections.passages(data)
        try:
            if isinstance(embedder, Preparable):
                embedder.prepare([document.text for document in (*prose.documents, *code.documents)], _TOKENS)
            print(f"embedded with {embedder.fingerprint} by {embedder.backend}", flush=True)
            for collection in (prose, code, excerpts):
                chunks = collections.load(collection, store, embedder)
                print(f"{collection.author}: {len(collection.documents)} documents, {chunks} chunks", flush=True)
            numbers = {
                **_documents(prose, store, embedder),
                **_documents(code, store, embedder),
                **_passages(excerpts, store, embedder),
                **_timed(store, embedder, [*prose.queries.values(), *code.queries.values()]),
            }
        finally:
            store.close()
    numbers["seconds"] = time.perf_counter() - begun
    record("retrieval", {name: round(value, 4) for name, value in numbers.items()}, PACKAGES)


def _documents(collection: Collection, store: Store, embedder: Embedder) -> dict[str, float]:
    made = lists(collection, store.vectors, embedder)
    systems = {
        "dense": document_scores(collection, rankings(made, by_meaning)),
        "bm25": document_scores(collection, rankings(made, by_words)),
        "rrf": document_scores(collection, rankings(made, by_ranks)),
        "ours": document_scores(collection, ours(collection, store.vectors, embedder, limit=DOCUMENTS_FROM)),
    }
    queries = collection.judged
    held_out = [query for query in queries if not is_development(query)]
    name = collection.author
    print(f"{name}: nDCG@10 of {len(queries)} queries; weights were not chosen on {len(held_out)} of them")
    numbers = {}
    for system, scores in systems.items():
        mean = statistics.mean(scores[query] for query in queries)
        apart = statistics.mean(scores[query] for query in held_out)
        print(f"  {system:<6}{mean:.4f}   held out {apart:.4f}")
        numbers[f"{name}_ndcg10" if system == "ours" else f"{name}_{system}_ndcg10"] = mean
        numbers[f"{name}_held_out_ndcg10" if system == "ours" else f"{name}_{system}_held_out_ndcg10"] = apart
    for system in ("dense", "bm25", "rrf"):
        for label, chosen in (("all", queries), ("held out", held_out)):
            pairs = ([systems[each][query] for query in chosen] for each in (system, "ours"))
            print(f"  ours - {system:<6}{_told(*pairs)} ({label})", flush=True)
    return numbers


class _Means(NamedTuple):
    recall: float
    precision: float
    iou: float


def _passages(collection: Collection, store: Store, embedder: Embedder) -> dict[str, float]:
    made = lists(collection, store.vectors, embedder)
    packed, count = packs(collection, embedder)
    systems = {
        f"the reference's {count} packs, dense": passage_scores(collection, packed),
        "dense": passage_scores(collection, rankings(made, by_meaning)),
        "bm25": passage_scores(collection, rankings(made, by_words)),
        "rrf": passage_scores(collection, rankings(made, by_ranks)),
        "ours": passage_scores(collection, ours(collection, store.vectors, embedder, limit=PASSAGES)),
    }
    print(f"{collection.author}: characters of {len(collection.judged)} questions, {PASSAGES} chunks each")
    means = {}
    for system, scores in systems.items():
        means[system] = _mean(list(scores.values()))
        print(f"  {system:<32}recall {means[system].recall:.4f}   precision {means[system].precision:.4f}"
              f"   IoU {means[system].iou:.4f}")  # fmt: skip
    reference, *_, best = systems
    for measure in SpanScores._fields:
        pairs = ([getattr(systems[each][query], measure) for query in collection.judged] for each in (reference, best))
        print(f"  ours - packs, {measure:<10}{_told(*pairs)}", flush=True)
    found, packs_found = means[best], means[reference]
    return {
        "chunking_recall": found.recall,
        "chunking_precision": found.precision,
        "chunking_iou": found.iou,
        "chunking_dense_recall": means["dense"].recall,
        "chunking_packs_recall": packs_found.recall,
        "chunking_packs_precision": packs_found.precision,
        "chunking_packs_iou": packs_found.iou,
        "chunking_precision_ratio": found.precision / packs_found.precision,
        "chunking_iou_ratio": found.iou / packs_found.iou,
    }


def _timed(store: Store, embedder: Embedder, queries: list[str]) -> dict[str, float]:
    """Whole searches of the product, including embedding the query and reading the results."""
    author = "many"
    for category in (Category.ARTICLES, Category.REPOSITORIES):
        share = POINTS // 2
        points = _points(store, category, author, share)
        store.vectors.apply(
            category, author, points_model(embedder), dimension=embedder.dimension, upserts=points, deletes=()
        )
    there = sum(store.vectors.count(category, author) for category in Category)
    retriever = Retriever(store.vectors, embedder)
    chosen = queries[:: max(1, len(queries) // _TIMED)][:_TIMED]
    for query in chosen[:20]:
        retriever.search(query, author=author)
    times, steps = [], dict[str, list[float]]()
    for query in chosen:
        begun = time.perf_counter()
        result = retriever.search(query, author=author)
        times.append((time.perf_counter() - begun) * 1000)
        for step, spent in result.trace.timings_ms.items():
            steps.setdefault(step, []).append(spent)
    p50, p95 = np.quantile(times, [0.5, 0.95])
    print(
        f"{len(chosen)} searches of {there} points, including embedding the query: p50 {p50:.1f} ms, p95 {p95:.1f} ms"
    )
    medians = {step: statistics.median(spent) for step, spent in steps.items()}
    print("  medians: " + ", ".join(f"{step} {spent:.1f}" for step, spent in medians.items()), flush=True)
    return {"retrieve_p50_ms": float(p50), "retrieve_p95_ms": float(p95), "retrieve_points": there}


def _points(store: Store, category: Category, author: str, count: int) -> list[Point]:
    """Real chunks of the collections with their vectors, repeated as often as needed, each copy slightly moved and
    without a fifth of its terms."""
    owner = "cosqa" if category is Category.REPOSITORIES else "cranfield"
    chunks = list(read_chunks(store.artifacts, owner, category))
    vectors = [row.vector for row in read_embeddings(store.artifacts, owner, category)]
    sparse = encode_chunks(chunks)
    generator = np.random.default_rng(0)
    points = []
    for number in range(count):
        place, turn = number % len(chunks), number // len(chunks)
        chunk = chunks[place].model_copy(
            update={"id": chunk_id(chunks[place].document_id, author, number, ""), "author": author}
        )
        vector = vectors[place] + turn * generator.normal(0, 0.01, len(vectors[place])).astype(np.float32)
        terms = sparse[place]
        if turn:
            kept = generator.random(len(terms.indices)) < 0.8
            terms = SparseVector(terms.indices[kept], terms.values[kept])
        points.append(Point(chunk, vector / np.linalg.norm(vector), terms))
    return points


def _mean(scores: list[SpanScores]) -> _Means:
    return _Means(*(statistics.mean(getattr(each, measure) for each in scores) for measure in SpanScores._fields))


def _told(first: list[float], second: list[float]) -> str:
    gap = paired_difference(first, second)
    return f"{gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}], p {gap.p:.4f}, better {gap.better}, worse {gap.worse}"


if __name__ == "__main__":
    main()
