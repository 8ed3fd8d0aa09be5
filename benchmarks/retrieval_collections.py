"""The judged collections, run through the product's own pipeline: cleaned documents, chunks, vectors, points."""

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.handbook_line import Store
from twin.chunking import chunk_documents
from twin.embedding import Embedder, embed_chunks
from twin.evaluation.ranking import Span
from twin.models import Category, Document, State
from twin.vectors import load_points

SITE = "https://example.org"

_T = TypeVar("_T")


@dataclass
class Collection:
    """Documents of one author, and queries with their answers.

    In a collection of documents, `grades` says which documents are relevant; in one of passages, `spans` says where the
    answers are. Ids are those of the collection; `names` maps our document ids to them.
    """

    author: str
    category: Category
    documents: list[Document]
    queries: dict[str, str]
    grades: dict[str, dict[str, int]] = field(default_factory=dict)
    spans: dict[str, dict[str, list[Span]]] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """Our document id -> the collection's."""
        return {document.id: document.metadata["name"] for document in self.documents}

    @property
    def judged(self) -> list[str]:
        """Ids of the queries that have an answer, in the order of the file."""
        return [query for query in self.queries if query in self.grades or query in self.spans]


def is_development(query: str) -> bool:
    """Whether this query is in the half that weights may be chosen on, by a hash of its id."""
    return hashlib.sha256(query.encode()).digest()[0] % 2 == 0


def cranfield(data: Path) -> Collection:
    """1,400 abstracts and 225 questions about aerodynamics, graded."""
    return _judged(data / "retrieval" / "cranfield", "cranfield", Category.ARTICLES)


def cosqa(data: Path) -> Collection:
    """6,267 Python functions and 500 web queries, each with the function that answers it."""
    return _judged(data / "retrieval" / "cosqa-dev", "cosqa", Category.REPOSITORIES)


def passages(data: Path) -> Collection:
    """Two long texts, and questions with the excerpts that answer them (Smith and Troynikov 2024)."""
    folder = data / "chunking"
    found = Collection("passages", Category.ARTICLES, [], {})
    for path in sorted(folder.glob("*.md")):
        found.documents.append(_document("passages", Category.ARTICLES, path.stem, path.read_text(encoding="utf-8")))
    with (folder / "questions.csv").open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines)):
            query = f"{row['corpus_id']}-{number}"
            found.queries[query] = row["question"]
            excerpts = [(each["start_index"], each["end_index"]) for each in json.loads(row["references"])]
            found.spans[query] = {row["corpus_id"]: excerpts}
    return found


def sampled(collection: Collection, queries: int, documents: int) -> Collection:
    """A small sample of this collection: some of its judged queries, their answers, and other documents.

    Returns:
        The same sample in every run, with queries and documents at equal distances; more than `documents` if more
        documents answer the queries.
    """
    chosen = _evenly(collection.judged, queries)
    answers = {name for query in chosen for name in collection.grades[query]}
    others = [document for document in collection.documents if document.metadata["name"] not in answers]
    kept = answers | {each.metadata["name"] for each in _evenly(others, max(0, documents - len(answers)))}
    return Collection(
        collection.author,
        collection.category,
        [document for document in collection.documents if document.metadata["name"] in kept],
        {query: collection.queries[query] for query in chosen},
        {query: collection.grades[query] for query in chosen},
    )


def load(collection: Collection, store: Store, embedder: Embedder) -> int:
    """Take the documents through every stage after cleaning; return the number of chunks."""
    author, category = collection.author, collection.category
    store.warehouse.upsert_documents(State.CLEANED, collection.documents)
    chunks = chunk_documents(store.warehouse, store.artifacts, embedder, author, category)
    embed_chunks(store.artifacts, embedder, author, category)
    load_points(store.artifacts, store.vectors, embedder, author, category)
    return chunks.total


def _judged(folder: Path, author: str, category: Category) -> Collection:
    """The query ids of qrels.tsv are those of queries.jsonl; Cranfield's own numbers differ and are not used."""
    collection = Collection(author, category, [], {row["_id"]: row["text"] for row in _rows(folder / "queries.jsonl")})
    for row in _rows(folder / "corpus.jsonl"):
        collection.documents.append(_document(author, category, row["_id"], row["text"], row["title"] or None))
    with (folder / "qrels.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            collection.grades.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return collection


def _document(author: str, category: Category, name: str, text: str, title: str | None = None) -> Document:
    code = category is Category.REPOSITORIES
    return Document(
        author=author,
        category=category,
        link=f"{SITE}/{author}" if code else f"{SITE}/{author}/{name}",
        path=f"{name}.py" if code else None,
        source=f"{SITE}/{author}",
        platform="github" if code else "web",
        title=title,
        text=text,
        language=None if code else "en",
        metadata={"name": name},
    )


def _evenly(items: list[_T], count: int) -> list[_T]:
    """This many of the items, or all, at equal distances."""
    count = min(count, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
