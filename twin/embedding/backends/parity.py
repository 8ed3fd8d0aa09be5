"""Does another backend agree with the original? Measured by cosine and by search results.

A wrong conversion (pooling, precision, saturated integers) still gives unit vectors, and every later stage would accept
them. So a backend is used only if its vectors of probes agree with the original's. The probes are texts of the user and
a packaged set with several languages, code and unusual lengths.

Retrieval is measured as known-item search: a sentence of a text is the query, the text is the answer, nDCG@10 over
all probes; with `QUERIES` queries, chance is small compared with `NDCG_LOSS`.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from twin.embedding.base import Vectors
from twin.identity import sha256

COSINE_MEAN = 0.99
COSINE_LOW = 0.97
"""One probe in a hundred may be less similar than this: a single word, an emoji."""
COSINE_MIN = 0.9
NDCG_LOSS = 0.003
QUERIES = 3000

_PER_TEXT = 12
"""The most sentences of one text that become queries."""

_WORDS = range(4, 61)
"""Words that a sentence must have to become a query."""

_DEPTH = 10


class Parity(NamedTuple):
    """How close a candidate is to its reference; `refused` says in one sentence why it is not used."""

    texts: int
    queries: int
    cosine_mean: float  # over texts and queries
    cosine_low: float  # one in a hundred is below it
    cosine_min: float
    ndcg_reference: float
    ndcg_candidate: float
    refused: str | None


def distinct(texts: Sequence[str], count: int, skip: int = 0) -> list[str]:
    """`count` different texts, whatever their order: those with the smallest hashes, after `skip`."""
    return sorted(set(texts), key=sha256)[skip : skip + count]


def known_items(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Queries and the number of the text that each was taken from; at most `QUERIES`."""
    queries, answers = [], []
    for number, text in enumerate(texts):
        sentences = [" ".join(part.split()) for part in re.split(r"(?<=[.!?。！？])\s+|\n+", text)]
        sentences = [part for part in sentences if len(part.split()) in _WORDS] or [" ".join(text.split()[:12])]
        step = max(1, -(-len(sentences) // _PER_TEXT))
        for sentence in sentences[::step]:
            queries.append(sentence)
            answers.append(number)
    keep = max(1, -(-len(queries) // QUERIES))
    return queries[::keep], answers[::keep]


def compare(reference: tuple[Vectors, Vectors], candidate: tuple[Vectors, Vectors], answers: Sequence[int]) -> Parity:
    """Compare vectors of the same texts and queries.

    Args:
        reference: vectors of texts, shape (n, dimension), and of queries, shape (m, dimension), by the original.
        candidate: the same by the backend to judge.
        answers: for each of the m queries, the number of the text that it must find.
    """
    if [part.shape for part in candidate] != [part.shape for part in reference]:
        shapes = f"{candidate[0].shape} instead of {reference[0].shape}"
        return Parity(len(reference[0]), len(answers), 0.0, 0.0, 0.0, 0.0, 0.0, f"its vectors have the shape {shapes}")
    pairs = zip(reference, candidate, strict=True)
    cosines = np.nan_to_num(np.concatenate([np.sum(left * right, axis=1) for left, right in pairs]), nan=-1.0)
    mean, low, lowest = float(cosines.mean()), float(np.percentile(cosines, 1)), float(cosines.min())
    before, after = ndcg(*reference, answers), ndcg(*candidate, answers)
    refused = None
    if mean < COSINE_MEAN or low < COSINE_LOW or lowest < COSINE_MIN:
        refused = f"the cosine to the original is {mean:.4f} on average and {lowest:.4f} at worst"
    elif after < before - NDCG_LOSS:
        refused = f"a search by it finds less: nDCG@{_DEPTH} {after:.4f} instead of {before:.4f}"
    return Parity(len(reference[0]), len(answers), mean, low, lowest, before, after, refused)


def ndcg(texts: Vectors, queries: Vectors, answers: Sequence[int]) -> float:
    """Mean nDCG@10 of a search with one right answer each; among equal scores, the answer comes last.

    Järvelin and Kekäläinen 2002, with one relevant document: 1 / log2(1 + rank) if it is among the first ten.
    """
    scores = queries @ texts.T
    right = scores[np.arange(len(answers)), answers]
    ranks = np.sum(scores >= right[:, None], axis=1)
    found = (ranks >= 1) & (ranks <= _DEPTH)  # NaN has no rank
    return float(np.mean(found / np.log2(1 + np.maximum(ranks, 1))))
