"""Benchmarks: each module's `run` compares what we have with what others have, side by side in one run, prints a table
and returns its numbers. Machines are noisy, so ratios count and absolute times do not."""
