"""Looks at embeddings: how similar an author's chunks are, where they are on a map, and whether they moved.

Memory does not grow with the table: distributions are counted while reading, and pictures are drawn from a sample. The
sample is the chunks with the smallest ids; an id is a hash, so the sample is fair and the same in every run.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from heapq import heappush, heappushpop, nsmallest
from textwrap import shorten

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twin import layout
from twin.artifacts import ArtifactStore
from twin.chunking.stage import Text, read_texts
from twin.embedding import Embedder, read_embeddings
from twin.embedding.base import Vectors
from twin.embedding.stage import matrix_of, schema_of
from twin.inspection.columns import Column, table_columns
from twin.inspection.drift import compare
from twin.inspection.markdown import image, linked
from twin.inspection.record import (
    Inspection,
    Kept,
    Spread,
    Statistics,
    footer_of,
    keep,
    made_key,
    predecessor,
)
from twin.models import Category
from twin.pictures import SAME, Place, embedding_map, flattened, landmarks, neighbours_histogram
from twin.verdict import Verdict

_STAGE = layout.EMBEDDINGS

ON_MAP = 2000
"""Points on a map: more would overlap, and their decomposition takes a tenth of a second."""

_COMPARED = 2000
_COMPARISONS = 40_000_000
"""Number of chunks whose nearest neighbour is searched, and number of compared pairs: for large authors, fewer chunks
are compared, but each with all others."""

FACTS = {
    "same_share": "share of chunks that have another with (almost) the same vector",
    "nearest_median": "median cosine of a chunk and its nearest neighbour",
    "sampled": "chunks whose nearest neighbour was looked for, if not all",
    "sampled_of": "all chunks, if only a sample was looked at",
    "nearest_neighbours": "picture of how much each chunk is like its nearest neighbour",
    "map": "picture of all embeddings of the author in every category so far: what is close together is alike",
}
"""What `inspect_embeddings` finds and shows, by name."""

_NORM_DIGITS = 4
"""Digits of a norm. Rounding in float32 shows in the seventh digit, a table in half precision in the fourth."""

_COSINE_DIGITS = 2
_FIRST_WORDS = 60  # characters
_LONGEST = 2000
"""Number of texts whose tokens are counted again."""


def embedding_columns() -> list[Column]:
    """The columns of the table of embeddings; the model decides how many numbers a vector has."""
    described = {
        "chunk_id": "id of the chunk",
        "text_hash": "sha256 of the text that was embedded: the context and the text of the chunk",
        "vector": "the embedding, of unit length",
    }
    return table_columns(schema_of(1), described)


def inspect_embeddings(artifacts: ArtifactStore, author: str, category: Category) -> Inspection:
    """Look at the stored embeddings and show them; if nothing changed, read the last result.

    `FACTS` says what is found and shown. Above 2,000 chunks a sample is used, each compared with all chunks.

    Args:
        artifacts: read: chunks and embeddings; written: `embeddings/<author>/<category>.inspection.json` and
            `embeddings/<author>/map.json`.
        author: slug.
        category: of the embeddings.

    Raises:
        ConsistencyError: the embeddings stage has not run.
        StoreError: a store cannot be used.
    """
    version, model = _made(artifacts, author, category)
    name = layout.inspection(_STAGE, author, category)

    def make() -> Inspection:
        before = predecessor(artifacts, name, version)
        statistics = _statistics(artifacts, author, category, None)
        total = statistics.spreads["norm"].total
        nearest = _nearest(artifacts, author, category, total)
        facts: dict[str, int | float] = {}
        shown = {}
        if len(nearest):
            same = float((nearest >= SAME).mean())
            facts = {"same_share": same, "nearest_median": round(float(np.median(nearest)), 4)}
            alt = f"Histogram of the cosine of a chunk and its nearest other; the median is {facts['nearest_median']}."
            shown["nearest_neighbours"] = image(neighbours_histogram(nearest, total), alt)
            if len(nearest) < total:
                facts |= {"sampled": len(nearest), "sampled_of": total}
                note = f"A sample: {len(nearest):,} of {total:,} chunks, each compared with all."
                shown["nearest_neighbours"] += f"\n\n{note}"
        return Inspection(key=key, facts=facts, shown=shown, statistics=statistics, before=before)

    key = made_key(version, model)
    found = keep(artifacts, name, Inspection, key, make)
    return found.model_copy(update={"shown": {**found.shown, **_map(artifacts, author, model).shown}})


class Drift:
    """Whether the vectors are distributed as in the previous version: see `verify_vectors`."""

    def __init__(self, artifacts: ArtifactStore, author: str, category: Category) -> None:
        self._again = partial(_statistics, artifacts, author, category)
        self._version, self._model = _made(artifacts, author, category)
        self._before = predecessor(artifacts, layout.inspection(_STAGE, author, category), self._version)
        self._axis = np.array(self._before.mean if self._before else ())
        self._spreads, self._all_along = _Spreads(self._axis), True

    def look(self, matrix: Vectors) -> None:
        """Take vectors of shape (n, dimension) into account."""
        if self._before is not None:
            self._all_along &= matrix.shape[1] == len(self._axis)
            self._spreads.look(matrix)

    def verdict(self) -> Verdict:
        before, now = self._before, self._spreads.of(self._version, self._model)
        names = {"norm": "Lengths of vectors"}
        if before is not None and before.made_with == self._model:
            names["cosine"] = "Cosines of vectors and their former mean"
            if not self._all_along:  # there is no previous version, so the axis is the mean of these
                now = self._again(before)
        return compare(now, before, names, maker="the model")


def verify_vectors(artifacts: ArtifactStore, author: str, category: Category) -> Verdict:
    """The vectors are distributed as in the previous version, in length and in direction.

    All have unit length, so the length only shows whether precision was lost between the model and the table. The
    direction shows whether the author's subjects moved: it is the cosine of each vector and the mean of the previous
    version. Directions of different models cannot be compared.
    """
    drift = Drift(artifacts, author, category)
    for _, matrix in _matrices(artifacts, author, category):
        drift.look(matrix)
    return drift.verdict()


class Reading:
    """Whether the chunks are read to their ends: see `verify_reading`."""

    def __init__(self, embedder: Embedder) -> None:
        self._sizer = embedder.sizer
        self._said: Counter[int] = Counter()
        self._chunks = 0
        self._longest: list[tuple[int, int, str]] = []  # a heap: characters, minus the place in the table, text

    def look(self, chunk: Text) -> None:
        """Take one chunk into account."""
        longer = (len(chunk.text), -self._chunks, chunk.text)
        self._chunks += 1
        self._said[chunk.tokens] += 1
        if len(self._longest) < _LONGEST:
            heappush(self._longest, longer)
        else:
            heappushpop(self._longest, longer)

    def verdict(self) -> Verdict:
        limit, said = self._sizer.limit, self._said
        counts = self._sizer.counts([text for _, _, text in self._longest])
        chunks = self._chunks
        longest = max([0, *said, *counts])
        counted = sum(count > limit for count in counts)
        problems = []
        if cut := max(counted, sum(number for tokens, number in said.items() if tokens > limit)):
            problems.append(
                f"{cut:,} of {chunks:,} chunks are longer than the {limit:,} tokens that the embedder reads, and their "
                "ends are in no vector: run the chunks stage again"
            )
        facts = {
            "chunks": chunks,
            "chunks_counted_again": len(counts),
            "chunks_truncated": cut,
            "tokens_longest": longest,
            "tokens_read": limit,
        }
        return Verdict(facts, problems)


def verify_reading(artifacts: ArtifactStore, embedder: Embedder, author: str, category: Category) -> Verdict:
    """No chunk that has a vector is longer than what this embedder reads.

    Each chunk has a stored number of tokens; for the longest texts, tokens are counted again.
    """
    reading = Reading(embedder)
    for chunk in read_texts(artifacts, author, category):
        reading.look(chunk)
    return reading.verdict()


def _made(artifacts: ArtifactStore, author: str, category: Category) -> tuple[str, str]:
    """Data version of the table, and the fingerprint of the model that made it."""
    footer = footer_of(artifacts, _STAGE, author, category)
    return str(footer["data_version"]), str(footer["model"])


def _matrices(artifacts: ArtifactStore, author: str, category: Category) -> Iterator[tuple[pa.Array, Vectors]]:
    """Ids and vectors, shape (n, dimension), batch by batch."""
    for batch in artifacts.read_table(*layout.table(_STAGE, author, category), columns=["chunk_id", "vector"]):
        yield batch.column("chunk_id"), matrix_of(batch)


class _Spreads:
    """Spread of the norms of vectors, and of their cosines with an axis of the same dimension."""

    def __init__(self, axis: NDArray[np.float64]) -> None:
        self._axis, self._length = axis, float(np.linalg.norm(axis))
        self._norms: Counter[float] = Counter()
        self._cosines: Counter[float] = Counter()

    def look(self, matrix: Vectors) -> None:
        self._norms.update(np.linalg.norm(matrix, axis=1).astype(np.float64).round(_NORM_DIGITS).tolist())
        if self._length and matrix.shape[1] == len(self._axis):
            self._cosines.update((matrix @ (self._axis / self._length)).round(_COSINE_DIGITS).tolist())

    def of(self, version: str, model: str, mean: NDArray[np.float64] | None = None) -> Statistics:
        """The counts, as statistics of a version of a table."""
        return Statistics(
            version=version,
            made_with=model,
            spreads={"norm": Spread.of(self._norms), "cosine": Spread.of(self._cosines)},
            mean=() if mean is None else tuple(mean.tolist()),
        )


def _statistics(artifacts: ArtifactStore, author: str, category: Category, before: Statistics | None) -> Statistics:
    """Spread of the norms, and of the cosines with the mean of the previous version (without one, of these vectors)."""
    version, model = _made(artifacts, author, category)
    total: NDArray[np.float64] | None = None
    count = 0
    for _, matrix in _matrices(artifacts, author, category):
        count += len(matrix)
        added = matrix.sum(axis=0, dtype=np.float64)
        total = added if total is None else total + added
    mean = np.zeros(0) if total is None else (total / count).round(6)
    spreads = _Spreads(np.array(before.mean) if before is not None and len(before.mean) == len(mean) else mean)
    for _, matrix in _matrices(artifacts, author, category):
        spreads.look(matrix)
    return spreads.of(version, model, mean)


def _chosen(artifacts: ArtifactStore, author: str, categories: Iterable[Category], count: int) -> set[str]:
    """The smallest ids of the chunks that have a vector."""
    ids = (row.chunk_id for each in categories for row in read_embeddings(artifacts, author, each, vectors=False))
    return set(nsmallest(count, ids))


def _take(artifacts: ArtifactStore, author: str, category: Category, ids: set[str]) -> tuple[list[str], Vectors]:
    """Ids and vectors of the chosen chunks that are in this table, in its order."""
    names: list[str] = []
    parts = []
    for column, matrix in _matrices(artifacts, author, category):
        batch = column.to_pylist()
        rows = [number for number, identifier in enumerate(batch) if identifier in ids]
        names += [batch[number] for number in rows]
        parts.append(matrix[rows])
    return names, np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)


def _nearest(artifacts: ArtifactStore, author: str, category: Category, total: int) -> Vectors:
    """Cosine of each chunk of a sample and its nearest neighbour among all chunks; empty if there is no other chunk."""
    if total < 2:
        return np.zeros(0, np.float32)
    ids = _chosen(artifacts, author, [category], min(_COMPARED, max(_COMPARISONS // total, 50)))
    names, sample = _take(artifacts, author, category, ids)
    best = np.full(len(names), -1, np.float32)
    place = {identifier: number for number, identifier in enumerate(names)}
    for column, matrix in _matrices(artifacts, author, category):
        cosines = sample @ matrix.T
        for number, identifier in enumerate(column.to_pylist()):
            if identifier in place:
                cosines[place[identifier], number] = -1  # itself
        best = np.maximum(best, cosines.max(axis=1))
    return np.clip(best, -1, 1)


def _map(artifacts: ArtifactStore, author: str, model: str) -> Kept:
    """The map of all current embeddings of the author by one model.

    There is one map for all categories: the category built last draws it, and a build without changes reuses it.
    """
    made = {
        category: _made(artifacts, author, category)
        for category in Category
        if artifacts.exists(*layout.table(_STAGE, author, category))
    }
    present = [category for category, (_, maker) in made.items() if maker == model]
    key = made_key(*(part for category in present for part in (category.value, made[category][0])))

    def make() -> Kept:
        total = 0
        chosen = _chosen(artifacts, author, present, ON_MAP)
        places: list[Place] = []
        links: list[str] = []
        parts = []
        for category in present:
            total += sum(1 for _ in read_embeddings(artifacts, author, category, vectors=False))
            names, vectors = _take(artifacts, author, category, chosen)
            found = dict(_places(artifacts, author, category, chosen))
            rows = [number for number, identifier in enumerate(names) if identifier in found]
            places += [found[names[number]][0] for number in rows]
            links += [found[names[number]][1] for number in rows]
            parts.append(vectors[rows])
        if not places:
            return Kept(key=key)
        plane = flattened(np.concatenate([part for part in parts if len(part)]))
        labelled = landmarks(plane.points, places)
        shown = f"{len(places):,}" if len(places) == total else f"a sample of {len(places):,} of {total:,}"
        alt = f"Map of {shown} chunks by what they are about, with the documents listed below."
        listed = [f"{number}. {linked(places[index].title, links[index])}" for number, index in enumerate(labelled, 1)]
        picture = image(embedding_map(plane, places, labelled, total), alt)
        return Kept(key=key, shown={"map": "\n".join([picture, "", *listed])})

    return keep(artifacts, layout.embedding_map(author), Kept, key, make)


def _places(
    artifacts: ArtifactStore, author: str, category: Category, ids: set[str]
) -> Iterator[tuple[str, tuple[Place, str]]]:
    """Id, place and link of the chosen chunks; a chunk without title and path is named by its first words."""
    columns = ["id", "document_id", "title", "path", "text", "link"]
    for batch in artifacts.read_table(*layout.table(layout.CHUNKS, author, category), columns=columns):
        for row in batch.to_pylist():
            if row["id"] in ids:
                name = row["title"] or row["path"] or shorten(row["text"], _FIRST_WORDS, placeholder=" …")
                yield row["id"], (Place(category, row["document_id"], name), row["link"])
