"""Points in Qdrant Edge: Qdrant's own engine inside this process, one shard per category and author, no server.

The engine lets one process at a time open a shard *that has a write-ahead log*. Ours have none: a writer fills a
version that nobody reads, flushes it and switches the pointer (see `versions`), so that a log would protect nothing
that the switch does not. Without it any number of processes open the same version in place, which costs milliseconds
and no disk; opening rewrites two small JSON files, each by renaming an equal one onto it, and touches no data.
"""

import contextlib
import logging
import os
import shutil
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.errors import StoreError
from twin.identity import check_slug
from twin.models import Category, Chunk
from twin.vectors.base import Found, Point, Scored, SparseVector, Vector, Where
from twin.vectors.payload import (
    DENSE,
    HASHED_PACKED,
    KEYWORDS,
    MOMENT,
    SPARSE,
    batches,
    best,
    chunk_of,
    hash_of,
    packed,
    settled,
)
from twin.vectors.versions import Manifest, VersionedFolder, copy_sparse

if TYPE_CHECKING:
    from qdrant_edge import EdgeShard, Filter, Query
    from qdrant_edge import Point as EdgePoint

logger = logging.getLogger("twin")

LOCK_TIMEOUT_S = 60.0

_SPARE_BYTES = 64 * 1024 * 1024
"""Kept free on the disk: the engine maps files into memory, and a full disk would kill the process without a word."""

_PAGE = 4096

LAYOUT = 2
"""Of the points in a shard; a shard of another layout is written anew by the next build and answers nothing."""


