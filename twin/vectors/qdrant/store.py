"""Points on a Qdrant server: one collection per category and model, behind an alias per category.

Searches go through the alias `<category>`. A new model gets a new collection, which is filled author by author while
searches still use the old one. When every author of the old collection is complete in the new one, the alias moves in
one atomic step, and the old collection is dropped (by the next load, if this one is killed). A point without vector and
author marks an author as complete, so a load that was killed half-way does not count.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from twin import masking
from twin.batching import batches
from twin.errors import InputError, RemovedError, StoreError
from twin.models import Category, Chunk
from twin.servers import usable_address, usable_key
from twin.terms.bm25 import SparseVector
from twin.vectors.base import Found, Point, Scored, Vector, Where
from twin.vectors.payload import BATCH, DENSE, HASHED, SPARSE, chunk_of, hash_of, point_of, settled
from twin.vectors.qdrant.collection import (
    OVERSAMPLING,
    alias_target,
    authors_in,
    collection_name,
    create,
    drop_replaced,
    finish_load,
    is_ours,
    marker,
    marker_point,
    quantize,
    switch,
)
from twin.vectors.qdrant.points import conditions, of_author, stored
from twin.vectors.qdrant.streams import in_streams

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import SearchParams

TIMEOUT_S = 60

STREAMS = 4
"""Parallel requests during a load; Qdrant's bulk upload guide advises 2 to 4."""

_PAGE = 2048
_VECTORS_PAGE = 256


