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
from twin.models import Category
from twin.vectors.base import Hit, Point, Vector
from twin.vectors.payload import BATCH, INDEXED, VECTOR, batches, best, chunk_of, hash_of, payload_of

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import Filter

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
                    name, scroll_filter=_of(author), limit=_PAGE, offset=offset, with_payload=["content_hash"]
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
                points = [
                    PointStruct(id=p.chunk.id, vector={VECTOR: p.vector.tolist()}, payload=payload_of(p.chunk))
                    for p in batch
                ]
                client.upsert(name, points, wait=True)
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

    def search(self, categories: Sequence[Category], author: str, vector: Vector, *, limit: int) -> list[Hit]:
        """See `VectorStore.search`."""
        hits: list[Hit] = []
        query = vector.tolist()
        with self._errors() as client:
            for category in dict.fromkeys(categories):
                alias = category.value  # never the collection behind it, which may be replaced at any moment
                if not client.collection_exists(alias):
                    continue
                size = _dimension(client, alias)
                if size != len(query):
                    raise StoreError(
                        f"The collection {alias} holds vectors of {size} numbers, the query has {len(query)}: "
                        "build the collections of every author with this TWIN_EMBEDDING_MODEL, or set it back."
                    )
                found = client.query_points(
                    alias, query=query, using=VECTOR, query_filter=_of(author), limit=limit, with_payload=True
                )
                hits.extend(Hit(chunk_of(point.payload), float(point.score)) for point in found.points)
        return best(hits, limit)

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
            PayloadSchemaType,
            VectorParams,
        )

        if client.collection_exists(name):
            return
        with _unless_exists():
            client.create_collection(name, {VECTOR: VectorParams(size=dimension, distance=Distance.COSINE)})
        tenant = KeywordIndexParams(type=KeywordIndexType.KEYWORD, is_tenant=True)
        client.create_payload_index(name, "author", tenant, wait=True)
        for field in INDEXED:
            client.create_payload_index(name, field, PayloadSchemaType.KEYWORD, wait=True)

    def _switch(self, client: "QdrantClient", category: Category, live: str | None, name: str) -> None:
        """Move the alias to `name` if that collection is complete for all authors of the live one."""
        from qdrant_client.models import (
            CreateAlias,
            CreateAliasOperation,
            DeleteAlias,
            DeleteAliasOperation,
        )

        if live is not None:
            authors = {str(hit.value) for hit in client.facet(live, "author", limit=_MAX_AUTHORS, exact=True).hits}
            markers = {_marker(author): author for author in authors}
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


def _dimension(client: "QdrantClient", name: str) -> int:
    vectors = client.get_collection(name).config.params.vectors
    return vectors[VECTOR].size if isinstance(vectors, dict) else 0


def _of(author: str) -> "Filter":
    from qdrant_client.models import FieldCondition, Filter, MatchValue

    return Filter(must=[FieldCondition(key="author", match=MatchValue(value=author))])


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