class EdgeVectorStore:
    """The embedded vector store.

    Args:
        root: folder of all shards; created on the first write.
        lock_timeout_s: how long a writer waits for another one of the same shard.
    """

    def __init__(self, root: Path, lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:
        self._root = root
        self._lock_timeout_s = lock_timeout_s
        self._opened: dict[tuple[int, Path], tuple[Manifest, EdgeShard]] = {}
        self._opening = threading.Lock()

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._root)

    def hashes(self, category: Category, author: str, model: str) -> dict[str, str]:
        """See `VectorStore.hashes`."""
        opened = self._open(category, author)
        if opened is None or (opened[0].model, opened[0].layout) != (model, LAYOUT):
            return {}
        with _engine(self._root):
            return dict(_scroll(opened[1]))

    def apply(
        self,
        category: Category,
        author: str,
        model: str,
        *,
        dimension: int,
        upserts: Iterable[Point],
        deletes: Collection[str],
    ) -> None:
        """See `VectorStore.apply`: all or nothing for readers."""
        folder = self._folder(category, author)
        upserts = iter(upserts)
        first = next(upserts, None)
        points = chain([] if first is None else [first], upserts)
        try:
            current = folder.manifest()
            if first is None and (current is None or (not deletes and current.model == model)):
                return
            with folder.writing(self._lock_timeout_s), folder.next_version() as path:
                current = folder.manifest()
                wanted = (model, dimension, LAYOUT)
                if current and (current.model, current.dimension, current.layout) == wanted:
                    copy_sparse(folder.location(current.version), path)
                written = self._write(path, dimension, points, deletes)
                folder.switch(
                    Manifest(version=path.name, model=model, dimension=dimension, points=written, layout=LAYOUT)
                )
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"{folder.path} cannot be written ({reason}): free space or mend its rights.") from error

    def count(self, category: Category, author: str) -> int:
        """See `VectorStore.count`."""
        opened = self._open(category, author)
        return 0 if opened is None else _count(opened[1], self._root)

    def serves(self, category: Category, author: str, model: str) -> bool:
        """See `VectorStore.serves`; an author's shard waits for no other author."""
        manifest = self._folder(category, author).manifest()
        return manifest is None or manifest.model == model

    def authors(self, category: Category) -> list[str]:
        """See `VectorStore.authors`."""
        folder = self._root / category.value
        try:
            slugs = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{folder} cannot be read ({error.strerror}): mend its rights or TWIN_STORE.") from error
        manifests = {slug: self._folder(category, slug).manifest() for slug in slugs}
        return [slug for slug, manifest in manifests.items() if manifest is not None and manifest.points]

    def search(
        self, category: Category, where: Where, *, vector: Vector | None, sparse: SparseVector | None, limit: int
    ) -> Found:
        """See `VectorStore.search`; exact where the engine has built no index yet."""
        from qdrant_edge import Query
        from qdrant_edge import SparseVector as EdgeSparse

        dense: list[Scored] = []
        terms: list[Scored] = []
        condition = _filter(where)
        by_meaning = None if vector is None else Query.Nearest(vector.tolist(), using=DENSE)
        by_terms = (
            None
            if sparse is None or not len(sparse.indices)
            else Query.Nearest(EdgeSparse(sparse.indices.tolist(), sparse.values.tolist()), using=SPARSE)
        )
        for author in [where.author] if where.author is not None else self.authors(category):
            opened = self._open(category, author)
            if opened is None:
                continue
            manifest, shard = opened
            if manifest.layout != LAYOUT or (vector is not None and manifest.dimension != len(vector)):
                raise StoreError(
                    f"The {category.value} of {author} were stored with {manifest.model}, the query was not: "
                    "build the collections again, or set TWIN_EMBEDDING_MODEL back."
                )
            with _engine(self._root):
                if by_meaning is not None:
                    dense.extend(_nearest(shard, author, by_meaning, condition, limit))
                if by_terms is not None:
                    terms.extend(_nearest(shard, author, by_terms, condition, limit))
        return Found(best(dense, limit), best(terms, limit))

    def chunks(self, category: Category, found: Sequence[Scored]) -> dict[str, Chunk]:
        """See `VectorStore.chunks`."""
        by_author: dict[str, list[str]] = {}
        for point in found:
            by_author.setdefault(point.author, []).append(point.id)
        chunks: dict[str, Chunk] = {}
        for author, identifiers in by_author.items():
            opened = self._open(category, author)
            if opened is None:
                continue
            with _engine(self._root):
                records = opened[1].retrieve(list(dict.fromkeys(identifiers)), with_payload=True, with_vector=False)
            chunks.update((str(record.id), chunk_of(record.payload)) for record in records)
        return chunks

    def remove_author(self, author: str) -> int:
        """See `VectorStore.remove_author`."""
        folders = [self._folder(category, author) for category in Category]
        return sum(folder.remove(self._lock_timeout_s) for folder in folders if folder.path.exists())

    def close(self) -> None:
        """Let go of all opened shards."""
        with self._opening:
            self._opened.clear()

    def _folder(self, category: Category, author: str) -> VersionedFolder:
        return VersionedFolder(self._root / category.value / check_slug(author))

    def _open(self, category: Category, author: str) -> tuple[Manifest, "EdgeShard"] | None:
        """The current version, opened once per process. One that is replaced closes when its last search ends."""
        from qdrant_edge import EdgeShard

        folder = self._folder(category, author)
        key = (os.getpid(), folder.path)
        with self._opening:
            manifest = folder.manifest()
            while manifest is not None:
                opened = self._opened.get(key)
                if opened is not None and opened[0] == manifest:
                    return opened
                try:
                    with _engine(folder.path):
                        shard = EdgeShard.load(str(folder.location(manifest.version)))
                    points = _count(shard, folder.path)
                    if points != manifest.points:
                        raise StoreError(
                            f"{folder.path} holds {points} points instead of {manifest.points}: "
                            "remove it and load the points again."
                        )
                except StoreError:
                    # Two writers may have passed since the pointer was read, and taken the version away.
                    if (newer := folder.manifest()) == manifest:
                        raise
                    manifest = newer
                    continue
                self._opened[key] = (manifest, shard)
            return None

    def _write(self, path: Path, dimension: int, points: Iterable[Point], deletes: Collection[str]) -> int:
        """Fill a version; return how many points it holds, verified."""
        from qdrant_edge import UpdateOperation

        _check_space(path)
        with _engine(path):
            shard = _load_or_create(path, dimension)
        try:
            with _engine(path):
                expected = {identifier for identifier, _ in _scroll(shard)} - set(deletes)
                if deletes:
                    shard.update(UpdateOperation.delete_points(list(deletes)))
            for batch in batches(points):
                _check_space(path)
                with _engine(path):
                    shard.update(UpdateOperation.upsert_points([_stored(point) for point in batch]))
                expected.update(point.chunk.id for point in batch)
            _check_space(path, _allocated(path))  # merging writes a second copy before it drops the first
            with _engine(path):
                shard.optimize()  # builds an index where the engine finds enough vectors, and merges what was deleted
                shard.flush()
            written = _count(shard, path)
        finally:
            shard.close()
        if written != len(expected):
            raise StoreError(f"{path} holds {written} points after writing instead of {len(expected)}: run it again.")
        return written


