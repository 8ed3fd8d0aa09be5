"""The checks behind the graph's blocking checks: each passes on what the stages store, and fails on every damage that
it is there to find."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from twin.artifacts import ArtifactStore
from twin.chunking import chunk_documents, read_chunks
from twin.chunking.checks import verify_chunks
from twin.cleaning import clean_documents
from twin.cleaning.checks import verify_chrome, verify_cleaned, verify_private
from twin.crawling.checks import verify_crawl
from twin.dataset.checks import verify_dataset
from twin.dataset.stage import build_dataset
from twin.embedding import SentenceTransformerEmbedder, embed_chunks, read_embeddings
from twin.embedding.checks import verify_embeddings
from twin.models import Author, Category, CrawlRecord, Document, Link, State
from twin.terms.bm25 import encode_chunk
from twin.vectors import load_points
from twin.vectors.base import Point, points_model
from twin.vectors.checks import verify_collection
from twin.vectors.edge.store import EdgeVectorStore
from twin.verdict import Verdict
from twin.warehouse.checks import verify_documents
from twin.warehouse.sqlite import SqliteWarehouse

ADA, ARTICLES = "ada", Category.ARTICLES
EMBEDDER = SentenceTransformerEmbedder("all-MiniLM-L6-v2")
Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


class Stores:
    """The stores of an author with two articles."""

    def __init__(self, root: Path) -> None:
        self.warehouse = SqliteWarehouse(root / "warehouse.sqlite")
        self.artifacts = ArtifactStore(str(root))
        self.vectors = EdgeVectorStore(root / "vectors")

    def close(self) -> None:
        self.vectors.close()
        self.warehouse.close()

    def fill(self, texts: list[str]) -> None:
        """Bring the articles through every stage."""
        self.warehouse.upsert_authors([Author(slug=ADA, name="Ada")])
        documents = [
            Document(
                author=ADA,
                category=ARTICLES,
                link=f"https://example.org/{number}",
                source=f"https://example.org/{number}",
                platform="web",
                title=f"Essay {number}",
                text=text,
            )
            for number, text in enumerate(texts)
        ]
        self.warehouse.upsert_documents(State.RAW, documents)
        clean_documents(self.warehouse, ADA, ARTICLES)
        chunk_documents(self.warehouse, self.artifacts, EMBEDDER, ADA, ARTICLES)
        embed_chunks(self.artifacts, EMBEDDER, ADA, ARTICLES)
        load_points(self.artifacts, self.vectors, EMBEDDER, ADA, ARTICLES)
        build_dataset(self.warehouse, self.artifacts, ADA)

    def rewrite(self, *parts: str, change: Change) -> None:
        """Change the rows of a stored table behind its stage's back."""
        batches = list(self.artifacts.read_table(*parts))
        rows = change([row for batch in batches for row in batch.to_pylist()])
        schema = batches[0].schema
        metadata = self.artifacts.table_metadata(*parts) or {}
        self.artifacts.write_table(
            *parts, schema=schema, batches=[pa.RecordBatch.from_pylist(rows, schema=schema)], metadata=metadata
        )

    def documents(self, state: State) -> Verdict:
        return verify_documents(self.warehouse, state, ADA, ARTICLES)

    def chunks(self) -> Verdict:
        return verify_chunks(self.warehouse, self.artifacts, EMBEDDER, ADA, ARTICLES)

    def embeddings(self) -> Verdict:
        return verify_embeddings(self.artifacts, ADA, ARTICLES, EMBEDDER.dimension)

    def collection(self) -> Verdict:
        return verify_collection(self.artifacts, self.vectors, EMBEDDER, ADA, ARTICLES)

    def dataset(self) -> Verdict:
        return verify_dataset(self.warehouse, self.artifacts, ADA)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The folder of stores that every stage has run on, once."""
    root = tmp_path_factory.mktemp("filled")
    pages = sorted((repository / "examples" / "pages").glob("*.html"))[:2]
    made = Stores(root)
    made.fill([_words(page.read_text(encoding="utf-8")) for page in pages])
    made.close()
    return root


@pytest.fixture
def stores(tmp_path: Path, filled: Path) -> Iterator[Stores]:
    """A copy of them to damage."""
    shutil.copytree(filled, tmp_path / "stores")
    made = Stores(tmp_path / "stores")
    yield made
    made.close()


def _words(html: str) -> str:
    from bs4 import BeautifulSoup

    return "\n\n".join(part.get_text() for part in BeautifulSoup(html, "html.parser").find_all(["h2", "p"]))


def test_what_the_stages_store_is_sound(stores: Stores) -> None:
    for verdict in (
        stores.documents(State.RAW),
        stores.documents(State.CLEANED),
        verify_cleaned(stores.warehouse, ADA, ARTICLES),
        verify_private(stores.warehouse, ADA, ARTICLES),
        verify_chrome(stores.warehouse, ADA, ARTICLES),
        stores.chunks(),
        stores.embeddings(),
        stores.collection(),
        stores.dataset(),
    ):
        assert verdict.problems == []
    assert stores.documents(State.RAW).facts["documents"] == 2
    assert stores.chunks().facts["chunks"] == stores.collection().facts["points"] > 4
    assert stores.dataset().facts["samples"] > 4


def test_a_document_without_text(stores: Stores) -> None:
    identifier = next(iter(stores.warehouse.hashes(State.RAW, ADA, ARTICLES)))
    stores.warehouse.edit_document(State.RAW, identifier, " \n ")
    assert [problem.split()[-2:] for problem in stores.documents(State.RAW).problems] == [["no", "text"]]


def test_a_cleaned_document_whose_raw_one_is_gone(stores: Stores) -> None:
    identifier = next(iter(stores.warehouse.hashes(State.RAW, ADA, ARTICLES)))
    stores.warehouse.remove_documents(State.RAW, [identifier])
    assert len(stores.documents(State.CLEANED).problems) == 1
    assert "no raw document" in stores.documents(State.CLEANED).problems[0]


# -- cleaned documents -------------------------------------------------------------------------------------------------


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[SqliteWarehouse]:
    """One whose raw documents are of every fate, cleaned."""
    opened = SqliteWarehouse(tmp_path / "warehouse.sqlite")
    opened.upsert_authors([Author(slug=ADA, name="Ada", aliases=("ada@lovelace.org",))])
    words = " ".join(f"word{number}" for number in range(60))
    again = "This paragraph stands in every document of hers, and in some alone."
    texts = {
        "1": f"{words}\n\nada@lovelace.org\n\n{again}",
        "2": "Write to bob@company.co.uk about engines.",
        "copy": f"{words}\n\n{again}",
        "empty": " \n",
        "chrome": "Share this post",
        "frame": again,
        "other": f"Something of its own about looms.\n\n{again}",
    }
    opened.upsert_documents(State.RAW, (raw(name, text) for name, text in texts.items()))
    clean_documents(opened, ADA, ARTICLES)
    yield opened
    opened.close()


def raw(name: str, text: str, category: Category = ARTICLES, **fields: Any) -> Document:
    link = f"https://ada.example/{name}"
    return Document(
        author=ADA, category=category, link=link, source=link, text=text, **({"platform": "substack"} | fields)
    )


def test_every_raw_document_is_cleaned_or_dropped_for_a_reason(warehouse: SqliteWarehouse) -> None:
    verdict = verify_cleaned(warehouse, ADA, ARTICLES)
    dropped = {"duplicate": 1, "empty": 1, "only_page_chrome": 1, "only_repeated": 1}
    assert verdict == ({"raw": 7, "cleaned": 3, "dropped": dropped}, [])
    assert verify_cleaned(warehouse, "nobody", ARTICLES) == ({"raw": 0, "cleaned": 0, "dropped": {}}, [])


def test_a_cleaned_document_that_got_lost_is_named(warehouse: SqliteWarehouse) -> None:
    warehouse.remove_documents(State.CLEANED, [raw("2", "").id])
    assert verify_cleaned(warehouse, ADA, ARTICLES).problems == [
        "https://ada.example/2 has no cleaned document and no reason to have none"
    ]


def test_a_raw_document_that_changed_since_is_named(warehouse: SqliteWarehouse) -> None:
    warehouse.edit_document(State.RAW, raw("2", "").id, "Other words.")
    assert verify_cleaned(warehouse, ADA, ARTICLES).problems == ["https://ada.example/2 changed after it was cleaned"]
    clean_documents(warehouse, ADA, ARTICLES)
    assert verify_cleaned(warehouse, ADA, ARTICLES).problems == []


def test_what_must_not_be_passed_on_is_counted_and_never_said(warehouse: SqliteWarehouse) -> None:
    assert verify_private(warehouse, ADA, ARTICLES) == ({"documents": 3, "documents_private": 0}, [])
    key = "AKIA" + "Z7QW3RTY5PLM2KJH"
    warehouse.edit_document(State.CLEANED, raw("2", "").id, f"{key} of bob@company.co.uk and ada@lovelace.org")
    (problem,) = verify_private(warehouse, ADA, ARTICLES).problems
    assert problem.startswith("https://ada.example/2 holds what must not be passed on: 1 EMAIL, 1 SECRET:")
    assert key not in problem
    assert "bob" not in problem


@pytest.mark.parametrize(
    ("category", "fields"),
    [
        (ARTICLES, {"title": "Mail bob@company.co.uk"}),
        (Category.POSTS, {"metadata": {"summary": "Mail bob@company.co.uk"}}),
        (Category.REPOSITORIES, {"path": "a.py", "metadata": {"description": "Mail bob@company.co.uk"}}),
    ],
)
def test_titles_and_summaries_are_read_as_well(
    warehouse: SqliteWarehouse, category: Category, fields: dict[str, Any]
) -> None:
    document = raw("new", "x = 1", category, **fields)
    warehouse.upsert_documents(State.CLEANED, [document])
    name = "https://ada.example/new a.py" if "path" in fields else "https://ada.example/new"
    assert verify_private(warehouse, ADA, category).problems == [f"{name} holds what must not be passed on: 1 EMAIL"]
    warehouse.upsert_documents(State.RAW, [document])
    clean_documents(warehouse, ADA, category)
    assert verify_private(warehouse, ADA, category).problems == []


@pytest.mark.parametrize("chrome", ["Share this post", "#### Discussion about this post", "x\n\nSubscribe\n\ny"])
def test_page_chrome_that_is_left_is_named(warehouse: SqliteWarehouse, chrome: str) -> None:
    assert verify_chrome(warehouse, ADA, ARTICLES) == ({"documents": 3, "documents_with_chrome": 0}, [])
    warehouse.edit_document(State.CLEANED, raw("2", "").id, f"Words.\n\n{chrome}")
    (problem,) = verify_chrome(warehouse, ADA, ARTICLES).problems
    assert problem.startswith("https://ada.example/2 holds page chrome in 1 places: “")


@pytest.mark.parametrize(
    "text", ["```\nShare this post\n```", "    Share this post", "I share this post, and subscribe."]
)
def test_code_and_sentences_are_no_chrome(warehouse: SqliteWarehouse, text: str) -> None:
    warehouse.edit_document(State.CLEANED, raw("2", "").id, f"Words.\n\n{text}")
    assert verify_chrome(warehouse, ADA, ARTICLES).problems == []


# -- chunks, embeddings, points, samples -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: rows[:-1], "characters in no chunk"),
        (lambda rows: [*rows, rows[0]], "occurs 2 times"),
        (lambda rows: [rows[0] | {"start": rows[0]["start"] + 1}, *rows[1:]], "not the text at its offsets"),
        (lambda rows: [rows[0] | {"tokens": 7}, *rows[1:]], "says it has 7 tokens"),
        (lambda rows: [rows[0] | {"context": "word " * 300}, *rows[1:]], "tokens, and the embedder reads 254"),
        (lambda rows: [*rows, rows[0] | {"id": "again", "ordinal": 99}], "chunks that overlap"),
        (lambda rows: [*rows, rows[0] | {"id": "x", "document_id": "y"}], "is not a cleaned document"),
    ],
)
def test_damaged_chunks(stores: Stores, change: Change, problem: str) -> None:
    stores.rewrite("chunks", ADA, "articles.parquet", change=change)
    assert any(problem in found for found in stores.chunks().problems), stores.chunks().problems


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: rows[:-1], "1 chunks have no vector"),
        (lambda rows: [*rows, rows[0] | {"chunk_id": "stray"}], "1 vectors have no chunk"),
        (lambda rows: [*rows, rows[0]], "has 2 vectors"),
        (lambda rows: [rows[0] | {"text_hash": "0" * 64}, *rows[1:]], "is of another text"),
        (lambda rows: [rows[0] | {"vector": [2 * x for x in rows[0]["vector"]]}, *rows[1:]], "has length 2.0"),
        (lambda rows: [rows[0] | {"vector": [float("nan")] * 384}, *rows[1:]], "has length nan"),
    ],
)
def test_damaged_embeddings(stores: Stores, change: Change, problem: str) -> None:
    stores.rewrite("embeddings", ADA, "articles.parquet", change=change)
    assert any(problem in found for found in stores.embeddings().problems), stores.embeddings().problems


def test_vectors_of_another_dimension(stores: Stores) -> None:
    verdict = verify_embeddings(stores.artifacts, ADA, ARTICLES, 768)
    assert "has shape (384,), not (768,)" in verdict.problems[0]


def test_lost_stray_and_old_points(stores: Stores) -> None:
    first, second, third = list(read_chunks(stores.artifacts, ADA, ARTICLES))[:3]
    vector = next(iter(read_embeddings(stores.artifacts, ADA, ARTICLES))).vector
    stray = first.model_copy(update={"id": "00000000-0000-5000-8000-000000000000"})
    changed = second.model_copy(update={"text": "old"})
    stores.vectors.apply(
        ARTICLES,
        ADA,
        points_model(EMBEDDER),
        dimension=EMBEDDER.dimension,
        upserts=[Point(old, vector, encode_chunk(old)) for old in (stray, changed)],
        deletes=[third.id],
    )
    assert stores.collection().problems == [
        "1 chunks have no point",
        "1 points are stale",
        "1 points hold an older text",
    ]


def test_points_with_the_vectors_of_others(stores: Stores) -> None:
    first, second = list(read_chunks(stores.artifacts, ADA, ARTICLES))[:2]
    vectors = {row.chunk_id: row.vector for row in read_embeddings(stores.artifacts, ADA, ARTICLES)}
    stores.vectors.apply(
        ARTICLES,
        ADA,
        points_model(EMBEDDER),
        dimension=EMBEDDER.dimension,
        upserts=[
            Point(first, vectors[second.id], encode_chunk(first)),
            Point(second, vectors[second.id], encode_chunk(first)),
        ],
        deletes=[],
    )
    verdict = stores.collection()
    count = verdict.facts["vectors_compared"]
    assert count == verdict.facts["points"]
    assert verdict.problems == [
        f"1 of {count} points have a vector that is not their chunk's",
        f"1 of {count} points have terms that are not their chunk's",
    ]


def test_a_search_that_sees_another_model(stores: Stores) -> None:
    """Searches of an embedded store never wait for others: points of another model there are a mistake."""
    stores.vectors.apply(
        ARTICLES,
        ADA,
        "other",
        dimension=EMBEDDER.dimension,
        upserts=[
            Point(chunk, row.vector, encode_chunk(chunk))
            for chunk, row in zip(
                read_chunks(stores.artifacts, ADA, ARTICLES),
                read_embeddings(stores.artifacts, ADA, ARTICLES),
                strict=True,
            )
        ],
        deletes=[],
    )
    verdict = stores.collection()
    assert verdict.problems[-1] == "a search still sees points of other, though no other author is waited for"
    assert verdict.facts["points"] == 0


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: [rows[0] | {"output": "Words that nobody wrote."}, *rows[1:]], "not the text of"),
        (
            lambda rows: [rows[0], rows[1] | {"instruction": rows[0]["instruction"]}, *rows[2:]],
            "repeat the instruction",
        ),
        (lambda rows: [*rows, rows[0]], "repeat the id"),
        (lambda rows: [*rows, rows[0] | {"document_id": "elsewhere"}], "is not a cleaned document"),
    ],
)
def test_damaged_samples(stores: Stores, change: Change, problem: str) -> None:
    stores.rewrite("datasets", ADA, "instructions.parquet", change=change)
    assert any(problem in found for found in stores.dataset().problems), stores.dataset().problems


def test_a_document_in_two_splits(stores: Stores) -> None:
    def mix(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        same = [row for row in rows if row["document_id"] == rows[0]["document_id"]]
        other = {"train": "test"}.get(same[0]["split"], "train")
        return [row | {"split": other} if row["id"] == same[-1]["id"] else row for row in rows]

    stores.rewrite("datasets", ADA, "instructions.parquet", change=mix)
    assert stores.dataset().problems


def test_failed_and_skipped_links_are_named(stores: Stores) -> None:
    for url, status in (("https://example.org/a", "failed"), ("https://example.org/b", "ok")):
        stores.warehouse.upsert_links([Link(author=ADA, url=url, kind="article", categories=(ARTICLES,))])
        stores.warehouse.log_crawl(
            [
                CrawlRecord.model_validate(
                    {
                        "author": ADA,
                        "url": url,
                        "category": ARTICLES,
                        "status": status,
                        "message": f"{url} answered 404 Not Found",
                        "checked_at": datetime.now(UTC),
                    }
                )
            ]
        )
    verdict = verify_crawl(stores.warehouse, ADA, ARTICLES)
    assert verdict.problems == ["https://example.org/a answered 404 Not Found"]
    assert verdict.facts == {"links": 2, "links_failed": 1, "links_skipped": 0}
    stores.warehouse.remove_links(ADA, ["https://example.org/a"])
    assert verify_crawl(stores.warehouse, ADA, ARTICLES).problems == []
