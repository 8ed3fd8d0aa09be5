"""Collections of a Qdrant server: how one is made, loaded, marked complete and put behind its alias."""

import contextlib
import logging
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from twin.errors import StoreError
from twin.models import Category
from twin.vectors.payload import DENSE, KEYWORDS, MOMENT, SPARSE, batches

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import PointStruct, ScalarQuantization

logger = logging.getLogger("twin")

HNSW_M = 16
"""Links per point in the graph of a loaded collection; the server's own default."""

OVERSAMPLING = 2.0
"""How many times the wanted points a quantised search takes before it scores them by the full vectors."""

INDEX_TIMEOUT_S = 1800.0
"""How long a switch waits for the index of a new collection; then it goes on, and searches are exact and slower."""

_POLL_S = 1.0
_MARKERS = UUID("0d0e4d1c-2f0e-5a8e-9a51-7d9b1c1f5c11")
_MAX_AUTHORS = 1_000_000


def collection_name(category: Category, model: str) -> str:
    """Physical collection of a category and model; letters, digits, dots and hyphens only."""
    return f"{category.value}__{re.sub(r'[^A-Za-z0-9.-]+', '-', model).strip('-')}"


def is_ours(name: str) -> bool:
    """Whether a collection is one of this project's."""
    return name.partition("__")[0] in set(Category)


def alias_target(client: "QdrantClient", category: Category) -> str | None:
    """The collection that the category's alias points to."""
    for alias in client.get_aliases().aliases:
        if alias.alias_name == category.value:
            return alias.collection_name
    return None


def authors_in(client: "QdrantClient", name: str) -> list[str]:
    """Slugs of the authors with points in a collection, sorted."""
    return sorted(str(hit.value) for hit in client.facet(name, "author", limit=_MAX_AUTHORS, exact=True).hits)


def create(client: "QdrantClient", name: str, model: str, dimension: int, *, quantized: bool) -> None:
    """Create a collection for its first load, unless it is there.

    The payload indexes come before the points, because indexing later is dearer. The graph comes after them: while
    m is 0 nothing is built that the next batch makes obsolete (Qdrant's guide to bulk uploads); see `finish_load`.
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
    """Let the server build the graph of a collection that was loaded without, also one whose first load was killed.

    Args:
        client: of the server.
        name: the collection.
        wait: until it is built, because the collection is about to replace one that has its own.
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
        raise StoreError(f"Qdrant cannot index the collection {name} (its status is red): look into the server's log.")


def quantize(client: "QdrantClient", name: str, quantized: bool) -> None:
    """Bring a collection that is there to the setting; the server does the work in the background."""
    from qdrant_client.models import Disabled

    if (client.get_collection(name).config.quantization_config is not None) != quantized:
        client.update_collection(name, quantization_config=_quantization() if quantized else Disabled.DISABLED)


def marker(author: str) -> str:
    """Id of the point that says that an author is complete."""
    return str(uuid5(_MARKERS, author))


def marker_point(author: str) -> "PointStruct":
    """The point that says that an author is complete."""
    from qdrant_client.models import PointStruct

    return PointStruct(id=marker(author), vector={}, payload={"complete": author})


def switch(client: "QdrantClient", category: Category, live: str | None, name: str) -> None:
    """Move the alias to `name` if that collection is complete for all authors of the live one, which is dropped."""
    from qdrant_client.models import CreateAlias, CreateAliasOperation, DeleteAlias, DeleteAliasOperation

    if live is not None:
        markers = {marker(author): author for author in authors_in(client, live)}
        for part in batches(sorted(markers)):
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
    """Drop the collection that the last switch replaced, also where that was killed before it could.

    The switch itself says which one that is, by a second alias that it gives in the same atomic step. A collection
    without an alias is never dropped: another writer may be filling it.
    """
    for alias in client.get_aliases().aliases:
        if alias.alias_name == _replaced(category):
            client.delete_collection(alias.collection_name)  # its aliases go with it


def _replaced(category: Category) -> str:
    """Alias of the collection that is to be dropped; no collection has such a name, see `collection_name`."""
    return f"{category.value}.replaced"


def _quantization() -> "ScalarQuantization":
    from qdrant_client.models import ScalarQuantization, ScalarQuantizationConfig, ScalarType

    return ScalarQuantization(scalar=ScalarQuantizationConfig(type=ScalarType.INT8, quantile=0.99, always_ram=True))


@contextlib.contextmanager
def _unless_exists() -> Iterator[None]:
    """Two writers may create the same collection at the same time; the second one finds it there."""
    from qdrant_client.http.exceptions import UnexpectedResponse

    try:
        yield
    except UnexpectedResponse as error:
        if error.status_code != 409:
            raise
