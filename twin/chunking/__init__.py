"""Cleaned documents to chunks that the embedder reads to the last token."""

from twin.chunking.chunker import CHUNKER_VERSION, Chunker
from twin.chunking.stage import ChunkReport, chunk_documents, chunks_overlap, read_chunks
from twin.cutting import PROFILES, Cutting, Profile
from twin.tokens.sizer import Sizer

__all__ = [
    "CHUNKER_VERSION",
    "PROFILES",
    "ChunkReport",
    "Chunker",
    "Cutting",
    "Profile",
    "Sizer",
    "chunk_documents",
    "chunks_overlap",
    "read_chunks",
]
