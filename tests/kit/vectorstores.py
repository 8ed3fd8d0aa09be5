"""Points and stores for the tests of vector stores."""

import subprocess
import sys
import textwrap
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.kit.makers import made_chunk, unit
from twin.models import Category
from twin.terms.bm25 import SparseVector
from twin.vectors import VectorStore
from twin.vectors.base import Found, Point, Scored, Vector, Where

QUIET = pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect",  # says the in-memory engine, of the indexes that a server uses
    "ignore:Api key is used with an insecure connection",
    "ignore:Local mode performs exact",
)

DIMENSION = 8
MODEL = f"tiny@abc/{DIMENSION}"
OTHER = f"other@def/{DIMENSION}"
ARTICLES, POSTS = Category.ARTICLES, Category.POSTS


def point(number: int, author: str = "ada", category: Category = ARTICLES, text: str = "") -> Point:
    """Points with different numbers differ; the nearest to `vector(n)` and to `terms(1000 + n)` is the point n."""
    chunk = made_chunk(
        text or f"text {number} 🤖",
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{author}{category}{number}")),
        document_id=str(uuid.uuid5(uuid.NAMESPACE_URL, author)),
        author=author,
        category=category,
        ordinal=number,
        start=number,
        end=number + 1,
        link="https://example.org/a",
    )
    return Point(chunk, vector(number), terms(1 + number % 7, 1000 + number))


def published(number: int, year: int, platform: str = "web", language: str | None = "en", **fields: str) -> Point:
    """A point with every field that a search can filter by."""
    made = point(number)
    known = {
        "published_at": datetime(year, 1, 1, tzinfo=UTC),
        "platform": platform,
        "language": language,
        "document_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"document {year}")),
        "link": f"https://example.org/{year}",
    }
    return made._replace(chunk=made.chunk.model_copy(update={**known, **fields}))


def vector(number: int) -> Vector:
    """A unit vector."""
    return unit(np.random.default_rng(number).normal(size=DIMENSION))


def terms(*indices: int, weight: float = 1.0) -> SparseVector:
    """A sparse vector with the same weight for all its terms."""
    return SparseVector(np.array(sorted(indices), dtype=np.uint32), np.full(len(indices), weight, dtype=np.float32))


def expected(*points: Point) -> dict[str, str]:
    """What `VectorStore.hashes` returns for a store with these points."""
    return {item.chunk.id: item.chunk.content_hash for item in points}


def put(store: VectorStore, *points: Point, model: str = MODEL, deletes: tuple[str, ...] = ()) -> None:
    """Apply points of one author and category."""
    chunk = points[0].chunk if points else point(0).chunk
    store.apply(chunk.category, chunk.author, model, dimension=DIMENSION, upserts=iter(points), deletes=deletes)


def near(
    store: VectorStore, number: int, *, limit: int = 9, author: str | None = "ada", category: Category = ARTICLES
) -> list[Scored]:
    """The points nearest to `vector(number)`."""
    return store.search(category, Where(author=author), vector=vector(number), sparse=None, limit=limit).dense


def with_terms(store: VectorStore, *indices: int, author: str | None = "ada", limit: int = 9) -> list[Scored]:
    """The points that have these terms."""
    return store.search(ARTICLES, Where(author=author), vector=None, sparse=terms(*indices), limit=limit).sparse


def texts(store: VectorStore, found: list[Scored], category: Category = ARTICLES) -> list[str]:
    """The texts of the points that were found."""
    chunks = store.chunks(category, found)
    return [chunks[each.id].text for each in found]


def both(store: VectorStore, where: Where, limit: int = 99) -> Found:
    """A search by meaning and by terms that every point matches."""
    return store.search(ARTICLES, where, vector=vector(1), sparse=terms(*range(1, 8)), limit=limit)


def run(script: str, *args: object) -> "subprocess.Popen[str]":
    """Start a Python process that can use the helpers of this module and both stores."""
    header = """
import sys, time
from pathlib import Path
from qdrant_client import QdrantClient
from tests.kit.vectorstores import *
from twin.vectors.edge.store import EdgeVectorStore
from twin.vectors.qdrant.store import QdrantVectorStore
"""
    command = [sys.executable, "-c", header + textwrap.dedent(script), *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
