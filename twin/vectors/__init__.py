"""The searchable memory: points per category, with the author as tenant."""

from collections.abc import Callable

from twin import layout
from twin.settings import Settings
from twin.vectors.base import VectorStore
from twin.vectors.stage import CollectionReport, load_points

__all__ = ["CollectionReport", "VectorStore", "load_points", "open_vector_store"]


def open_vector_store(settings: Settings, guard: Callable[[str], None] = lambda _: None) -> VectorStore:
    """The store that the settings choose: a Qdrant server, or Qdrant Edge in the artifact store.

    Nothing is connected or created before it is used.

    Args:
        settings: which store, and where it is.
        guard: raises `RemovedError` for the slug of an author who was removed; called around every write.

    Raises:
        InputError: the artifact store is remote and no server is set.
    """
    if settings.qdrant_url:
        from twin.vectors.qdrant.store import QdrantVectorStore

        key = settings.qdrant_api_key
        secret = key.get_secret_value() if key else None
        return QdrantVectorStore(settings.qdrant_url, secret, quantized=settings.quantization is not None, guard=guard)
    from twin.vectors.edge.store import EdgeVectorStore

    root = settings.local_store("the embedded vector store", "QDRANT_URL") / layout.VECTORS
    return EdgeVectorStore(root, quantized=settings.quantization is not None, guard=guard)
