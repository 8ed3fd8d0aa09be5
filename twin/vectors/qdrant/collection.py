"""Collections of a Qdrant server: creating and loading one, marking it complete, and switching its alias."""

import contextlib
import logging
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from twin.batching import batches
from twin.errors import StoreError
from twin.models import Category
from twin.vectors.payload import BATCH, DENSE, KEYWORDS, MOMENT, SPARSE

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import PointStruct, ScalarQuantization

logger = logging.getLogger("twin")

HNSW_M = 16
"""Links per point in the graph of a loaded collection; the server's own default."""

OVERSAMPLING = 2.0
"""A quantised search takes this many times the wanted points, then scores them by the full vectors."""

INDEX_TIMEOUT_S = 1800.0
"""How long a switch waits for the index of a new collection; after that, searches are exact and slower for a while."""

_POLL_S = 1.0
_MARKERS = UUID("0d0e4d1c-2f0e-5a8e-9a51-7d9b1c1f5c11")
_MAX_AUTHORS = 1_000_000


def collection_name(category: Category, model: str) -> str:
    """Physical collection of a category and model; letters, digits, dots and hyphens only."""
    return f"{category.value}__{re.sub(r'[^A-Za-z0-9.-]+', '-', model).strip('-')}"


def is_ours(name: str) -> bool:
    """Whether a collection belongs to this project."""
    return name.partition("__")[0] in set(Category)


def alias_target(client: "QdrantClient", category: Category) -> str | None:
    """The collection behind the category's alias."""
    for alias in client.get_aliases().aliases:
        if alias.alias_name == category.value:
            return alias.collection_name
    return None


def authors_in(client: "QdrantClient", name: str) -> list[str]:
    """Slugs of the authors with points in a collection, sorted."""
    return sorted(str(hit.value) for hit in client.facet(name, "author", limit=_MAX_AUTHORS, exact=True).hits)


def create(client: "QdrantClient", name: str, model: str, dimension: int, *, quantized: bool) -> None:
    """Create a collection for its first load, unless it exists.

    The payload indexes are created before the points, because indexing later costs more. The graph is built after the
    points: while m is 0, nothing is built that the next batch makes obsolete (Qdrant's guide to bulk uploads); see
    `finish_load`.
    """
    from qdrant_client.models import (
        Distance,
        HnswConfigDiff,
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
            hnsw_config=HnswConfigDiff(m=0),
            quantization_config=_quantization() if quantized else None,
            metadata={"model": model},
        )
    tenant = KeywordIndexParams(type=KeywordIndexType.KEYWORD, is_tenant=True)
    client.create_payload_index(name, "author", tenant, wait=True)
    for field in KEYWORDS:
        client.create_payload_index(name, field, PayloadSchemaType.KEYWORD, wait=True)
    client.create_payload_index(name, MOMENT, PayloadSchemaType.DATETIME, wait=True)


def finish_load(client: "QdrantClient", name: str, *, wait: bool) -> None:
    """Let the server build the graph of a collection that was loaded without one, even if its first load was killed.

    Args:
        client: of the server.
        name: the collection.
        wait: wait until it is built, because the collection is about to replace one that has a graph.
    """
    from qdrant_client.models import CollectionStatus, HnswConfigDiff

    info = client.get_collection(name)
    if info.config.hnsw_config.m == 0:
        client.update_collection(name, hnsw_config=HnswConfigDiff(m=HNSW_M))
        info = client.get_collection(name)
    deadline = time.monotonic() + INDEX_TIMEOUT_S
    while wait and info.status in (CollectionStatus.YELLOW, CollectionStatus.GREY) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        info = client.get_collection(name)
    if info.status is CollectionStatus.RED:
        raise StoreError(f"Qdrant cannot index the collection {name} (its status is red): see the server's log.")


def quantize(client: "QdrantClient", name: str, quantized: bool) -> None:
    """Apply the setting to an existing collection; the server does the work in the background."""
    from qdrant_client.models import Disabled

    if (client.get_collection(name).config.quantization_config is not None) != quantized:
        client.update_collection(name, quantization_config=_quantization() if quantized else Disabled.DISABLED)


def marker(author: str) -> str:
    """Id of the point that marks an author as complete."""
    return str(uuid5(_MARKERS, author))


def marker_point(author: str) -> "PointStruct":
    """The point that marks an author as complete."""
    from qdrant_client.models import PointStruct

    return PointStruct(id=marker(author), vector={}, payload={"complete": author})


def switch(client: "QdrantClient", category: Category, live: str | None, name: str) -> None:
    """Move the alias to `name` and drop the live collection, if `name` is complete for all authors of the live one."""
    from qdrant_client.models import CreateAlias, CreateAliasOperation, DeleteAlias, DeleteAliasOperation

    if live is not None:
        markers = {marker(author): author for author in authors_in(client, live)}
        for part in batches(sorted(markers), BATCH):
            for record in client.retrieve(name, list(part), with_payload=False):
                markers.pop(str(record.id), None)
        if markers:
            logger.info("%s still answers searches until it has: %s", live, ", ".join(sorted(markers.values())))
            return
    moves: list[CreateAliasOperation | DeleteAliasOperation] = [
        CreateAliasOperation(create_alias=CreateAlias(collection_name=name, alias_name=category.value))
    ]
    if live is not None:
        replaced = CreateAlias(collection_name=live, alias_name=_replaced(category))
        moves.insert(0, DeleteAliasOperation(delete_alias=DeleteAlias(alias_name=category.value)))
        moves.append(CreateAliasOperation(create_alias=replaced))
    client.update_collection_aliases(moves)
    drop_replaced(client, category)


def drop_replaced(client: "QdrantClient", category: Category) -> None:
    """Drop the collection that the last switch replaced, in case the switch was killed before it could do so.

    The switch names it by a second alias, in the same atomic step. A collection without an alias is never dropped:
    another writer may be filling it.
    """
    for alias in client.get_aliases().aliases:
        if alias.alias_name == _replaced(category):
            client.delete_collection(alias.collection_name)  # this also removes its aliases


def _replaced(category: Category) -> str:
    """Alias of the collection to drop; no collection has such a name, see `collection_name`."""
    return f"{category.value}.replaced"


def _quantization() -> "ScalarQuantization":
    from qdrant_client.models import ScalarQuantization, ScalarQuantizationConfig, ScalarType

    return ScalarQuantization(scalar=ScalarQuantizationConfig(type=ScalarType.INT8, quantile=0.99, always_ram=True))


@contextlib.contextmanager
def _unless_exists() -> Iterator[None]:
    """Two writers may create the same collection at the same time; for the second one it already exists."""
    from qdrant_client.http.exceptions import UnexpectedResponse

    try:
        yield
    except UnexpectedResponse as error:
        if error.status_code != 409:
            raise
