"""Drift: what differs from the version before by more than chance, and what only looks as if it did."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.inspected import ADA, ARTICLES, MODEL, Stores, around, essay
from twin.chunking.inspection import verify_lengths
from twin.embedding.inspection import inspect_embeddings, verify_vectors
from twin.inspection.drift import chance, distance
from twin.inspection.record import Spread


def test_lengths_that_drift_are_named_until_the_next_version_and_a_rebuild_says_the_same(stores: Stores) -> None:
    long = [essay(number) for number in range(30)]
    stores.chunk(long)
    first = verify_lengths(stores.artifacts, ADA, ARTICLES)
    assert first.facts == {"compared_with": "nothing: this is the first version"}
    stores.inspect()
    assert verify_lengths(stores.artifacts, ADA, ARTICLES) == first

    stores.chunk([*long, essay(99)])  # what is added is like what was there
    grown = verify_lengths(stores.artifacts, ADA, ARTICLES)
    assert grown.problems == []
    assert grown.facts["tokens_distance"] < 0.1
    stores.inspect()

    stores.chunk([essay(number, 1, 4) for number in range(200)])  # a crawler that finds nothing but teasers
    killed_before_it_was_inspected = verify_lengths(stores.artifacts, ADA, ARTICLES)
    stores.inspect()
    drifted = verify_lengths(stores.artifacts, ADA, ARTICLES)
    assert drifted == killed_before_it_was_inspected
    assert re.fullmatch(
        r"Tokens per chunk drifted from a median of \d+ to \d+: the distributions of \d+ and 200 are \d\.\d\d apart, "
        r"where \d\.\d\d is allowed",
        drifted.problems[0],
    )
    stores.inspect()
    assert verify_lengths(stores.artifacts, ADA, ARTICLES) == drifted

    stores.chunk([essay(number, 1, 4) for number in range(201)])
    stores.inspect()
    assert verify_lengths(stores.artifacts, ADA, ARTICLES).problems == []


def test_vectors_that_moved_or_lost_precision_are_named(stores: Stores) -> None:
    stores.chunk([essay(number, 1, 20) for number in range(200)])
    stores.embed(around(200))
    assert verify_vectors(stores.artifacts, ADA, ARTICLES).problems == []
    inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    stores.embed(around(200, seed=1))
    assert verify_vectors(stores.artifacts, ADA, ARTICLES).problems == []
    inspect_embeddings(stores.artifacts, ADA, ARTICLES)

    stores.embed(around(200, middle=5, seed=2))
    before = verify_vectors(stores.artifacts, ADA, ARTICLES)
    inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    assert verify_vectors(stores.artifacts, ADA, ARTICLES) == before
    assert len(before.problems) == 1
    assert before.problems[0].startswith("Cosines of vectors and their former mean drifted")

    stores.embed(around(200, middle=5, seed=2) * np.float32(1.0004))  # less than what blocks
    verdict = verify_vectors(stores.artifacts, ADA, ARTICLES)
    assert [problem.split(" drifted ")[0] for problem in verdict.problems] == ["Lengths of vectors"]


def test_directions_of_another_model_are_not_compared(stores: Stores) -> None:
    stores.chunk([essay(number, 1, 20) for number in range(100)])
    stores.embed(around(100))
    inspect_embeddings(stores.artifacts, ADA, ARTICLES)
    stores.embed(around(100, middle=3, dimension=32), model="other@2/32")
    verdict = verify_vectors(stores.artifacts, ADA, ARTICLES)
    assert verdict.problems == []
    assert (verdict.facts["made_with_before"], verdict.facts["made_with"]) == (MODEL, "other@2/32")
    assert not [name for name in verdict.facts if name.startswith("cosine")]

    stores.embed(around(100, middle=3, dimension=32) * np.float32(1.0004), model="other@2/32")
    (problem,) = verify_vectors(stores.artifacts, ADA, ARTICLES).problems
    assert problem.endswith("; the model has changed since, which may be why")


def test_a_drift_that_comes_with_another_way_of_cutting_says_so_in_words(stores: Stores) -> None:
    texts = [essay(number) for number in range(30)]
    stores.chunk(texts)
    stores.inspect()
    stores.chunk(texts, profile="articles=30/0")
    (problem,) = verify_lengths(stores.artifacts, ADA, ARTICLES).problems
    assert problem.endswith(" is allowed; the way in which texts are cut has changed since, which may be why")


samples = st.lists(st.integers(-5, 5), min_size=1, max_size=40)


@settings(deadline=None)
@given(samples, samples)
def test_the_distance_is_that_of_the_cumulative_shares(left: list[int], right: list[int]) -> None:
    expected = max(
        abs(sum(v <= x for v in left) / len(left) - sum(v <= x for v in right) / len(right)) for x in left + right
    )
    found = distance(Spread.of(Counter(left)), Spread.of(Counter(right)))
    assert found == pytest.approx(expected, abs=1e-12)


def test_chance_alone_is_rarely_taken_for_drift() -> None:
    random = np.random.default_rng(4)
    beyond = 0
    for _ in range(1000):
        left, right = (Spread.of(Counter(random.normal(size=size).round(3).tolist())) for size in (40, 90))
        beyond += distance(left, right) > chance(left, right)
    assert beyond <= 5
    assert chance(Spread(), Spread(counts={"1": 3})) == float("inf")
    assert distance(Spread(), Spread(counts={"1": 3})) == 0
