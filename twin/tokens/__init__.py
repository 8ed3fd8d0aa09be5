"""Counting the tokens of a model exactly, and fast enough to cut by them."""
