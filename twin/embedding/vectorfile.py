"""Vectors by text hash, in a file instead of memory: the stage creates, reuses and sorts them."""

import logging
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
from filelock import lock_descriptor
from numpy.typing import NDArray

from twin.embedding.base import Vectors, not_unit

logger = logging.getLogger("twin")

Hashes = NDArray[np.bytes_]
"""sha256 digests of texts, dtype S32: 32 bytes each, while a hexadecimal string in a set takes 200."""

_READ_ROWS = 4096


def packed(hashes: Iterable[str]) -> Hashes:
    """Hexadecimal sha256 digests as an array of dtype S32."""
    return np.frombuffer(bytearray.fromhex("".join(hashes)), dtype="S32")


class VectorFile:
    """Vectors of the wanted texts: 41 bytes per text in memory, the vectors in a file that the system caches.

    A row is a hash and a vector; rows are appended as they come. With a path, the file survives a killed process, and
    the next one continues from it; the path must name everything that a vector depends on besides its text. If another
    running process is writing the file, a temporary file is used instead.

    Args:
        dimension: numbers per vector.
        wanted: the hashes that may be added, in any order and number.
        path: path of the file; None: a temporary file.
    """

    def __init__(self, dimension: int, wanted: Hashes, path: Path | None = None) -> None:
        self._row = np.dtype([("hash", "S32"), ("vector", "<f4", (dimension,))])
        self._wanted = np.unique(wanted)
        self._rows = np.full(len(self._wanted), -1, dtype=np.int64)
        self._path = path
        self._written = 0

    def __enter__(self) -> "VectorFile":
        self._file, named = self._opened()
        if named:
            self._recover()
        else:
            self._path = None
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._path is not None:
            self._path.unlink(missing_ok=True)
        self._file.close()

    def __len__(self) -> int:
        """Number of texts with a vector."""
        return int(np.count_nonzero(self._rows >= 0))

    @property
    def wanted(self) -> int:
        """Number of different texts that may have a vector."""
        return len(self._wanted)

    def lacks(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which of these are wanted and have no vector yet, shape (len(hashes),)."""
        if not len(self._wanted):
            return np.zeros(len(hashes), dtype=bool)
        slots, wanted = self._slots(hashes)
        return wanted & (self._rows[slots] < 0)

    def add(self, hashes: Hashes, vectors: Vectors) -> None:
        """Append vectors, shape (n, dimension), of n different missing hashes."""
        rows = np.empty(len(hashes), dtype=self._row)
        rows["hash"], rows["vector"] = hashes, vectors
        os.pwrite(self._file.fileno(), rows.tobytes(), self._written * self._row.itemsize)
        self._note(hashes)

    def take(self, hashes: Hashes) -> Vectors:
        """Vectors of stored hashes, shape (n, dimension)."""
        size = self._row.itemsize
        rows = self._rows[self._slots(hashes)[0]]
        content = b"".join(os.pread(self._file.fileno(), size, int(row) * size) for row in rows)
        found: Vectors = np.frombuffer(content, dtype=self._row)["vector"]
        return found

    def _slots(self, hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        slots = np.minimum(np.searchsorted(self._wanted, hashes), max(len(self._wanted) - 1, 0))
        wanted = self._wanted[slots] == hashes if len(self._wanted) else np.zeros(len(hashes), dtype=bool)
        return slots, wanted

    def _note(self, hashes: Hashes) -> None:
        slots, wanted = self._slots(hashes)
        numbers = np.arange(self._written, self._written + len(hashes))
        self._rows[slots[wanted]] = numbers[wanted]
        self._written += len(hashes)

    def _opened(self) -> tuple[IO[bytes], bool]:
        if self._path is None:
            return tempfile.TemporaryFile(), False
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        except OSError:
            return tempfile.TemporaryFile(), False
        try:
            alone = lock_descriptor(file.fileno(), blocking=False)
        except OSError:  # a file system without locks
            alone = False
        if not alone:
            file.close()
            return tempfile.TemporaryFile(), False
        return file, True

    def _recover(self) -> None:
        """Reuse what a killed process left, up to the first incomplete row."""
        while content := os.pread(
            self._file.fileno(), _READ_ROWS * self._row.itemsize, self._written * self._row.itemsize
        ):
            whole = len(content) // self._row.itemsize
            rows = np.frombuffer(content, dtype=self._row, count=whole)
            bad = not_unit(rows["vector"])
            sound = int(bad[0]) if len(bad) else whole
            self._note(rows["hash"][:sound])
            if sound < _READ_ROWS:
                break
        if len(self):
            logger.info("%d vectors of a run that did not end are taken over", len(self))
