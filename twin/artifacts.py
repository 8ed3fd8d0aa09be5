"""Parquet datasets and folders under one root, which is a local folder or any fsspec URL.

Every write is atomic for readers: a local file is written beside its target and renamed onto it, a remote one is
written to a local spool and uploaded as a whole. So a killed or failed writer leaves the old contents or the new ones,
never a half-written file.
"""

import fcntl
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from twin import layout
from twin.errors import StoreError

_METADATA_KEY = b"llm_twin"

Metadata = dict[str, Any]


class ArtifactStore:
    """Names artifacts by parts, such as `("chunks", "jane-doe", "articles.parquet")`.

    Args:
        root: the folder or URL that contains everything; it is created on the first write.
    """

    def __init__(self, root: UPath | str) -> None:
        self.root = UPath(root)

    def path(self, *parts: str) -> UPath:
        """Address of an artifact, whether it exists or not.

        Raises:
            ValueError: its folder is not one of `twin.layout`.
        """
        if len(parts) > 1 and parts[0] not in layout.FOLDERS:
            raise ValueError(f"'{parts[0]}' is not a folder of the store: declare it in twin/layout.py first.")
        return self.root.joinpath(*parts)

    def write_table(
        self,
        *parts: str,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
        metadata: Metadata | Callable[[], Metadata | None],
    ) -> UPath:
        """Write record batches as one Parquet file, streaming, with `metadata` (JSON) in its footer.

        Args:
            parts: the name of the file.
            schema: schema of every batch.
            batches: consumed once; if they raise an error, the old file stays unchanged.
            metadata: the footer, or a function that makes it after the last batch. If the function returns None, the
                new file is dropped and the old one stays unchanged.

        Raises:
            StoreError: the disk is full or read-only or refuses the write for another reason; the old file is intact.
        """
        with _Atomic(self.path(*parts)) as target:
            with pq.ParquetWriter(target.temporary, schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch)
                footer = metadata() if callable(metadata) else metadata
                if footer is not None:
                    writer.add_key_value_metadata({_METADATA_KEY: json.dumps(footer, sort_keys=True).encode()})
            target.keep = footer is not None
        return self.path(*parts)

    def read_table(self, *parts: str, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the record batches of a Parquet file; nothing if the file does not exist.

        Raises:
            StoreError: the file is damaged or cannot be read.
        """
        path = self.path(*parts)
        if not path.exists():
            return
        with path.open("rb") as stream:
            try:
                table = pq.ParquetFile(stream)
                for group in range(table.num_row_groups):  # read in one go, all groups' bytes stay in memory to the end
                    yield from table.iter_batches(batch_size=1024, row_groups=[group], columns=columns)
            except (pa.ArrowInvalid, OSError) as error:
                raise _damaged(path, error) from error

    def table_metadata(self, *parts: str) -> Metadata | None:
        """The metadata that `write_table` was given; None if the file does not exist.

        Raises:
            StoreError: the file is damaged or cannot be read.
        """
        path = self.path(*parts)
        if not path.exists():
            return None
        with path.open("rb") as stream:
            try:
                stored = pq.read_metadata(stream).metadata or {}
            except (pa.ArrowInvalid, OSError) as error:
                raise _damaged(path, error) from error
        return dict(json.loads(stored.get(_METADATA_KEY, b"{}")))

    def write_bytes(self, *parts: str, content: bytes) -> UPath:
        """Write one small file, atomically."""
        with _Atomic(self.path(*parts)) as target:
            target.temporary.write_bytes(content)
        return self.path(*parts)

    def write_file(self, *parts: str, source: Path) -> UPath:
        """Write a copy of a local file of any size, atomically."""
        with _Atomic(self.path(*parts)) as target:
            shutil.copyfile(source, target.temporary)
        return self.path(*parts)

    def read_bytes(self, *parts: str) -> bytes | None:
        """Contents of one small file; None if it does not exist."""
        path = self.path(*parts)
        return path.read_bytes() if path.exists() else None

    def exists(self, *parts: str) -> bool:
        """Whether there is a file of that name."""
        return self.path(*parts).exists()

    def remove(self, *parts: str) -> None:
        """Remove one file; does nothing if it does not exist.

        Raises:
            StoreError: it may not be removed.
        """
        path = self.path(*parts)
        try:
            path.unlink(missing_ok=True)
        except FileNotFoundError:  # some remote file systems do not support `missing_ok`
            pass
        except OSError as error:
            raise _unwritable(path, error) from error

    def count_files(self, *parts: str) -> int:
        """How many files a folder contains, at any depth; 0 if it does not exist."""
        path = self.path(*parts)
        return len(path.fs.find(path.path)) if path.exists() else 0

    def remove_tree(self, *parts: str) -> None:
        """Remove a folder with its contents; does nothing if it does not exist.

        Raises:
            StoreError: something in it may not be removed.
        """
        path = self.path(*parts)
        try:
            if path.exists():
                path.fs.rm(path.path, recursive=True)
        except OSError as error:
            raise _unwritable(path, error) from error


class _Atomic:
    """Context manager: write to `temporary`, a local file that becomes the target at the end if `keep` is true.

    The writer locks its temporary file while it works; the kernel releases the lock of a killed one. So a sibling that
    can be locked was left by a dead writer, and the next writer of the same target removes it.
    """

    def __init__(self, target: UPath) -> None:
        self._target = target
        self._local = target.protocol in ("", "file", "local")
        self.keep = True

    def __enter__(self) -> "_Atomic":
        name = f".{self._target.name}.{uuid.uuid4().hex[:8]}.tmp"
        folder = Path(self._target.parent.path) if self._local else Path(tempfile.gettempdir())
        self.temporary = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self._local:
                _remove_stale(folder, self._target.name)
            self._lock = _locked(self.temporary)
        except OSError as error:
            raise _unwritable(self._target, error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if error is None and self.keep:
                os.fsync(self._lock)
                self._publish()
            elif isinstance(error, OSError):
                raise _unwritable(self._target, error) from error
        except OSError as failure:
            raise _unwritable(self._target, failure) from failure
        finally:
            self.temporary.unlink(missing_ok=True)
            os.close(self._lock)

    def _publish(self) -> None:
        if self._local:
            self.temporary.replace(self._target.path)
            return
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._target.fs.put_file(str(self.temporary), self._target.path)


def _locked(path: Path) -> int:
    """A descriptor of a new locked file. Between creating and locking it, another writer may take it for a remnant of a
    dead writer and remove it; then it is created again."""
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)


def _remove_stale(folder: Path, name: str) -> None:
    for sibling in folder.glob(f".{name}.*.tmp"):
        try:
            descriptor = os.open(sibling, os.O_RDWR)
        except FileNotFoundError:  # its writer finished between the listing and here
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            sibling.unlink(missing_ok=True)
        except BlockingIOError:  # its writer is alive
            pass
        finally:
            os.close(descriptor)


def _unwritable(path: UPath, error: OSError) -> StoreError:
    reason = error.strerror or str(error)
    return StoreError(f"{path} cannot be written ({reason}): free up disk space or fix the permissions of TWIN_STORE.")


def _damaged(path: UPath, error: Exception) -> StoreError:
    return StoreError(f"{path} cannot be read ({error}): remove it and run the stage that writes it again.")
