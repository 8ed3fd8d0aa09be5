"""The kit for looking at what is stored: facts, pictures and samples to show, and what changed since the last version.

Each stage's own `inspection.py` decides what to look at. Nothing here blocks; each stage's `checks.py` asks what must
be true.
"""

from twin.inspection.record import Inspection

__all__ = ["Inspection"]
