"""A small twin for `benchmarks.corruptions`: its stages, its checks and its output, seen in a process of its own."""

import logging
import multiprocessing
import random
import resource
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kit.memory import ADA, WordEmbedder
from twin import layout
from twin.artifacts import ArtifactStore
from twin.chunking import chunk_documents, read_chunks
from twin.chunking.checks import check_chunks
from twin.chunking.inspection import inspect_chunks
from twin.cleaning import clean_documents
from twin.cleaning.checks import check_cleaned
from twin.crawling.checks import check_raw
from twin.dataset.checks import check_dataset
from twin.dataset.stage import build_dataset, read_samples
from twin.embedding import embed_chunks, read_embeddings
from twin.embedding.checks import check_embeddings
from twin.embedding.inspection import inspect_embeddings
from twin.errors import TwinError
from twin.identity import sha256
from twin.inspection import Inspection
from twin.models import Category, Document, StageReport, State
from twin.retrieval import Retriever
from twin.vectors import load_points
from twin.vectors.base import Where, points_model
from twin.vectors.checks import check_collection
from twin.vectors.edge.store import EdgeVectorStore
from twin.verdict import Verdict
from twin.warehouse.sqlite import SqliteWarehouse

CATEGORIES = (Category.ARTICLES, Category.POSTS)
_DOCUMENTS = 6
_SUBJECTS = ("engines", "looms", "poetry", "numbers", "gardens", "letters")
_MEMORY_BYTES = 16 << 30  # of addresses; a shard maps files that are mostly holes
_LIMIT_S = 300


@dataclass
class Seen:
    """What one build and its checks showed."""

    errors: list[str] = field(default_factory=list)  # sentences that ended a stage, a check or a search
    said: list[str] = field(default_factory=list)  # sentences of reports and of the log
    failed: list[str] = field(default_factory=list)  # problems of checks
    crashes: list[str] = field(default_factory=list)  # anything that is not one sentence
    output: dict[str, Any] = field(default_factory=dict)  # everything that the build ends with

    @property
    def noticed(self) -> bool:
        return bool(self.errors or self.said or self.failed or self.crashes)


