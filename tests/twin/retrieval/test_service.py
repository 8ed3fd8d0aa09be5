"""Search: correct and incorrect requests, and a trace of every step."""

import json
from datetime import date
from pathlib import Path

import pytest

from tests.kit.memory import ADA, BOB, WordEmbedder, chunks_of, fill_store
from twin.errors import InputError, StoreError
from twin.models import Category
from twin.retrieval import Result, Retriever
from twin.terms.bm25 import BM25_VERSION
from twin.vectors.base import Where
from twin.vectors.edge.store import EdgeVectorStore

ARTICLES, POSTS, REPOSITORIES = Category.ARTICLES, Category.POSTS, Category.REPOSITORIES
EMBEDDER = WordEmbedder()
TODAY = date(2026, 11, 28)

ENGINE = [
    "The engine weaves algebraic patterns.",
    "It has a store and a mill of many wheels.",
    "Cards carry operations.",
]
MEMORY = [
    *chunks_of(ENGINE, name="engine", year=2021, platform="medium"),
    *chunks_of(["Bernoulli numbers were the first program.", "Loops repeat it."], name="notes", year=2024),
    *chunks_of(["A post about poetry and science."], name="post", category=POSTS, platform="linkedin", year=2024),
    *chunks_of(["Vögel fliegen ohne Maschinen."], name="flug", language="de", year=2023),
    *chunks_of(["def retry(max_retries):\n    pass"], name="r", category=REPOSITORIES, path="a.py", platform="github"),
    *chunks_of(["The integrated circuit was planar."], name="chip", author="bob-noyce", year=2022, platform="medium"),
]


@pytest.fixture
def retriever(store: EdgeVectorStore) -> Retriever:
    return Retriever(store, EMBEDDER, authors=[BOB, ADA])


def texts(result: Result) -> list[str]:
    return [hit.text for hit in result.hits]


def test_what_fits_best_comes_first_from_all_categories(retriever: Retriever) -> None:
    for chunk in MEMORY:
        result = retriever.search(chunk.text, author=chunk.author, limit=10, self_query=False)
        assert result.hits[0].chunk.id == chunk.id
        assert [hit.score for hit in result.hits] == sorted((hit.score for hit in result.hits), reverse=True)
        assert all(0 <= hit.score <= 1 for hit in result.hits)
    everything = retriever.search("poetry of the engine", author="ada", limit=20)
    assert {hit.chunk.category for hit in everything.hits} == {ARTICLES, POSTS, REPOSITORIES}
    assert sum(len(hit.chunk_ids) for hit in everything.hits) == 8


def test_a_word_finds_what_its_meaning_does_not(store: EdgeVectorStore) -> None:
    class Blind(WordEmbedder):
        def embed_queries(self, texts):  # type: ignore[no-untyped-def]
            return self.embed(["nothing that is written here"] * len(texts))

    hits = Retriever(store, Blind()).search("maxRetries", author="ada", limit=1, categories=[REPOSITORIES]).hits
    assert hits[0].chunk.path == "a.py"


def test_a_search_is_always_the_same_whatever_the_order_of_what_is_given(retriever: Retriever) -> None:
    first = retriever.search("engine wheels", categories=[POSTS, ARTICLES], budget_tokens=100)
    again = retriever.search("engine wheels", categories=[ARTICLES, POSTS, ARTICLES], budget_tokens=100)
    assert first.hits == again.hits
    assert first.context == again.context
    assert first.trace.as_dict(timings=False) == again.trace.as_dict(timings=False)


def test_a_category_can_be_chosen(retriever: Retriever) -> None:
    result = retriever.search("posts about anything", author="ada", limit=40, categories=[ARTICLES])
    assert {hit.chunk.category for hit in result.hits} == {ARTICLES}
    assert result.trace.categories == ["articles"]


