"""Parquet datasets and folders under one root, which is a local folder or any fsspec URL.

Every write is atomic for readers: a local file is written beside its target and renamed onto it, a remote one is
written to a local spool and uploaded as a whole. So a killed or failed writer leaves the old contents or the new ones,
never a half-written file.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from twin import layout
from twin.atomic import replacing, unwritable
from twin.errors import RemovedError, StoreError

_METADATA_KEY = b"llm_twin"

Metadata = dict[str, Any]


class ArtifactStore:
    """Names artifacts by parts, such as `("chunks", "jane-doe", "articles.parquet")`.

    Args:
        root: the folder or URL that contains everything; it is created on the first write.
        guard: raises `RemovedError` for the slug of an author who was removed; called around every write for an author.
    """

    def __init__(self, root: UPath | str, guard: Callable[[str], None] = lambda _: None) -> None:
        self.root = UPath(root)
        self._guard = guard

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
        with self._writing(*parts) as temporary:
            with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch)
                footer = metadata() if callable(metadata) else metadata
                if footer is not None:
                    writer.add_key_value_metadata({_METADATA_KEY: json.dumps(footer, sort_keys=True).encode()})
            if footer is None:
                temporary.unlink()
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
        with self._writing(*parts) as temporary:
            temporary.write_bytes(content)
        return self.path(*parts)

    def write_file(self, *parts: str, source: Path) -> UPath:
        """Write a copy of a local file of any size, atomically."""
        with self._writing(*parts) as temporary:
            shutil.copyfile(source, temporary)
        return self.path(*parts)

    def read_bytes(self, *parts: str) -> bytes | None:
        """Contents of one small file; None if it does not exist."""
        path = self.path(*parts)
        return path.read_bytes() if path.exists() else None

    def digest(self, *parts: str) -> str | None:
        """Hex sha256 of a file's bytes; None if it does not exist."""
        path = self.path(*parts)
        if not path.exists():
            return None
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            while piece := stream.read(2**20):
                digest.update(piece)
        return digest.hexdigest()

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
            raise unwritable(path, error) from error

    def folders(self, *parts: str) -> list[str]:
        """Names of the folders in a folder, sorted; none if it does not exist."""
        path = self.path(*parts)
        return sorted(each.name for each in path.iterdir() if each.is_dir()) if path.exists() else []

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
            raise unwritable(path, error) from error

    def refuse_removed(self, author: str) -> None:
        """If an author was removed, remove what a run has written since; for runs that write files themselves.

        Raises:
            RemovedError: the author was removed.
        """
        try:
            self._guard(author)
        except RemovedError:
            for folder in layout.PER_AUTHOR:
                self.remove_tree(folder, author)
            raise

    @contextmanager
    def _writing(self, *parts: str) -> Iterator[Path]:
        """`_written`, but nothing stays of an author who was removed before or meanwhile."""
        author = parts[1] if parts[0] in layout.PER_AUTHOR else None
        if author is not None:
            self.refuse_removed(author)
        with self._written(*parts) as temporary:
            yield temporary
        if author is not None:
            self.refuse_removed(author)

    @contextmanager
    def _written(self, *parts: str) -> Iterator[Path]:
        """Give a local file to write, which becomes the artifact when the block ends, unless the block removes it."""
        target = self.path(*parts)
        try:
            if target.protocol in ("", "file", "local"):
                with replacing(Path(target.path)) as temporary:
                    yield temporary
                return
            with tempfile.TemporaryDirectory() as folder:
                spool = Path(folder) / target.name
                yield spool
                if spool.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.fs.put_file(str(spool), target.path)
        except OSError as error:
            raise unwritable(target, error) from error


def _damaged(path: UPath, error: Exception) -> StoreError:
    return StoreError(f"{path} cannot be read ({error}): remove it and run the stage that writes it again.")
