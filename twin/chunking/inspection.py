"""Looks at chunks: how much of the text they cover, how long they are, which occur twice, and some samples."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import numpy as np

from twin import layout
from twin.artifacts import ArtifactStore, Metadata
from twin.chunking.stage import SCHEMA, Measured, read_chunks
from twin.identity import data_version
from twin.inspection.columns import Column, meanings, table_columns
from twin.inspection.drift import compare
from twin.inspection.markdown import Passage, image, passages
from twin.inspection.preview import Row, table_rows
from twin.inspection.record import Inspection, Spread, Statistics, footer_of, keep, made_key, predecessor
from twin.models import Category, Chunk, State
from twin.pictures import tokens_histogram
from twin.verdict import Verdict
from twin.warehouse.base import Warehouse

_STAGE = layout.CHUNKS

SPACED = 3
"""Sample chunks shown in addition to the shortest and the longest, evenly spaced in the table."""

FACTS = {
    "coverage": "share of the cleaned characters that are in a chunk, white space not counted",
    "chunks_truncated": "chunks that are longer than the embedder reads",
    "duplicates": "chunks whose text an earlier chunk has",
    "duplicate_share": "the same as a share of all chunks",
    "tokens_per_chunk": "picture of the lengths",
    "sample_chunks": "some chunks in bold within their documents",
}
"""What `inspect_chunks` finds and shows, by name."""

DUPLICATES = 0.1
"""Share of repeated chunks above which a person is asked to look."""


class Seen:
    """Lengths and repeated texts of the chunks it has seen, in the order of the table.

    Eight bytes of a hash stand for a text: a million take 8 MB, and different texts collide in one of thirty million
    such tables.
    """

    def __init__(self) -> None:
        self.tokens, self._digests = array("I"), array("Q")

    def look(self, text: str, tokens: int) -> None:
        """Take one chunk into account."""
        self.tokens.append(tokens)
        self._digests.frombytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())

    @property
    def lengths(self) -> Counter[int]:
        """Number of tokens -> number of chunks."""
        return Counter(self.tokens)

    @property
    def duplicates(self) -> int:
        """Number of chunks whose text an earlier chunk has."""
        return len(self._digests) - len(np.unique(np.asarray(self._digests)))


def inspect_chunks(
    warehouse: Warehouse,
    artifacts: ArtifactStore,
    embedder: Measured,
    author: str,
    category: Category,
    *,
    cleaned: str | None = None,
) -> Inspection:
    """Look at the stored chunks and show them; if nothing changed since the last time, read the last result.

    `FACTS` says what is found and shown.

    Args:
        warehouse: read: cleaned documents.
        artifacts: read: chunks; written: `chunks/<author>/<category>.inspection.json`.
        embedder: only the window of its tokenizer is used.
        author: slug.
        category: of the chunks.
        cleaned: data version of the cleaned documents, if the caller has just read them.

    Raises:
        ConsistencyError: the chunks stage has not run.
        StoreError: a store cannot be used.
    """
    footer = footer_of(artifacts, _STAGE, author, category)
    name, version = layout.inspection(_STAGE, author, category), str(footer["data_version"])
    limit, target = embedder.sizer.limit, footer.get("target")
    if cleaned is None:
        cleaned = data_version(warehouse.hashes(State.CLEANED, author, category).items())

    def make() -> Inspection:
        seen = Seen()
        coverage = _coverage(warehouse, artifacts, author, category, seen)
        lengths, duplicates = seen.lengths, seen.duplicates
        total = lengths.total()
        shown = {}
        if total:
            picture = tokens_histogram(lengths, limit, target)
            alt = f"Histogram of the tokens of {total} chunks, from {min(lengths)} to {max(lengths)}."
            shown["tokens_per_chunk"] = image(picture, alt)
            shown["sample_chunks"] = passages(list(_samples(warehouse, artifacts, author, category, seen)))
        return Inspection(
            key=key,
            facts={
                "coverage": coverage,
                "chunks_truncated": sum(count for tokens, count in lengths.items() if tokens > limit),
                "duplicates": duplicates,
                "duplicate_share": duplicates / total if total else 0.0,
            },
            shown=shown,
            statistics=_statistics(footer, lengths),
            before=predecessor(artifacts, name, version),
        )

    key = made_key(version, cleaned, limit, target)
    return keep(artifacts, name, Inspection, key, make)


def chunk_columns() -> list[Column]:
    """The columns of the table of chunks."""
    hashes = {
        "document_hash": "hash of the cleaned document that it was cut from",
        "content_hash": "hash of the chunk",
    }
    return table_columns(SCHEMA, meanings(Chunk) | hashes)


def preview_chunks(artifacts: ArtifactStore, author: str, category: Category) -> list[Row]:
    """A few of the stored chunks, to look at.

    Raises:
        StoreError: the chunks cannot be read.
    """
    columns = ["context", "ordinal", "tokens", "text"]
    # The context may be a path, which cleaning does not change.
    return table_rows(artifacts, *layout.table(_STAGE, author, category), columns=columns, private=["context"])


def verify_lengths(artifacts: ArtifactStore, author: str, category: Category, seen: Seen | None = None) -> Verdict:
    """The lengths of the chunks are distributed as in the previous version, within what `drift` allows.

    Args:
        seen: the stored chunks, if the caller has just read them.
    """
    lengths = (seen or _seen(artifacts, author, category)).lengths
    now = _statistics(footer_of(artifacts, _STAGE, author, category), lengths)
    before = predecessor(artifacts, layout.inspection(_STAGE, author, category), now.version)
    return compare(now, before, {"tokens": "Tokens per chunk"}, maker="the way in which texts are cut")


def verify_duplicates(artifacts: ArtifactStore, author: str, category: Category, seen: Seen | None = None) -> Verdict:
    """Few chunks repeat the text of another. Arguments as in `verify_lengths`."""
    seen = seen or _seen(artifacts, author, category)
    total, duplicates = len(seen.tokens), seen.duplicates
    share = duplicates / total if total else 0.0
    problems = []
    if share > DUPLICATES:
        problems.append(
            f"{duplicates:,} of {total:,} chunks ({share:.0%}) repeat the text of another, where {DUPLICATES:.0%} are "
            "usual: look for a source that is declared twice, or a text that every document carries"
        )
    return Verdict({"chunks": total, "duplicates": duplicates, "duplicate_share": round(share, 4)}, problems)


def _columns(artifacts: ArtifactStore, author: str, category: Category, *names: str) -> Iterator[tuple[Any, ...]]:
    """Rows of some columns of the table, without making `Chunk` objects."""
    for batch in artifacts.read_table(*layout.table(_STAGE, author, category), columns=list(names)):
        yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)


def _seen(artifacts: ArtifactStore, author: str, category: Category) -> Seen:
    seen = Seen()
    for text, tokens in _columns(artifacts, author, category, "text", "tokens"):
        seen.look(text, tokens)
    return seen


def _statistics(footer: Metadata, lengths: Counter[int]) -> Statistics:
    spreads = {"tokens": Spread.of(lengths)}
    return Statistics(version=str(footer["data_version"]), made_with=str(footer["chunker"]), spreads=spreads)


def _coverage(warehouse: Warehouse, artifacts: ArtifactStore, author: str, category: Category, seen: Seen) -> float:
    """Share of the cleaned characters, white space not counted, that are in a chunk; 1 if there are no characters.

    Both are read side by side in the order of document ids, so only one document is in memory. `seen` looks at every
    chunk in the same pass.
    """

    def rows() -> Iterator[tuple[str, int, int]]:
        names = ("document_id", "start", "end", "text", "tokens")
        for document_id, start, end, text, tokens in _columns(artifacts, author, category, *names):
            seen.look(text, tokens)
            yield document_id, start, end

    stored = rows()
    spans = groupby(stored, key=itemgetter(0))
    group = next(spans, None)
    characters = covered = 0
    for document in warehouse.documents(State.CLEANED, author, category):
        characters += _visible(document.text)
        while group is not None and group[0] < document.id:
            group = next(spans, None)
        if group is None or group[0] != document.id:
            continue
        reached = 0
        for _, start, end in sorted(group[1]):
            covered += _visible(document.text[max(start, reached) : end])
            reached = max(reached, end)
        group = next(spans, None)
    for _ in stored:  # chunks after the last document
        pass
    return covered / characters if characters else 1.0


def _visible(text: str) -> int:
    return sum(map(len, text.split()))


def _samples(
    warehouse: Warehouse, artifacts: ArtifactStore, author: str, category: Category, seen: Seen
) -> Iterator[Passage]:
    """The shortest chunk, the longest, and some others, all from different places in the table."""
    lengths = seen.tokens
    reasons = {lengths.index(min(lengths)): "the shortest"}
    reasons.setdefault(lengths.index(max(lengths)), "the longest")
    for number in range(SPACED):
        position = (2 * number + 1) * len(lengths) // (2 * SPACED)
        reasons.setdefault(position, f"number {position + 1:,} of {len(lengths):,}")
    chunks = islice(read_chunks(artifacts, author, category), max(reasons) + 1)
    found = {position: chunk for position, chunk in enumerate(chunks) if position in reasons}
    for position, reason in reasons.items():
        document = warehouse.document(State.CLEANED, found[position].document_id)
        if document is not None:
            yield Passage(found[position], document, reason)