def seen_in_a_process(root: Path) -> Seen:
    """`_look` in a new process with limited memory: what is damaged may end a process, or ask for all memory."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(root, sender))
    process.start()
    sender.close()
    try:
        found = receiver.recv() if receiver.poll(_LIMIT_S) else Seen(crashes=[f"not ready after {_LIMIT_S} s"])
    except EOFError:
        found = Seen(crashes=["the process died"])
    process.kill()
    process.join()
    return found


def fill(root: Path) -> None:
    """Store what a crawl reads."""
    warehouse = SqliteWarehouse(root / layout.WAREHOUSE)
    warehouse.upsert_authors([ADA])
    for category in CATEGORIES:
        warehouse.upsert_documents(State.RAW, (_document(category, number) for number in range(_DOCUMENTS)))
    warehouse.close()


def _document(category: Category, number: int) -> Document:
    subject = _SUBJECTS[number]
    link = f"https://ada.example/{category.value}/{number}"
    chance = random.Random(link)
    paragraphs = (
        f"Paragraph {part} of the {category.value} on {subject}: {' '.join(_word(chance) for _ in range(60))}."
        for part in range(4)
    )
    return Document(
        author=ADA.slug,
        category=category,
        link=link,
        source=link,
        platform="medium" if category is Category.ARTICLES else "linkedin",
        title=f"On {subject}" if category is Category.ARTICLES else None,
        text="\n\n".join(paragraphs),
    )


def _word(chance: random.Random) -> str:
    return "".join(chance.choice("bdklmnrst") + chance.choice("aeiou") for _ in range(chance.randint(1, 3)))


def _child(root: Path, sender: Any) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    seen = Seen()
    logging.getLogger("twin").addHandler(_Heard(seen))
    logging.getLogger("twin").propagate = False
    try:
        _look(root, seen)
    except BaseException:  # the finding itself: also a panic, which is no `Exception`
        seen.crashes.append(traceback.format_exc(limit=-3))
    sender.send(seen)


class _Heard(logging.Handler):
    def __init__(self, seen: Seen) -> None:
        super().__init__(logging.WARNING)
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        self._seen.said.append(record.getMessage())


def _look(root: Path, seen: Seen) -> None:
    """Every stage, each followed by its checks, as the asset graph runs them; then what a reader finds."""
    line = _Line(root, seen)
    try:
        line.build()
        seen.output |= line.output()
    except TwinError as error:
        seen.errors.append(str(error))


class _Line:
    """The stores and the stages of the twin in a folder."""

    def __init__(self, root: Path, seen: Seen) -> None:
        self.warehouse = SqliteWarehouse(root / layout.WAREHOUSE)
        self.artifacts = ArtifactStore(str(root))
        self.vectors = EdgeVectorStore(root / layout.VECTORS)
        self.embedder = WordEmbedder()
        self._seen = seen

    def build(self) -> None:
        warehouse, artifacts, vectors, embedder, ada = (
            self.warehouse,
            self.artifacts,
            self.vectors,
            self.embedder,
            ADA.slug,
        )
        warehouse.upsert_authors([ADA])
        for each in CATEGORIES:
            self._checked(check_raw(warehouse, ada, each))
        for each in CATEGORIES:
            self._reported(f"cleaned {each}", clean_documents(warehouse, ada, each))
            self._checked(check_cleaned(warehouse, ada, each))
        for each in CATEGORIES:
            self._reported(f"chunks {each}", chunk_documents(warehouse, artifacts, embedder, ada, each))
            self._shown(f"chunks {each}", inspect_chunks(warehouse, artifacts, embedder, ada, each))
            self._checked(check_chunks(warehouse, artifacts, embedder, ada, each))
            self._reported(f"embeddings {each}", embed_chunks(artifacts, embedder, ada, each))
            self._shown(f"embeddings {each}", inspect_embeddings(artifacts, ada, each))
            self._checked(check_embeddings(artifacts, embedder, ada, each))
            self._reported(f"points {each}", load_points(artifacts, vectors, embedder, ada, each))
            self._checked(check_collection(artifacts, vectors, embedder, ada, each))
        self._reported("dataset", build_dataset(warehouse, artifacts, ada))
        self._checked(check_dataset(warehouse, artifacts, ada))

    def _reported(self, name: str, report: StageReport) -> None:
        self._seen.output[f"version of {name}"] = report.data_version
        self._seen.said += [*filter(None, [getattr(report, "healed", "")]), *getattr(report, "edited", ())]

    def _checked(self, verdicts: dict[str, Verdict]) -> None:
        self._seen.failed += [
            problem
            for name, verdict in verdicts.items()
            for problem in verdict.problems
            if name != "enough_samples_to_train_on"  # it warns of a small store, and this one is
        ]

    def _shown(self, name: str, inspection: Inspection) -> None:
        """All but the map of all categories, which the last one to be built completes."""
        shown = {title: sha256(text) for title, text in inspection.shown.items() if title != "map"}
        self._seen.output[f"inspection of {name}"] = inspection.facts, shown

    def output(self) -> dict[str, Any]:
        """What is stored, by its contents, and what searches find."""
        warehouse, artifacts, vectors, ada = self.warehouse, self.artifacts, self.vectors, ADA.slug
        found: dict[str, Any] = {}
        for each in CATEGORIES:
            for state in State:
                found[f"{state} {each}"] = warehouse.hashes(state, ada, each)
            found[f"chunks {each}"] = [chunk.content_hash for chunk in read_chunks(artifacts, ada, each)]
            found[f"embeddings {each}"] = [
                (row.chunk_id, row.text_hash, row.vector.tobytes()) for row in read_embeddings(artifacts, ada, each)
            ]
            found[f"points {each}"] = [
                (chunk.content_hash, vector.tobytes(), terms.indices.tobytes(), terms.values.tobytes())
                for chunk, vector, terms in vectors.points(each, ada, points_model(self.embedder))
            ]
            for folder in (layout.CHUNKS, layout.EMBEDDINGS):
                found[f"footer of {folder} {each}"] = artifacts.table_metadata(*layout.table(folder, ada, each))
        found["samples"] = [sample.content_hash for sample in read_samples(artifacts, ada)]
        dataset = Path(str(artifacts.path(*layout.dataset(ada))))
        written = (path for path in dataset.iterdir() if path.suffix in (".jsonl", ".md"))
        found["files"] = {path.name: path.read_bytes() for path in written}
        retriever = Retriever(vectors, self.embedder, authors=[ADA])
        conditions = (Where(), Where(platforms=("medium",)), Where(links=("https://ada.example/posts/3",)))
        found["searches"] = [
            [
                (hit.chunk.id, round(hit.score, 6), hit.text)
                for hit in retriever.search(query, author=ada, where=each).hits
            ]
            for query in ("engines that count", "poetry", "who grows gardens?")
            for each in conditions
        ]
        return found
