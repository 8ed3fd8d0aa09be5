"""Benchmarks: each module's `run` compares our results with those of others in one run, prints a table and returns its
numbers. Machines are noisy, so only ratios count, not absolute times."""
