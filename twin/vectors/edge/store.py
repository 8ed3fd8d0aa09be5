"""Points in Qdrant Edge: Qdrant's own engine inside this process, one shard per category and author, no server.

Only one process at a time can open a shard *with a write-ahead log*. Our shards have no log: a writer fills a version
that nobody reads, flushes it and switches the pointer (see `versions`), so a log would not protect anything more.
Without a log, any number of processes can open the same version in place, within milliseconds and without extra disk
space. Opening replaces two small JSON files by equal ones and changes no data.

A version has checksums (see `checksums`). They are compared when it is opened, and byte by byte when points are
loaded, which makes a damaged version anew.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.errors import DamagedError, RemovedError, StoreError
from twin.identity import check_slug
from twin.models import Category, Chunk
from twin.terms.bm25 import SparseVector
from twin.vectors.base import Found, Point, Scored, Vector, Where
from twin.vectors.edge import checksums
from twin.vectors.edge import shard as edge_shard
from twin.vectors.edge.shard import Query
from twin.vectors.edge.versions import Index, Manifest, VersionedFolder, copy_sparse
from twin.vectors.payload import best

if TYPE_CHECKING:
    from qdrant_edge import EdgeShard

LOCK_TIMEOUT_S = 60.0

LAYOUT = 2
"""Version of the points' layout. A shard of another layout gives no results, and the next build writes it again."""


_Key = tuple[int, Path]
_Opened = tuple[Manifest, "EdgeShard"]


