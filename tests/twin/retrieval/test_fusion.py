"""Fusion of scores, neighbours, copies, passages and contexts: all are pure functions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.memory import MINILM, chunks_of
from twin.models import Category, Chunk
from twin.retrieval.fusion import (
    EVIDENCE,
    Fused,
    Weights,
    combine,
    merge_variants,
    weights,
    with_neighbours,
)
from twin.retrieval.passages import Folder, Ranked, fill, join
from twin.vectors.base import Found, Scored

ARTICLES, POSTS, REPOSITORIES = Category.ARTICLES, Category.POSTS, Category.REPOSITORIES
WEIGHTS = Weights(
    prefetch=3,
    looked_at=10,
    sparse={POSTS: 0.5, ARTICLES: 0.5, REPOSITORIES: 0.1},
    neighbour={POSTS: 0.2, ARTICLES: 0.2, REPOSITORIES: 0.0},
)
COUNTER = MINILM.sizer


def scored(**scores: float) -> list[Scored]:
    return [Scored(identifier, score, "ada") for identifier, score in scores.items()]


def fused(**scores: float) -> list[Fused]:
    return [Fused(Scored(name, 0, "ada"), ARTICLES, score, None, None) for name, score in scores.items()]


class TestCombination:
    def test_scores_are_scaled_and_weighed(self) -> None:
        found = {ARTICLES: Found(scored(a=0.6, b=0.2), scored(b=8.0, a=2.0))}
        made = {each.point.id: each.score for each in combine(found, WEIGHTS)}
        assert made == pytest.approx({"a": 0.5 * 1 + 0.5 * 0.25, "b": 0.5 * (1.2 / 1.6) + 0.5 * 1})

    def test_the_weight_is_the_categorys(self) -> None:
        lists = Found(scored(a=0.6, b=0.2), scored(b=8.0))
        assert combine({ARTICLES: lists}, WEIGHTS)[0].point.id == "b"
        assert combine({REPOSITORIES: lists}, WEIGHTS)[0].point.id == "a"

    def test_a_category_in_which_nothing_fits_wins_nothing(self) -> None:
        found = {
            ARTICLES: Found(scored(a=0.7, b=0.6), scored(a=9.0)),
            POSTS: Found(scored(x=0.1, y=0.05), scored(x=0.5)),
        }
        assert [each.point.id for each in combine(found, WEIGHTS)] == ["a", "b", "x", "y"]

    def test_what_a_full_list_lacks_may_score_as_much_as_its_last(self) -> None:
        full = {ARTICLES: Found(scored(a=0.9, b=0.8), scored(b=9.0, c=8.0, d=7.0))}
        short = {ARTICLES: Found(scored(a=0.9, b=0.8), scored(b=9.0, c=8.0))}
        parts = [{each.point.id: each for each in combine(found, WEIGHTS)} for found in (full, short)]
        assert parts[0]["a"].score == pytest.approx(0.5 + 0.5 * 7 / 9)
        assert parts[1]["a"].score == pytest.approx(0.5)
        assert parts[0]["a"].sparse is None
        assert parts[0]["c"].dense is None

    def test_no_lists_give_no_points(self) -> None:
        assert combine({}, WEIGHTS) == combine({ARTICLES: Found([], [])}, WEIGHTS) == []

    @given(
        st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-1, 1), max_size=6),
        st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 50), max_size=6),
    )
    def test_every_point_comes_once_with_a_score_from_0_to_1(
        self, dense: dict[str, float], sparse: dict[str, float]
    ) -> None:
        lists = [sorted(scored(**each), key=lambda point: (-point.score, point.id)) for each in (dense, sparse)]
        made = combine({ARTICLES: Found(*lists)}, WEIGHTS)
        assert sorted(each.point.id for each in made) == sorted({*dense, *sparse})
        assert all(0 <= each.score <= 1 + 1e-9 for each in made)
        assert made == sorted(made, key=lambda each: (-each.score, each.point.id))


def test_variants_are_merged_by_ranks() -> None:
    question, variant = fused(a=0.9, b=0.5), fused(b=0.9, c=0.1)
    assert merge_variants([question]) == question
    made = merge_variants([question, variant])
    assert [each.point.id for each in made] == ["b", "a", "c"]
    most = 1.5 / 61
    expected = [(1 / 62 + 0.5 / 61) / most, 1 / 61 / most, 0.5 / 62 / most]
    assert [each.score for each in made] == pytest.approx(expected)


def test_neighbours_that_match_lift_a_chunk() -> None:
    first, second, third = chunks_of(["one", "two", "three"])
    (other,) = chunks_of(["other"], name="b")
    chunks = {"1": first, "2": second, "3": third, "x": other}
    made = with_neighbours([*fused(x=0.6), *fused(**{"1": 0.9, "2": 0.55, "3": 0.5})], chunks, WEIGHTS.neighbour)
    scores = {each.point.id: each.score for each in made}
    assert [each.point.id for each in made] == ["1", "2", "x", "3"]
    assert scores["2"] == pytest.approx((0.55 + 0.2 * (0.4 + 0)) / 1.4)
    assert scores["x"] == pytest.approx(0.6 / 1.4)
    assert with_neighbours(fused(gone=1.0), chunks, WEIGHTS.neighbour) == []
    code = [each._replace(category=REPOSITORIES) for each in fused(**{"1": 0.9, "2": 0.55})]
    assert [each.score for each in with_neighbours(code, chunks, WEIGHTS.neighbour)] == pytest.approx(
        [0.9 / 1.4, 0.55 / 1.4]
    )


def test_the_stored_weights_have_evidence() -> None:
    stored = json.loads(EVIDENCE.read_text("utf-8"))
    assert weights().sparse.keys() == weights().neighbour.keys() == set(Category)
    for category in (ARTICLES, REPOSITORIES):
        evidence = stored["evidence"][category.value]
        table = {float(weight): each["chosen on"] for weight, each in evidence["ndcg10"].items()}
        assert weights().sparse[category] == evidence["sparse"]
        assert table[evidence["sparse"]] == max(table.values())
        assert evidence["held out against the cosine alone"]["high"] > 0
    assert weights().sparse[POSTS] == weights().sparse[ARTICLES]


class TestCopies:
    TEXT = " ".join(f"word{number}" for number in range(60))

    def folded(self, *texts: str) -> list[str]:
        folder = Folder()
        for number, text in enumerate(texts):
            (chunk,) = chunks_of([text], name=str(number))
            folder.add(Ranked(chunk, 1 - number / 10))
        return [each.chunk.text for each in folder.kept]

    def test_nearly_the_same_text_is_a_copy(self) -> None:
        assert self.folded(self.TEXT, self.TEXT.replace("word30", "changed").upper() + "!") == [self.TEXT]
        assert self.folded("Yes.", "yes") == ["Yes."]
        assert self.folded("同じ文章です。もう一度読みます。", "同じ文章です、もう一度読みます") == [
            "同じ文章です。もう一度読みます。"
        ]

    @pytest.mark.parametrize("other", ["", "Yes.", "word1 word2", "猫"])
    def test_other_text_is_not_a_copy(self, other: str) -> None:
        assert self.folded(self.TEXT, other) == [self.TEXT, other]
        half = " ".join(self.TEXT.split()[:30])
        assert self.folded(self.TEXT, half) == [self.TEXT, half]


class TestPassages:
    @staticmethod
    def hits(*ranked: tuple[Chunk, float]) -> list[tuple[str, int, int, float]]:
        made = join([Ranked(chunk, score) for chunk, score in ranked], {})
        return [(hit.text, hit.start, hit.end, hit.score) for hit in made]

    def test_neighbours_are_joined_in_the_order_of_the_text(self) -> None:
        one, two, three, four = chunks_of(["one", "two", "three", "four"], gap="\n\n")
        found = self.hits((two, 0.5), (one, 0.9), (four, 0.7))
        assert found == [("one\n\ntwo", 0, 8, 0.9), ("four", 17, 21, 0.7)]
        assert self.hits((three, 0.1), (two, 0.2)) == [("two\n\nthree", 5, 15, 0.2)]

    def test_overlaps_stand_once(self) -> None:
        text = "abcdefghij"
        pieces = [(0, 5), (3, 8), (6, 10), (4, 6)]
        (base,) = chunks_of([text])
        chunks = [
            base.model_copy(update={"id": str(n), "ordinal": 2 * n, "start": a, "end": b, "text": text[a:b]})
            for n, (a, b) in enumerate(pieces)
        ]
        assert self.hits(*((chunk, 1 - n / 10) for n, chunk in enumerate(chunks))) == [(text, 0, 10, 1.0)]

    def test_chunks_of_others_are_apart(self) -> None:
        (one,), (two,) = chunks_of(["one"], name="a"), chunks_of(["two"], name="b")
        assert len(self.hits((one, 0.5), (two, 0.5))) == 2
        assert self.hits() == []

    @given(st.text("ab \n", min_size=1, max_size=60), st.sets(st.integers(0, 12)), st.integers(0, 3))
    def test_a_passage_is_the_text_between_its_offsets_but_for_white_space(
        self, text: str, chosen: set[int], overlap: int
    ) -> None:
        (base,) = chunks_of([text])
        ranges = [(max(0, start - overlap), min(len(text), start + 5)) for start in range(0, len(text), 5)]
        chunks = [
            base.model_copy(update={"id": f"{n:02}", "ordinal": n, "start": a, "end": b, "text": text[a:b]})
            for n, (a, b) in enumerate(ranges)
            if n in chosen
        ]
        made = join([Ranked(chunk, 0.5) for chunk in chunks], {})
        covered = {place for hit in made for place in range(hit.start, hit.end)}
        assert covered == {place for chunk in chunks for place in range(chunk.start, chunk.end)}
        assert all(hit.text == text[hit.start : hit.end] for hit in made)
        assert sorted(identifier for hit in made for identifier in hit.chunk_ids) == sorted(each.id for each in chunks)


class TestContext:
    HITS = join(
        [
            Ranked(chunks_of([text], name=str(n))[0], 1 - n / 10)
            for n, text in enumerate(["one " * 30, "two " * 60, "three"])
        ],
        {},
    )

    @pytest.mark.parametrize("budget", [1, 10, 40, 60, 80, 150, 1000])
    def test_it_never_exceeds_its_budget(self, budget: int) -> None:
        context, left = fill(self.HITS, budget, COUNTER)
        assert context.tokens == COUNTER.count(context.text) if context.text else context.tokens == 0
        assert context.tokens <= budget
        whole = [hit for hit in context.hits if hit not in [other for other, _ in left]]
        assert len(whole) + len(left) == len(self.HITS)

    def test_a_passage_that_does_not_fit_gives_way_to_one_that_does(self) -> None:
        context, left = fill(self.HITS, 90, COUNTER)
        assert [hit.text.split()[0] for hit in context.hits] == ["one", "three"]
        assert [(hit.text.split()[0], why) for hit, why in left] == [("two", "over the budget")]
        assert context.text.startswith("[1] Title of 0 — https://ada.example/0 (0:120)\none one")
        assert "\n\n[2] Title of 2 — https://ada.example/2 (0:5)\nthree" in context.text

    def test_the_best_is_cut_rather_than_left_out(self) -> None:
        context, left = fill(self.HITS, 40, COUNTER)
        assert len(context.hits) == 1
        assert 0 < context.text.count("one") < 30
        assert left[0] == (self.HITS[0], "cut to the budget")

    def test_nothing_is_nothing(self) -> None:
        assert fill([], 10, COUNTER)[0].text == ""
