"""What must be true of stored embeddings.

Each function reads what is *stored*, not what the stage returned, and lists what is wrong with it; the asset graph
blocks on the answer.
"""

from collections import Counter
from itertools import zip_longest

import numpy as np

from twin.artifacts import ArtifactStore
from twin.chunking import read_chunks
from twin.embedding.base import Embedder
from twin.embedding.inspection import verify_reading, verify_vectors
from twin.embedding.stage import read_embeddings
from twin.identity import sha256
from twin.models import Category
from twin.verdict import Verdict

NORM_TOLERANCE = 1e-3
"""Of a unit vector in float32; ten times what a mean over 256 tokens can lose."""


def check_embeddings(
    artifacts: ArtifactStore, embedder: Embedder, author: str, category: Category
) -> dict[str, Verdict]:
    """Every check of an author's stored embeddings: name -> verdict."""
    return {
        "vectors_are_sound": verify_embeddings(artifacts, author, category, embedder.dimension),
        "texts_are_read_to_the_end": verify_reading(artifacts, embedder, author, category),
        "vectors_have_not_drifted": verify_vectors(artifacts, author, category),
    }


def verify_embeddings(artifacts: ArtifactStore, author: str, category: Category, dimension: int) -> Verdict:
    """Every chunk has one finite unit vector of the model's dimension, of its own text, and no vector is stray.

    The rows lie in the order of the chunks, so that they are compared side by side, in flat memory; only where they do
    not are all ids looked at together.
    """
    problems: list[str] = []
    others: list[str] = []
    count, aligned = 0, True
    hashes = ((chunk.id, sha256(chunk.embedded_text)) for chunk in read_chunks(artifacts, author, category))
    for wanted, row in zip_longest(hashes, read_embeddings(artifacts, author, category)):
        aligned = aligned and wanted is not None and row is not None and wanted[0] == row.chunk_id
        if row is None:
            break
        count += 1
        if aligned and wanted[1] != row.text_hash:
            others.append(f"the vector of chunk {row.chunk_id} is of another text")
        if row.vector.shape != (dimension,):
            problems.append(f"the vector of chunk {row.chunk_id} has shape {row.vector.shape}, not ({dimension},)")
        elif not abs(float(np.linalg.norm(row.vector)) - 1.0) <= NORM_TOLERANCE:  # false for NaN as well
            length = np.linalg.norm(row.vector)
            problems.append(f"the vector of chunk {row.chunk_id} has length {length:.4f}, not 1")
    problems += others if aligned else _unmatched_vectors(artifacts, author, category)
    return Verdict({"vectors": count, "dimension": dimension}, problems)


def _unmatched_vectors(artifacts: ArtifactStore, author: str, category: Category) -> list[str]:
    """What is wrong between chunks and vectors that do not lie side by side."""
    wanted = {chunk.id: sha256(chunk.embedded_text) for chunk in read_chunks(artifacts, author, category)}
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
