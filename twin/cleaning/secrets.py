"""Secrets in a text: keys, tokens, passwords, private keys."""

import re

from twin.cleaning.placeholders import Span

_AWS_ID = re.compile(r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b")


def find_secrets(text: str, *, code: bool, path: str | None = None) -> list[Span]:
    """The spans of `text` that hold a secret; they may overlap."""
    return [Span(*found.span(), "SECRET:aws-access-token") for found in _AWS_ID.finditer(text)]
