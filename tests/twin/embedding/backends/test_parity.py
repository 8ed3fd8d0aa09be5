"""The comparison that a backend must pass: what it lets through, and what it refuses."""

import numpy as np
import pytest

from twin.embedding.backends.parity import COSINE_MEAN, QUERIES, compare, distinct, known_items, ndcg
from twin.embedding.base import Vectors


def unit(rows: Vectors) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def vectors(count: int, seed: int = 0) -> Vectors:
    return unit(np.random.default_rng(seed).normal(size=(count, 64)).astype(np.float32))


TEXTS = vectors(200)
ANSWERS = list(range(200)) * 2
ASKED = unit(TEXTS[ANSWERS] + 0.2 * vectors(400, 1))
"""Queries near the text that each must find."""


class TestCompare:
    def test_the_same_vectors_pass(self) -> None:
        found = compare((TEXTS, ASKED), (TEXTS, ASKED), ANSWERS)
        assert found.refused is None
        assert (found.texts, found.queries, found.ndcg_reference) == (200, 400, found.ndcg_candidate)
        assert found.cosine_min == pytest.approx(1, abs=1e-5)

    def test_rounding_passes(self) -> None:
        noisy = unit(TEXTS + 0.01 * vectors(200, 2)), unit(ASKED + 0.01 * vectors(400, 3))
        found = compare((TEXTS, ASKED), noisy, ANSWERS)
        assert found.refused is None
        assert COSINE_MEAN < found.cosine_mean < 1

    @pytest.mark.parametrize(
        "broken",
        [
            unit(TEXTS[:, ::-1]),  # dimensions in another order
            unit(TEXTS + 0.3 * vectors(200, 4)),
            TEXTS[::-1],  # rows in another order
            np.full_like(TEXTS, np.nan),
        ],
    )
    def test_other_vectors_are_refused(self, broken: Vectors) -> None:
        refused = compare((TEXTS, ASKED), (broken, ASKED), ANSWERS).refused
        assert refused is not None
        assert "cosine" in refused

    def test_one_bad_text_among_many_is_refused(self) -> None:
        broken = TEXTS.copy()
        broken[17] = -broken[17]
        refused = compare((TEXTS, ASKED), (broken, ASKED), ANSWERS).refused
        assert refused is not None
        assert "-1.0000 at worst" in refused

    def test_another_dimension_is_refused(self) -> None:
        refused = compare((TEXTS, ASKED), (TEXTS[:, :32], ASKED[:, :32]), ANSWERS).refused
        assert refused == "its vectors have the shape (200, 32) instead of (200, 64)"

    def test_a_worse_search_is_refused_though_the_cosine_is_high(self) -> None:
        # Pairs of texts that differ in one thing alone; the candidate no longer sees it.
        base = vectors(100, 5)
        base[:, 0] = 0
        mark = np.zeros((1, 64), dtype=np.float32)
        mark[0, 0] = 0.1
        texts = unit(np.concatenate([unit(base) + mark, unit(base) - mark]))
        blind = texts.copy()
        blind[:, 0] *= 0.01
        blind = unit(blind)
        found = compare((texts, texts), (blind, texts), list(range(200)))
        assert found.cosine_mean > COSINE_MEAN
        assert found.refused is None, "order is what counts, and it is the same"
        swapped = unit(np.concatenate([blind[100:], blind[:100]]))
        refused = compare((texts, texts), (swapped, texts), list(range(200))).refused
        assert refused is not None
        assert "finds less: nDCG@10 0.6309 instead of 1.0000" in refused


class TestNdcg:
    def test_is_the_discount_of_the_rank(self) -> None:
        texts = np.eye(12, dtype=np.float32)
        query = np.arange(12, 0, -1, dtype=np.float32)[None]
        assert ndcg(texts, query, [0]) == 1
        assert ndcg(texts, query, [2]) == pytest.approx(1 / np.log2(4))
        assert ndcg(texts, query, [9]) == pytest.approx(1 / np.log2(11))
        assert ndcg(texts, query, [10]) == 0

    def test_vectors_that_are_all_alike_find_nothing(self) -> None:
        assert ndcg(np.ones((50, 4), dtype=np.float32), np.ones((3, 4), dtype=np.float32), [0, 1, 2]) == 0


class TestProbes:
    def test_queries_are_sentences_of_their_texts(self) -> None:
        first = "First things come first here, as they do everywhere."
        second = "Second things come second here, as they do nowhere."
        texts = [f"{first} {second}\n\nTitle", "def f():\n    return 1"]
        queries, answers = known_items(texts)
        assert queries == [first, second, "def f(): return 1"]
        assert answers == [0, 0, 1]

    def test_there_are_not_too_many(self) -> None:
        texts = [
            f"This is sentence {number} of a long text. And here is another one that is as long."
            for number in range(3000)
        ]
        queries, answers = known_items(texts)
        assert QUERIES / 2 < len(queries) == len(answers) <= QUERIES

    def test_a_sample_does_not_depend_on_the_order(self) -> None:
        texts = [f"text {number}" for number in range(50)]
        first = distinct(texts, 10)
        assert distinct(texts[::-1] * 2, 10) == first
        assert not set(distinct(texts, 10, skip=10)) & set(first)
