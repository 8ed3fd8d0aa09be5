"""One contract for every vector store."""

import uuid
from collections.abc import Iterator
from math import log
from pathlib import Path

import numpy as np
import pytest

from tests.kit.vectorstores import (
    ARTICLES,
    DIMENSION,
    MODEL,
    OTHER,
    POSTS,
    QUIET,
    both,
    expected,
    near,
    point,
    published,
    put,
    terms,
    texts,
    vector,
    with_terms,
)
from twin.errors import InputError, StoreError
from twin.settings import Settings
from twin.vectors import VectorStore, open_vector_store
from twin.vectors.base import Found, Point, Scored, Where
from twin.vectors.edge.store import EdgeVectorStore
from twin.vectors.qdrant.store import QdrantVectorStore

pytestmark = QUIET


def test_an_unknown_author_has_nothing(store: VectorStore) -> None:
    assert store.hashes(ARTICLES, "nobody", MODEL) == {}
    assert store.count(ARTICLES, "nobody") == 0
    assert store.authors(ARTICLES) == []
    assert both(store, Where()) == both(store, Where(author="nobody")) == Found([], [])
    assert store.chunks(ARTICLES, [Scored(str(uuid.uuid4()), 1, "nobody")]) == {}


def test_points_come_back_whole(store: VectorStore) -> None:
    points = [point(number) for number in range(600)]
    put(store, *points)
    assert store.count(ARTICLES, "ada") == 600
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(*points)
    (found,) = near(store, 417, limit=1)
    assert (found.id, found.author) == (points[417].chunk.id, "ada")
    assert found.score == pytest.approx(1, abs=1e-5)
    assert store.chunks(ARTICLES, [found]) == {found.id: points[417].chunk}
    (found,) = with_terms(store, 1417, limit=2)
    assert (found.id, found.author) == (points[417].chunk.id, "ada")


def test_the_search_is_exact_and_ordered(store: VectorStore) -> None:
    points = [point(number) for number in range(100)]
    put(store, *points)
    scores = sorted((float(item.vector @ vector(1000)) for item in points), reverse=True)
    assert [found.score for found in near(store, 1000, limit=10)] == pytest.approx(scores[:10], abs=1e-5)


def test_equal_scores_come_in_the_order_of_ids_also_at_the_limit(store: VectorStore) -> None:
    points = [point(number)._replace(vector=vector(1), sparse=terms(1)) for number in range(40)]
    put(store, *points)
    ids = sorted(item.chunk.id for item in points)
    for limit in (5, 39, 40, 41):
        assert [found.id for found in near(store, 1, limit=limit)] == ids[:limit]
        assert [found.id for found in with_terms(store, 1, limit=limit)] == ids[:limit]


def test_terms_are_weighed_by_how_rare_they_are_in_what_the_author_wrote(store: VectorStore) -> None:
    """BM25's inverse document frequency, ln(1 + (N - n + .5) / (n + .5)), over the author's points alone."""
    put(store, *(point(number)._replace(sparse=terms(1, 100 + number, weight=0.5)) for number in range(9)))
    put(store, *(point(number, "bob")._replace(sparse=terms(103)) for number in range(50)))
    rare, common = log(1 + 8.5 / 1.5), log(1 + 0.5 / 9.5)
    first, *others = with_terms(store, 1, 103)
    assert (first.id, first.author) == (point(3).chunk.id, "ada")
    assert first.score == pytest.approx(0.5 * (rare + common), rel=1e-4)
    assert [found.score for found in others] == pytest.approx([0.5 * common] * 8, rel=1e-4)
    put(store, deletes=tuple(point(number).chunk.id for number in range(4, 9)))
    assert with_terms(store, 103)[0].score == pytest.approx(0.5 * log(1 + 3.5 / 1.5), rel=1e-4)


