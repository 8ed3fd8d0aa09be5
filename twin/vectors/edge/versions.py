"""Versioned folders with one atomic pointer: readers never see a half-written folder and never block a writer.

A folder contains the versions `00000001`, `00000002`, ..., a `CURRENT` file that says which one is valid and what it
contains, and a `LOCK` file. Only the holder of the lock writes, always into a version that nobody reads yet, and
`CURRENT` is replaced when that version is complete and on disk. The kernel releases the lock of a killed writer.
`CURRENT` never names what it left behind, and the next writer removes it.
"""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field

from twin.atomic import replacing, sync_tree
from twin.errors import DamagedError, StoreError
from twin.identity import sha256

_BLOCK = 1 << 20
_NOT_BY_KERNEL = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF, errno.ETXTBSY)
_POINTER = "CURRENT"
_DIGEST = "digest"  # of the pointer's other fields


class Index(BaseModel):
    """How a shard is searched by dense vectors: by a graph (HNSW, Malkov and Yashunin 2016), or by comparing all
    vectors if the shard is too small for a graph to pay off."""

    model_config = ConfigDict(frozen=True)

    m: int = 16  # links per point
    ef_construct: int = 64  # candidates examined for each point's links
    ef: int = 96  # candidates examined in a search
    threshold_kb: int = 10_000  # size of the vectors from which on there is a graph
    full_scan_kb: int = 2_000  # size of the vectors that meet a search's conditions up to which the graph is not used
    quantized: bool = False  # one byte per number, with the best scored again by the full vectors


class Manifest(BaseModel):
    """What the current version is and contains."""

    model_config = ConfigDict(frozen=True)

    version: str = Field(pattern=r"^\d*$")
    model: str  # what the points were made with
    dimension: int
    points: int
    layout: int = 1  # layout of the points, see `twin.vectors.edge.store`; the first releases wrote none
    index: Index | None = None
    checksums: str = ""  # digest of the list of the version's files, see `checksums`; older versions have none

    def holds(self, other: "Manifest") -> bool:
        """Whether points of the other version can stay unchanged."""
        return (self.model, self.dimension, self.layout) == (other.model, other.dimension, other.layout)

    def like(self, other: "Manifest") -> bool:
        """Whether only the version and the number of points may differ."""
        return self.holds(other) and self.index == other.index


class VersionedFolder:
    """One folder of versions."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def manifest(self) -> Manifest | None:
        """The current version; None if nothing was ever written.

        Raises:
            DamagedError: the pointer is not what was written.
            StoreError: it cannot be read.
        """
        pointer = self.path / _POINTER
        try:
            fields = json.loads(pointer.read_bytes())
            digest = fields.pop(_DIGEST, None)  # older versions wrote none
            if digest != _digest(fields) and (digest is not None or fields.get("checksums")):
                raise DamagedError(f"{pointer} is damaged: run the collection stage again.")
            return Manifest.model_validate(fields)
        except FileNotFoundError:
            return None
        except (ValueError, AttributeError, TypeError, IsADirectoryError) as error:  # also pydantic's and JSON's errors
            raise DamagedError(f"{pointer} is damaged: run the collection stage again.") from error
        except OSError as error:
            raise StoreError(
                f"{pointer} cannot be read ({error.strerror}): fix its permissions or correct TWIN_STORE."
            ) from error

    def location(self, version: str) -> Path:
        """The path of a version."""
        return self.path / version

    @contextlib.contextmanager
    def writing(self, timeout_s: float) -> Iterator[None]:
        """Hold the lock of the folder; first, remnants of killed writers are removed.

        Raises:
            StoreError: another writer holds the lock for longer than `timeout_s` seconds.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / "LOCK", timeout_s, poll_interval=0.02, fallback_to_soft=False)
        try:
            lock.acquire()
        except Timeout:
            raise StoreError(
                f"{self.path} has been locked by another process for over {timeout_s:g} s: "
                "wait for it or stop it, and run this again."
            ) from None
        try:
            self._sweep()
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def next_version(self) -> Iterator[Path]:
        """Path of a new version, which does not exist yet; it is removed if the block fails. Needs the lock."""
        current = self._readable()
        number = int(current.version or 0) + 1 if current else 1
        path = self.location(f"{number:08d}")
        try:
            yield path
        except BaseException:
            current = self._readable()
            if current is None or current.version != path.name:  # otherwise it failed after the switch, and is valid
                shutil.rmtree(path, ignore_errors=True)
            raise

    def switch(self, manifest: Manifest) -> None:
        """Make a version the current one, durably. Needs the lock.

        The previous version stays until the next switch: a reader may have just read `CURRENT` and be about to open it.
        What a reader has already opened stays usable even after its files are removed (POSIX).
        """
        sync_tree(self.location(manifest.version))
        if (self.path / _POINTER).is_dir():
            shutil.rmtree(self.path / _POINTER)
        fields = manifest.model_dump()
        with replacing(self.path / _POINTER) as temporary:
            temporary.write_text(json.dumps({**fields, _DIGEST: _digest(fields)}, sort_keys=True))
        self._sweep()

    def remove(self, timeout_s: float) -> int:
        """Remove the folder and its contents, the pointer first; return how many points it contained.

        Raises:
            StoreError: another writer holds the lock, or something in it may not be removed.
        """
        points = 0
        try:
            with self.writing(timeout_s):
                points = current.points if (current := self._readable()) else 0
                if not (self.path / _POINTER).is_dir():
                    (self.path / _POINTER).unlink(missing_ok=True)
                shutil.rmtree(self.path)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be removed ({error.strerror}): fix its permissions.") from error
        return points

    def _readable(self) -> Manifest | None:
        """The current version, if the pointer can be read; versions that nothing points to are remnants."""
        try:
            return self.manifest()
        except DamagedError:
            return None

    def _sweep(self) -> None:
        """Remove every version but the current one and the one before it.

        A late reader that is opening an old version renames files in it during the removal; the next sweep removes what
        is left. A version that never became current has no readers and must be removed at once.
        """
        current = self._readable()
        number = int(current.version or 0) if current else 0
        for entry in self.path.iterdir():
            if entry.name.isdigit() and not number - 1 <= int(entry.name) <= number:
                shutil.rmtree(entry, ignore_errors=int(entry.name) < number)


def copy_sparse(source: Path, target: Path) -> None:
    """Copy a folder without filling the holes of its files: the engine reserves 32 MB and uses a few kB of it."""
    # A reader that is opening the folder writes files beside their targets in short-lived folders, and renames them.
    # os.walk ignores files that vanish meanwhile; Path.rglob does not.
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
        for start, end in data_ranges(reader.fileno(), size):
            _copy_range(reader.fileno(), writer.fileno(), start, end)
        writer.truncate(size)


def _copy_range(source: int, target: int, start: int, end: int) -> None:
    """Let the kernel copy a range; XFS and Btrfs share its blocks until one side is written."""
    while start < end:
        try:
            done = os.copy_file_range(source, target, end - start, start, start)
        except OSError as error:
            if error.errno not in _NOT_BY_KERNEL:
                raise
            done = os.pwrite(target, os.pread(source, min(_BLOCK, end - start), start), start)
        if not done:  # the file has become shorter
            return
        start += done


def data_ranges(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Ranges of a file that contain data; a file system without holes reports the whole file."""
    start = 0
    while start < size:
        try:
            start = os.lseek(descriptor, start, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole up to the end
            return
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, end
        start = end


def _digest(fields: dict[str, Any]) -> str:
    return sha256(json.dumps(fields, sort_keys=True))
