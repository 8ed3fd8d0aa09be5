"""Open only what is a file: reading a named pipe or a device may wait forever, and opening one may already do harm.

Paths come from author files, from folders that others filled, and through symbolic links. So whatever opens a file that
somebody else named opens it here. A link counts as what it leads to.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = (
    (stat.S_ISREG, ""),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_KERNEL = ("/proc", "/sys")
"""Their files look like files, but some of them wait for the kernel, and some never end."""


class NotRegularError(OSError):
    """A path leads to something else than a file; `strerror` says to what."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(errno.EINVAL, f"it is {kind}, not a file", str(path))


def special_kind(path: Path) -> str | None:
    """What a path leads to, such as "a named pipe", if it is neither a file nor a folder; nothing is opened.

    None if it is a file or a folder, or if there is nothing that can be looked at.
    """
    try:
        kind = _kind(path, path.stat())
    except (OSError, ValueError):
        return None
    return kind if kind not in ("", "a folder") else None


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading bytes.

    Raises:
        NotRegularError: it is a folder, a pipe, a socket, a device or a file of the kernel; it was not opened.
        OSError: it cannot be opened.
    """
    return os.fdopen(regular_descriptor(path), "rb")


def regular_descriptor(path: Path) -> int:
    """A new descriptor for reading a file; raises what `open_regular` raises."""
    _refuse(path, path.stat())
    # Should somebody put a pipe there at this moment, opening it must not wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | getattr(os, "O_NOCTTY", 0))
    try:
        _refuse(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_regular(path: Path, most: int = -1) -> bytes:
    """The contents of a file, at most `most` bytes of it if that is not negative.

    Raises:
        NotRegularError: it is something else than a file.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        return file.read(most)


def _refuse(path: Path, found: os.stat_result) -> None:
    if kind := _kind(path, found):
        raise NotRegularError(path, kind)


def _kind(path: Path, found: os.stat_result) -> str:
    """What it is in words; "" if it is a file."""
    kind = next((name for test, name in _KINDS if test(found.st_mode)), "of an unknown kind")
    return "a file of the kernel" if not kind and _is_of_kernel(path, found) else kind


def _is_of_kernel(path: Path, found: os.stat_result) -> bool:
    real = os.path.realpath(path)
    for root in _KERNEL:
        if real.startswith(f"{root}/"):
            return True
        try:
            if Path(root).stat().st_dev == found.st_dev != Path("/").stat().st_dev:
                return True
        except OSError:
            continue
    return False
