"""Search in what an author wrote."""

from twin.retrieval.opening import open_retriever
from twin.retrieval.result import Context, Hit, Result, Trace
from twin.retrieval.service import Retriever

__all__ = ["Context", "Hit", "Result", "Retriever", "Trace", "open_retriever"]
