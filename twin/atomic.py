"""Files that appear whole or not at all: written beside their target, brought to the disk, and renamed onto it.

A killed or failed writer leaves the old contents or the new, and never half of them.
"""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import lock_descriptor

from twin.errors import StoreError

_NO_SYNC = (errno.EINVAL, errno.ENOTSUP)
"""How network file systems say that a folder cannot be synchronized; its names are then as safe as they make them."""


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a new file beside `target` to write, which replaces the target when the block ends.

    Where the block raises or removes the file, the target stays as it was. The writer holds a lock on its file for as
    long as it lives; the kernel drops the lock of a killed one. So a sibling that can be locked was left by a dead
    writer, and the next writer of the same target removes it.

    Raises:
        OSError: the disk is full, read-only or otherwise refuses the write; the target is still whole.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(target)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    descriptor = _locked(temporary)
    try:
        yield temporary
        if temporary.exists():
            publish(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(descriptor)


def publish(temporary: Path, target: Path) -> None:
    """Rename a file onto another of the same folder; contents and name are on the disk when this returns."""
    _sync(temporary)
    temporary.replace(target)
    sync_folder(target.parent)


def sync_tree(folder: Path) -> None:
    """Bring a folder to the disk with everything in it."""
    for entry in [*folder.rglob("*"), folder]:
        if entry.is_dir():
            sync_folder(entry)
        else:
            _sync(entry)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def unwritable(target: object, error: OSError) -> StoreError:
    """The one sentence for a disk that is full, read-only or otherwise refuses."""
    reason = error.strerror or str(error)
    return StoreError(
        f"{target} cannot be written ({reason}): free up disk space or fix the permissions of TWIN_STORE."
    )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int:
    """A descriptor of a new file that is locked. Between its making and its locking, another writer may take it for
    one that a dead writer left, and remove it; then it is made anew."""
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            lock_descriptor(descriptor, poll_interval=0.001)
        except OSError:
            os.close(descriptor)
            raise
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)


def _remove_stale(target: Path) -> None:
    for sibling in target.parent.glob(f".{target.name}.*.tmp"):
        try:
            descriptor = os.open(sibling, os.O_RDWR)
        except FileNotFoundError:  # its writer finished between the listing and here
            continue
        try:
            if lock_descriptor(descriptor, blocking=False):  # else its writer lives
                sibling.unlink(missing_ok=True)
        finally:
            os.close(descriptor)
