"""Checksums of the files of a shard: what was written is compared before the engine maps it.

The engine trusts its files. A flipped byte in one of them may change a result, end the process, or make it ask for all
memory. So a version carries a list of its files, and the pointer to the version carries the digest of this list.

Opening a shard changes no byte of a file that was opened once before, but does touch some. Those whose size and time
are still the noted ones are taken as they are, unless every byte is asked for.
"""

import json
import os
from hashlib import blake2b
from pathlib import Path

from twin.errors import DamagedError
from twin.identity import sha256
from twin.vectors.edge.versions import data_ranges

NAME = "checksums.json"
"""The list, in the folder of the version; the engine ignores it."""

_BLOCK = 1 << 16
_ZEROS = bytes(_BLOCK)


def note(folder: Path) -> str:
    """Write the list of a folder's files; return its digest.

    Raises:
        OSError: it cannot be written.
    """
    (folder / NAME).unlink(missing_ok=True)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.parent.name.startswith(".")]
    noted = {path.relative_to(folder).as_posix(): [*_state(path), _digest(path)] for path in files}
    content = json.dumps(noted, sort_keys=True).encode()
    (folder / NAME).write_bytes(content)
    return sha256(content)


def check(folder: Path, digest: str, *, every_byte: bool = False) -> None:
    """Compare the files of a folder with its list.

    Args:
        folder: of the version.
        digest: of the list; empty: an older version of this project wrote none, so only the folder must be there.
        every_byte: read also what looks untouched.

    Raises:
        DamagedError: a file is not what was written.
    """
    try:
        if not folder.is_dir():
            raise DamagedError(f"{folder} is missing")
        if not digest:
            return
        content = (folder / NAME).read_bytes()
        if sha256(content) != digest:
            raise DamagedError(f"{folder / NAME} is not what was written")
        for name, (size, modified, known) in json.loads(content).items():
            path = folder / name
            state = _state(path)
            same = state[0] == size and ((state[1] == modified and not every_byte) or _digest(path) == known)
            if not same:
                raise DamagedError(f"{path} is not what was written")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise DamagedError(f"{error.filename} is not there") from error


def _state(path: Path) -> tuple[int, int]:
    """Size in bytes, and time of the last change in nanoseconds."""
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def _digest(path: Path) -> str:
    """Digest of what a file contains, the same whether its zeros are stored or are holes."""
    digest = blake2b(digest_size=16)
    with path.open("rb") as stream:
        after = 0  # number of the first block that was not read yet
        for start, end in data_ranges(stream.fileno(), os.fstat(stream.fileno()).st_size):
            for number in range(max(after, start // _BLOCK), -(-end // _BLOCK)):
                block = os.pread(stream.fileno(), _BLOCK, number * _BLOCK)
                if block != _ZEROS[: len(block)]:
                    digest.update(number.to_bytes(8, "little") + block)
                after = number + 1
    return digest.hexdigest()
