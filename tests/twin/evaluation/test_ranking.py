"""Measures of rankings: values worked out by hand, and the properties that hold for all."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.evaluation.ranking import (
    SpanScores,
    average_precision,
    ndcg,
    paired_difference,
    recall,
    reciprocal_rank,
    span_scores,
)

GRADES = {"a": 3, "b": 1, "c": 0, "d": -1, "e": 2}


def test_ndcg_is_that_of_trec_eval() -> None:
    gained = 1 / math.log2(2) + 3 / math.log2(4)
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(["b", "c", "a", "x"], GRADES) == pytest.approx(gained / ideal)
    assert ndcg(["b", "c", "a", "x"], GRADES, k=2) == pytest.approx(1 / (3 + 2 / math.log2(3)))
    assert ndcg(["a", "e", "b"], GRADES) == 1
    assert ndcg(["d", "c"], GRADES) == 0
    assert ndcg(["a"], {"a": 0}) == 0
    assert ndcg([], GRADES) == 0


def test_recall_reciprocal_rank_and_average_precision() -> None:
    ranking = ["c", "a", "x", "b"]
    assert recall(ranking, GRADES, 2) == pytest.approx(1 / 3)
    assert recall(ranking, GRADES, 10) == pytest.approx(2 / 3)
    assert reciprocal_rank(ranking, GRADES) == 1 / 2
    assert reciprocal_rank(ranking, GRADES, k=1) == 0
    assert average_precision(ranking, GRADES) == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert recall(ranking, {}, 3) == reciprocal_rank(ranking, {}) == average_precision(ranking, {}) == 0


def test_a_ranking_that_counts_twice_is_refused() -> None:
    for measure in (ndcg, reciprocal_rank, average_precision):
        with pytest.raises(ValueError, match="twice"):
            measure(["a", "b", "a"], GRADES)
    with pytest.raises(ValueError, match="1 or more"):
        recall(["a"], GRADES, 0)


@given(st.permutations(sorted(GRADES)), st.integers(1, 6))
def test_no_order_beats_that_of_the_grades(ranking: list[str], k: int) -> None:
    best = sorted(GRADES, key=lambda document: -GRADES[document])
    assert 0 <= ndcg(ranking, GRADES, k) <= ndcg(best, GRADES, k) == 1


def test_characters_are_counted() -> None:
    gold = {"one": [(10, 20), (30, 40)]}
    assert span_scores({"one": [(15, 35)]}, gold) == SpanScores(10 / 20, 10 / 20, 10 / 30)
    assert span_scores({"one": [(0, 50)]}, gold) == SpanScores(1, 20 / 50, 20 / 50)
    assert span_scores({"two": [(10, 20)]}, gold) == SpanScores(0, 0, 0)
    assert span_scores({}, gold) == SpanScores(0, 0, 0)
    assert span_scores({"one": [(10, 20), (30, 40)]}, gold) == SpanScores(1, 1, 1)


def test_what_is_retrieved_twice_is_paid_for_twice() -> None:
    scores = span_scores({"one": [(0, 20), (10, 30)]}, {"one": [(10, 20), (12, 18)]})
    assert scores == SpanScores(1, 10 / 40, 10 / 40)


def test_spans_that_say_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="gold excerpt"):
        span_scores({"one": [(0, 1)]}, {"one": [(3, 3)]})
    with pytest.raises(ValueError, match="before it begins"):
        span_scores({"one": [(5, 1)]}, {"one": [(0, 3)]})


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: (min(pair), max(pair))), max_size=5)


@given(SPANS, SPANS)
def test_character_scores_equal_those_of_sets(retrieved: list[tuple[int, int]], gold: list[tuple[int, int]]) -> None:
    wanted = {place for start, end in gold for place in range(start, end)}
    if wanted:
        got = {place for start, end in retrieved for place in range(start, end)}
        paid = sum(end - start for start, end in retrieved)
        hit = len(wanted & got)
        expected = (hit / len(wanted), hit / paid if paid else 0, hit / (paid + len(wanted) - hit))
        assert span_scores({"one": retrieved}, {"one": gold}) == pytest.approx(expected)


def test_a_difference_is_told_from_chance() -> None:
    generator = np.random.default_rng(1)
    first = generator.random(200)
    better = paired_difference(first.tolist(), (first + generator.normal(0.03, 0.1, 200)).tolist())
    assert 0 < better.low < better.mean < better.high
    assert better.p < 0.01
    assert better.better > better.worse
    same = paired_difference(first.tolist(), (first + generator.permutation(np.tile([0.1, -0.1], 100))).tolist())
    assert same.low < 0 < same.high
    assert same.p > 0.5
    assert paired_difference([0.5], [0.5])[:4] == (0, 0, 0, 1)
    assert paired_difference([1, 2], [2, 1]) == paired_difference([1, 2], [2, 1])


def test_scores_that_are_not_pairs_are_refused() -> None:
    for second in ([], [1.0, 2.0]):
        with pytest.raises(ValueError, match="cannot be paired"):
            paired_difference([1.0] if second else [], second)
