"""BM25 as sparse vectors (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009).

A chunk's vector contains the saturated term frequencies, a query's vector the terms. The engine multiplies by the
inverse document frequencies of its own collection (Qdrant's IDF modifier). So a vector depends only on its chunk: it
can be made, stored and compared without the others, and adding a document changes no other point. For the same reason
the average length is a constant of the category and not the mean of a collection: with the mean, every new document
would change every point. At b = .5 a constant that is wrong by half costs little; the chunker aims at one length.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models import Category, Chunk
from twin.terms.analysis import analyzer, query_analyzers, words

BM25_VERSION = "2"
"""Part of the name of the model that points are stored under: increase it if the same chunk gives another vector."""

K1 = 1.2
B = 0.5
"""The mild ends of the ranges that Robertson and Zaragoza recommend (1.2 < k1 < 2, .5 < b < .8). Chunks are short, so a
repeated word says little; and they have similar lengths, so a long one is not wordy."""

AVERAGE_TERMS = {category: category.traits.average_terms for category in Category}
"""Terms of a typical chunk, without stop words and with the parts of identifiers."""


class SparseVector(NamedTuple):
    """Weights of terms: `indices` ascending and unique, `values` in the same order, both of shape (terms,)."""

    indices: NDArray[np.uint32]
    values: NDArray[np.float32]


def encode_chunk(chunk: Chunk) -> SparseVector:
    """The sparse vector of a chunk's embedded text: ids of its terms, ascending, and their saturated frequencies."""
    (encoded,) = encode_chunks([chunk])
    return encoded


def encode_chunks(chunks: Sequence[Chunk]) -> list[SparseVector]:
    """`encode_chunk` for many chunks, several times faster.

    The vectors are views of two shared arrays: copy the ones that you keep for long.
    """
    groups: dict[tuple[str | None, Category], list[int]] = {}
    for number, chunk in enumerate(chunks):
        groups.setdefault((chunk.language, chunk.category), []).append(number)
    encoded: list[SparseVector] = [_EMPTY] * len(chunks)
    for (language, category), numbers in groups.items():
        texts = [chunks[number].embedded_text for number in numbers]
        for number, vector in zip(numbers, encode_texts(texts, language, category), strict=True):
            encoded[number] = vector
    return encoded


def encode_texts(texts: Sequence[str], language: str | None, category: Category) -> list[SparseVector]:
    """The sparse vectors of texts of one language and category, as documents."""
    vocabulary = analyzer(language, code=category.traits.is_files).vocabulary()
    found = [words(text) for text in texts]
    sizes = np.array(list(map(len, found)), dtype=np.int64)
    numbers = np.fromiter(map(vocabulary.__getitem__, chain.from_iterable(found)), np.int64, int(sizes.sum()))
    rows = np.repeat(np.arange(len(found)), sizes)  # for each word
    starts = vocabulary.starts[numbers]
    spans = vocabulary.starts[numbers + 1] - starts
    words_of = np.repeat(np.arange(len(numbers)), spans)  # for each term
    places = np.arange(len(words_of)) + (starts - np.cumsum(spans) + spans)[words_of]
    terms, rows = vocabulary.ids[places].astype(np.int64), rows[words_of]
    lengths = np.bincount(rows, minlength=len(found))
    keys = np.sort(rows << 32 | terms)
    changes = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: keys.size])
    counts = np.diff(np.append(changes, keys.size)).astype(np.float32)
    distinct = keys[changes]
    owners = distinct >> 32
    norms = (K1 * (1 - B + B * lengths / AVERAGE_TERMS[category])).astype(np.float32)
    values = counts * np.float32(K1 + 1) / (counts + norms[owners])
    indices = (distinct & 0xFFFFFFFF).astype(np.uint32)
    ends = np.searchsorted(owners, np.arange(len(found) + 1)).tolist()
    return [SparseVector(indices[a:b], values[a:b]) for a, b in pairwise(ends)]


def encode_query(text: str, languages: Iterable[str] = (), category: Category | None = None) -> SparseVector:
    """The sparse vector of a query: weight 1 for each distinct term.

    Args:
        text: the query.
        languages: ISO 639-1 codes of the languages that the texts may be in; a word is looked for under its stem in
            each of them, and under its stem for texts of unknown language.
        category: the category to search; source code is analysed differently from prose, which None means.
    """
    found = words(text)
    readers = query_analyzers(languages, code=category is not None and category.traits.is_files)
    known = [reader.vocabulary() for reader in readers]
    ids = {term for vocabulary in known for word in found for term in vocabulary.of(word)}
    indices = np.array(sorted(ids), dtype=np.uint32)
    return SparseVector(indices, np.ones(len(indices), dtype=np.float32))


_EMPTY = SparseVector(np.empty(0, dtype=np.uint32), np.empty(0, dtype=np.float32))
