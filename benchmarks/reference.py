"""The feature pipeline of the LLM Engineer's Handbook for articles, written again from its description.

Symbols become spaces, white space collapses, and the fields of an article are joined. Sentences are packed into pieces
of 1,000 to 2,000 characters, and shorter pieces are dropped. sentence-transformers embeds ten pieces of one article at
a time. Points are upserted in batches of four, the cleaned articles into a collection without vectors. The vector store
here is qdrant-client's local mode in memory, so it needs neither a network nor a disk.
"""

import re
import uuid
import warnings
from collections.abc import Iterator, Sequence
from hashlib import md5
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from sentence_transformers import SentenceTransformer

SHORTEST, LONGEST = 1000, 2000
EMBEDDED_TOGETHER = 10
UPSERTED_TOGETHER = 4

_SYMBOL = re.compile(r"[^\w\s.,!?]")
_SPACE = re.compile(r"\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")


def clean(row: dict[str, Any]) -> str:
    """The cleaned text of one row of the export."""
    text = " #### ".join(str(value) for value in row["content"].values() if value)
    return _SPACE.sub(" ", _SYMBOL.sub(" ", text)).strip()


def chunk(text: str) -> list[str]:
    """Sentences in pieces of `SHORTEST` to `LONGEST` characters; shorter ones are dropped, like in the reference."""
    pieces: list[str] = []
    piece = ""
    for sentence in filter(None, map(str.strip, _SENTENCE_END.split(text))):
        if len(piece) + len(sentence) <= LONGEST:
            piece += sentence + " "
            continue
        if len(piece) >= SHORTEST:
            pieces.append(piece.strip())
        piece = sentence + " "
    return [*pieces, piece.strip()] if len(piece) >= SHORTEST else pieces


def line(rows: Sequence[dict[str, Any]], model: "SentenceTransformer") -> tuple[list[str], list[list[str]]]:
    """Clean, chunk, embed and load all rows; return the cleaned texts and the chunks of each."""
    from qdrant_client import QdrantClient
    from qdrant_client.models import Distance, PointStruct, VectorParams

    client = QdrantClient(":memory:")
    client.create_collection("cleaned_articles", vectors_config={})
    client.create_collection("embedded_articles", VectorParams(size=384, distance=Distance.COSINE))
    cleaned = [clean(row) for row in rows]
    points = (
        PointStruct(id=row["_id"], vector={}, payload=_payload(row, text))
        for row, text in zip(rows, cleaned, strict=True)
    )
    _upsert(client, "cleaned_articles", points)
    chunks = [chunk(text) for text in cleaned]
    embedded: list[PointStruct] = []
    for row, pieces in zip(rows, chunks, strict=True):
        for first in range(0, len(pieces), EMBEDDED_TOGETHER):
            batch = pieces[first : first + EMBEDDED_TOGETHER]
            for text, vector in zip(batch, model.encode(batch, show_progress_bar=False).tolist(), strict=True):
                identifier = str(uuid.UUID(md5(text.encode(), usedforsecurity=False).hexdigest()))
                embedded.append(PointStruct(id=identifier, vector=vector, payload=_payload(row, text)))
    _upsert(client, "embedded_articles", iter(embedded))
    client.close()
    return cleaned, chunks


def _payload(row: dict[str, Any], text: str) -> dict[str, Any]:
    names = ("platform", "link", "author_id", "author_full_name")
    return {"content": text, "document_id": row["_id"], **{name: row[name] for name in names}}


def _upsert(client: "QdrantClient", collection: str, points: Iterator[Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while batch := list(islice(points, UPSERTED_TOGETHER)):
            client.upsert(collection, batch)
