"""Points out of a store into a folder and back, the same for every engine: a backup, and the way between engines.

A folder holds one Parquet file for each author and category, named by its own sha256, and a `manifest.json` that says
which files belong to the backup. The manifest is replaced last and at once, so that a backup that is killed leaves the
one before it whole; files that no manifest names any more go with the next backup.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, ValidationError

from twin.errors import ConsistencyError, InputError, StoreError
from twin.identity import AuthorSlug
from twin.models import Category, Chunk, Model
from twin.terms.bm25 import SparseVector
from twin.vectors.base import Point, VectorStore
from twin.vectors.payload import BATCH, batches

_MANIFEST = "manifest.json"


class Saved(Model):
    """The points of one author and category in a backup."""

    category: Category
    author: AuthorSlug
    model: str  # what the points are made with
    dimension: int = Field(gt=0)
    points: int = Field(ge=0)
    file: str = Field(pattern=r"^[a-z0-9-]+\.parquet$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class BackupManifest(Model):
    """What a backup consists of."""

    format: Literal["llm-twin-points/1"] = "llm-twin-points/1"
    collections: tuple[Saved, ...] = ()


def backup(vectors: VectorStore, folder: Path, author: str | None = None) -> list[Saved]:
    """Write the points that searches see into a folder; return what was written, by category and author.

    Args:
        vectors: read.
        folder: made where it is missing. A backup that is there is replaced; where an author is given, only theirs.
        author: slug; None for all authors.

    Raises:
        InputError: there are no points, or the folder holds something else.
        StoreError: the store cannot be read, or changed while it was read, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = _kept(folder, author)
        written = []
        for category in Category:
            for slug in vectors.authors(category):
                if author in (None, slug) and (model := vectors.model(category, slug)) is not None:
                    written.append(_write(vectors, folder, category, slug, model))
        if not written:
            raise InputError(f"{vectors.address} holds no points" + (f" of {author}." if author else "."))
        manifest = BackupManifest(collections=tuple(sorted([*kept, *written], key=_order)))
        _replace(folder / _MANIFEST, json.dumps(manifest.model_dump(mode="json"), indent=1).encode())
        named = {each.file for each in manifest.collections}
        for path in folder.glob("*.parquet*"):
            if path.name not in named:
                path.unlink()
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be written ({error.strerror or error}): free space or mend its rights."
        ) from error
    return sorted(written, key=_order)


def restore(vectors: VectorStore, folder: Path, author: str | None = None) -> list[Saved]:
    """Make a store hold the points of a backup: for the authors and categories in it exactly those, no others' touched.

    Every file is checked before the first point is written. A restore that is killed is ended by the next.

    Args:
        vectors: written; an author whose points are there already is left as it is.
        folder: what `backup` wrote, on whatever engine.
        author: slug; None for all authors in the backup.

    Raises:
        InputError: the folder is no backup, is incomplete or damaged, or has nothing of the author.
        ConsistencyError: the store does not hold what was written.
        StoreError: the store cannot be used.
    """
    saved = [each for each in _manifest(folder).collections if author in (None, each.author)]
    if not saved:
        raise InputError(f"The backup in {folder} holds no points" + (f" of {author}." if author else "."))
    for each in saved:
        _check(folder, each)
    for each in saved:
        _restore(vectors, folder, each)
    return saved


def _write(vectors: VectorStore, folder: Path, category: Category, author: str, model: str) -> Saved:
    points = vectors.points(category, author, model)
    temporary = folder / f"{category.value}-{author}.parquet.tmp"
    count, dimension = 0, 0
    writer: pq.ParquetWriter | None = None
    try:
        for batch in batches(points):
            dimension = len(batch[0].vector)
            if writer is None:
                writer = pq.ParquetWriter(temporary, _schema(dimension), compression="zstd")
            writer.write_table(_table(batch, dimension))
            count += len(batch)
    finally:
        if writer is not None:
            writer.close()
    if not count or count != vectors.count(category, author):
        raise StoreError(f"The {category.value} of {author} changed while they were read: run the backup again.")
    digest = _sha256(temporary)
    name = f"{category.value}-{author}-{digest[:16]}.parquet"
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    temporary.replace(folder / name)
    return Saved(
        category=category, author=author, model=model, dimension=dimension, points=count, file=name, sha256=digest
    )


