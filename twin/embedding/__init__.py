"""Chunks to vectors."""

from twin.embedding.automatic import AutomaticEmbedder
from twin.embedding.base import Embedder
from twin.embedding.model import DEFAULT_MODEL
from twin.embedding.opening import open_embedder
from twin.embedding.sentence_transformer import SentenceTransformerEmbedder
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
