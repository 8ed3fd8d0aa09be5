"""Parquet datasets and folders under one root, which is a local folder or any fsspec URL.

Every write is atomic for readers: a local file is written beside its target and renamed onto it, a remote one is
written to a local spool and uploaded as a whole. So a killed or failed writer leaves the old contents or the new ones,
never a half-written file.

A Parquet file has checksums of its pages and a seal (`twin.seal`), which are compared when it is read. A file without
them is of an older version and is read as it is.
"""

import hashlib
import json
import logging
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
from twin.errors import DamagedError, RemovedError, StoreError
from twin.seal import check_seal, seal

logger = logging.getLogger("twin")

_METADATA_KEY = b"llm_twin"
_LOCAL = ("", "file", "local")

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
        self._sealed: dict[str, str] = {}  # address -> the version of a remote file whose seal was compared

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
            with pq.ParquetWriter(temporary, schema, compression="zstd", write_page_checksum=True) as writer:
                for batch in batches:
                    writer.write_batch(batch)
                footer = metadata() if callable(metadata) else metadata
                if footer is not None:
                    writer.add_key_value_metadata({_METADATA_KEY: json.dumps(footer, sort_keys=True).encode()})
            if footer is None:
                temporary.unlink()
            else:
                seal(temporary)
        return self.path(*parts)

    def read_table(
        self, *parts: str, columns: list[str] | None = None, ours: Callable[[pa.Schema], bool] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the record batches of a Parquet file; nothing if the file does not exist.

        Args:
            parts: the name of the file.
            columns: only these; None for all.
            ours: says whether a file with this schema can be one of the caller's.

        Raises:
            DamagedError: the file is not what was written, or has other columns.
            StoreError: it cannot be read.
        """
        path = self.path(*parts)
        if not path.exists():
            return
        with _reading(path), path.open("rb") as stream:
            self._check_seal(path, stream)
            table = pq.ParquetFile(stream, page_checksum_verification=True)
            if ours is not None and not ours(table.schema_arrow):
                raise ValueError("its columns are not those of this table")
            for group in range(table.num_row_groups):  # read in one go, all groups' bytes stay in memory to the end
                for batch in table.iter_batches(batch_size=1024, row_groups=[group], columns=columns):
                    batch.validate(full=True)
                    yield batch

    def table_metadata(self, *parts: str) -> Metadata | None:
        """The metadata that `write_table` was given; None if the file does not exist.

        Raises:
            DamagedError: the file is not what was written.
            StoreError: it cannot be read.
        """
        path = self.path(*parts)
        if not path.exists():
            return None
        with _reading(path), path.open("rb") as stream:
            self._check_seal(path, stream)
            stored = pq.read_metadata(stream).metadata or {}
            if _METADATA_KEY not in stored:
                raise ValueError("another program wrote it")
            return dict(json.loads(stored[_METADATA_KEY]))

    def owned_table(self, *parts: str, check: Callable[[Metadata], None]) -> tuple[Metadata | None, str]:
        """What `table_metadata` says to the stage that owns a table, and one sentence if the table was damaged.

        A damaged table is removed, because its stage can make it again: for the stage it is as if it had never been.

        Args:
            parts: the name of the file.
            check: looks at the rows of a table with this metadata and raises `DamagedError` if they are not sound.

        Raises:
            StoreError: the table cannot be read, which does not mean that it is damaged, or not removed.
        """
        try:
            footer = self.table_metadata(*parts)
            if footer is not None:
                check(footer)
        except DamagedError as error:
            self.remove(*parts)
            logger.warning("%s Now it is made again.", error)
            return None, f"{self.path(*parts)} was damaged and was made again."
        return footer, ""

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
        return path.read_bytes() if path.is_file() else None  # a folder in its place is not a file either

    def digest(self, *parts: str) -> str | None:
        """Hex sha256 of a file's bytes; None if there is no such file."""
        path = self.path(*parts)
        if not path.is_file():
            return None
        digest = hashlib.sha256()
        with _reading(path), path.open("rb") as stream:
            while piece := stream.read(2**20):
                digest.update(piece)
        return digest.hexdigest()

    def exists(self, *parts: str) -> bool:
        """Whether there is a file of that name."""
        return self.path(*parts).exists()

    def remove(self, *parts: str) -> None:
        """Remove one file, or a folder in its place; does nothing if it does not exist.

        Raises:
            StoreError: it may not be removed.
        """
        path = self.path(*parts)
        if path.is_dir():
            self.remove_tree(*parts)
            return
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

    def _check_seal(self, path: UPath, stream: Any) -> None:
        """Compare the seal of an open file: of a local one each time, of a remote one once for each of its versions."""
        if path.protocol in _LOCAL:
            check_seal(stream)
            return
        version = str(sorted(path.fs.info(path.path).items(), key=str))
        if self._sealed.get(str(path)) != version:
            check_seal(stream)
            self._sealed[str(path)] = version

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
            if target.is_dir():
                self.remove_tree(*parts)
            if target.protocol in _LOCAL:
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


@contextmanager
def _reading(path: UPath) -> Iterator[None]:
    """Turn whatever a file's contents make Parquet's reader raise into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and not isinstance(error, IsADirectoryError):  # the system's, not the reader's
            raise StoreError(f"{path} cannot be read ({error.strerror}): fix its permissions or the disk.") from error
        raise _damaged(path, error) from error
    except Exception as error:  # a damaged footer raises errors of a dozen classes
        raise _damaged(path, error) from error


def _damaged(path: UPath, error: Exception) -> DamagedError:
    said = " ".join(str(error).split())[:200].rstrip(". ") or type(error).__name__
    return DamagedError(f"{path} is damaged and cannot be read ({said}): run the stage that writes it again.")
