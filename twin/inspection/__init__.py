"""The kit for looking at what is stored: facts, pictures and samples to show, and what changed since the last version.

What is looked at stands in each stage's own `inspection.py`. Nothing here blocks; what must be true is asked in each
stage's `checks.py`.
"""

from twin.inspection.record import Inspection

__all__ = ["Inspection"]