class QdrantVectorStore:
    """The vector store on a server, of version 1.19 or later.

    Args:
        url: address of the server, such as `http://localhost:6333`.
        api_key: the key, if the server needs one.
        quantized: whether searches use vectors with one byte per number, kept in memory, and score the best ones
            again by the full vectors.
        client: used instead of a new one, such as `QdrantClient(":memory:")`; it receives one request at a time.
        guard: raises `RemovedError` for the slug of an author who was removed.

    Raises:
        InputError: the address or the key cannot be used.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        quantized: bool = False,
        client: "QdrantClient | None" = None,
        guard: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._guard = guard
        masking.remember(api_key)
        masking.remember_address(url)
        if client is None and not usable_address(url, login=True):
            raise InputError("QDRANT_URL is not an http(s) address of a server: write it like http://HOST:6333.")
        if api_key is not None and not usable_key(api_key):
            raise InputError("QDRANT_API_KEY contains a character that is not allowed in a key: copy the key again.")
        self._url, self._api_key, self._given = url, api_key, client
        self._quantized = quantized
        self._connected: QdrantClient | None = client
        self._connecting = threading.Lock()

    @property
    def address(self) -> str:
        """The URL without user, password and query."""
        parts = urlsplit(self._url)
        host = parts.hostname or ""
        return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "") if host else self._url

    def hashes(self, category: Category, author: str, model: str) -> dict[str, str]:
        """See `VectorStore.hashes`."""
        name = collection_name(category, model)
        with self._errors() as client:
            if not client.collection_exists(name):
                return {}
            records = _scroll(client, name, author, _PAGE, with_payload=HASHED)
            return {str(record.id): hash_of(record.payload) for record in records}

    def apply(
        self,
        category: Category,
        author: str,
        model: str,
        *,
        dimension: int,
        upserts: Iterable[Point],
        deletes: Collection[str],
        afresh: bool = False,  # noqa: ARG002 - the server knows its own damage
    ) -> None:
        """See `VectorStore.apply`. Batch by batch: meanwhile, a search sees old and new points of a changed author."""
        from qdrant_client.models import PointIdsList

        name = collection_name(category, model)
        parts = batches(upserts, BATCH)
        first = next(parts, [])
        with self._unless_removed(author), self._errors() as client:
            drop_replaced(client, category)
            live = alias_target(client, category)
            complete = live == name or (live is None and not client.collection_exists(name))
            if live == name:
                quantize(client, name, self._quantized)
            if not first and not deletes and complete:
                return
            create(client, name, model, dimension, quantized=self._quantized)

            def write(batch: list[Point]) -> None:
                self._guard(author)
                client.upsert(name, [stored(point) for point in batch], wait=True)

            in_streams(write, chain([first] if first else [], parts), 1 if self._given else STREAMS)
            for part in batches(sorted(deletes), BATCH):
                client.delete(name, PointIdsList(points=list(part)), wait=True)
            finish_load(client, name, wait=live not in (None, name))
            if live != name:
                client.upsert(name, [marker_point(author)], wait=True)
                switch(client, category, live, name)

    def damage(self, category: Category, author: str) -> str:  # noqa: ARG002 - the server checks its own files
        """See `VectorStore.damage`: nothing that can be seen from here."""
        return ""

    @contextlib.contextmanager
    def _unless_removed(self, author: str) -> Iterator[None]:
        """Leave nothing of an author who was removed before the block, or while it ran.

        What was written before the removal began is removed by it, the rest here.
        """
        try:
            self._guard(author)
            yield
            self._guard(author)
        except RemovedError:
            self.remove_author(author)
            raise

    def count(self, category: Category, author: str) -> int:
        """See `VectorStore.count`."""
        with self._errors() as client:
            if not client.collection_exists(category.value):
                return 0
            return client.count(category.value, count_filter=of_author(author), exact=True).count

    def serves(self, category: Category, author: str, model: str) -> bool:  # noqa: ARG002 - one answer for all authors
        """See `VectorStore.serves`: whether the alias points to the collection of this model."""
        with self._errors() as client:
            return alias_target(client, category) in (None, collection_name(category, model))

    def authors(self, category: Category) -> list[str]:
        """See `VectorStore.authors`."""
        with self._errors() as client:
            if not client.collection_exists(category.value):
                return []
            return authors_in(client, category.value)

    def model(self, category: Category, author: str) -> str | None:
        """See `VectorStore.model`."""
        with self._errors() as client:
            live = alias_target(client, category)
            if live is None or not client.count(live, count_filter=of_author(author), exact=True).count:
                return None
            return str((client.get_collection(live).config.metadata or {}).get("model", live))

    def points(
        self, category: Category, author: str, model: str, ids: Collection[str] | None = None
    ) -> Iterator[Point]:
        """See `VectorStore.points`."""
        name = collection_name(category, model)
        with self._errors() as client:
            if not client.collection_exists(name):
                return
            if ids is None:
                yield from map(
                    point_of, _scroll(client, name, author, _VECTORS_PAGE, with_payload=True, with_vectors=True)
                )
                return
            for part in batches(sorted(ids), BATCH):
                records = client.retrieve(name, list(part), with_payload=True, with_vectors=True)
                yield from sorted(map(point_of, records), key=lambda point: point.chunk.id)

    def index(self, category: Category, author: str) -> dict[str, Any]:  # noqa: ARG002 - one answer for all authors
        """See `VectorStore.index`."""
        with self._errors() as client:
            live = alias_target(client, category)
            if live is None:
                return {}
            info = client.get_collection(live)
            return {
                "collection": live,
                "status": str(info.status.value),
                "indexed_vectors": info.indexed_vectors_count,
                "hnsw_m": info.config.hnsw_config.m,
                "quantized": info.config.quantization_config is not None,
            }

    def search(
        self, category: Category, where: Where, *, vector: Vector | None, sparse: SparseVector | None, limit: int
    ) -> Found:
        """See `VectorStore.search`."""
        from qdrant_client.models import IdfCorpusParams, QuantizationSearchParams, SearchParams
        from qdrant_client.models import SparseVector as Terms

        alias = category.value  # not the collection behind it, which may be replaced at any moment
        dense: list[Scored] = []
        terms: list[Scored] = []
        with self._errors() as client:
            if not client.collection_exists(alias):
                return Found([], [])
            _check_layout(client, alias, None if vector is None else len(vector))
            if vector is not None:
                rescored = QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING)
                params = SearchParams(quantization=rescored) if self._quantized else None
                dense = _nearest(client, alias, where, vector.tolist(), DENSE, params, limit)
            if sparse is not None and len(sparse.indices):
                corpus = None if where.author is None else of_author(where.author)
                params = SearchParams(idf=IdfCorpusParams(corpus=corpus)) if corpus else None
                query = Terms(indices=sparse.indices.tolist(), values=sparse.values.tolist())
                terms = _nearest(client, alias, where, query, SPARSE, params, limit)
        return Found(dense, terms)

    def pinned(self) -> contextlib.AbstractContextManager[None]:
        """See `VectorStore.pinned`."""
        return contextlib.nullcontext()

    def chunks(self, category: Category, found: Sequence[Scored]) -> dict[str, Chunk]:
        """See `VectorStore.chunks`."""
        identifiers = list(dict.fromkeys(point.id for point in found))
        with self._errors() as client:
            if not identifiers or not client.collection_exists(category.value):
                return {}
            records = client.retrieve(category.value, identifiers, with_payload=True, with_vectors=False)
        return {str(record.id): chunk_of(record.payload) for record in records}

    def remove_author(self, author: str) -> int:
        """See `VectorStore.remove_author`; a collection that is still being filled also contains a marker."""
        from qdrant_client.models import FilterSelector, PointIdsList

        removed = 0
        with self._errors() as client:
            for name in sorted(each.name for each in client.get_collections().collections):
                if not is_ours(name):
                    continue
                removed += client.count(name, count_filter=of_author(author), exact=True).count
                client.delete(name, FilterSelector(filter=of_author(author)), wait=True)
                client.delete(name, PointIdsList(points=[marker(author)]), wait=True)
        return removed

    def close(self) -> None:
        """Close the connection, unless the client was given."""
        with self._connecting:
            if self._connected is not None and self._given is None:
                self._connected.close()
                self._connected = None

    def _client(self) -> "QdrantClient":
        from qdrant_client import QdrantClient

        with self._connecting:
            if self._connected is None:
                self._connected = QdrantClient(
                    url=self._url, api_key=self._api_key, timeout=TIMEOUT_S, check_compatibility=False
                )
            return self._connected

    @contextlib.contextmanager
    def _errors(self) -> Iterator["QdrantClient"]:
        """Yield the client, and turn its errors into one sentence without secrets."""
        import httpx
        from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

        try:
            yield self._client()
        except UnexpectedResponse as error:
            if error.status_code in (401, 403):
                raise StoreError(f"Qdrant at {self.address} refuses the key: correct QDRANT_API_KEY.") from error
            said = error.content.decode("utf-8", "replace")
            detail = " ".join(masking.without(masking.masked(said), self._api_key or "").split())[:200]
            raise StoreError(f"Qdrant at {self.address} answered {error.status_code}: {detail}") from error
        except json.JSONDecodeError as error:
            raise StoreError(
                f"{self.address} did not answer as a Qdrant server: check that QDRANT_URL is right, then try again."
            ) from error
        except (ResponseHandlingException, ApiException, httpx.HTTPError) as error:
            raise StoreError(
                f"Qdrant at {self.address} cannot be reached ({type(error.__cause__ or error).__name__}): "
                "start it, or unset QDRANT_URL to use the embedded store."
            ) from error


def _nearest(  # noqa: PLR0917 - the parts of one request
    client: "QdrantClient",
    name: str,
    where: Where,
    query: Any,
    using: str,
    params: "SearchParams | None",
    limit: int,
) -> list[Scored]:
    condition = conditions(where)

    def fetch(asked: int) -> list[Scored]:
        answer = client.query_points(
            name,
            query=query,
            using=using,
            query_filter=condition,
            search_params=params,
            limit=asked,
            with_payload=["author"],
        )
        return [
            Scored(str(each.id), float(each.score), str((each.payload or {}).get("author"))) for each in answer.points
        ]

    return settled(fetch, limit)


def _scroll(client: "QdrantClient", name: str, author: str, page: int, **options: Any) -> Iterator[Any]:
    """Yield every record of the author, in the order of ids."""
    offset: Any = None
    while True:
        records, offset = client.scroll(name, scroll_filter=of_author(author), limit=page, offset=offset, **options)
        yield from records
        if offset is None:
            return


def _check_layout(client: "QdrantClient", name: str, dimension: int | None) -> None:
    """Raise an error if the collection cannot answer a query of this dimension and of terms."""
    params = client.get_collection(name).config.params
    size = params.vectors[DENSE].size if isinstance(params.vectors, dict) and DENSE in params.vectors else 0
    if SPARSE not in (params.sparse_vectors or {}) or dimension not in (None, size):
        raise StoreError(
            f"The collection {name} has vectors of {size} numbers, made by another model than the query's: "
            "build the collections of every author with this TWIN_EMBEDDING_MODEL, or set it back."
        )
