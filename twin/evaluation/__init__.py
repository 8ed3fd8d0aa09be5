"""Measures that do not depend on any stage: so far, ranking metrics."""
