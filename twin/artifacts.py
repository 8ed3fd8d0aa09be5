"""Parquet datasets and folders under one root, which is a local folder or any fsspec URL.

Every write is atomic for readers: a file is written beside its target and renamed onto it (on object stores an upload
is atomic by itself), so that a killed writer leaves the old contents or the new, and never half of them.
"""

import json
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from twin.errors import StoreError

_METADATA_KEY = b"llm_twin"


class ArtifactStore:
    """Names artifacts by parts, such as `("chunks", "jane-doe", "articles.parquet")`.

    Args:
        root: the folder or URL under which everything lies; it is created on the first write.
    """

    def __init__(self, root: UPath | str) -> None:
        self.root = UPath(root)

    def path(self, *parts: str) -> UPath:
        """Address of an artifact, whether it exists or not."""
        return self.root.joinpath(*parts)

    def write_table(
        self, *parts: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], metadata: dict[str, Any]
    ) -> UPath:
        """Write record batches as one Parquet file, streaming, with `metadata` (JSON) in its footer.

        Raises:
            StoreError: the disk is full, read-only or otherwise refuses the write; the old file is still whole.
        """
        footer = {_METADATA_KEY: json.dumps(metadata, sort_keys=True).encode()}
        with _atomic(self.path(*parts)) as target, target.open("wb") as stream:
            writer = pq.ParquetWriter(stream, schema.with_metadata(footer), compression="zstd")
            with writer:
                for batch in batches:
                    writer.write_batch(batch.replace_schema_metadata(footer))
        return self.path(*parts)

    def read_table(self, *parts: str, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the record batches of a Parquet file; nothing where the file does not exist."""
        path = self.path(*parts)
        if not path.exists():
            return
        with path.open("rb") as stream:
            yield from pq.ParquetFile(stream).iter_batches(batch_size=1024, columns=columns)

    def table_metadata(self, *parts: str) -> dict[str, Any] | None:
        """The metadata that `write_table` was given; None where the file does not exist."""
        path = self.path(*parts)
        if not path.exists():
            return None
        with path.open("rb") as stream:
            stored = pq.read_schema(stream).metadata or {}
        return dict(json.loads(stored.get(_METADATA_KEY, b"{}")))

    def write_bytes(self, *parts: str, content: bytes) -> UPath:
        """Write one small file, atomically."""
        with _atomic(self.path(*parts)) as target:
            target.write_bytes(content)
        return self.path(*parts)

    def read_bytes(self, *parts: str) -> bytes | None:
        """Contents of one small file; None where it does not exist."""
        path = self.path(*parts)
        return path.read_bytes() if path.exists() else None


class _atomic:
    """Context manager: write to a temporary sibling, then rename it onto the target."""

    def __init__(self, target: UPath) -> None:
        self._target = target
        self._local = target.protocol in ("", "file", "local")
        self._temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp") if self._local else target

    def __enter__(self) -> UPath:
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _store_error(self._target, error) from error
        return self._temporary

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if not self._local:
            if isinstance(error, OSError):
                raise _store_error(self._target, error) from error
            return
        if error is None:
            Path(self._temporary.path).replace(self._target.path)
            return
        self._temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _store_error(self._target, error) from error


def _store_error(path: UPath, error: OSError) -> StoreError:
    reason = error.strerror or str(error)
    return StoreError(f"{path} cannot be written ({reason}): free space there or point TWIN_STORE elsewhere.")
