"""Points and conditions in the form that a Qdrant server uses."""

from typing import TYPE_CHECKING, Any

from twin.vectors.base import Point, Where
from twin.vectors.payload import DENSE, MOMENT, SPARSE, payload_of, wanted_keywords

if TYPE_CHECKING:
    from qdrant_client.models import FieldCondition, Filter, PointStruct


def stored(point: Point) -> "PointStruct":
    """The point in the form of a request."""
    from qdrant_client.models import PointStruct
    from qdrant_client.models import SparseVector as Terms

    terms = Terms(indices=point.sparse.indices.tolist(), values=point.sparse.values.tolist())
    vectors = {DENSE: point.vector.tolist(), SPARSE: terms}
    return PointStruct(id=point.chunk.id, vector=vectors, payload=payload_of(point.chunk))


def of_author(author: str) -> "Filter":
    """The condition that a point belongs to this author, the tenant of the collection."""
    from qdrant_client.models import Filter

    return Filter(must=[_is_of(author)])


def conditions(where: Where) -> "Filter | None":
    """The conditions of a search; None if there are no conditions."""
    from qdrant_client.models import DatetimeRange, FieldCondition, Filter, MatchAny

    must: list[Any] = [] if where.author is None else [_is_of(where.author)]
    must += [
        FieldCondition(key=field, match=MatchAny(any=list(values))) for field, values in wanted_keywords(where).items()
    ]
    if where.published_from or where.published_until:
        span = DatetimeRange(gte=where.published_from, lt=where.published_until)
        must.append(FieldCondition(key=MOMENT, range=span))
    return Filter(must=must) if must else None


def _is_of(author: str) -> "FieldCondition":
    from qdrant_client.models import FieldCondition, MatchValue

    return FieldCondition(key="author", match=MatchValue(value=author))
