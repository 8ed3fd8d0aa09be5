"""What must be true of what is stored. Each function reads a stage's *stored* result, not what the stage returned, and
lists what is wrong with it; the asset graph blocks on the answer.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise, zip_longest
from typing import Any, NamedTuple

import numpy as np

from twin.artifacts import ArtifactStore
from twin.chunking import chunks_overlap, read_chunks
from twin.cleaning import (
    ALONE,
    COMPARED,
    chrome_left,
    places,
    platform_of,
    private_left,
    secrets_in_address,
    why_dropped,
)
from twin.dataset.build import read_samples
from twin.dataset.splits import check_disjoint
from twin.embedding import Embedder, read_embeddings
from twin.identity import sha256
from twin.models import Category, Chunk, Document, State
from twin.vectors.base import VectorStore, points_model
from twin.vectors.bm25 import encode_chunk
from twin.warehouse.base import Warehouse

NORM_TOLERANCE = 1e-3
"""Of a unit vector in float32; ten times what a mean over 256 tokens can lose."""

COMPARED_POINTS = 1000
"""Of a collection, whose vectors are compared with the chunks' on every run; that takes a fraction of a second."""

VECTOR_TOLERANCE = 1e-4
"""Of the cosine between a vector and what an engine stored of it."""


class Verdict(NamedTuple):
    """What was counted, and one sentence for each thing that is wrong; no problems means sound."""

    facts: dict[str, Any]
    problems: list[str]


def verify_documents(warehouse: Warehouse, state: State, author: str, category: Category) -> Verdict:
    """Documents have text and are filed where they belong; cleaned ones have a live raw document."""
    problems, count, characters = [], 0, 0
    raw = warehouse.hashes(State.RAW, author, category) if state is State.CLEANED else None
    for document in warehouse.documents(state, author, category):
        count += 1
        characters += len(document.text)
        if not document.text.strip():
            problems.append(f"{_name(document)} has no text")
        if (document.author, document.category) != (author, category):
            problems.append(f"{_name(document)} belongs to {document.author}/{document.category}")
        if raw is not None and document.id not in raw:
            problems.append(f"{_name(document)} has no raw document behind it")
    stored = warehouse.hashes(state, author, category)
    if len(stored) != count:
        problems.append(f"{len(stored)} ids are stored for {count} documents")
    return Verdict({"documents": count, "characters": characters}, problems)


def verify_cleaned(warehouse: Warehouse, author: str, category: Category) -> Verdict:
    """Every raw document has a cleaned one that was made of what it says now, or a reason to have none."""
    raw = warehouse.hashes(State.RAW, author, category)
    made_of = {
        document.id: document.metadata.get("raw_hash")
        for document in warehouse.documents(State.CLEANED, author, category)
        if document.id in raw  # one without is a problem of its own, see `verify_documents`
    }
    found = places(warehouse, author) if category in COMPARED and raw.keys() - made_of.keys() else {}
    person = warehouse.author(author)
    problems, dropped = [], Counter[str]()
    for identifier, content in raw.items():
        if made_of.get(identifier) == content:
            continue
        document = warehouse.document(State.RAW, identifier)
        if document is None:
            continue  # removed in between
        if identifier in made_of:
            problems.append(f"{_name(document)} changed after it was cleaned")
        elif reason := why_dropped(document, found.get(identifier, ALONE), person):
            dropped[reason] += 1
        else:
            problems.append(f"{_name(document)} has no cleaned document and no reason to have none")
    facts = {"raw": len(raw), "cleaned": len(made_of), "dropped": dict(sorted(dropped.items()))}
    return Verdict(facts, problems)


def verify_private(warehouse: Warehouse, author: str, category: Category) -> Verdict:
    """Redaction finds nothing in what is stored as cleaned. What it finds is counted and never said."""
    person = warehouse.author(author)
    problems, count = [], 0
    for document in warehouse.documents(State.CLEANED, author, category):
        count += 1
        if left := private_left(document, person):
            kinds = ", ".join(f"{number} {name}" for name, number in sorted(left.items()))
            problems.append(f"{_name(document)} holds what must not be passed on: {kinds}")
    return Verdict({"documents": count, "documents_private": len(problems)}, problems)