def _restore(vectors: VectorStore, folder: Path, saved: Saved) -> None:
    wanted = {chunk.id: chunk.content_hash for chunk in _chunks(folder, saved)}
    stored = vectors.hashes(saved.category, saved.author, saved.model)
    lacking = {identifier for identifier, content in wanted.items() if stored.get(identifier) != content}
    vectors.apply(
        saved.category,
        saved.author,
        saved.model,
        dimension=saved.dimension,
        upserts=(point for point in _points(folder, saved) if point.chunk.id in lacking),
        deletes=stored.keys() - wanted.keys(),
    )
    if vectors.hashes(saved.category, saved.author, saved.model) != wanted:
        raise ConsistencyError(
            f"{vectors.address} does not hold the {len(wanted)} {saved.category.value} of {saved.author} that were "
            "restored: run this again."
        )


def _check(folder: Path, saved: Saved) -> None:
    """Raise where a file is not the one that the manifest names, or does not hold what it says."""
    path = folder / saved.file
    try:
        digest = _sha256(path)
        rows = pq.read_metadata(path).num_rows if digest == saved.sha256 else 0
    except FileNotFoundError:
        raise InputError(f"{path} is missing: the backup is incomplete, use another one.") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}): mend its rights.") from error
    if digest != saved.sha256 or rows != saved.points:
        raise InputError(f"{path} is damaged: its contents are not what the manifest says, use another backup.")
    ids = set()
    for chunk in _chunks(folder, saved):
        if (chunk.author, chunk.category) != (saved.author, saved.category):
            raise InputError(f"{path} holds a chunk of {chunk.author}/{chunk.category}: use another backup.")
        ids.add(chunk.id)
    if len(ids) != saved.points:
        raise InputError(f"{path} holds {len(ids)} points under {saved.points} rows: use another backup.")


def _manifest(folder: Path) -> BackupManifest:
    path = folder / _MANIFEST
    try:
        return BackupManifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{folder} is no backup of points: it has no {_MANIFEST}.") from None
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise InputError(f"{path} is not the manifest of a backup of points ({where}: {problem['msg']}).") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}): mend its rights.") from error


def _kept(folder: Path, author: str | None) -> list[Saved]:
    """What a backup of one author leaves of the one that is there."""
    if not (folder / _MANIFEST).exists():
        if any(folder.iterdir()) and not all(
            path.name.endswith((".parquet", ".parquet.tmp")) for path in folder.iterdir()
        ):
            raise InputError(f"{folder} holds something else than a backup of points: give an empty folder.")
        return []
    there = _manifest(folder).collections
    return [each for each in there if author is not None and each.author != author]


def _chunks(folder: Path, saved: Saved) -> Iterator[Chunk]:
    for batch in pq.ParquetFile(folder / saved.file).iter_batches(BATCH, columns=["chunk"]):
        yield from map(_chunk, batch.column("chunk").to_pylist())


def _points(folder: Path, saved: Saved) -> Iterator[Point]:
    for batch in pq.ParquetFile(folder / saved.file).iter_batches(BATCH):
        vectors = batch.column("vector").flatten().to_numpy(zero_copy_only=False).reshape(-1, saved.dimension)
        chunks = map(_chunk, batch.column("chunk").to_pylist())
        terms, weights = batch.column("terms"), batch.column("weights")
        for chunk, vector, indices, values in zip(chunks, vectors, terms, weights, strict=True):
            sparse = SparseVector(
                indices.values.to_numpy(zero_copy_only=False), values.values.to_numpy(zero_copy_only=False)
            )
            yield Point(chunk, vector, sparse)


def _chunk(text: str) -> Chunk:
    try:
        return Chunk.model_validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"The backup holds a chunk that this version cannot read ({error.errors()[0]['msg']})."
        ) from None


def _table(points: list[Point], dimension: int) -> pa.Table:
    flat = pa.array(np.concatenate([point.vector for point in points]).astype(np.float32), pa.float32())
    return pa.table(
        [
            pa.array([point.chunk.model_dump_json() for point in points], pa.string()),
            pa.FixedSizeListArray.from_arrays(flat, dimension),
            pa.array([point.sparse.indices for point in points], pa.list_(pa.uint32())),
            pa.array([point.sparse.values for point in points], pa.list_(pa.float32())),
        ],
        schema=_schema(dimension),
    )


def _schema(dimension: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("chunk", pa.string(), nullable=False),  # JSON
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
            pa.field("terms", pa.list_(pa.uint32()), nullable=False),
            pa.field("weights", pa.list_(pa.float32()), nullable=False),
        ]
    )


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _order(saved: Saved) -> tuple[str, str]:
    return saved.category.value, saved.author
