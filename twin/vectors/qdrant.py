"""Points on a Qdrant server: one collection per category and embedding model, behind an alias per category.

Searches go through the alias `<category>`. A new embedding model gets a collection of its own, which is filled author
by author while searches still see the old one; the alias moves, in one atomic step, once every author that the old
collection holds is complete in the new one. A point without vector and without author marks an author as complete,
so that a load which was killed half-way does not count.
"""

import contextlib
import logging
import re
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from twin.errors import StoreError
from twin.models import Category, Chunk
from twin.vectors.base import Found, Point, Scored, SparseVector, Vector, Where
from twin.vectors.payload import (
    BATCH,
    DENSE,
    HASHED,
    KEYWORDS,
    MOMENT,
    SPARSE,
    batches,
    chunk_of,
    hash_of,
    payload_of,
    settled,
)

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import FieldCondition, Filter, PointStruct

logger = logging.getLogger("twin")

TIMEOUT_S = 60

_PAGE = 2048
_MARKERS = UUID("0d0e4d1c-2f0e-5a8e-9a51-7d9b1c1f5c11")
_MAX_AUTHORS = 1_000_000


class QdrantVectorStore:
    """The vector store on a server.

    Args:
        url: of the server, such as `http://localhost:6333`.
        api_key: where the server wants one.
        client: used instead of a new one, such as `QdrantClient(":memory:")`.
    """

    def __init__(self, url: str, api_key: str | None = None, *, client: "QdrantClient | None" = None) -> None:
        self._url, self._api_key, self._given = url, api_key, client
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
            found: dict[str, str] = {}
            offset: Any = None
            while True:
                records, offset = client.scroll(
                    name, scroll_filter=_of(author), limit=_PAGE, offset=offset, with_payload=HASHED
                )
                found.update((str(record.id), hash_of(record.payload)) for record in records)
                if offset is None:
                    return found

    def apply(
        self,
        category: Category,
        author: str,
        model: str,
        *,
        dimension: int,
        upserts: Iterable[Point],
        deletes: Collection[str],
    ) -> None:
        """See `VectorStore.apply`. Batch by batch: a search meanwhile sees old and new points of a changed author."""
        from qdrant_client.models import PointIdsList, PointStruct

        name = collection_name(category, model)
        parts = batches(upserts)
        first = next(parts, [])
        with self._errors() as client:
            live = _live(client, category)
            complete = live == name or (live is None and not client.collection_exists(name))
            if not first and not deletes and complete:
                return
            self._create(client, name, dimension)
            for batch in chain([first] if first else [], parts):
                client.upsert(name, [_stored(point) for point in batch], wait=True)
            for part in _parts(sorted(deletes)):
                client.delete(name, PointIdsList(points=part), wait=True)
            if live != name:
                client.upsert(name, [PointStruct(id=_marker(author), vector={}, payload={"complete": author})])
                self._switch(client, category, live, name)

    def count(self, category: Category, author: str) -> int:
        """See `VectorStore.count`."""
        with self._errors() as client:
            if not client.collection_exists(category.value):
                return 0
            return client.count(category.value, count_filter=_of(author), exact=True).count

    def serves(self, category: Category, author: str, model: str) -> bool:  # noqa: ARG002 - one answer for all authors
        """See `VectorStore.serves`: whether the alias points to the collection of this model."""
        with self._errors() as client:
            return _live(client, category) in (None, collection_name(category, model))

    def authors(self, category: Category) -> list[str]:
        """See `VectorStore.authors`."""
        with self._errors() as client:
            if not client.collection_exists(category.value):
                return []
            return _authors(client, category.value)

    def search(
        self, category: Category, where: Where, *, vector: Vector | None, sparse: SparseVector | None, limit: int
    ) -> Found:
        """See `VectorStore.search`."""
        from qdrant_client.models import IdfCorpusParams, SearchParams
        from qdrant_client.models import SparseVector as Terms

        alias = category.value  # never the collection behind it, which may be replaced at any moment
        condition = _filter(where)
        with self._errors() as client:
            if not client.collection_exists(alias):
                return Found([], [])
            _check_layout(client, alias, None if vector is None else len(vector))

            def nearest(query: Any, using: str, params: SearchParams | None) -> list[Scored]:
                def fetch(asked: int) -> list[Scored]:
                    answer = client.query_points(
                        alias,
                        query=query,
                        using=using,
                        query_filter=condition,
                        search_params=params,
                        limit=asked,
                        with_payload=["author"],
                    )
                    return [
                        Scored(str(point.id), float(point.score), str((point.payload or {}).get("author")))
                        for point in answer.points
                    ]

                return settled(fetch, limit)

            dense = [] if vector is None else nearest(vector.tolist(), DENSE, None)
            terms: list[Scored] = []
            if sparse is not None and len(sparse.indices):
                corpus = None if where.author is None else SearchParams(idf=IdfCorpusParams(corpus=_of(where.author)))
                query = Terms(indices=sparse.indices.tolist(), values=sparse.values.tolist())
                terms = nearest(query, SPARSE, corpus)
        return Found(dense, terms)

    def chunks(self, category: Category, found: Sequence[Scored]) -> dict[str, Chunk]:
        """See `VectorStore.chunks`."""
        identifiers = list(dict.fromkeys(point.id for point in found))
        with self._errors() as client:
            if not identifiers or not client.collection_exists(category.value):
                return {}
            records = client.retrieve(category.value, identifiers, with_payload=True, with_vectors=False)
        return {str(record.id): chunk_of(record.payload) for record in records}

    def remove_author(self, author: str) -> int:
        """See `VectorStore.remove_author`; a collection that is still being filled holds a marker besides."""
        from qdrant_client.models import FilterSelector, PointIdsList

        removed = 0
        with self._errors() as client:
            for name in sorted(each.name for each in client.get_collections().collections):
                if name.partition("__")[0] not in set(Category):
                    continue  # somebody else's
                removed += client.count(name, count_filter=_of(author), exact=True).count
                client.delete(name, FilterSelector(filter=_of(author)), wait=True)
                client.delete(name, PointIdsList(points=[_marker(author)]), wait=True)
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

    def _create(self, client: "QdrantClient", name: str, dimension: int) -> None:
        """Create the collection with its payload indexes; they come first, because indexing later is dearer."""
        from qdrant_client.models import (
            Distance,
            KeywordIndexParams,
            KeywordIndexType,
            Modifier,
            PayloadSchemaType,
            SparseVectorParams,
            VectorParams,
        )

        if client.collection_exists(name):
            return
        with _unless_exists():
            client.create_collection(
                name,
                {DENSE: VectorParams(size=dimension, distance=Distance.COSINE)},
                sparse_vectors_config={SPARSE: SparseVectorParams(modifier=Modifier.IDF)},
            )
        tenant = KeywordIndexParams(type=KeywordIndexType.KEYWORD, is_tenant=True)
        client.create_payload_index(name, "author", tenant, wait=True)
        for field in KEYWORDS:
            client.create_payload_index(name, field, PayloadSchemaType.KEYWORD, wait=True)
        client.create_payload_index(name, MOMENT, PayloadSchemaType.DATETIME, wait=True)

    def _switch(self, client: "QdrantClient", category: Category, live: str | None, name: str) -> None:
        """Move the alias to `name` if that collection is complete for all authors of the live one."""
        from qdrant_client.models import (
            CreateAlias,
            CreateAliasOperation,
            DeleteAlias,
            DeleteAliasOperation,
        )

        if live is not None:
            markers = {_marker(author): author for author in _authors(client, live)}
            for part in _parts(sorted(markers)):
                for record in client.retrieve(name, part, with_payload=False):
                    markers.pop(str(record.id), None)
            if markers:
                logger.info("%s still answers searches until it has: %s", live, ", ".join(sorted(markers.values())))
                return
        create = CreateAliasOperation(create_alias=CreateAlias(collection_name=name, alias_name=category.value))
        delete = DeleteAliasOperation(delete_alias=DeleteAlias(alias_name=category.value))
        client.update_collection_aliases([create] if live is None else [delete, create])
        if live is not None:
            client.delete_collection(live)

    @contextlib.contextmanager
    def _errors(self) -> Iterator["QdrantClient"]:
        """Give the client, and turn what it raises into one sentence without secrets."""
        import httpx
        from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

        try:
            yield self._client()
        except UnexpectedResponse as error:
            if error.status_code in (401, 403):
                raise StoreError(f"Qdrant at {self.address} refuses the key: set QDRANT_API_KEY.") from error
            detail = error.content.decode("utf-8", "replace")[:200]
            raise StoreError(f"Qdrant at {self.address} answered {error.status_code}: {detail}") from error
        except (ResponseHandlingException, ApiException, httpx.HTTPError) as error:
            raise StoreError(
                f"Qdrant at {self.address} cannot be reached ({type(error.__cause__ or error).__name__}): "
                "start it, or unset QDRANT_URL to use the embedded store."
            ) from error


