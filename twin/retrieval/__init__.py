"""Finding again what an author wrote."""

from twin.retrieval.service import search

__all__ = ["search"]