def test_a_query_without_terms_finds_nothing_by_terms(store: VectorStore) -> None:
    put(store, point(1), point(2)._replace(sparse=terms()))
    assert with_terms(store) == with_terms(store, 1002) == []
    assert [found.id for found in near(store, 2, limit=1)] == [point(2).chunk.id]


def test_conditions(store: VectorStore) -> None:
    points = {
        2020: published(1, 2020, "medium"),
        2021: published(2, 2021, "medium", "de"),
        2022: published(3, 2022, "web", None),
        2023: published(4, 2023, "web"),
    }
    undated = point(5)
    put(store, *points.values(), undated)

    def found(**conditions: object) -> set[int | None]:
        dense, sparse = both(store, Where.model_validate({"author": "ada", **conditions}))
        assert {each.id for each in dense} == {each.id for each in sparse}
        years = {item.chunk.id: year for year, item in points.items()}
        return {years.get(each.id) for each in dense}

    def at(year: int) -> str:
        return f"{year}-01-01T00:00:00"

    assert found() == {2020, 2021, 2022, 2023, None}
    assert found(platforms=("medium",)) == {2020, 2021}
    assert found(platforms=("medium", "web")) == {2020, 2021, 2022, 2023, None}
    assert found(platforms=("elsewhere",)) == set()
    assert found(languages=("en",)) == {2020, 2023}
    assert found(languages=("en", "de"), platforms=("medium",)) == {2020, 2021}
    assert found(document_ids=(points[2021].chunk.document_id,)) == {2021}
    assert found(links=("https://example.org/2020", "https://example.org/2023")) == {2020, 2023}
    assert found(published_from=at(2021)) == {2021, 2022, 2023}
    assert found(published_until=at(2021)) == {2020}
    assert found(published_from=at(2021), published_until=at(2023)) == {2021, 2022}
    assert found(published_from="2022-01-01T01:00:00+02:00", published_until=at(2023)) == {2022}
    assert found(published_from=at(2021), languages=("en",)) == {2023}


def test_points_are_read_as_they_were_written(store: VectorStore) -> None:
    points = sorted((point(number) for number in range(300)), key=lambda item: item.chunk.id)
    put(store, *points)
    put(store, point(1, "bob"))
    assert store.model(ARTICLES, "ada") == MODEL
    assert store.model(POSTS, "ada") is store.model(ARTICLES, "nobody") is None
    assert list(store.points(ARTICLES, "ada", OTHER)) == list(store.points(ARTICLES, "nobody", MODEL)) == []
    few = (points[7].chunk.id, points[3].chunk.id, str(uuid.uuid4()))
    for read, wanted in (
        (store.points(ARTICLES, "ada", MODEL), points),
        (store.points(ARTICLES, "ada", MODEL, few), [points[3], points[7]]),
        (store.points(ARTICLES, "ada", MODEL, []), []),
    ):
        for found, was in zip(read, wanted, strict=True):
            assert found.chunk == was.chunk
            assert found.vector.dtype == np.float32
            assert found.sparse.indices.dtype == np.uint32
            assert found.vector == pytest.approx(was.vector, abs=1e-6)
            assert found.sparse.indices.tolist() == was.sparse.indices.tolist()
            assert found.sparse.values == pytest.approx(was.sparse.values)


def test_how_a_search_goes_is_told(store: VectorStore) -> None:
    assert store.index(ARTICLES, "ada") == {}
    put(store, point(1))
    assert store.index(ARTICLES, "ada")["quantized"] is False


def test_without_an_author_every_author_is_searched(store: VectorStore) -> None:
    put(store, *(point(number) for number in range(3)))
    put(store, *(point(number, "bob") for number in range(3)))
    put(store, point(1, "cy", POSTS))
    assert store.authors(ARTICLES) == ["ada", "bob"]
    assert store.authors(POSTS) == ["cy"]
    found = near(store, 2, author=None, limit=2)
    assert [(each.id, each.author) for each in found] == sorted(
        (point(2, author).chunk.id, author) for author in ("ada", "bob")
    )
    assert {each.author for each in both(store, Where()).sparse} == {"ada", "bob"}
    assert store.chunks(ARTICLES, found) == {each.id: point(2, each.author).chunk for each in found}
    store.remove_author("bob")
    assert store.authors(ARTICLES) == ["ada"]
    assert store.chunks(ARTICLES, found) == {point(2).chunk.id: point(2).chunk}


