"""From raw to cleaned documents: text that is not the author's is removed, everything else stays unchanged."""

from twin.cleaning.chrome import chrome_left
from twin.cleaning.corpus import ALONE, COMPARED, compare, platform_of
from twin.cleaning.stage import CleanReport, clean_documents, private_left, why_dropped
from twin.private.secrets import secrets_in_address

__all__ = [
    "ALONE",
    "COMPARED",
    "CleanReport",
    "chrome_left",
    "clean_documents",
    "compare",
    "platform_of",
    "private_left",
    "secrets_in_address",
    "why_dropped",
]
