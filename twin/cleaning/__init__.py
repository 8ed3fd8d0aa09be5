"""From raw documents to cleaned ones: what is not the author's goes, everything else stays as it was written."""

from twin.cleaning.stage import CleanReport, clean_documents

__all__ = ["CleanReport", "clean_documents"]