class EdgeVectorStore:
    """The embedded vector store.

    Args:
        root: folder of all shards; created on the first write.
        quantized: whether searches use vectors with one byte per number and score the best ones again by the full
            vectors.
        lock_timeout_s: how long a writer waits for another writer of the same shard.
        guard: raises `RemovedError` for the slug of an author who was removed.
    """

    def __init__(
        self,
        root: Path,
        *,
        quantized: bool = False,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
        guard: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._root, self._guard = root, guard
        self._lock_timeout_s = lock_timeout_s
        self._index = Index(quantized=quantized)
        self._opened: dict[_Key, _Opened] = {}
        self._before: dict[_Key, _Opened] = {}  # the version that was opened before; a search may have found its points
        self._pins = threading.local()
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
        return edge_shard.hashes(opened[1], self._root)

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
        """See `VectorStore.apply`: all or nothing for readers. Changed index settings alone also make a new version."""
        folder = self._folder(category, author)
        upserts = iter(upserts)
        first = next(upserts, None)
        points = chain([] if first is None else [first], upserts)
        wanted = Manifest(version="", model=model, dimension=dimension, points=0, layout=LAYOUT, index=self._index)
        try:
            self._guard(author)
            current = None if afresh else folder.manifest()
            if first is None and not afresh and (current is None or (not deletes and wanted.like(current))):
                return
            with folder.writing(self._lock_timeout_s), folder.next_version() as path:
                current = None if afresh else folder.manifest()
                if current and wanted.holds(current):
                    copy_sparse(folder.location(current.version), path)
                written = edge_shard.write(path, dimension, self._index, points, deletes)
                edge_shard.settle(path)
                made = {"version": path.name, "points": written, "checksums": checksums.note(path)}
                # A removal waits for the lock after it left its tombstone: it either shows here, or removes this too.
                self._guard(author)
                folder.switch(wanted.model_copy(update=made))
        except RemovedError:
            self.remove_author(author)
            raise
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(
                f"{folder.path} cannot be written ({reason}): free up disk space or fix its permissions."
            ) from error

    def damage(self, category: Category, author: str) -> str:
        """See `VectorStore.damage`. A version without checksums, of an older release, gets them if it can be opened."""
        folder = self._folder(category, author)
        try:
            manifest = folder.manifest()
            if manifest is None:
                return ""
            checksums.check(folder.location(manifest.version), manifest.checksums, every_byte=True)
        except DamagedError as error:
            return f"{str(error).rstrip('.')}."
        if manifest.checksums:
            return ""
        try:
            self._open(category, author)
        except StoreError as error:
            return str(error)
        with contextlib.suppress(OSError, StoreError), folder.writing(self._lock_timeout_s):  # a read-only store
            if folder.manifest() == manifest:
                noted = checksums.note(folder.location(manifest.version))
                folder.switch(manifest.model_copy(update={"checksums": noted}))
        return ""

    def count(self, category: Category, author: str) -> int:
        """See `VectorStore.count`."""
        opened = self._open(category, author)  # the manifest counted them
        return 0 if opened is None else opened[0].points

    def serves(self, category: Category, author: str, model: str) -> bool:
        """See `VectorStore.serves`; an author's shard does not wait for other authors."""
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
            raise StoreError(
                f"{folder} cannot be read ({error.strerror}): fix its permissions or correct TWIN_STORE."
            ) from error
        manifests = {slug: self._folder(category, slug).manifest() for slug in slugs}
        return [slug for slug, manifest in manifests.items() if manifest is not None and manifest.points]

    def model(self, category: Category, author: str) -> str | None:
        """See `VectorStore.model`."""
        manifest = self._folder(category, author).manifest()
        return manifest.model if manifest is not None and manifest.points else None

    def points(
        self, category: Category, author: str, model: str, ids: Collection[str] | None = None
    ) -> Iterator[Point]:
        """See `VectorStore.points`; all points are of one version, even during a write."""
        opened = self._open(category, author)
        if opened is None or (opened[0].model, opened[0].layout) != (model, LAYOUT):
            return
        yield from edge_shard.points(opened[1], self._root, ids)

    def index(self, category: Category, author: str) -> dict[str, Any]:
        """See `VectorStore.index`."""
        opened = self._open(category, author)
        if opened is None or opened[0].index is None:
            return {}
        manifest, shard = opened
        with edge_shard.engine(self._root):
            info = shard.info()
        folder = self._folder(category, author).location(manifest.version)
        return {
            "segments": info.segments_count,
            "bytes_on_disk": edge_shard.allocated(folder),
            **opened[0].index.model_dump(),
        }

    def search(
        self, category: Category, where: Where, *, vector: Vector | None, sparse: SparseVector | None, limit: int
    ) -> Found:
        """See `VectorStore.search`; exact if the shard is too small for a graph."""
        dense: list[Scored] = []
        terms: list[Scored] = []
        for author in [where.author] if where.author is not None else self.authors(category):
            opened = self._open(category, author)
            if opened is None:
                continue
            manifest, shard = opened
            index = manifest.index
            if index is None or manifest.layout != LAYOUT or (vector is not None and manifest.dimension != len(vector)):
                raise StoreError(
                    f"The {category.value} of {author} were stored with {manifest.model}, but the query uses "
                    "another model: build the collections again or set TWIN_EMBEDDING_MODEL back."
                )
            if vector is not None:
                dense += Query(where, index, vector, limit).nearest(shard, self._root, author)
            if sparse is not None and len(sparse.indices):
                terms += Query(where, index, sparse, limit).nearest(shard, self._root, author)
        return Found(best(dense, limit), best(terms, limit))

    def chunks(self, category: Category, found: Sequence[Scored]) -> dict[str, Chunk]:
        """See `VectorStore.chunks`."""
        by_author: dict[str, list[str]] = {}
        for point in found:
            by_author.setdefault(point.author, []).append(point.id)
        chunks: dict[str, Chunk] = {}
        for author, identifiers in by_author.items():
            key = (os.getpid(), self._folder(category, author).path)
            for opened in (self._open(category, author), self._before.get(key)):
                lacking = [identifier for identifier in identifiers if identifier not in chunks]
                if opened is not None and lacking:  # otherwise they were found in the version before a switch
                    chunks |= edge_shard.chunks(opened[1], self._root, lacking)
        return chunks

    @contextlib.contextmanager
    def pinned(self) -> Iterator[None]:
        """See `VectorStore.pinned`."""
        if getattr(self._pins, "opened", None) is not None:
            yield
            return
        self._pins.opened = {}
        try:
            yield
        finally:
            self._pins.opened = None

    def remove_author(self, author: str) -> int:
        """See `VectorStore.remove_author`."""
        folders = [self._folder(category, author) for category in Category]
        return sum(folder.remove(self._lock_timeout_s) for folder in folders if folder.path.exists())

    def close(self) -> None:
        """Close all open shards."""
        with self._opening:
            self._opened.clear()
            self._before.clear()

    def _folder(self, category: Category, author: str) -> VersionedFolder:
        return VersionedFolder(self._root / category.value / check_slug(author))

    def _open(self, category: Category, author: str) -> _Opened | None:
        """The version that this thread has pinned, or the current one."""
        pins: dict[Path, _Opened | None] | None = getattr(self._pins, "opened", None)
        folder = self._folder(category, author)
        if pins is None:
            return self._current(folder)
        if folder.path not in pins:
            pins[folder.path] = self._current(folder)
        return pins[folder.path]

    def _current(self, folder: VersionedFolder) -> _Opened | None:
        """The current version, opened once per process. A replaced version closes when its last search ends."""
        key = (os.getpid(), folder.path)
        with self._opening:
            manifest = folder.manifest()
            while manifest is not None:
                opened = self._opened.get(key)
                if opened is not None and opened[0] == manifest:
                    return opened
                try:
                    shard = self._checked(folder, manifest)
                except StoreError:
                    # Two writers may have switched since the pointer was read, and removed the version.
                    if (newer := folder.manifest()) == manifest:
                        raise
                    manifest = newer
                    continue
                if opened is not None:
                    self._before[key] = opened
                self._opened[key] = (manifest, shard)
            return None

    @staticmethod
    def _checked(folder: VersionedFolder, manifest: Manifest) -> "EdgeShard":
        """Open a version if its files and its number of points are those that were written."""
        path = folder.location(manifest.version)
        try:
            checksums.check(path, manifest.checksums)
        except DamagedError as error:
            raise DamagedError(f"The vector shard is damaged ({error}): run the collection stage again.") from error
        shard = edge_shard.opened(path)
        points = edge_shard.count(shard, folder.path)
        if points != manifest.points:
            raise DamagedError(
                f"{folder.path} contains {points} points instead of {manifest.points}: run the collection stage again."
            )
        return shard
