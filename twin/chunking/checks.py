"""What must be true of stored chunks.

Each function reads what is *stored*, not what the stage returned, and lists what is wrong with it; the asset graph
blocks on the result.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise

from twin import layout
from twin.artifacts import ArtifactStore
from twin.chunking.inspection import Seen, verify_duplicates, verify_lengths
from twin.chunking.stage import Measured, Row, chunks_overlap, read_rows
from twin.models import Category, State
from twin.verdict import Verdict, name_of
from twin.warehouse.base import Warehouse
from twin.warehouse.marks import Marks, kept_verdicts


def check_chunks(
    warehouse: Warehouse, artifacts: ArtifactStore, embedder: Measured, author: str, category: Category
) -> dict[str, Verdict]:
    """Every check of an author's stored chunks: name -> verdict.

    Chunks and documents are read once; if neither changed since the last time, only the bytes of the table are.
    """
    table = artifacts.digest(*layout.table(layout.CHUNKS, author, category))
    depends = {"table": table, "window": embedder.sizer.limit, "tokenizer": embedder.sizer.id}
    marks = Marks(warehouse, author, f"checks of chunks of {category}", [(State.CLEANED, category)], depends)
    return kept_verdicts(marks, lambda: _check_chunks(warehouse, artifacts, embedder, author, category))


def _check_chunks(
    warehouse: Warehouse, artifacts: ArtifactStore, embedder: Measured, author: str, category: Category
) -> dict[str, Verdict]:
    seen = Seen()
    return {
        "chunks_cover_documents": verify_chunks(warehouse, artifacts, embedder, author, category, seen=seen),
        "chunks_are_distinct": verify_duplicates(artifacts, author, category, seen),
        "lengths_have_not_drifted": verify_lengths(artifacts, author, category, seen),
    }


def verify_chunks(
    warehouse: Warehouse,
    artifacts: ArtifactStore,
    embedder: Measured,
    author: str,
    category: Category,
    *,
    seen: Seen | None = None,
) -> Verdict:
    """Chunks have unique ids, match the text at their offsets, fit the window, and cover every document exactly once,
    except for the overlap of their profile.

    Tokens are counted again with the embedder's own tokenizer, and content hashes are computed again: what the table
    says about the chunks proves nothing.

    Args:
        warehouse: read: cleaned documents.
        artifacts: read: chunks.
        embedder: only its tokenizer is used.
        author: slug.
        category: of the chunks.
        seen: receives every chunk, so the checks of lengths and texts need no separate pass.
    """
    seen = seen or Seen()
    limit = embedder.sizer.limit  # special tokens are subtracted from the window
    overlap = chunks_overlap(artifacts, author, category)
    problems: list[str] = []
    ids: Counter[str] = Counter()
    covered: dict[str, list[tuple[int, int]]] = {}
    texts: dict[str, list[str]] = {}
    longest = 0
    for (_, content, chunk), tokens in _counted(read_rows(artifacts, author, category), embedder):
        seen.look(chunk.text, chunk.tokens)
        ids[chunk.id] += 1
        longest = max(longest, tokens)
        covered.setdefault(chunk.document_id, []).append((chunk.start, chunk.end))
        texts.setdefault(chunk.document_id, []).append(chunk.text)
        if tokens > limit:
            problems.append(f"chunk {chunk.id} has {tokens} tokens, and the embedder reads {limit}")
        if tokens != chunk.tokens:
            problems.append(f"chunk {chunk.id} says it has {chunk.tokens} tokens and has {tokens}")
        if content not in (None, chunk.content_hash):
            path = artifacts.path(*layout.table(layout.CHUNKS, author, category))
            problems.append(
                f"chunk {chunk.id} has another content hash than the table says: remove {path} and run the chunks "
                "stage again"
            )
    problems += [f"chunk id {identifier} occurs {count} times" for identifier, count in ids.items() if count > 1]
    for document in warehouse.documents(State.CLEANED, author, category):
        spans, pieces = covered.pop(document.id, []), texts.pop(document.id, [])
        if any(document.text[start:end] != text for (start, end), text in zip(spans, pieces, strict=True)):
            problems.append(f"{name_of(document)} has a chunk that is not the text at its offsets")
        if missing := _uncovered(document.text, spans):
            problems.append(f"{name_of(document)} has {missing} characters in no chunk")
        pairs = list(pairwise(sorted(spans)))
        shared = [document.text[right[0] : left[1]] for left, right in pairs if right[0] < left[1]]
        most = max(embedder.sizer.counts(shared), default=0)
        if (shared and (not overlap or most > overlap)) or any(right[1] <= left[1] for left, right in pairs):
            problems.append(f"{name_of(document)} has chunks that overlap by {most} tokens, and {overlap} may be")
    problems += [f"document {identifier} has chunks but is not a cleaned document" for identifier in covered]
    return Verdict({"chunks": ids.total(), "tokens_longest": longest, "tokens_allowed": limit}, problems)


def _counted(rows: Iterator[Row], embedder: Measured) -> Iterator[tuple[Row, int]]:
    """Each row with the number of tokens in its chunk's embedded text, counted batch by batch."""
    while batch := list(islice(rows, 256)):
        yield from zip(batch, embedder.sizer.counts([row.chunk.embedded_text for row in batch]), strict=True)


def _uncovered(text: str, spans: list[tuple[int, int]]) -> int:
    """Number of non-space characters in `text` that no span covers."""
    missing, position = 0, 0
    for start, end in sorted(spans):
        missing += sum(not character.isspace() for character in text[position : max(start, position)])
        position = max(position, end)
    return missing + sum(not character.isspace() for character in text[position:])
