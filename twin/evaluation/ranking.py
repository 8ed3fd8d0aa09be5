"""How good a ranking is, and whether one is better than another by more than chance.

Measures of documents follow trec_eval: a document is relevant by its judged grade, one that was not judged is not.
Measures of passages count characters, so that retrieved text is paid for whether it answers or not (Smith and
Troynikov, "Evaluating Chunking Strategies for Retrieval", Chroma technical report, 2024).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

Grades = Mapping[str, int]
"""Document id -> judged grade of one query; 0 and below is not relevant."""

Span = tuple[int, int]
"""A range of characters of one text, the end excluded."""


def ndcg(ranking: Sequence[str], grades: Grades, k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first `k`, in [0, 1]: trec_eval's `ndcg_cut`.

    The gain of a document is its grade, its discount log2(rank + 1) (Järvelin and Kekäläinen, TOIS 2002); the ideal
    ranking is of all judged documents. 0 where no document is relevant.

    Raises:
        ValueError: the ranking holds a document twice, which would be counted twice.
    """
    _check(ranking, k)
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
    gained = _discounted(max(grades.get(document, 0), 0) for document in ranking[:k])
    return gained / _discounted(ideal[:k]) if ideal else 0.0


def recall(ranking: Sequence[str], grades: Grades, k: int) -> float:
    """Share of the relevant documents among the first `k`; 0 where no document is relevant."""
    _check(ranking, k)
    relevant = _relevant(grades)
    return len(relevant.intersection(ranking[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranking: Sequence[str], grades: Grades, k: int = 10) -> float:
    """1 / rank of the first relevant document among the first `k`, else 0; its mean over queries is MRR@k."""
    _check(ranking, k)
    relevant = _relevant(grades)
    return next((1 / rank for rank, document in enumerate(ranking[:k], 1) if document in relevant), 0.0)


def average_precision(ranking: Sequence[str], grades: Grades) -> float:
    """Mean of the precisions at the ranks of all relevant documents, one that is missing counting 0; its mean over
    queries is MAP."""
    _check(ranking, 1)
    relevant, found, total = _relevant(grades), 0, 0.0
    for rank, document in enumerate(ranking, 1):
        if document in relevant:
            found += 1
            total += found / rank
    return total / len(relevant) if relevant else 0.0


class SpanScores(NamedTuple):
    """Character measures of one query, each in [0, 1]."""

    recall: float  # gold characters that were retrieved, of all gold characters
    precision: float  # gold characters that were retrieved, of all retrieved characters
    iou: float  # gold characters that were retrieved, of the retrieved and the missed ones


def span_scores(retrieved: Mapping[str, Iterable[Span]], gold: Mapping[str, Iterable[Span]]) -> SpanScores:
    """Score retrieved passages against the gold excerpts of one query.

    Text that was retrieved twice counts once where it answers and twice where it is paid for, as in the report's own
    program.

    Args:
        retrieved: text id -> ranges of its retrieved passages.
        gold: text id -> ranges of its excerpts.

    Raises:
        ValueError: there is no gold excerpt, or a range is reversed.
    """
    wanted = {text: _union(spans) for text, spans in gold.items()}
    size = sum(end - start for spans in wanted.values() for start, end in spans)
    if not size:
        raise ValueError("A query without a gold excerpt has no recall.")
    got = {text: list(spans) for text, spans in retrieved.items()}
    paid = sum(end - start for spans in got.values() for start, end in spans)
    hit = sum(
        max(0, min(end, stop) - max(start, begin))
        for text, spans in got.items()
        for begin, stop in _union(spans)
        for start, end in wanted.get(text, [])
    )
    return SpanScores(hit / size, hit / paid if paid else 0.0, hit / (paid + size - hit))


class Difference(NamedTuple):
    """Of two systems on the same queries: the second's mean minus the first's."""

    mean: float
    low: float  # bounds of the 95 % interval of the paired bootstrap
    high: float
    p: float  # two-sided, of the paired randomisation test
    better: int  # queries on which the second is better
    worse: int


def paired_difference(first: Sequence[float], second: Sequence[float], rounds: int = 10_000) -> Difference:
    """Compare the per-query scores of two systems.

    The p-value is that of Fisher's randomisation test with the mean as statistic, the interval that of the bootstrap
    over queries (Smucker, Allan and Carterette, "A comparison of statistical significance tests for information
    retrieval evaluation", CIKM 2007). Deterministic: the seed is fixed.

    Args:
        first: score of each query.
        second: of the same queries in the same order.
        rounds: random signs and samples drawn.

    Raises:
        ValueError: the two are not of equal, positive length.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"{len(first)} and {len(second)} scores cannot be paired.")
    gaps = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    generator = np.random.default_rng(0)
    means, extreme = np.empty(rounds), 0
    for start in range(0, rounds, 500):  # in parts: rounds * queries numbers at once could be much
        size = min(500, rounds - start)
        signs = generator.choice([-1.0, 1.0], size=(size, len(gaps)))
        extreme += int(np.sum(np.abs((signs * gaps).mean(axis=1)) >= abs(gaps.mean()) - 1e-12))
        means[start : start + size] = gaps[generator.integers(0, len(gaps), size=(size, len(gaps)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Difference(
        mean=float(gaps.mean()),
        low=float(low),
        high=float(high),
        p=(extreme + 1) / (rounds + 1),
        better=int(np.sum(gaps > 0)),
        worse=int(np.sum(gaps < 0)),
    )


def _check(ranking: Sequence[str], k: int) -> None:
    if k < 1:
        raise ValueError(f"A ranking is cut after 1 or more documents, not {k}.")
    if len(set(ranking)) != len(ranking):
        raise ValueError("The ranking holds a document twice: keep the first of each.")


def _relevant(grades: Grades) -> set[str]:
    return {document for document, grade in grades.items() if grade > 0}


def _discounted(gains: Iterable[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def _union(spans: Iterable[Span]) -> list[Span]:
    """The ranges in order, overlapping ones as one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if start > end:
            raise ValueError(f"A range cannot end ({end}) before it begins ({start}).")
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
