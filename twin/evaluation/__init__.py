"""Measures that know no stage: ranking metrics, so far."""
