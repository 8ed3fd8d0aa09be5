"""Files that appear complete or not at all: written next to their target, flushed to disk, then renamed to it.

After a writer was killed or failed, the file has its old contents or the new ones, never half of them.
"""

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from filelock import lock_descriptor

from twin.errors import StoreError

_NO_SYNC = (errno.EINVAL, errno.ENOTSUP)
"""How network file systems report that a folder cannot be synced; its names are then as safe as they make them."""


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a new file next to `target` to write to; it replaces the target when the block ends.

    If the block raises or removes the file, the target stays as it was. The writer holds a lock on its file, which the
    kernel releases if the writer is killed. So a temporary file that can be locked was left by a dead writer, and the
    next writer of the same target removes it. A file keeps its permissions, and behind a link the file itself is
    replaced, not the link.

    Raises:
        OSError: the disk is full, read-only or otherwise refuses the write; the target is still complete.
    """
    target = Path(os.path.realpath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(target)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    descriptor = _locked(temporary)
    try:
        with suppress(FileNotFoundError):
            os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode))
        yield temporary
        if temporary.exists():
            publish(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(descriptor)


def publish(temporary: Path, target: Path) -> None:
    """Rename a file to another one in the same folder; contents and name are on disk when this returns."""
    _sync(temporary)
    temporary.replace(target)
    sync_folder(target.parent)


def sync_tree(folder: Path) -> None:
    """Flush a folder and everything in it to disk."""
    for entry in [*folder.rglob("*"), folder]:
        if entry.is_dir():
            sync_folder(entry)
        else:
            _sync(entry)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk."""
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def unwritable(target: object, error: OSError) -> StoreError:
    """The error for a disk that is full, read-only or otherwise refuses a write."""
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
    """Descriptor of a new, locked file. Before the lock is held, another writer may take the file for a leftover and
    remove it; then it is created again."""
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
    for sibling in target.parent.glob(f".{escape(target.name)}.*.tmp"):
        with suppress(OSError):  # its writer finished after the listing, or it is a folder or a file of somebody else
            descriptor = os.open(sibling, os.O_RDWR | os.O_NONBLOCK)
            try:
                if lock_descriptor(descriptor, blocking=False):  # otherwise its writer is alive
                    sibling.unlink()
            finally:
                os.close(descriptor)