class TestAuthors:
    def test_one_that_is_given_is_the_only_one(self, retriever: Retriever) -> None:
        result = retriever.search("what did Robert Noyce write about the circuit?", author="ada", limit=20)
        assert {hit.chunk.author for hit in result.hits} == {"ada"}
        assert result.trace.where["author"] == "ada"

    def test_nobody_given_is_everybody(self, retriever: Retriever) -> None:
        result = retriever.search("engine circuit", limit=20)
        assert {hit.chunk.author for hit in result.hits} == {"ada", "bob-noyce"}

    def test_one_that_is_named_is_meant(self, retriever: Retriever) -> None:
        result = retriever.search("What did Robert Noyce write about the engine?", limit=20)
        assert {hit.chunk.author for hit in result.hits} == {"bob-noyce"}
        assert result.trace.rules == ["author (name): Robert Noyce"]
        assert result.trace.queries[0]["text"] == "What did write about the engine?"

    def test_an_unknown_one_is_not_a_condition_but_a_note(self, retriever: Retriever) -> None:
        result = retriever.search("What did Alan Turing write about the engine?", limit=20)
        assert {hit.chunk.author for hit in result.hits} == {"ada", "bob-noyce"}
        assert result.notes == [
            "Alan Turing is not an author in this memory, so the texts of all authors were searched."
        ]


class TestConditions:
    @pytest.mark.parametrize(
        ("where", "names"),
        [
            (Where(platforms=("medium",)), {"engine", "chip"}),
            (Where(platforms=("medium", "linkedin")), {"engine", "chip", "post"}),
            (Where(languages=("de",)), {"flug"}),
            (Where(published_from=date(2024, 1, 1)), {"notes", "post"}),  # type: ignore[arg-type]
            (Where(published_until=date(2022, 1, 1)), {"engine"}),  # type: ignore[arg-type]
            (Where(links=("https://ada.example/notes",)), {"notes"}),
            (Where(document_ids=(MEMORY[0].document_id,)), {"engine"}),
        ],
    )
    def test_they_hold(self, retriever: Retriever, where: Where, names: set[str]) -> None:
        result = retriever.search("engine", limit=50, where=where)
        assert {hit.chunk.link.rsplit("/", 1)[1] for hit in result.hits} == names

    def test_they_are_taken_from_the_question(self, retriever: Retriever) -> None:
        result = retriever.search("Ada Lovelace's posts about science on LinkedIn since 2024", limit=20, today=TODAY)
        assert texts(result) == ["A post about poetry and science."]
        assert result.trace.categories == ["posts"]
        assert result.trace.where["platforms"] == ["linkedin"]

    def test_what_is_given_counts_more(self, retriever: Retriever) -> None:
        where = Where(platforms=("medium",))
        result = retriever.search("articles about the engine on LinkedIn", where=where, limit=20)
        assert {hit.chunk.platform for hit in result.hits} == {"medium"}

    def test_they_are_dropped_if_nothing_is_left(self, retriever: Retriever) -> None:
        result = retriever.search("What did Ada Lovelace write about the engine in 1843?", limit=1)
        assert result.hits[0].chunk.link.endswith("/engine")
        assert "conditions, so they were ignored" in result.notes[0]
        assert retriever.search("engine", where=Where(platforms=("fax",))).hits == ()

    def test_they_are_not_taken_if_that_is_switched_off(self, retriever: Retriever) -> None:
        result = retriever.search("posts about Robert Noyce on LinkedIn", self_query=False, expand=False)
        assert (result.trace.rules, result.trace.where, len(result.trace.queries)) == ([], {}, 1)


def test_neighbours_are_one_passage_with_its_offsets(retriever: Retriever) -> None:
    result = retriever.search("engine store mill wheels cards operations", author="ada", limit=3, categories=[ARTICLES])
    (hit,) = result.hits
    assert hit.text == "\n\n".join(ENGINE)
    assert (hit.start, hit.end) == (0, len(hit.text))
    assert list(hit.chunk_ids) == [chunk.id for chunk in MEMORY[:3]]
    assert result.trace.joined == [list(hit.chunk_ids)]


def test_copies_are_folded_and_others_take_their_place(tmp_path: Path) -> None:
    said = (
        "The same announcement of the analytical engine, word for word and thought for thought, so that whoever reads "
        "it once need not read it again, stands in two places."
    )
    memory = [
        *chunks_of([said], name="blog"),
        *chunks_of([said.replace("two", "several")], name="post", category=POSTS, platform="linkedin"),
        *chunks_of(["Another text about the analytical engine."], name="other"),
    ]
    store = fill_store(tmp_path, EMBEDDER, memory)
    result = Retriever(store, EMBEDDER).search(said, author="ada", limit=2)
    assert [hit.chunk.link[-5:] for hit in result.hits] == ["/blog", "other"]
    assert [copy.link for copy in result.hits[0].copies] == ["https://ada.example/post"]
    assert result.trace.folded == [{"id": memory[1].id, "into": memory[0].id}]
    store.close()


