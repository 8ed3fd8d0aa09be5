"""Chunks to vectors."""

from twin.embedding.base import Embedder
from twin.embedding.sentence_transformer import DEFAULT_MODEL, SentenceTransformerEmbedder
from twin.embedding.stage import EmbeddingReport, embed_chunks, read_embeddings

__all__ = [
    "DEFAULT_MODEL",
    "Embedder",
    "EmbeddingReport",
    "SentenceTransformerEmbedder",
    "embed_chunks",
    "read_embeddings",
]
