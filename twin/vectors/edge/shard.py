"""One shard of Qdrant Edge: creating, filling and reading it. `store` handles versions and authors."""

import contextlib
import errno
import os
import shutil
import tempfile
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.batching import batches
from twin.errors import StoreError
from twin.models import Chunk
from twin.terms.bm25 import SparseVector
from twin.vectors.base import Point, Scored, Vector, Where
from twin.vectors.edge.versions import Index, copy_sparse
from twin.vectors.payload import (
    BATCH,
    CHUNK,
    DENSE,
    KEYWORDS,
    MOMENT,
    SPARSE,
    chunk_of,
    hash_of,
    point_of,
    settled,
    wanted_keywords,
)

if TYPE_CHECKING:
    from qdrant_edge import EdgeConfig, EdgeShard, Filter, Record
    from qdrant_edge import Point as EdgePoint

OVERSAMPLING = 2.0
"""A quantised search takes this many times the wanted points, then scores them by the full vectors."""

_SPARE_BYTES = 64 * 1024 * 1024
"""Bytes to keep free on disk: the engine maps files into memory, and a full disk would kill the process silently."""

TOGETHER = 1024
"""Points per update: above a few hundred, the number makes no measurable difference."""

_PANIC = "PanicException"
"""Name of the class of a panic in Rust, which is no `Exception` and which pyo3 does not export."""

_PAGE = 4096
_VECTORS_PAGE = 512

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def opened(path: Path) -> "EdgeShard":
    """An existing shard, open for reading.

    The engine opens its files for writing. If that is not allowed, such as in a backup, it gets a copy in the folder
    for temporary files, whose names are removed at once: what is open stays usable (POSIX).

    Raises:
        StoreError: the engine fails, or there is no space for a copy.
    """
    from qdrant_edge import EdgeShard

    if _writable(path):
        with engine(path):
            return EdgeShard.load(str(path))
    try:
        with tempfile.TemporaryDirectory(prefix="llm-twin-") as folder:
            if shutil.disk_usage(folder).free < allocated(path) + _SPARE_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            copy = Path(folder, path.name)
            copy_sparse(path, copy)
            with engine(path):
                return EdgeShard.load(str(copy))
    except OSError as error:
        raise StoreError(
            f"{path} is read-only, and a copy of it in {tempfile.gettempdir()} cannot be opened ({error.strerror}): "
            "make it writable, or set TMPDIR to a folder with more space."
        ) from error


def settle(path: Path) -> None:
    """Open a new shard once: this brings its files into the state in which every later opening finds them."""
    opened(path).close()


def write(path: Path, dimension: int, index: Index, points: Iterable[Point], deletes: Collection[str]) -> int:
    """Fill a shard, which is created if missing; return the verified number of its points.

    Raises:
        StoreError: the disk is full, the engine fails, or the shard does not contain what was written.
    """
    from qdrant_edge import UpdateOperation

    check_space(path)
    with engine(path):
        shard = _load_or_create(path, dimension, index)
    try:
        with engine(path):
            expected = {str(record.id) for record in _scroll(shard, _PAGE, with_payload=False)} - set(deletes)
            if deletes:
                shard.update(UpdateOperation.delete_points(list(deletes)))
        for batch in batches(points, TOGETHER):
            check_space(path)
            with engine(path):
                shard.update(UpdateOperation.upsert_points(_stored(batch)))
            expected.update(point.chunk.id for point in batch)
        check_space(path, allocated(path))  # merging writes a second copy before it deletes the first
        with engine(path):
            shard.optimize()  # builds the graph if there are enough vectors, and purges deleted points
            shard.flush()
        written = count(shard, path)
    finally:
        shard.close()
    if written != len(expected):
        raise StoreError(f"{path} contains {written} points after writing instead of {len(expected)}: run this again.")
    return written


def hashes(shard: "EdgeShard", path: Path) -> dict[str, str]:
    """Id and content hash of every point."""
    with engine(path):
        return {str(record.id): hash_of(record.payload) for record in _scroll(shard, _PAGE, with_payload=[CHUNK])}


