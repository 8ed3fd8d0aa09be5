"""Search: what is asked for, and what cannot be."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.twin.test_embedding import HashEmbedder, store_chunks
from twin.artifacts import ArtifactStore
from twin.embedding import embed_chunks
from twin.errors import InputError, StoreError
from twin.models import Category
from twin.retrieval import search
from twin.vectors import load_points
from twin.vectors.edge import EdgeVectorStore

EMBEDDER = HashEmbedder()


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeVectorStore]:
    folder = tmp_path_factory.mktemp("retrieval")
    artifacts = ArtifactStore(str(folder))
    store = EdgeVectorStore(folder / "vectors")
    for category in (Category.ARTICLES, Category.POSTS):
        store_chunks(artifacts, [f"{category} {number}" for number in range(20)], category)
        embed_chunks(artifacts, EMBEDDER, "ada", category)
        load_points(artifacts, store, EMBEDDER, "ada", category)
    yield store
    store.close()


def test_the_nearest_comes_first_from_all_categories(vectors: EdgeVectorStore) -> None:
    for category in (Category.ARTICLES, Category.POSTS):
        hits = search(vectors, EMBEDDER, "ada", f"  Title\n\n{category} 7\n", limit=30)
        assert hits[0].chunk.text == f"{category} 7"
        assert hits[0].score == pytest.approx(1, abs=1e-5)
        assert {hit.chunk.category for hit in hits} == {Category.ARTICLES, Category.POSTS}
        assert len(hits) == 30


def test_a_category_can_be_chosen(vectors: EdgeVectorStore) -> None:
    hits = search(vectors, EMBEDDER, "ada", "anything", limit=40, categories=[Category.POSTS])
    assert {hit.chunk.category for hit in hits} == {Category.POSTS}
    assert len(hits) == 20


def test_the_result_is_always_the_same(vectors: EdgeVectorStore) -> None:
    assert search(vectors, EMBEDDER, "ada", "anything") == search(vectors, EMBEDDER, "ada", "anything")


def test_a_hit_is_json(vectors: EdgeVectorStore) -> None:
    hit = search(vectors, EMBEDDER, "ada", "anything", limit=1)[0]
    fields = json.loads(json.dumps(hit.as_dict()))
    assert fields["text"] == hit.chunk.text
    assert (fields["start"], fields["end"], fields["link"]) == (hit.chunk.start, hit.chunk.end, hit.chunk.link)
    assert fields["score"] == pytest.approx(hit.score, abs=1e-6)
    assert {"path", "title", "document_id", "chunk_id", "category"} <= fields.keys()


@pytest.mark.parametrize("query", ["", " \n"])
def test_an_empty_query_is_refused(vectors: EdgeVectorStore, query: str) -> None:
    with pytest.raises(InputError, match="query is empty"):
        search(vectors, EMBEDDER, "ada", query)


def test_an_author_without_points_is_told_what_to_run(vectors: EdgeVectorStore) -> None:
    with pytest.raises(InputError, match=r'build_twin --tags .*"dagster/partition": "bob"'):
        search(vectors, EMBEDDER, "bob", "anything")
    with pytest.raises(InputError, match="no points in repositories"):
        search(vectors, EMBEDDER, "ada", "anything", categories=[Category.REPOSITORIES])


def test_bad_arguments_are_one_sentence(vectors: EdgeVectorStore) -> None:
    with pytest.raises(InputError, match="not an author slug"):
        search(vectors, EMBEDDER, "../ada", "anything")
    with pytest.raises(InputError, match="1 or more"):
        search(vectors, EMBEDDER, "ada", "anything", limit=0)
    with pytest.raises(InputError, match="No category"):
        search(vectors, EMBEDDER, "ada", "anything", categories=[])


@pytest.mark.parametrize("dimension", [8, 16])
def test_another_model_is_one_sentence_whatever_its_dimension(vectors: EdgeVectorStore, dimension: int) -> None:
    with pytest.raises(InputError, match=f"another embedding model than other@1/{dimension}"):
        search(vectors, HashEmbedder("other", dimension), "ada", "anything")


def test_a_store_that_is_no_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="TWIN_STORE"):
        search(EdgeVectorStore(tmp_path / "file"), EMBEDDER, "ada", "anything")
