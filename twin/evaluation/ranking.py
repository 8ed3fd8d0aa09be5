"""How good a ranking is, and whether one is better than another by more than chance.

Document measures follow trec_eval: a document is relevant by its judged grade, and an unjudged document is not.
Passage measures count characters, so retrieved text has a cost whether it answers or not (Smith and Troynikov,
"Evaluating Chunking Strategies for Retrieval", Chroma technical report, 2024).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

Grades = Mapping[str, int]
"""Document id -> judged grade of one query; a grade of 0 or less means not relevant."""

Span = tuple[int, int]
"""A range of characters of one text, the end excluded."""


def ndcg(ranking: Sequence[str], grades: Grades, k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first `k`, in [0, 1]: trec_eval's `ndcg_cut`.

    The gain of a document is its grade and its discount is log2(rank + 1) (Järvelin and Kekäläinen, TOIS 2002). The
    ideal ranking consists of all judged documents. 0 if no document is relevant.

    Raises:
        ValueError: the ranking contains a document twice, which would count twice.
    """
    _check(ranking, k)
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
    gained = _discounted(max(grades.get(document, 0), 0) for document in ranking[:k])
    return gained / _discounted(ideal[:k]) if ideal else 0.0


def recall(ranking: Sequence[str], grades: Grades, k: int) -> float:
    """Share of the relevant documents among the first `k`; 0 if no document is relevant."""
    _check(ranking, k)
    relevant = _relevant(grades)
    return len(relevant.intersection(ranking[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranking: Sequence[str], grades: Grades, k: int = 10) -> float:
    """1 / rank of the first relevant document among the first `k`, else 0; its mean over queries is MRR@k."""
    _check(ranking, k)
    relevant = _relevant(grades)
    return next((1 / rank for rank, document in enumerate(ranking[:k], 1) if document in relevant), 0.0)


def average_precision(ranking: Sequence[str], grades: Grades) -> float:
    """Mean of the precisions at the ranks of all relevant documents, where a missing one counts 0. Its mean over
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

    recall: float  # retrieved gold characters / all gold characters
    precision: float  # retrieved gold characters / all retrieved characters
    iou: float  # retrieved gold characters / (retrieved or missed characters)


def span_scores(retrieved: Mapping[str, Iterable[Span]], gold: Mapping[str, Iterable[Span]]) -> SpanScores:
    """Score retrieved passages against the gold excerpts of one query.

    Text that was retrieved twice counts once in the retrieved gold characters and twice in the retrieved characters, as
    in the report's own program.

    Args:
        retrieved: text id -> ranges of its retrieved passages.
        gold: text id -> ranges of its excerpts.

    Raises:
        ValueError: there is no gold excerpt, or a range ends before it begins.
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
    """The difference of two systems on the same queries: the second one's mean minus the first one's."""

    mean: float
    low: float  # bounds of the 95 % confidence interval of the paired bootstrap
    high: float
    p: float  # two-sided, of the paired randomisation test
    better: int  # queries on which the second is better
    worse: int


def paired_difference(first: Sequence[float], second: Sequence[float], rounds: int = 10_000) -> Difference:
    """Compare the per-query scores of two systems.

    The p-value is from Fisher's randomisation test with the mean as statistic; the interval is from the bootstrap over
    queries (Smucker, Allan and Carterette, "A comparison of statistical significance tests for information retrieval
    evaluation", CIKM 2007). Deterministic: the seed is fixed.

    Args:
        first: score of each query.
        second: scores of the same queries in the same order.
        rounds: number of random signs and samples.

    Raises:
        ValueError: the two differ in length or are empty.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"{len(first)} and {len(second)} scores cannot be paired.")
    gaps = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    generator = np.random.default_rng(0)
    means, extreme = np.empty(rounds), 0
    for start in range(0, rounds, 500):  # in parts: all rounds * queries numbers at once could need much memory
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
        raise ValueError(f"A ranking must be cut after 1 or more documents, not after {k}.")
    if len(set(ranking)) != len(ranking):
        raise ValueError("The ranking contains a document twice: keep only the first one.")


def _relevant(grades: Grades) -> set[str]:
    return {document for document, grade in grades.items() if grade > 0}


def _discounted(gains: Iterable[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def _union(spans: Iterable[Span]) -> list[Span]:
    """The ranges in order, with overlapping ones merged."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if start > end:
            raise ValueError(f"A range cannot end ({end}) before it begins ({start}).")
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
