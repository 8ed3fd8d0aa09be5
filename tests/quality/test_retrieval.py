"""Retrieval keeps its quality: texts are chunked, embedded and searched by the product, on small samples."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks.extraction import ours as extracted
from benchmarks.handbook_line import Store, opened
from benchmarks.retrieval_collections import Collection, cosqa, cranfield, load, passages, sampled
from benchmarks.retrieval_systems import PASSAGES, Ranking, document_scores, ours, passage_scores
from tests.kit.pins import lost, worse
from twin.embedding import SentenceTransformerEmbedder
from twin.models import Category, Document
from twin.retrieval.fusion import Weights, weights

pytestmark = pytest.mark.slow

EMBEDDER = SentenceTransformerEmbedder("all-MiniLM-L6-v2")
DOCUMENTS_FROM = 50  # chunks asked for where documents are ranked, as in the benchmark
FEW = 3  # passages read where the texts are few

QUESTIONS = {
    "How do I keep git from running hooks when I read a repository?": "no hooks to run, no filters, no submodules",
    "Which address gives away the credentials of a cloud machine?": "the machine's own credentials can be read",
    "What happens to my documents when a server fails?": "The documents that we already had from this link stay",
    "Why is LinkedIn not scraped?": "The terms forbid it, the pages are built to make it hard",
    "How many chunks were longer than the embedding model reads?": "484 of 500 exceeded what the model can use",
    "At which places is a text cut into pieces?": "A heading begins a new piece.",
    "What is the id of a chunk made of?": "the id of a chunk is made of four things",
    "Is an edit by hand in the database noticed?": "An edit that was made by hand flows through the graph",
    "What stays of a page that was deleted?": "When a page disappears, we keep a tombstone.",
    "Why is a URL a bad partition key?": "A URL is long, it has characters that no folder name can hold",
    "Why make a column without documents?": "We materialise them anyway, with zero documents.",
    "How are samples divided into training and test?": "All samples of an article go to the same side.",
    "What may be invented in an instruction sample?": "the instruction is the half that may be invented",
    "How large is the model that the demo trains?": "The base model that our demo trains is tiny.",
}
"""Questions about the bundled author's essays, and the words that answer them."""


@dataclass
class Memory:
    """Collections, and the store with their chunks."""

    store: Store
    collections: dict[str, Collection]
    known: dict[str, dict[str, Ranking]] = field(default_factory=dict)

    def found(self, name: str, fusion: Weights | None = None) -> dict[str, Ranking]:
        """The results of each query of a collection; with the product's own weights, they are cached."""
        if fusion is None and name in self.known:
            return self.known[name]
        limit = PASSAGES if self.collections[name].spans else DOCUMENTS_FROM
        found = ours(self.collections[name], self.store.vectors, EMBEDDER, limit=limit, fusion=fusion)
        if fusion is None:
            self.known[name] = found
        return found

    def ndcg(self, name: str, fusion: Weights | None = None) -> float:
        return statistics.mean(document_scores(self.collections[name], self.found(name, fusion)).values())

    def spans(self, name: str, found: dict[str, Ranking], limit: int = PASSAGES) -> dict[str, float]:
        scores = passage_scores(self.collections[name], found, limit).values()
        return {
            f"{name}_recall": statistics.mean(score.recall for score in scores),
            f"{name}_precision": statistics.mean(score.precision for score in scores),
        }


@pytest.fixture(scope="module")
def essays(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memory]:
    """The bundled author's essays in their own store."""
    collection = Collection("essays", Category.ARTICLES, [], {})
    for page in sorted((repository / "examples" / "pages").glob("*.html")):
        link, text = f"https://example.org/{page.stem}", extracted(page.read_bytes())
        essay = Document(
            author="essays",
            category=Category.ARTICLES,
            link=link,
            source=link,
            platform="web",
            language="en",
            text=text,
            metadata={"name": page.stem},
        )
        collection.documents.append(essay)
    for question, answer in QUESTIONS.items():
        (there,) = (each for each in collection.documents if answer in each.text)
        start = there.text.index(answer)
        collection.queries[question] = question
        collection.spans[question] = {there.metadata["name"]: [(start, start + len(answer))]}
    yield from memory(tmp_path_factory.mktemp("essays"), essays=collection)


@pytest.fixture(scope="module")
def judged(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memory]:
    """Fixed samples of the judged collections."""
    yield from memory(
        tmp_path_factory.mktemp("judged"),
        cranfield=sampled(cranfield(shared_data), queries=16, documents=110),
        cosqa=sampled(cosqa(shared_data), queries=40, documents=120),
        passages=passages(shared_data),
    )


def memory(folder: Path, **collections: Collection) -> Iterator[Memory]:
    store = opened(folder)
    for collection in collections.values():
        load(collection, store, EMBEDDER)
    yield Memory(store, collections)
    store.close()


def all_by(sparse: float) -> Weights:
    """A retriever in which BM25 has this weight and the cosine has the rest."""
    return weights().model_copy(update={"sparse": dict.fromkeys(Category, sparse)})


def halved(found: dict[str, Ranking]) -> dict[str, Ranking]:
    """Chunks without their second half."""
    return {
        query: [(document, (start, (start + end) // 2)) for document, (start, end) in ranking]
        for query, ranking in found.items()
    }


def test_the_essays_are_found_as_well_as_before(essays: Memory) -> None:
    assert lost("essays", essays.spans("essays", essays.found("essays"), FEW)) == []


def test_a_worse_search_of_the_essays_is_noticed(essays: Memory) -> None:
    for found in (essays.found("essays", all_by(0.0)), halved(essays.found("essays"))):
        assert "essays_recall" in worse("essays", essays.spans("essays", found, FEW))


def test_the_judged_collections_are_found_as_well_as_before(judged: Memory) -> None:
    figures = {"cranfield_ndcg10": judged.ndcg("cranfield"), "cosqa_ndcg10": judged.ndcg("cosqa")}
    assert lost("retrieval", figures | judged.spans("passages", judged.found("passages"))) == []


def test_a_retriever_without_bm25_is_noticed(judged: Memory) -> None:
    assert worse("retrieval", {"cranfield_ndcg10": judged.ndcg("cranfield", all_by(0.0))})


def test_a_retriever_without_vectors_is_noticed(judged: Memory) -> None:
    assert worse("retrieval", {"cosqa_ndcg10": judged.ndcg("cosqa", all_by(1.0))})


def test_chunks_that_lose_half_of_their_text_are_noticed(judged: Memory) -> None:
    assert "passages_recall" in worse("retrieval", judged.spans("passages", halved(judged.found("passages"))))
