"""Memory of the embedding stage: its peak over 20,000 and over 100,000 chunks, each in a new process.

Texts are sequences of four words from real texts, because this measures the number of chunks, not their length. The
memory for one batch of long texts is limited by the tokens of a batch and does not grow with a partition.
"""

import json
import sys
import time
from pathlib import Path

import pyarrow as pa

from benchmarks import corpora
from benchmarks.processes import child, peak_mb
from benchmarks.workbench import Workbench, open_embedder
from twin import layout
from twin.artifacts import ArtifactStore
from twin.chunking.stage import SCHEMA
from twin.identity import chunk_id, document_id
from twin.models import Category, Chunk

_FEW, _MANY, _EXTRAPOLATED = 20_000, 100_000, 1_000_000
_WORDS = 4
_ROWS = 1024


def run(bench: Workbench) -> dict[str, float]:
    """Measure both; the slope between them gives an estimate for a million chunks."""
    bench.embedder  # noqa: B018  # the model is converted here, not in the measured processes
    texts = [document.text for document in bench.prose]
    texts += corpora.abstracts(bench.data)
    windows = list(corpora.windows(texts, _WORDS, 2))
    if len(windows) < _MANY:
        raise SystemExit(f"{bench.data} gives only {len(windows):,} different texts: {_MANY:,} are needed.")
    peaks, seconds = {}, {}
    for count in (_FEW, _MANY):
        store = bench.scratch / f"memory-{count}"
        _write_chunks(ArtifactStore(str(store)), windows[:count])
        found = child("benchmarks.memory", str(store), str(bench.scratch))
        peaks[count], seconds[count] = found["peak_mb"], found["seconds"]
    slope = (peaks[_MANY] - peaks[_FEW]) / (_MANY - _FEW)
    extrapolated = peaks[_MANY] + slope * (_EXTRAPOLATED - _MANY)
    print(f"memory of the embedding stage, texts of {_WORDS} words, a new process each")
    for count in (_FEW, _MANY):
        print(f"  {count:>9,} chunks: peak {peaks[count]:7.1f} MB, {seconds[count]:6.1f} s")
    print(
        f"  slope {1e6 * slope:.0f} bytes per chunk: {_EXTRAPOLATED:,} chunks would peak at {extrapolated:,.0f} MB",
        flush=True,
    )
    return {
        "peak_mb_20k": peaks[_FEW],
        "peak_mb_100k": peaks[_MANY],
        "peak_bytes_per_chunk": 1e6 * slope,
        "peak_mb_1m_extrapolated": extrapolated,
    }


def _write_chunks(artifacts: ArtifactStore, texts: list[str]) -> None:
    """The chunks table as the previous stage writes it."""
    link = "https://example.org/memory"
    document = document_id(corpora.AUTHOR, link)

    def batches() -> "list[pa.RecordBatch]":
        return [_batch(document, link, first, texts[first : first + _ROWS]) for first in range(0, len(texts), _ROWS)]

    name = layout.table(layout.CHUNKS, corpora.AUTHOR, Category.POSTS)
    artifacts.write_table(*name, schema=SCHEMA, batches=batches(), metadata={"data_version": "memory"})


def _batch(document: str, link: str, first: int, texts: list[str]) -> pa.RecordBatch:
    chunks = [
        Chunk(
            id=chunk_id(document, "memory", first + number, text), document_id=document, author=corpora.AUTHOR,
            category=Category.POSTS, ordinal=first + number, start=0, end=len(text), text=text, tokens=len(text) // 4,
            link=link, platform="web", language="en",
        )
        for number, text in enumerate(texts)
    ]  # fmt: skip
    rows = [
        {**chunk.model_dump(mode="json"), "document_hash": "memory", "content_hash": chunk.content_hash}
        for chunk in chunks
    ]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def _embed(store: Path, scratch: Path) -> dict[str, float]:
    from twin.embedding import embed_chunks

    begun = time.perf_counter()
    report = embed_chunks(ArtifactStore(str(store)), open_embedder(scratch), corpora.AUTHOR, Category.POSTS)
    if report.texts_embedded != report.total:
        raise SystemExit(f"Only {report.texts_embedded} of {report.total} texts were embedded: they should all differ.")
    return {"peak_mb": peak_mb(), "seconds": time.perf_counter() - begun}


if __name__ == "__main__":
    print(json.dumps(_embed(*map(Path, sys.argv[1:]))))
