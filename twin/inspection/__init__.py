"""Stored chunks and embeddings, looked at: facts, pictures and samples to show, and what changed since the version
before. Nothing here blocks; what must be true is asked in `twin.verification`.
"""

from twin.inspection.chunks import inspect_chunks, verify_duplicates, verify_lengths
from twin.inspection.embeddings import inspect_embeddings, verify_reading, verify_vectors
from twin.inspection.record import Inspection

__all__ = [
    "Inspection",
    "inspect_chunks",
    "inspect_embeddings",
    "verify_duplicates",
    "verify_lengths",
    "verify_reading",
    "verify_vectors",
]