def collection_name(category: Category, model: str) -> str:
    """Physical collection of a category and model fingerprint; letters, digits, dots and hyphens only."""
    return f"{category.value}__{re.sub(r'[^A-Za-z0-9.-]+', '-', model).strip('-')}"


def _live(client: "QdrantClient", category: Category) -> str | None:
    """The collection that the category's alias points to."""
    for alias in client.get_aliases().aliases:
        if alias.alias_name == category.value:
            return alias.collection_name
    return None


def _authors(client: "QdrantClient", name: str) -> list[str]:
    return sorted(str(hit.value) for hit in client.facet(name, "author", limit=_MAX_AUTHORS, exact=True).hits)


def _check_layout(client: "QdrantClient", name: str, dimension: int | None) -> None:
    """Raise where the collection cannot answer a query of this dimension and of terms."""
    params = client.get_collection(name).config.params
    size = params.vectors[DENSE].size if isinstance(params.vectors, dict) and DENSE in params.vectors else 0
    if SPARSE not in (params.sparse_vectors or {}) or dimension not in (None, size):
        raise StoreError(
            f"The collection {name} holds points of another model than the query's, of {size} numbers each: "
            "build the collections of every author with this TWIN_EMBEDDING_MODEL, or set it back."
        )


def _stored(point: Point) -> "PointStruct":
    from qdrant_client.models import PointStruct
    from qdrant_client.models import SparseVector as Terms

    terms = Terms(indices=point.sparse.indices.tolist(), values=point.sparse.values.tolist())
    vectors = {DENSE: point.vector.tolist(), SPARSE: terms}
    return PointStruct(id=point.chunk.id, vector=vectors, payload=payload_of(point.chunk))


