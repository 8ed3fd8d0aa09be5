"""Folders that appear whole or not at all, and are built by one process at a time."""

import hashlib
import logging
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from filelock import FileLock, Timeout

from twin.atomic import sync_folder, sync_tree, unwritable

_RUST_IO_ERROR = re.compile(r"([^:]+) \(os error (\d+)\)")
"""The message of safetensors and tokenizers (written in Rust) for a failed write; they do not raise OSError."""

logger = logging.getLogger("twin")


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of a folder that may not exist yet. The kernel releases it when the process is killed."""
    lock = FileLock(target.parent / f".{target.name}.lock", fallback_to_soft=False)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            logger.info("another process is building %s: waiting for it", target.name)
            lock.acquire()
    except OSError as error:
        raise unwritable(target, error) from error
    try:
        yield
    finally:
        lock.release()


def build_folder(target: Path, build: Callable[[Path], None]) -> None:
    """Let `build` fill a temporary sibling of `target`, then rename it; call it with the lock of `target` held.

    Remnants of killed builds are removed first, and an existing `target` is replaced.

    Raises:
        StoreError: the disk is full, read-only or refuses the write.
    """
    try:
        for leftover in target.parent.glob(f".{escape(target.name)}.*.tmp"):
            if leftover.is_dir():  # a file is not ours: notes about a folder have similar names
                shutil.rmtree(leftover)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
        temporary.mkdir(parents=True)
        try:
            build(temporary)
            sync_tree(temporary)
            if target.exists():
                shutil.rmtree(target)
            temporary.rename(target)
            sync_folder(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise unwritable(target, error) from error
    except Exception as error:
        if (reason := _RUST_IO_ERROR.search(str(error))) is None:
            raise
        raise unwritable(target, OSError(int(reason[2]), reason[1].strip())) from error


def file_hashes(folder: Path) -> dict[str, str]:
    """Relative name -> hex sha256 of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): file_hash(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }


def file_hash(path: Path) -> str:
    """Hex sha256 of a file, which is read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
