"""The Dagster commands that messages name. The domain never runs them."""

import json

_EXECUTE = "dagster job execute -m twin_jobs.definitions -j"

REGISTER = f"{_EXECUTE} register_links"
"""Reads the author files and registers their authors and links."""


def build(author: str = "<author>") -> str:
    """The command that builds the twin of an author."""
    tags = json.dumps({"dagster/partition": author})
    return f"{_EXECUTE} build_twin --tags '{tags}'"


BUILD = build()
