"""From raw documents to cleaned ones: what is not the author's goes, everything else stays as it was written."""

from twin.cleaning.chrome import chrome_left
from twin.cleaning.corpus import COMPARED
from twin.cleaning.stage import CleanReport, clean_documents

__all__ = ["COMPARED", "CleanReport", "chrome_left", "clean_documents"]
