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
from typing import TYPE_CHECKING

from twin.errors import StoreError
from twin.identity import check_slug
from twin.models import Category
from twin.vectors.base import Hit, Point, Vector
from twin.vectors.payload import INDEXED, VECTOR, batches, best, chunk_of, hash_of, payload_of
from twin.vectors.versions import Manifest, VersionedFolder, copy_sparse

if TYPE_CHECKING:
    from qdrant_edge import EdgeShard

logger = logging.getLogger("twin")

LOCK_TIMEOUT_S = 60.0

_SPARE_BYTES = 64 * 1024 * 1024
"""Kept free on the disk: the engine maps files into memory, and a full disk would kill the process without a word."""

_PAGE = 4096


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
        if opened is None or opened[0].model != model:
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
                kept = current if current and (current.model, current.dimension) == (model, dimension) else None
                if kept:
                    copy_sparse(folder.location(kept.version), path)
                written = self._write(path, dimension, points, deletes)
                folder.switch(Manifest(version=path.name, model=model, dimension=dimension, points=written))
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

    def search(self, categories: Sequence[Category], author: str, vector: Vector, *, limit: int) -> list[Hit]:
        """See `VectorStore.search`; exact where the engine has built no index yet."""
        from qdrant_edge import Query, QueryRequest

        hits: list[Hit] = []
        query = vector.tolist()
        for category in dict.fromkeys(categories):
            opened = self._open(category, author)
            if opened is None:
                continue
            manifest, shard = opened
            if manifest.dimension != len(query):
                raise StoreError(
                    f"The {category.value} of {author} were embedded with {manifest.model}, the query was not: "
                    "build the collections again, or set TWIN_EMBEDDING_MODEL back."
                )
            request = QueryRequest(limit=limit, query=Query.Nearest(query, using=VECTOR), with_payload=True)
            with _engine(self._root):
                found = shard.query(request)
            hits.extend(Hit(chunk_of(point.payload), float(point.score)) for point in found)
        return best(hits, limit)

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
        from qdrant_edge import Point as EdgePoint
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
                    shard.update(
                        UpdateOperation.upsert_points(
                            [EdgePoint(p.chunk.id, {VECTOR: p.vector.tolist()}, payload_of(p.chunk)) for p in batch]
                        )
                    )
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
    from qdrant_edge import Distance, EdgeConfig, EdgeShard, EdgeVectorParams, PayloadSchemaType, UpdateOperation

    if path.exists():
        return EdgeShard.load(str(path))
    path.mkdir(parents=True)
    vectors = {VECTOR: EdgeVectorParams(size=dimension, distance=Distance.Cosine)}
    shard = EdgeShard.create(str(path), EdgeConfig(vectors=vectors, wal_enabled=False))
    for field in INDEXED:
        shard.update(UpdateOperation.create_field_index(field, PayloadSchemaType.Keyword))
    return shard


def _scroll(shard: "EdgeShard") -> Iterator[tuple[str, str]]:
    """Yield id and content hash of every point."""
    from qdrant_edge import ScrollRequest

    offset = None
    while True:
        records, offset = shard.scroll(ScrollRequest(offset=offset, limit=_PAGE, with_payload=["content_hash"]))
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
