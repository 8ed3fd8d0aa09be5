"""What must be true of stored embeddings.

Each function reads what is *stored*, not what the stage returned, and lists what is wrong with it; the asset graph
blocks on the result.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import repeat, zip_longest

import numpy as np

from twin.artifacts import ArtifactStore
from twin.chunking.stage import read_texts
from twin.embedding.base import NORM_TOLERANCE, Embedder
from twin.embedding.inspection import Drift, Reading
from twin.embedding.stage import read_embeddings, read_matrices
from twin.identity import sha256
from twin.models import Category
from twin.verdict import Verdict


def check_embeddings(
    artifacts: ArtifactStore, embedder: Embedder, author: str, category: Category
) -> dict[str, Verdict]:
    """Every check of an author's stored embeddings: name -> verdict. Chunks and vectors are read once."""
    reading, drift = Reading(embedder), Drift(artifacts, author, category)
    return {
        "vectors_are_sound": _sound(artifacts, author, category, embedder.dimension, (reading,), (drift,)),
        "texts_are_read_to_the_end": reading.verdict(),
        "vectors_have_not_drifted": drift.verdict(),
    }


def verify_embeddings(artifacts: ArtifactStore, author: str, category: Category, dimension: int) -> Verdict:
    """Every chunk has one finite unit vector of the model's dimension, made from its own text, and there are no others.

    The rows are in the order of the chunks, so they are compared side by side in constant memory. Only if they are not,
    all ids are compared together.
    """
    return _sound(artifacts, author, category, dimension)


def _sound(  # noqa: PLR0917 - what is read, and who looks on
    artifacts: ArtifactStore,
    author: str,
    category: Category,
    dimension: int,
    texts_seen_by: tuple[Reading, ...] = (),
    vectors_seen_by: tuple[Drift, ...] = (),
) -> Verdict:
    """`verify_embeddings`, with other checks in the same pass."""

    def hashes() -> Iterator[tuple[str, str]]:
        for chunk in read_texts(artifacts, author, category):
            for check in texts_seen_by:
                check.look(chunk)
            yield chunk.id, sha256(chunk.text)

    def rows() -> Iterator[tuple[str, str, tuple[int, ...], float]]:
        """Id and text hash of each vector, its shape and its length."""
        for ids, text_hashes, matrix in read_matrices(artifacts, author, category):
            for check in vectors_seen_by:
                check.look(matrix)
            yield from zip(ids, text_hashes, repeat(matrix.shape[1:]), np.linalg.norm(matrix, axis=1).tolist())

    problems: list[str] = []
    others: list[str] = []
    count, aligned = 0, True
    for wanted, row in zip_longest(hashes(), rows()):
        aligned = aligned and wanted is not None and row is not None and wanted[0] == row[0]
        if row is None:
            continue
        chunk_id, text_hash, shape, length = row
        count += 1
        if aligned and wanted[1] != text_hash:
            others.append(f"the vector of chunk {chunk_id} is of another text")
        if shape != (dimension,):
            problems.append(f"the vector of chunk {chunk_id} has shape {shape}, not ({dimension},)")
        elif not abs(length - 1.0) <= NORM_TOLERANCE:  # false for NaN as well
            problems.append(f"the vector of chunk {chunk_id} has length {length:.4f}, not 1")
    problems += others if aligned else _unmatched_vectors(artifacts, author, category)
    return Verdict({"vectors": count, "dimension": dimension}, problems)


def _unmatched_vectors(artifacts: ArtifactStore, author: str, category: Category) -> list[str]:
    """The problems of chunks and vectors that are not side by side."""
    wanted = {chunk.id: sha256(chunk.text) for chunk in read_texts(artifacts, author, category)}
    rows = list(read_embeddings(artifacts, author, category, vectors=False))
    seen = Counter(row.chunk_id for row in rows)
    problems = [
        f"the vector of chunk {row.chunk_id} is of another text"
        for row in rows
        if wanted.get(row.chunk_id, row.text_hash) != row.text_hash
    ]
    if lacking := wanted.keys() - seen.keys():
        problems.append(f"{len(lacking)} chunks have no vector")
    if stray := seen.keys() - wanted.keys():
        problems.append(f"{len(stray)} vectors have no chunk")
    problems += [f"chunk {identifier} has {times} vectors" for identifier, times in seen.items() if times > 1]
    if not problems:
        problems.append("the vectors do not lie in the order of the chunks")
    return problems