def count(shard: "EdgeShard", path: Path) -> int:
    """Number of points."""
    from qdrant_edge import CountRequest

    with engine(path):
        return int(shard.count(CountRequest(exact=True)))


def points(shard: "EdgeShard", path: Path, ids: Collection[str] | None) -> Iterator[Point]:
    """Yield the points in the order of ids, or only those with these ids."""
    if ids is None:
        records = _scroll(shard, _VECTORS_PAGE, with_payload=[CHUNK], with_vector=True)
        while True:
            with engine(path):
                record = next(records, None)
            if record is None:
                return
            yield point_of(record)
    for part in batches(sorted(ids), BATCH):
        with engine(path):
            found = shard.retrieve(list(part), with_payload=True, with_vector=True)
        yield from sorted(map(point_of, found), key=lambda point: point.chunk.id)


def chunks(shard: "EdgeShard", path: Path, ids: Sequence[str]) -> dict[str, Chunk]:
    """The chunks of points, by id; unknown ids are left out."""
    with engine(path):
        records = shard.retrieve(list(dict.fromkeys(ids)), with_payload=[CHUNK], with_vector=False)
    return {str(record.id): chunk_of(record.payload) for record in records}


class Query:
    """One search, ready to run on any number of shards.

    Args:
        where: the conditions; the author is handled by the choice of the shard.
        index: how the shard was built.
        vector: a vector of either kind.
        limit: how many points are wanted.
    """

    def __init__(self, where: Where, index: Index, vector: Vector | SparseVector, limit: int) -> None:
        from qdrant_edge import QuantizationSearchParams, SearchParams
        from qdrant_edge import Query as EdgeQuery
        from qdrant_edge import SparseVector as EdgeSparse

        self._filter = _filter(where)
        self._limit = limit
        self._params: SearchParams | None = None
        if isinstance(vector, SparseVector):
            terms = EdgeSparse(vector.indices.tolist(), vector.values.tolist())
            self._query: EdgeQuery = EdgeQuery.Nearest(terms, using=SPARSE)
        else:
            self._query = EdgeQuery.Nearest(vector.tolist(), using=DENSE)
            rescored = QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING)
            self._params = SearchParams(hnsw_ef=index.ef, quantization=rescored if index.quantized else None)

    def nearest(self, shard: "EdgeShard", path: Path, author: str) -> list[Scored]:
        """The nearest points, best first, equal scores in the order of ids."""
        from qdrant_edge import QueryRequest

        def fetch(asked: int) -> list[Scored]:
            request = QueryRequest(
                limit=asked, query=self._query, filter=self._filter, params=self._params, with_payload=False
            )
            with engine(path):
                found = shard.query(request)
            return [Scored(str(point.id), point.score, author) for point in found]

        return settled(fetch, self._limit)


def allocated(folder: Path) -> int:
    """Bytes that a folder's files occupy on the disk, without their holes."""
    return sum(entry.stat().st_blocks * 512 for entry in folder.rglob("*") if entry.is_file())


def check_space(path: Path, needed: int = 0) -> None:
    """Raise an error if the disk does not have `needed` bytes and some to spare. `path` may not exist yet."""
    if shutil.disk_usage(path if path.exists() else path.parent).free < needed + _SPARE_BYTES:
        raise StoreError(f"{path} cannot be written: the disk is full. Free up disk space and run this again.")


@contextlib.contextmanager
def engine(path: Path) -> Iterator[None]:
    """The engine reports every failure as a bare `Exception`, or panics; only these become a `StoreError`."""
    try:
        yield
    except BaseException as error:
        if type(error) is not Exception and type(error).__name__ != _PANIC:
            raise
        said = " ".join(str(error).split()).rstrip(".")
        raise StoreError(
            f"The vector shard in {path} cannot be used ({said}): run the collection stage again."
        ) from error


def _writable(path: Path) -> bool:
    return all(os.access(each, os.W_OK) for each in (path, *path.rglob("*")))


