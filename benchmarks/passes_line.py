"""One build of the handbook's authors by the checkout that PYTHONPATH names.

Run it as `python -P passes_line.py EXPORT STORE HOW`. It calls the stages and their checks in the graph's order, like
the assets, and prints one JSON object. HOW is `count` (how often everything is read and hashed) or `time`. It imports
nothing from `benchmarks`, because the checkout may be an older one: names are looked up in the modules that it has.
"""

import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from twin.artifacts import ArtifactStore
from twin.chunking import chunk_documents
from twin.cleaning import clean_documents
from twin.crawling import Fetcher, crawl_author, crawl_tools
from twin.embedding import embed_chunks, open_embedder
from twin.models import Category, Chunk, Document, State
from twin.settings import Settings
from twin.vectors import load_points, open_vector_store
from twin.vectors.base import VectorStore
from twin.warehouse import open_warehouse, sqlite

Step = tuple[str, Callable[[], Any]]


class Counts:
    """Counts all reads and hashes from now on, by replacing the readers of the checkout with counting ones."""

    def __init__(self, vectors: type[VectorStore]) -> None:
        self.reads: Counter[str] = Counter()
        self.hashes: Counter[str] = Counter()
        self._documents()
        self._tables(vectors)
        self._hashes()

    def _documents(self) -> None:
        room: Any = sqlite
        parse: Callable[[Any, State], Document] = room.document_from

        def document_from(row: Any, state: State) -> Document:
            self.reads[state.value] += 1
            return parse(row, state)

        room.document_from = document_from

    def _tables(self, vectors: Any) -> None:
        stores: Any = ArtifactStore
        read, points = stores.read_table, vectors.hashes

        def read_table(
            store: ArtifactStore, *parts: str, columns: list[str] | None = None, **more: Any
        ) -> Iterator[Any]:
            for batch in read(store, *parts, columns=columns, **more):
                self.reads[parts[0] if columns is None else f"{parts[0]}, some columns"] += batch.num_rows
                yield batch

        def hashes(store: VectorStore, *arguments: Any) -> dict[str, str]:
            found: dict[str, str] = points(store, *arguments)
            self.reads["points"] += len(found)
            return found

        stores.read_table, vectors.hashes = read_table, hashes

    def _hashes(self) -> None:
        def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*arguments: Any) -> Any:
                self.hashes[name] += 1
                return function(*arguments)

            return wrapped

        models: tuple[Any, ...] = (Document, Chunk)
        for model in models:
            model.content_hash = property(counted(model.__name__, model.content_hash.fget))
        # In checkouts that hash a chunk by its fields or as canonical JSON, not by its property.
        for module, name in (("twin.chunking.stage", "content_hash"), ("twin.vectors.stage", "canonical")):
            room = import_module(module)
            if hasattr(room, name):
                setattr(room, name, counted("Chunk", getattr(room, name)))


class Build:
    """The stores of one folder, and the steps that build an author in it."""

    def __init__(self, export: Path, folder: Path) -> None:
        self.settings = Settings(store=str(folder), embedding_backend="torch")
        self.artifacts = ArtifactStore(str(folder))
        self.warehouse = open_warehouse(self.settings)
        self.vectors = open_vector_store(self.settings)
        self.embedder = open_embedder(self.settings, self.artifacts)
        self.versions: dict[str, str] = {}
        if not self.warehouse.authors():
            _of("import_export", "transfer.handbook", "handbook")(export, self.warehouse)

    def steps(self) -> Iterator[Step]:
        """Every step of every author, in the order in which Dagster runs the assets."""
        for author in (author.slug for author in self.warehouse.authors()):
            for stage in ("raw", "cleaned", "chunks", "embeddings", "collections"):
                for category in Category:
                    yield stage, partial(self._stage, stage, author, category)
                    yield f"{stage}, checks", partial(self._check, stage, author, category)
            yield "dataset", partial(self._dataset, author)
            yield "dataset, checks", partial(self._check, "dataset", author, None)

    def _stage(self, stage: str, author: str, category: Category) -> None:
        stores = self.warehouse, self.artifacts
        match stage:
            case "raw":
                tools = crawl_tools(Fetcher(), self.artifacts, self.warehouse, author, keep=2)
                report: Any = crawl_author(self.warehouse, author, category, tools=tools)
            case "cleaned":
                report = clean_documents(self.warehouse, author, category)
            case "chunks":
                report = chunk_documents(*stores, self.embedder, author, category)
                read = {"cleaned": report.cleaned} if hasattr(report, "cleaned") else {}
                look = _of("inspect_chunks", "chunking.inspection", "inspection")
                look(*stores, self.embedder, author, category, **read)
            case "embeddings":
                report = embed_chunks(self.artifacts, self.embedder, author, category)
                _of("inspect_embeddings", "embedding.inspection", "inspection")(self.artifacts, author, category)
            case _:
                report = load_points(self.artifacts, self.vectors, self.embedder, author, category)
        self._note(f"{author}/{stage}/{category.value}", report)

    def _dataset(self, author: str) -> None:
        build = _of("build_dataset", "dataset.stage", "dataset.build")
        self._note(f"{author}/dataset", build(self.warehouse, self.artifacts, author))

    def _note(self, name: str, report: Any) -> None:
        self.versions[name] = report.data_version
        self.written = getattr(self, "written", 0) + report.written

    def _check(self, stage: str, author: str, category: Any) -> None:
        stores, where = (self.warehouse, self.artifacts), (author, category)
        arguments: dict[str, tuple[Any, ...]] = {
            "raw": (self.warehouse, *where),
            "cleaned": (self.warehouse, *where),
            "chunks": (*stores, self.embedder, *where),
            "embeddings": (self.artifacts, self.embedder, *where),
            "collections": (self.artifacts, self.vectors, self.embedder, *where),
            "dataset": (*stores, author),
        }
        check = _checks_before(stage) if find_spec("twin.verification") else _checks(stage)
        for name, verdict in check(*arguments[stage]).items():
            if verdict.problems and name not in ("chunks_are_distinct", "enough_samples_to_train_on"):
                raise SystemExit(f"{author}/{stage}: {name} fails: {verdict.problems[:3]}")


