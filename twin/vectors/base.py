"""What a vector store must do. One contract suite runs against every implementation:
`tests/twin/vectors/test_contract.py`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from twin.models import Category, Chunk, Model
from twin.terms.bm25 import BM25_VERSION, SparseVector

if TYPE_CHECKING:
    from twin.embedding.base import Embedder

Vector = NDArray[np.float32]


class Point(NamedTuple):
    """One embedded chunk: `point id = chunk.id`; `vector` has shape (dimension,), unit length, float32; `sparse` holds
    the term weights of its text before the inverse document frequency, which the engine multiplies in."""

    chunk: Chunk
    vector: Vector
    sparse: SparseVector


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""A time in UTC; a time without a zone counts as UTC."""


class Where(Model):
    """Which points a search looks at. An empty or None field is not a condition; all conditions must hold, each with
    any of its values."""

    author: str | None = None
    platforms: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    document_ids: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    published_from: Moment | None = None
    published_until: Moment | None = None  # exclusive


class Scored(NamedTuple):
    """A point that was found; `author` says which shard of an embedded store it is in."""

    id: str
    score: float
    author: str


class Found(NamedTuple):
    """What a search found: each list is ordered by score, best first, and equal scores by id.

    A score of `dense` is a cosine in [-1, 1]. One of `sparse` is the sum over the query's terms of query weight times
    point weight times the term's inverse document frequency: BM25, if the weights are BM25's.
    """

    dense: list[Scored]
    sparse: list[Scored]


class VectorStore(Protocol):
    """Points per category, with the author as tenant. Readers and writers never block each other.

    `model` says what the vectors were made with, see `points_model`; for a store it is only a name. Points of different
    models never mix; a changed model makes a new collection. Every method raises `StoreError` with one sentence if the
    store cannot be used.
    """

    @property
    def address(self) -> str:
        """Where this store is, for people; without credentials."""

    def hashes(self, category: Category, author: str, model: str) -> dict[str, str]:
        """Point id -> content hash of its chunk, for the author's points of this model; empty if there are none."""

    def apply(
        self,
        category: Category,
        author: str,
        model: str,
        *,
        dimension: int,
        upserts: Iterable[Point],
        deletes: Collection[str],
        afresh: bool = False,
    ) -> None:
        """Write and delete points, all or nothing for readers if the engine allows it; then the result is durable.
        Deleting an unknown id is not an error. With nothing to write or delete, nothing changes.

        Args:
            category: of the points.
            author: slug.
            model: what they were made with.
            dimension: numbers per vector.
            upserts: consumed once.
            deletes: ids.
            afresh: `upserts` are all points, and nothing that is stored is looked at, because of its `damage`.
        """

    def damage(self, category: Category, author: str) -> str:
        """One sentence if the stored bytes are not those that were written, or empty. Every byte is read, as far as
        the store's files are in this process's reach."""

    def count(self, category: Category, author: str) -> int:
        """Number of the author's points that a search sees."""

    def serves(self, category: Category, author: str, model: str) -> bool:
        """Whether a search sees the author's points of this model. After a change of model, a shared collection keeps
        answering with the old model until every author is loaded with the new one."""

    def authors(self, category: Category) -> list[str]:
        """Slugs of the authors with points that a search sees, sorted."""

    def search(
        self, category: Category, where: Where, *, vector: Vector | None, sparse: SparseVector | None, limit: int
    ) -> Found:
        """The nearest points of the category by each vector; the list of a vector that is None is empty.

        Inverse document frequencies are those of the author's points in this category. Without an author every
        author is searched, and frequencies are the collection's on a server and each author's own in an embedded store.

        Args:
            category: the category to search.
            where: the conditions.
            vector: shape (dimension,), made by the model that the points were made with.
            sparse: term weights of the query.
            limit: the most entries per list.
        """

    def pinned(self) -> AbstractContextManager[None]:
        """While the block runs, this thread's calls see the points as they were at its first call, if the engine keeps
        versions. A server does not: there, a point that was found may be gone when its chunk is read."""

    def chunks(self, category: Category, found: Sequence[Scored]) -> dict[str, Chunk]:
        """The chunks of points, by id; a point that was removed since it was found is left out."""

    def model(self, category: Category, author: str) -> str | None:
        """The model of the author's points that a search sees; None if there are none."""

    def points(
        self, category: Category, author: str, model: str, ids: Collection[str] | None = None
    ) -> Iterator[Point]:
        """Yield the author's stored points of this model, in the order of ids.

        Args:
            category: of the points.
            author: slug.
            model: what they were made with.
            ids: only these; unknown ones are left out.
        """

    def index(self, category: Category, author: str) -> dict[str, Any]:
        """How the author's points are searched, as names and JSON values for people; empty without points."""

    def remove_author(self, author: str) -> int:
        """Permanently delete the author's points of every category and model; return their number."""

    def close(self) -> None: ...


def points_model(embedder: "Embedder") -> str:
    """What the points of this embedder were made with: its fingerprint and the version of the sparse encoder."""
    return f"{embedder.fingerprint}+bm25-{BM25_VERSION}"