def _load_or_create(path: Path, dimension: int, index: Index) -> "EdgeShard":
    from qdrant_edge import EdgeShard, IntegerIndexParams, UpdateOperation

    config = _config(dimension, index)
    if path.exists():
        return EdgeShard.load(str(path), config)
    path.mkdir(parents=True)
    shard = EdgeShard.create(str(path), config)
    for field in KEYWORDS:
        shard.update(UpdateOperation.create_field_index(field, IntegerIndexParams(lookup=True, range=False)))
    shard.update(UpdateOperation.create_field_index(MOMENT, IntegerIndexParams(lookup=False, range=True)))
    return shard


def _config(dimension: int, index: Index) -> "EdgeConfig":
    from qdrant_edge import (
        Distance,
        EdgeConfig,
        EdgeOptimizersConfig,
        EdgeSparseVectorParams,
        EdgeVectorParams,
        HnswIndexConfig,
        Modifier,
        ScalarQuantizationConfig,
        ScalarType,
    )

    small = ScalarQuantizationConfig(ScalarType.Int8, quantile=0.99, always_ram=True) if index.quantized else None
    graph = HnswIndexConfig(index.m, index.ef_construct, index.full_scan_kb)
    dense = EdgeVectorParams(dimension, Distance.Cosine, quantization_config=small, hnsw_config=graph)
    return EdgeConfig(
        vectors={DENSE: dense},
        sparse_vectors={SPARSE: EdgeSparseVectorParams(modifier=Modifier.Idf)},
        hnsw_config=graph,
        optimizers=EdgeOptimizersConfig(indexing_threshold=index.threshold_kb),
        wal_enabled=False,
    )


def _stored(points: Iterable[Point]) -> "list[EdgePoint]":
    """Each point with its chunk as one JSON string, and with the fields to filter by as numbers.

    The binding converts each payload field by trying one type after another, and a string is the fifth. So converting
    the fields of a chunk would take longer than everything else done for the point. The hash of the chunk needs no
    field: it is the hash of the string. An array's numbers are read one by one, without a list of all of them. Each
    filter has its own field: for the binding, a list of four numbers costs more than four fields, and more than the
    engine saves with one common index. The indexes are created before the points, because indexing existing points
    reads each of them again and costs four times as much.
    """
    from qdrant_edge import Point as EdgePoint
    from qdrant_edge import SparseVector as EdgeSparse

    made = []
    for chunk, vector, sparse in points:
        payload: dict[str, Any] = {
            CHUNK: chunk.canonical.decode(),
            "document_id": _number(chunk.document_id),
            "platform": _number(chunk.platform),
            "link": _number(chunk.link),
        }
        if chunk.language is not None:
            payload["language"] = _number(chunk.language)
        if chunk.published_at is not None:
            payload[MOMENT] = _microseconds(chunk.published_at)
        terms = EdgeSparse(sparse.indices.tolist(), sparse.values.tolist())
        vectors: dict[str, Any] = {DENSE: array("f", vector.tobytes()), SPARSE: terms}
        made.append(EdgePoint(chunk.id, vectors, payload))
    return made


@lru_cache(1 << 16)
def _number(text: str) -> int:
    """The number for a string in the shard's indexes: 63 bits of its hash, which differ for all strings in use."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1


def _microseconds(moment: datetime) -> int:
    """Time since 1970 (UTC if there is no zone); exact as a double, which the engine compares."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (moment - _EPOCH) // _MICROSECOND


def _filter(where: Where) -> "Filter | None":
    from qdrant_edge import FieldCondition, Filter, MatchAny, RangeFloat

    must: list[Any] = [
        FieldCondition(key=field, match=MatchAny(any=[_number(value) for value in values]))
        for field, values in wanted_keywords(where).items()
    ]
    if where.published_from or where.published_until:
        since = float(_microseconds(where.published_from)) if where.published_from else None
        until = float(_microseconds(where.published_until)) if where.published_until else None
        must.append(FieldCondition(key=MOMENT, range=RangeFloat(gte=since, lt=until)))
    return Filter(must=must) if must else None


def _scroll(shard: "EdgeShard", page: int, **options: Any) -> Iterator["Record"]:
    """Yield every record, in the order of ids."""
    from qdrant_edge import ScrollRequest

    offset = None
    while True:
        records, offset = shard.scroll(ScrollRequest(offset=offset, limit=page, **options))
        yield from records
        if offset is None:
            return