def test_variants_of_a_question_are_searched_too(retriever: Retriever) -> None:
    result = retriever.search("LLM engines", author="ada")
    assert [query["text"] for query in result.trace.queries] == ["LLM engines", "large language model engines"]
    assert all(0 <= hit.score <= 1 for hit in result.hits)
    assert len(retriever.search("LLM engines", author="ada", expand=False).trace.queries) == 1


def test_a_context_is_numbered_and_within_its_budget(retriever: Retriever) -> None:
    result = retriever.search("engine circuit poetry", limit=20, budget_tokens=60)
    assert result.context is not None
    assert 0 < result.context.tokens <= 60
    assert EMBEDDER.sizer.count(result.context.text) == result.context.tokens
    for number, hit in enumerate(result.context.hits, 1):
        heading = f"[{number}] {hit.chunk.path or hit.chunk.title} — {hit.chunk.link} ({hit.start}:{hit.end})"
        assert f"{heading}\n{hit.text}" in result.context.text
    assert len(result.trace.dropped) == len(result.hits) - len(result.context.hits)


def test_a_result_is_json(retriever: Retriever) -> None:
    result = retriever.search("engine", author="ada", budget_tokens=50)
    fields = json.loads(json.dumps(result.as_dict()))
    hit = fields["hits"][0]
    assert (hit["text"], hit["start"], hit["link"]) == (
        result.hits[0].text,
        result.hits[0].start,
        result.hits[0].chunk.link,
    )
    assert {"path", "title", "document_id", "chunk_id", "category", "score", "copies"} <= hit.keys()
    assert fields["trace"]["model"] == f"words@1/64+bm25-{BM25_VERSION}"
    assert {"understand", "embed", "search", "fuse", "read", "passages", "total"} == fields["trace"][
        "timings_ms"
    ].keys()


@pytest.mark.parametrize("query", ["", " \n"])
def test_an_empty_query_is_refused(retriever: Retriever, query: str) -> None:
    with pytest.raises(InputError, match="query is empty"):
        retriever.search(query)


def test_an_author_without_points_is_told_what_to_run(retriever: Retriever, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"build the twin first \(`make demo AUTHOR=eve`\)"):
        retriever.search("anything", author="eve")
    with pytest.raises(InputError, match="bob-noyce has nothing to search in repositories: search in"):
        retriever.search("anything", author="bob-noyce", categories=[REPOSITORIES])
    with pytest.raises(InputError, match="Nobody has anything to search in posts, articles or repositories yet"):
        Retriever(EdgeVectorStore(tmp_path), EMBEDDER).search("anything")


@pytest.mark.parametrize("question", ["my repositories about engines", "the repositories about engines from 2019"])
def test_a_category_that_only_the_question_names_may_be_empty(retriever: Retriever, question: str) -> None:
    """The author is built and has articles, so the search goes on without the condition, and says so."""
    result = retriever.search(question, author="bob-noyce")
    assert result.hits
    assert result.notes == ["Nothing matches the question's conditions, so they were ignored."]


def test_bad_arguments_are_one_sentence(retriever: Retriever) -> None:
    with pytest.raises(InputError, match="not an author slug"):
        retriever.search("anything", author="../ada")
    with pytest.raises(InputError, match="1 or more"):
        retriever.search("anything", limit=0)
    with pytest.raises(InputError, match="1 token or more"):
        retriever.search("anything", budget_tokens=0)
    with pytest.raises(InputError, match="No category"):
        retriever.search("anything", categories=[])
    with pytest.raises(InputError, match="Two authors"):
        retriever.search("anything", author="ada", where=Where(author="bob-noyce"))


@pytest.mark.parametrize("dimension", [8, 64])
def test_another_model_is_one_sentence_whatever_its_dimension(store: EdgeVectorStore, dimension: int) -> None:
    for author in ("ada", None):
        with pytest.raises(InputError, match=f"a different model than other@1/{dimension}"):
            Retriever(store, WordEmbedder("other", dimension)).search("anything", author=author)


def test_a_store_that_is_not_a_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="TWIN_STORE"):
        Retriever(EdgeVectorStore(tmp_path / "file"), EMBEDDER).search("anything", author="ada")
