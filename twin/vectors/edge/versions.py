"""Versioned folders with one atomic pointer: how a reader never meets a half-written folder, nor blocks a writer.

A folder holds the versions `00000001`, `00000002`, ..., a `CURRENT` file that says which of them is valid and what it
contains, and a `LOCK` file. Only the holder of the lock writes, always into a version that nobody reads yet, and
`CURRENT` is replaced once that version is whole and on disk. The kernel drops the lock of a killed writer; what it
left behind is no version that `CURRENT` names, and the next writer removes it.
"""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from twin.atomic import replacing, sync_tree
from twin.errors import StoreError

_BLOCK = 1 << 20
_NOT_BY_KERNEL = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF, errno.ETXTBSY)


class Index(BaseModel):
    """How a shard is searched by meaning: by a graph (HNSW, Malkov and Yashunin 2016), by all its vectors where it is
    smaller than that takes to pay."""

    model_config = ConfigDict(frozen=True)

    m: int = 16  # links per point
    ef_construct: int = 64  # candidates looked at for each point's links
    ef: int = 96  # candidates looked at in a search
    threshold_kb: int = 10_000  # of vectors, from which on there is a graph
    full_scan_kb: int = 2_000  # of vectors that meet a search's conditions, up to which the graph is not used
    quantized: bool = False  # by one byte a number, with the best scored again by the full vectors


class Manifest(BaseModel):
    """What the current version is and holds."""

    model_config = ConfigDict(frozen=True)

    version: str
    model: str  # what the points are made with
    dimension: int
    points: int
    layout: int = 1  # what the points consist of, see `twin.vectors.edge.store`; the first releases wrote none
    index: Index | None = None

    def holds(self, other: "Manifest") -> bool:
        """Whether points of the other version can stay as they are."""
        return (self.model, self.dimension, self.layout) == (other.model, other.dimension, other.layout)

    def like(self, other: "Manifest") -> bool:
        """Whether nothing but version and number of points may differ."""
        return self.holds(other) and self.index == other.index


class VersionedFolder:
    """One folder of versions."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def manifest(self) -> Manifest | None:
        """The current version; None where nothing was ever written.

        Raises:
            StoreError: the pointer is damaged.
        """
        pointer = self.path / "CURRENT"
        try:
            return Manifest.model_validate_json(pointer.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise StoreError(f"{pointer} is damaged: remove {self.path} and load the points again.") from error
        except OSError as error:
            raise StoreError(f"{pointer} cannot be read ({error.strerror}): mend its rights or TWIN_STORE.") from error

    def location(self, version: str) -> Path:
        """Where a version lies."""
        return self.path / version

    @contextlib.contextmanager
    def writing(self, timeout_s: float) -> Iterator[None]:
        """Hold the lock of the folder; on entry, what killed writers left is removed.

        Raises:
            StoreError: another writer holds the lock for longer than `timeout_s` seconds.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / "LOCK", timeout_s, poll_interval=0.02, fallback_to_soft=False)
        try:
            lock.acquire()
        except Timeout:
            raise StoreError(
                f"{self.path} is being written by another process for over {timeout_s:g} s: "
                "wait for it or stop it, and run this again."
            ) from None
        try:
            self._sweep()
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def next_version(self) -> Iterator[Path]:
        """Path of a new version, not there yet; it is removed again where the block fails. Needs the lock."""
        current = self.manifest()
        number = int(current.version) + 1 if current else 1
        path = self.location(f"{number:08d}")
        try:
            yield path
        except BaseException:
            current = self.manifest()
            if current is None or current.version != path.name:  # else it failed after the switch, and is valid
                shutil.rmtree(path, ignore_errors=True)
            raise

    def switch(self, manifest: Manifest) -> None:
        """Make a version the current one, durably. Needs the lock.

        The version before it stays until the next switch: a reader may have read `CURRENT` a moment ago and be about
        to open it. What a reader has open already it keeps, even when the files are removed (POSIX).
        """
        sync_tree(self.location(manifest.version))
        with replacing(self.path / "CURRENT") as temporary:
            temporary.write_text(json.dumps(manifest.model_dump(), sort_keys=True))
        self._sweep()

    def remove(self, timeout_s: float) -> int:
        """Remove the folder with all that is in it, the pointer first; return how many points it held.

        Raises:
            StoreError: another writer holds the lock, or something in it may not be removed.
        """
        points = 0
        try:
            with self.writing(timeout_s):
                with contextlib.suppress(StoreError):  # a damaged pointer, which goes as well
                    points = current.points if (current := self.manifest()) else 0
                (self.path / "CURRENT").unlink(missing_ok=True)
                shutil.rmtree(self.path)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be removed ({error.strerror}): mend its rights.") from error
        return points

    def _sweep(self) -> None:
        """Remove every version but the current one and the one before it.

        A late reader that is opening an old version renames files in it while it goes; what that leaves behind goes
        with the next sweep. A version that never became current has no readers and must go at once.
        """
        current = self.manifest()
        number = int(current.version) if current else 0
        for entry in self.path.iterdir():
            if entry.name.isdigit() and not number - 1 <= int(entry.name) <= number:
                shutil.rmtree(entry, ignore_errors=int(entry.name) < number)


def copy_sparse(source: Path, target: Path) -> None:
    """Copy a folder without filling the holes of its files: the engine reserves 32 MB and uses a few kB of it."""
    # A reader that is opening the folder writes files beside their targets in short-lived folders, and renames them.
    # os.walk passes over what vanishes while it looks; Path.rglob does not.
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if not name.startswith(".atomicwrite")]
        place = target / Path(folder).relative_to(source)
        place.mkdir(parents=True)
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                _copy_file(Path(folder, name), place / name)


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        size = os.fstat(reader.fileno()).st_size
        for start, end in _data(reader.fileno(), size):
            _copy_range(reader.fileno(), writer.fileno(), start, end)
        writer.truncate(size)


def _copy_range(source: int, target: int, start: int, end: int) -> None:
    """Let the kernel copy a range, which on XFS and Btrfs shares its blocks until one side is written."""
    while start < end:
        try:
            done = os.copy_file_range(source, target, end - start, start, start)
        except OSError as error:
            if error.errno not in _NOT_BY_KERNEL:
                raise
            done = os.pwrite(target, os.pread(source, min(_BLOCK, end - start), start), start)
        if not done:  # the file became shorter meanwhile
            return
        start += done


def _data(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Ranges of a file that hold data; a file system that knows no holes reports the whole file."""
    start = 0
    while start < size:
        try:
            start = os.lseek(descriptor, start, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole up to the end
            return
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, end
        start = end
