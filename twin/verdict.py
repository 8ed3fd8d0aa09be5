"""What a check found, for every stage's `checks.py`."""

from typing import Any, NamedTuple

from twin.models import Document
from twin.private.secrets import secrets_in_address


class Verdict(NamedTuple):
    """What was counted, and one sentence for each problem; without problems everything is fine."""

    facts: dict[str, Any]
    problems: list[str]


def name_of(document: Document) -> str:
    if secrets_in_address(document):
        return f"document {document.id}"
    return f"{document.link} {document.path}" if document.path else document.link