def _load_or_create(path: Path, dimension: int) -> "EdgeShard":
    from qdrant_edge import (
        Distance,
        EdgeConfig,
        EdgeShard,
        EdgeSparseVectorParams,
        EdgeVectorParams,
        Modifier,
        PayloadSchemaType,
        UpdateOperation,
    )

    if path.exists():
        return EdgeShard.load(str(path))
    path.mkdir(parents=True)
    vectors = {DENSE: EdgeVectorParams(size=dimension, distance=Distance.Cosine)}
    terms = {SPARSE: EdgeSparseVectorParams(modifier=Modifier.Idf)}
    shard = EdgeShard.create(str(path), EdgeConfig(vectors=vectors, sparse_vectors=terms, wal_enabled=False))
    for field in KEYWORDS:
        shard.update(UpdateOperation.create_field_index(field, PayloadSchemaType.Keyword))
    shard.update(UpdateOperation.create_field_index(MOMENT, PayloadSchemaType.Datetime))
    return shard


def _stored(point: Point) -> "EdgePoint":
    from qdrant_edge import Point as EdgePoint
    from qdrant_edge import SparseVector as EdgeSparse

    sparse = EdgeSparse(point.sparse.indices.tolist(), point.sparse.values.tolist())
    return EdgePoint(point.chunk.id, {DENSE: point.vector.tolist(), SPARSE: sparse}, packed(point.chunk))


def _filter(where: Where) -> "Filter | None":
    """The conditions on a point of one shard, which holds one author."""
    from qdrant_edge import FieldCondition, Filter, MatchAny, RangeDateTime

    values = {
        "document_id": where.document_ids,
        "platform": where.platforms,
        "language": where.languages,
        "link": where.links,
    }
    must: list[Any] = [
        FieldCondition(key=field, match=MatchAny(any=list(wanted))) for field, wanted in values.items() if wanted
    ]
    if where.published_from or where.published_until:
        since, until = (
            moment.isoformat() if moment else None for moment in (where.published_from, where.published_until)
        )
        must.append(FieldCondition(key=MOMENT, range=RangeDateTime(gte=since, lt=until)))
    return Filter(must=must) if must else None


def _nearest(shard: "EdgeShard", author: str, query: "Query", condition: "Filter | None", limit: int) -> list[Scored]:
    from qdrant_edge import QueryRequest

    def fetch(asked: int) -> list[Scored]:
        found = shard.query(QueryRequest(limit=asked, query=query, filter=condition, with_payload=False))
        return [Scored(str(point.id), float(point.score), author) for point in found]

    return settled(fetch, limit)


def _scroll(shard: "EdgeShard") -> Iterator[tuple[str, str]]:
    """Yield id and content hash of every point."""
    from qdrant_edge import ScrollRequest

    offset = None
    while True:
        records, offset = shard.scroll(ScrollRequest(offset=offset, limit=_PAGE, with_payload=HASHED_PACKED))
        for record in records:
            yield str(record.id), hash_of(record.payload)
        if offset is None:
            return


def _count(shard: "EdgeShard", path: Path) -> int:
    from qdrant_edge import CountRequest

    with _engine(path):
        return int(shard.count(CountRequest(exact=True)))


def _allocated(folder: Path) -> int:
    """Bytes that a folder's files occupy on the disk; their holes occupy none."""
    return sum(entry.stat().st_blocks * 512 for entry in folder.rglob("*") if entry.is_file())


def _check_space(path: Path, needed: int = 0) -> None:
    """Refuse to go on where the disk has not `needed` bytes and some to spare. `path` may be yet to be made."""
    if shutil.disk_usage(path if path.exists() else path.parent).free < needed + _SPARE_BYTES:
        raise StoreError(f"{path} cannot be written: the disk is full. Free some space and run this again.")


@contextlib.contextmanager
def _engine(path: Path) -> Iterator[None]:
    """The engine reports every failure as a bare `Exception`; that and nothing else becomes a `StoreError`."""
    try:
        yield
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise StoreError(f"The vector shard in {path} cannot be used: {error}") from error