def test_authors_do_not_see_each_other(store: VectorStore) -> None:
    put(store, point(1), point(2))
    put(store, point(1, author="bob"))
    assert (store.count(ARTICLES, "ada"), store.count(ARTICLES, "bob")) == (2, 1)
    assert {found.author for found in near(store, 2, author="bob")} == {"bob"}
    assert {found.author for found in with_terms(store, 2, author="bob")} == {"bob"}
    put(store, deletes=tuple(store.hashes(ARTICLES, "ada", MODEL)))
    assert (store.count(ARTICLES, "ada"), store.count(ARTICLES, "bob")) == (0, 1)


def test_writing_twice_is_writing_once(store: VectorStore) -> None:
    put(store, point(1), point(2))
    put(store, point(1), point(2))
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(point(1), point(2))


def test_changes_and_deletions_in_one_call(store: VectorStore) -> None:
    put(store, point(1), point(2), point(3))
    changed = point(2, text="changed")
    put(store, changed, point(4), deletes=(point(1).chunk.id, str(uuid.uuid4())))
    assert store.hashes(ARTICLES, "ada", MODEL) == expected(changed, point(3), point(4))
    assert texts(store, near(store, 2, limit=1)) == texts(store, with_terms(store, 1002)) == ["changed"]
    assert with_terms(store, 1001) == []


def test_nothing_to_do_is_no_error(store: VectorStore) -> None:
    put(store)
    put(store, point(1))
    put(store)
    assert store.count(ARTICLES, "ada") == 1


def test_models_never_mix(store: VectorStore) -> None:
    assert store.serves(ARTICLES, "ada", MODEL)
    put(store, point(1), point(2))
    assert store.serves(ARTICLES, "ada", MODEL)
    assert not store.serves(ARTICLES, "ada", OTHER)
    assert store.hashes(ARTICLES, "ada", OTHER) == {}
    put(store, point(3), model=OTHER)
    assert store.hashes(ARTICLES, "ada", OTHER) == expected(point(3))
    assert store.hashes(ARTICLES, "ada", MODEL) == {}
    assert store.serves(ARTICLES, "ada", OTHER)
    assert [found.id for found in near(store, 1)] == [point(3).chunk.id]


def test_another_model_may_leave_nothing(store: VectorStore) -> None:
    put(store, point(1))
    put(store, model=OTHER)
    assert store.count(ARTICLES, "ada") == 0


def test_a_query_of_another_dimension_is_one_sentence(store: VectorStore) -> None:
    put(store, point(1))
    with pytest.raises(StoreError, match="TWIN_EMBEDDING_MODEL"):
        store.search(ARTICLES, Where(author="ada"), vector=np.ones(3, dtype=np.float32), sparse=None, limit=1)


def test_an_error_of_the_source_is_passed_on(store: VectorStore) -> None:
    put(store, point(1))

    def broken() -> Iterator[Point]:
        yield point(2)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.apply(ARTICLES, "ada", MODEL, dimension=DIMENSION, upserts=broken(), deletes=[])
    assert texts(store, near(store, 1, limit=1)) == ["text 1 🤖"]


def test_the_settings_choose_the_store(tmp_path: Path) -> None:
    assert isinstance(open_vector_store(Settings(store=str(tmp_path))), EdgeVectorStore)
    assert isinstance(open_vector_store(Settings(qdrant_url="http://localhost:6333")), QdrantVectorStore)
    with pytest.raises(InputError, match="QDRANT_URL"):
        open_vector_store(Settings(store="s3://bucket/twin"))
    assert list(tmp_path.iterdir()) == []
