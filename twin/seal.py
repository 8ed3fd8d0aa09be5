"""The seal of a Parquet file: a digest of all its other bytes, so that a flipped byte anywhere in it is noticed.

Parquet's own checksums cover the pages, but neither their headers nor the footer. A reader goes from the end of a file
to its footer and from there to the columns by their offsets (Apache Parquet, "File Format"), so bytes between the last
column and the footer are in nobody's way. The seal is there, in the file itself: a second file could not be replaced in
the same moment.
"""

import hashlib
from pathlib import Path
from typing import IO

_MARK = b"llm-twin seal 1\n"
_SEAL = len(_MARK) + hashlib.sha256().digest_size
_END = 8  # bytes after the footer: its length, and Parquet's magic number
_BLOCK = 1 << 20


class BrokenSealError(ValueError):
    """Some byte of the file is not what was written."""


def seal(path: Path) -> None:
    """Put the seal into a Parquet file that was just written."""
    with path.open("r+b") as stream:
        size = stream.seek(0, 2)
        start = _footer(stream, size)
        stream.seek(start)
        footer = stream.read()
        digest = _digest(stream, start, footer)
        stream.seek(start)
        stream.write(_MARK + digest + footer)


def check_seal(stream: IO[bytes]) -> bool:
    """Whether an open Parquet file has a seal; older versions of this project wrote none.

    Raises:
        BrokenSealError: the file is not what was sealed.
    """
    size = stream.seek(0, 2)
    start = _footer(stream, size)
    if start < _SEAL:
        return False
    stream.seek(start - _SEAL)
    mark, stored, footer = stream.read(len(_MARK)), stream.read(_SEAL - len(_MARK)), stream.read()
    if mark != _MARK:
        return False
    if _digest(stream, start - _SEAL, footer) != stored:
        raise BrokenSealError("its bytes are not those that were written")
    return True


def _footer(stream: IO[bytes], size: int) -> int:
    """Where the footer begins; 0 if the file has no end like a Parquet file's."""
    if size < _END:
        return 0
    stream.seek(size - _END)
    return max(0, size - _END - int.from_bytes(stream.read(4), "little"))


def _digest(stream: IO[bytes], end: int, footer: bytes) -> bytes:
    """Digest of the bytes before `end` and of the footer."""
    digest = hashlib.sha256(usedforsecurity=False)
    stream.seek(0)
    while end > 0 and (block := stream.read(min(_BLOCK, end))):
        digest.update(block)
        end -= len(block)
    digest.update(footer)
    return digest.digest()