def verify_chrome(warehouse: Warehouse, author: str, category: Category) -> Verdict:
    """No cleaned post or article holds what only a platform writes."""
    problems, count = [], 0
    for document in warehouse.documents(State.CLEANED, author, category):
        count += 1
        if left := chrome_left(document.text, platform_of(document)):
            problems.append(f"{_name(document)} holds page chrome in {len(left)} places: “{left[0][:80]}”")
    return Verdict({"documents": count, "documents_with_chrome": len(problems)}, problems)


def verify_crawl(warehouse: Warehouse, author: str, category: Category) -> Verdict:
    """The newest attempt at every live link succeeded, or was skipped for a reason that is not a failure."""
    live = {link.url for link in warehouse.links(author) if category in link.categories}
    crawls = {url: crawl for url, crawl in warehouse.last_crawls(author, category).items() if url in live}
    problems = [crawl.message or f"{url} failed" for url, crawl in sorted(crawls.items()) if crawl.status == "failed"]
    needs = [crawl.message or url for url, crawl in sorted(crawls.items()) if crawl.status == "skipped"]
    return Verdict({"links": len(live), "links_failed": len(problems), "links_skipped": len(needs)}, problems + needs)


def verify_chunks(
    warehouse: Warehouse, artifacts: ArtifactStore, embedder: Embedder, author: str, category: Category
) -> Verdict:
    """Chunks have unique ids, are the text at their offsets, fit the window, and cover every document once, but for the
    overlap of the profile that they were cut by.

    Tokens are counted here again, with the embedder's own tokenizer: what the chunks say of themselves proves nothing.
    """
    limit = embedder.sizer.limit  # special tokens of the window are taken off
    overlap = chunks_overlap(artifacts, author, category)
    problems: list[str] = []
    ids: Counter[str] = Counter()
    covered: dict[str, list[tuple[int, int]]] = {}
    texts: dict[str, list[str]] = {}
    longest = 0
    for chunk, tokens in _counted(read_chunks(artifacts, author, category), embedder):
        ids[chunk.id] += 1
        longest = max(longest, tokens)
        covered.setdefault(chunk.document_id, []).append((chunk.start, chunk.end))
        texts.setdefault(chunk.document_id, []).append(chunk.text)
        if tokens > limit:
            problems.append(f"chunk {chunk.id} has {tokens} tokens, and the embedder reads {limit}")
        if tokens != chunk.tokens:
            problems.append(f"chunk {chunk.id} says it has {chunk.tokens} tokens and has {tokens}")
    problems += [f"chunk id {identifier} occurs {count} times" for identifier, count in ids.items() if count > 1]
    for document in warehouse.documents(State.CLEANED, author, category):
        spans, pieces = covered.pop(document.id, []), texts.pop(document.id, [])
        if any(document.text[start:end] != text for (start, end), text in zip(spans, pieces, strict=True)):
            problems.append(f"{_name(document)} has a chunk that is not the text at its offsets")
        if missing := _uncovered(document.text, spans):
            problems.append(f"{_name(document)} has {missing} characters in no chunk")
        pairs = list(pairwise(sorted(spans)))
        shared = [document.text[right[0] : left[1]] for left, right in pairs if right[0] < left[1]]
        most = max(embedder.sizer.counts(shared), default=0)
        if (shared and (not overlap or most > overlap)) or any(right[1] <= left[1] for left, right in pairs):
            problems.append(f"{_name(document)} has chunks that overlap by {most} tokens, and {overlap} may be")
    problems += [f"document {identifier} has chunks but is not a cleaned document" for identifier in covered]
    return Verdict({"chunks": ids.total(), "tokens_longest": longest, "tokens_allowed": limit}, problems)


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


