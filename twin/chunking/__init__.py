"""Cleaned documents to chunks that the embedder reads to the last token."""

from twin.chunking.chunker import CHUNKER_VERSION, Chunker
from twin.chunking.stage import ChunkReport, chunk_documents, read_chunks
from twin.chunking.tokens import Sizer

__all__ = ["CHUNKER_VERSION", "ChunkReport", "Chunker", "Sizer", "chunk_documents", "read_chunks"]