def _checks(stage: str) -> Callable[..., dict[str, Any]]:
    """The one function that runs all checks of a stage."""
    room, name = {
        "raw": ("crawling", "raw"),
        "cleaned": ("cleaning", "cleaned"),
        "chunks": ("chunking", "chunks"),
        "embeddings": ("embedding", "embeddings"),
        "collections": ("vectors", "collection"),
        "dataset": ("dataset", "dataset"),
    }[stage]
    check: Callable[..., dict[str, Any]] = getattr(import_module(f"twin.{room}.checks"), f"check_{name}")
    return check


def _checks_before(stage: str) -> Callable[..., dict[str, Any]]:
    """The checks of a stage as its assets called them when each was a separate function."""
    from twin.cleaning import COMPARED

    seen, right = import_module("twin.inspection"), import_module("twin.verification")

    def run(*given: Any) -> dict[str, Any]:
        author, category = given[-2:]
        match stage:
            case "raw":
                return {
                    "sound": right.verify_documents(given[0], State.RAW, author, category),
                    "links": right.verify_crawl(*given),
                }
            case "cleaned":
                verdicts = {
                    "sound": right.verify_documents(given[0], State.CLEANED, author, category),
                    "lost": right.verify_cleaned(*given),
                    "private": right.verify_private(*given),
                }
                return verdicts | ({"chrome": right.verify_chrome(*given)} if category in COMPARED else {})
            case "chunks":
                return {
                    "cover": right.verify_chunks(*given),
                    "chunks_are_distinct": seen.verify_duplicates(given[1], author, category),
                    "lengths": seen.verify_lengths(given[1], author, category),
                }
            case "embeddings":
                return {
                    "sound": right.verify_embeddings(given[0], author, category, given[1].dimension),
                    "reading": seen.verify_reading(*given),
                    "drift": seen.verify_vectors(given[0], author, category),
                }
            case "collections":
                return {"points": right.verify_collection(*given)}
            case _:
                return {"sound": right.verify_dataset(*given)}

    return run


def _of(name: str, *rooms: str) -> Callable[..., Any]:
    """A function by its name, from the first existing module that has it."""
    for room in rooms:
        with suppress(ModuleNotFoundError, AttributeError):
            found: Callable[..., Any] = getattr(import_module(f"twin.{room}"), name)
            return found
    raise SystemExit(f"This checkout has no {name} in {' or '.join(rooms)}.")


def _there(build: Build) -> dict[str, int]:
    """The number of counted items."""
    there: Counter[str] = Counter()
    for author in (author.slug for author in build.warehouse.authors()):
        for category in Category:
            for state in State:
                there[state.value] += sum(1 for _ in build.warehouse.documents(state, author, category))
            for table in ("chunks", "embeddings"):
                for batch in build.artifacts.read_table(table, author, f"{category.value}.parquet", columns=[]):
                    there[table] += batch.num_rows
    return dict(there)


def main(export: Path, folder: Path, how: str) -> dict[str, Any]:
    """Build once; return the counts or times, and the data versions."""
    folder.mkdir(parents=True, exist_ok=True)
    build = Build(export, folder)
    counts = Counts(type(build.vectors)) if how == "count" else None
    wall, cpu = defaultdict[str, float](float), defaultdict[str, float](float)
    for name, step in build.steps():
        begun, used = time.perf_counter(), time.process_time()
        step()
        wall[name] += time.perf_counter() - begun
        cpu[name] += time.process_time() - used
    found: dict[str, Any] = {"versions": build.versions, "written": build.written}
    if counts:
        found |= {"reads": dict(counts.reads), "hashes": dict(counts.hashes)}
        found["there"] = _there(build)
    else:
        found |= {"wall": dict(wall), "cpu": dict(cpu)}
    build.vectors.close()
    build.warehouse.close()
    return found


if __name__ == "__main__":
    _export, _folder, _how = sys.argv[1:]
    print(json.dumps(main(Path(_export), Path(_folder), _how)))
