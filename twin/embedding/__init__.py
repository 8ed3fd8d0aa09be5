"""Chunks to vectors."""

from twin.embedding.backends.automatic import AutomaticEmbedder
from twin.embedding.backends.model import DEFAULT_MODEL
from twin.embedding.backends.sentence_transformer import SentenceTransformerEmbedder
from twin.embedding.base import Embedder
from twin.embedding.opening import open_embedder
from twin.embedding.stage import EmbeddingReport, embed_chunks, read_embeddings

__all__ = [
    "DEFAULT_MODEL",
    "AutomaticEmbedder",
    "Embedder",
    "EmbeddingReport",
    "SentenceTransformerEmbedder",
    "embed_chunks",
    "open_embedder",
    "read_embeddings",
]
