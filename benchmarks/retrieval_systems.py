"""The systems to compare: the product's retriever, and the plain lists that it combines, all on the same points."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.retrieval_collections import Collection
from twin.embedding import Embedder
from twin.evaluation.ranking import Span, SpanScores, ndcg, span_scores
from twin.models import Chunk
from twin.retrieval import Retriever
from twin.retrieval.fusion import Weights
from twin.retrieval.question.languages import ALWAYS
from twin.terms.bm25 import encode_query
from twin.vectors.base import Found, Scored, VectorStore, Where

DEPTH = 100
"""Number of chunks that a ranking of documents is made from; the nDCG is of the first ten documents."""

PASSAGES = 5
RRF_K = 60
SHORTEST, LONGEST = 1000, 2000
_SENTENCE_END = re.compile(r"(?<!\w\.\w.)(?<![A-Z][a-z]\.)(?<=[.?!])\s")

Ranking = list[tuple[str, Span]]
"""Our document id and range of each chunk, best first."""


class Lists(NamedTuple):
    """What the store found for the queries of a collection, and the collection's chunks."""

    found: dict[str, Found]
    chunks: dict[str, Chunk]


def lists(collection: Collection, vectors: VectorStore, embedder: Embedder, prefetch: int = 300) -> Lists:
    """Search once for all systems that only reorder the lists."""
    queries = collection.judged
    embedded = embedder.embed_queries([collection.queries[query] for query in queries])
    where = Where(author=collection.author)
    found, chunks = dict[str, Found](), dict[str, Chunk]()
    for query, vector in zip(queries, embedded, strict=True):
        sparse = encode_query(collection.queries[query], ALWAYS, collection.category)
        found[query] = vectors.search(collection.category, where, vector=vector, sparse=sparse, limit=prefetch)
        new = [point for each in found[query] for point in each if point.id not in chunks]
        chunks.update(vectors.chunks(collection.category, new))
    return Lists(found, chunks)


def by_meaning(found: Found) -> list[Scored]:
    """The cosine alone."""
    return found.dense


def by_words(found: Found) -> list[Scored]:
    """BM25 alone."""
    return found.sparse


def by_ranks(found: Found) -> list[Scored]:
    """Reciprocal rank fusion of both with equal weights, k = 60."""
    scores: dict[str, float] = {}
    for each in found:
        for rank, point in enumerate(each, 1):
            scores[point.id] = scores.get(point.id, 0.0) + 1 / (RRF_K + rank)
    return [Scored(identifier, score, "") for identifier, score in sorted(scores.items(), key=lambda e: (-e[1], e[0]))]


def rankings(made: Lists, order: Callable[[Found], Sequence[Scored]]) -> dict[str, Ranking]:
    """One ranking per query."""
    return {
        query: [
            (chunk.document_id, (chunk.start, chunk.end))
            for chunk in (made.chunks[point.id] for point in order(found)[:DEPTH])
        ]
        for query, found in made.found.items()
    }


def ours(
    collection: Collection, vectors: VectorStore, embedder: Embedder, *, limit: int, fusion: Weights | None = None
) -> dict[str, Ranking]:
    """The product's retriever with its defaults: self-query and variants, copies folded, neighbours joined."""
    retriever = Retriever(vectors, embedder, fusion=fusion)
    found: dict[str, Ranking] = {}
    for query in collection.judged:
        result = retriever.search(
            collection.queries[query], author=collection.author, categories=[collection.category], limit=limit
        )
        found[query] = [(hit.chunk.document_id, (hit.start, hit.end)) for hit in result.hits]
    return found


def document_scores(collection: Collection, found: dict[str, Ranking]) -> dict[str, float]:
    """nDCG@10 of each query; the rank of a document is that of its best chunk."""
    names = collection.names
    return {
        query: ndcg(list(dict.fromkeys(names[document] for document, _ in ranking)), collection.grades[query])
        for query, ranking in found.items()
    }


def passage_scores(collection: Collection, found: dict[str, Ranking], limit: int = PASSAGES) -> dict[str, SpanScores]:
    """Character recall, precision and IoU of each query's first chunks."""
    names = collection.names
    scores = {}
    for query, ranking in found.items():
        retrieved: dict[str, list[Span]] = {}
        for document, span in ranking[:limit]:
            retrieved.setdefault(names[document], []).append(span)
        scores[query] = span_scores(retrieved, collection.spans[query])
    return scores


def packs(collection: Collection, embedder: Embedder) -> tuple[dict[str, Ranking], int]:
    """The reference's way with articles, by the cosine alone: sentences in packs of 1,000 to 2,000 characters (the
    model reads the first 256 tokens of each); and the number of packs."""
    ranges = [(document.id, span) for document in collection.documents for span in _packs(document.text)]
    texts = {document.id: document.text for document in collection.documents}
    embedded = embedder.embed([texts[document][slice(*span)] for document, span in ranges])
    queries = collection.judged
    similarities = embedder.embed_queries([collection.queries[query] for query in queries]) @ embedded.T
    found = {
        query: [ranges[number] for number in np.argsort(-row, kind="stable")[:PASSAGES]]
        for query, row in zip(queries, similarities, strict=True)
    }
    return found, len(ranges)


def _packs(text: str) -> list[Span]:
    sentences, start = list[Span](), 0
    for match in _SENTENCE_END.finditer(text):
        sentences.append((start, match.start()))
        start = match.end()
    sentences.append((start, len(text)))
    made, first, last = list[Span](), sentences[0][0], sentences[0][0]
    for begin, end in sentences:
        if end - first > LONGEST and last > first:
            made.append((first, last))
            first = begin
        last = end
    return [(begin, end) for begin, end in [*made, (first, last)] if end - begin >= SHORTEST]