def verify_collection(
    artifacts: ArtifactStore, vectors: VectorStore, embedder: Embedder, author: str, category: Category
) -> Verdict:
    """The points in the vector store are exactly the chunks, with the vectors of both kinds that these have; what a
    search sees is of this model, unless it waits for other authors.

    Ids and contents are compared for all points, vectors for `COMPARED_POINTS` of them, evenly spread over the ids.
    """
    wanted = {chunk.id: chunk.content_hash for chunk in read_chunks(artifacts, author, category)}
    model = points_model(embedder)
    stored = vectors.hashes(category, author, model)
    seen = vectors.count(category, author)
    seen_model = vectors.model(category, author)
    serves = vectors.serves(category, author, model)
    problems = []
    if lacking := wanted.keys() - stored.keys():
        problems.append(f"{len(lacking)} chunks have no point")
    if stale := stored.keys() - wanted.keys():
        problems.append(f"{len(stale)} points are stale")
    if changed := [
        identifier for identifier in wanted.keys() & stored.keys() if wanted[identifier] != stored[identifier]
    ]:
        problems.append(f"{len(changed)} points hold an older text")
    if serves and seen != len(stored):
        problems.append(f"a search sees {seen} points where {len(stored)} are stored")
    if serves and seen_model not in (None, model):
        problems.append(f"a search sees points of {seen_model}, not of {model}")
    if not serves and not [other for other in vectors.authors(category) if other != author]:
        problems.append(f"a search still sees points of {seen_model}, though no other author is waited for")
    same = sorted(wanted.keys() & stored.keys() - set(changed))
    compared = set(same[:: -(-len(same) // COMPARED_POINTS)]) if same else set()
    problems += _wrong_vectors(artifacts, vectors, model, author, category, compared)
    facts = {"points": len(stored), "searchable": seen, "chunks": len(wanted), "waits_for_other_authors": not serves}
    return Verdict({**facts, "vectors_compared": len(compared), "collection": vectors.address}, problems)


def _wrong_vectors(  # noqa: PLR0917 - one store each
    artifacts: ArtifactStore, vectors: VectorStore, model: str, author: str, category: Category, ids: set[str]
) -> Iterator[str]:
    """Yield what is wrong with the vectors of these points."""
    if not ids:
        return
    rows = read_embeddings(artifacts, author, category)
    right = {row.chunk_id: row.vector for row in rows if row.chunk_id in ids}
    there, dense, sparse = 0, 0, 0
    for point in vectors.points(category, author, model, ids):
        there += 1
        vector, terms = right.get(point.chunk.id), encode_chunk(point.chunk)
        dense += (
            vector is None
            or vector.shape != point.vector.shape
            or not bool(np.dot(vector, point.vector) > 1 - VECTOR_TOLERANCE)
        )
        sparse += not (
            np.array_equal(terms.indices, point.sparse.indices) and np.allclose(terms.values, point.sparse.values)
        )
    if there != len(ids):
        yield f"{len(ids) - there} of {len(ids)} points have vanished"
    if dense:
        yield f"{dense} of {len(ids)} points have a vector that is not their chunk's"
    if sparse:
        yield f"{sparse} of {len(ids)} points have terms that are not their chunk's"


def verify_dataset(warehouse: Warehouse, artifacts: ArtifactStore, author: str) -> Verdict:
    """Outputs are the author's words at their offsets, nothing occurs twice, and the splits share nothing."""
    samples = list(read_samples(artifacts, author))
    by_document: dict[str, list[int]] = {}
    for position, sample in enumerate(samples):
        by_document.setdefault(sample.document_id, []).append(position)
    problems = check_disjoint(samples)
    for category in Category:
        for document in warehouse.documents(State.CLEANED, author, category):
            for position in by_document.pop(document.id, []):
                sample = samples[position]
                if document.text[slice(*sample.span)] != sample.output:
                    problems.append(f"sample {sample.id} is not the text of {_name(document)} at its offsets")
    problems += [f"document {identifier} has samples but is not a cleaned document" for identifier in by_document]
    for field in ("id", "instruction"):
        repeated = sum(count - 1 for count in Counter(getattr(sample, field) for sample in samples).values())
        if repeated:
            problems.append(f"{repeated} samples repeat the {field} of another")
    splits = Counter(sample.split for sample in samples)
    return Verdict(
        {"samples": len(samples), **{f"samples_{split}": count for split, count in splits.items()}}, problems
    )


def _counted(chunks: Iterator[Chunk], embedder: Embedder) -> Iterator[tuple[Chunk, int]]:
    """Each chunk with the tokens of its embedded text, counted a batch at a time."""
    while batch := list(islice(chunks, 256)):
        yield from zip(batch, embedder.sizer.counts([chunk.embedded_text for chunk in batch]), strict=True)


def _uncovered(text: str, spans: list[tuple[int, int]]) -> int:
    """Number of non-space characters of `text` that no span covers."""
    missing, position = 0, 0
    for start, end in sorted(spans):
        missing += sum(not character.isspace() for character in text[position : max(start, position)])
        position = max(position, end)
    return missing + sum(not character.isspace() for character in text[position:])


def _name(document: Document) -> str:
    if secrets_in_address(document):
        return f"document {document.id}"
    return f"{document.link} {document.path}" if document.path else document.link
