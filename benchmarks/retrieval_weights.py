"""`python -m benchmarks.retrieval_weights`: chooses the weights of fusion on half of the queries, reports on the rest.

The result is `twin/retrieval/fusion.json`, with all measurements. The choice is coarse on purpose: one weight per
category from a short list, by nDCG@10 on the half that a hash selects. A category without a judged collection, such as
posts, takes the weights of the category that its traits name (`Traits.weighted_as`). The other parameters are not
chosen
here: the table only shows that nothing depends on them.
"""

import json
import os
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import retrieval_collections as collections
from benchmarks.handbook_line import opened
from benchmarks.record import data_folder
from benchmarks.retrieval_collections import Collection, is_development
from benchmarks.retrieval_systems import Lists, Ranking, by_meaning, document_scores, lists, passage_scores, rankings
from benchmarks.workbench import open_embedder
from twin.evaluation.ranking import paired_difference
from twin.models import Category
from twin.retrieval.fusion import EVIDENCE, Weights, combine, with_neighbours
from twin.terms.bm25 import BM25_VERSION

GRID = (0.0, 0.02, 0.1, 0.2, 0.4, 0.7, 1.0)
PREFETCH, LOOKED_AT, NEIGHBOUR = 300, 50, 0.2
NEIGHBOURS = (0.0, 0.1, 0.2, 0.3)
PACKAGES = ("qdrant-edge-py", "PyStemmer", "numpy")


def main() -> None:
    """Measure, choose, and write the file."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    data = data_folder()
    with TemporaryDirectory(prefix="bench-weights-") as folder:
        scratch = Path(folder)
        store, embedder = opened(scratch), open_embedder(scratch)
        try:
            made: dict[str, tuple[Collection, Lists]] = {}
            for collection in (collections.cranfield(data), collections.cosqa(data), collections.passages(data)):
                collections.load(collection, store, embedder)
                made[collection.author] = collection, lists(collection, store.vectors, embedder, PREFETCH)
        finally:
            store.close()
    prose, code = _chosen(*made["cranfield"]), _chosen(*made["cosqa"])
    weights = _weights(prose["sparse"], code["sparse"])
    evidence: dict[str, Any] = {
        "method": "convex combination of scores scaled by their theoretical minimum and the greatest found",
        "split": "a query is for choosing where the first byte of sha256 of its id is even",
        "measure": "nDCG@10, a document standing where its best chunk does",
        "choice": "the best of a short list on the half for choosing; of equal ones the smallest",
        "when": datetime.now(UTC).date().isoformat(),
        "embedder": f"{embedder.fingerprint} by {embedder.backend}",
        "bm25": BM25_VERSION,
        "packages": {package: version(package) for package in PACKAGES},
        "articles": prose,
        **{
            each.value: f"as {each.traits.weighted_as}: there is no judged collection of {each}"
            for each in Category
            if each.traits.weighted_as is not each
        },
        "repositories": code,
        "neighbour": _neighbours(weights, *made["passages"]),
    }
    written = {"weights": weights.model_dump(mode="json"), "evidence": evidence}
    EVIDENCE.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(written, indent=2))


def _weights(prose: float, code: float, neighbour: float = NEIGHBOUR) -> Weights:
    """Neighbours count in prose; the functions of a file answer different questions."""
    sparse = {Category.ARTICLES: prose, Category.REPOSITORIES: code}  # the others follow, see `Traits.weighted_as`
    around = {Category.ARTICLES: neighbour, Category.REPOSITORIES: 0.0}
    return Weights(prefetch=PREFETCH, looked_at=LOOKED_AT, sparse=sparse, neighbour=around)


def _fused(collection: Collection, made: Lists, weights: Weights) -> dict[str, Ranking]:
    """The rankings that the retriever would make of the lists, before copies are folded and neighbours joined."""
    found: dict[str, Ranking] = {}
    for query, lists_found in made.found.items():
        looked_at = combine({collection.category: lists_found}, weights)[: weights.looked_at]
        chunks = [made.chunks[each.point.id] for each in with_neighbours(looked_at, made.chunks, weights.neighbour)]
        found[query] = [(chunk.document_id, (chunk.start, chunk.end)) for chunk in chunks]
    return found


def _chosen(collection: Collection, made: Lists) -> dict[str, Any]:
    """The best weight on the development half, and the result of every weight on each half."""
    scores = {
        weight: document_scores(collection, _fused(collection, made, _weights(weight, weight))) for weight in GRID
    }
    halves = {half: [query for query in collection.judged if is_development(query) is half] for half in (True, False)}
    best = max(GRID, key=lambda weight: (_mean(scores[weight], halves[True]), -weight))
    dense = document_scores(collection, rankings(made, by_meaning))
    first, second = ([each[query] for query in halves[False]] for each in (dense, scores[best]))
    return {
        "collection": collection.author,
        "queries": {"chosen on": len(halves[True]), "held out": len(halves[False])},
        "sparse": best,
        "ndcg10": {
            str(weight): {
                "chosen on": round(_mean(each, halves[True]), 4),
                "held out": round(_mean(each, halves[False]), 4),
            }
            for weight, each in scores.items()
        },
        "held out against the cosine alone": {
            name: round(value, 4) for name, value in paired_difference(first, second)._asdict().items()
        },
    }


def _neighbours(weights: Weights, collection: Collection, made: Lists) -> dict[str, Any]:
    """The result of each neighbour weight on passages; 5 chunks per question."""
    table: dict[str, Any] = {"collection": collection.author, "queries": len(collection.judged)}
    for neighbour in NEIGHBOURS:
        chosen = _weights(weights.sparse[Category.ARTICLES], 0.0, neighbour)
        scores = passage_scores(collection, _fused(collection, made, chosen)).values()
        table[str(neighbour)] = {
            "recall": round(statistics.mean(each.recall for each in scores), 4),
            "precision": round(statistics.mean(each.precision for each in scores), 4),
        }
    return table


def _mean(scores: dict[str, float], queries: Sequence[str]) -> float:
    return statistics.mean(scores[query] for query in queries)


if __name__ == "__main__":
    main()