def _filter(where: Where) -> "Filter | None":
    from qdrant_client.models import DatetimeRange, FieldCondition, Filter, MatchAny

    must: list[Any] = [] if where.author is None else [_is_of(where.author)]
    values = {
        "document_id": where.document_ids,
        "platform": where.platforms,
        "language": where.languages,
        "link": where.links,
    }
    must += [FieldCondition(key=field, match=MatchAny(any=list(wanted))) for field, wanted in values.items() if wanted]
    if where.published_from or where.published_until:
        span = DatetimeRange(gte=where.published_from, lt=where.published_until)
        must.append(FieldCondition(key=MOMENT, range=span))
    return Filter(must=must) if must else None


def _of(author: str) -> "Filter":
    from qdrant_client.models import Filter

    return Filter(must=[_is_of(author)])


def _is_of(author: str) -> "FieldCondition":
    from qdrant_client.models import FieldCondition, MatchValue

    return FieldCondition(key="author", match=MatchValue(value=author))


def _marker(author: str) -> str:
    return str(uuid5(_MARKERS, author))


def _parts(identifiers: Sequence[str]) -> Iterator[list[Any]]:
    for start in range(0, len(identifiers), BATCH):
        yield list(identifiers[start : start + BATCH])


@contextlib.contextmanager
def _unless_exists() -> Iterator[None]:
    """Two writers may create the same collection at the same time; the second one finds it there."""
    from qdrant_client.http.exceptions import UnexpectedResponse

    try:
        yield
    except UnexpectedResponse as error:
        if error.status_code != 409:
            raise
