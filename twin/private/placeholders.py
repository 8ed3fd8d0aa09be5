"""What the finders of secrets and of personal data share: spans of a text, and the placeholders that replace them."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

PLACEHOLDER = re.compile(r"<(?:SECRET:[a-z0-9-]+|EMAIL|PHONE|IBAN|CARD|IP)>")
"""Every possible placeholder. None is ever part of a finding, which helps that redacting twice changes nothing."""


class Span(NamedTuple):
    """A half-open range of characters and the name of its contents, such as "SECRET:npm-access-token" or "EMAIL"."""

    start: int
    end: int
    name: str


def disjoint(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; overlapping ones are merged and named after the first of the longest.

    They are merged because half a secret is still one. The result does not depend on the order of `spans`.
    """
    merged: list[Span] = []
    longest = 0
    for span in sorted(set(spans), key=lambda span: (span.start, -span.end, span.name)):
        if not merged or span.start >= merged[-1].end:
            merged.append(span)
            longest = span.end - span.start
            continue
        last = merged[-1]
        name = last.name
        if span.end - span.start > longest:
            name, longest = span.name, span.end - span.start
        merged[-1] = Span(last.start, max(last.end, span.end), name)
    return merged


def replace(text: str, spans: list[Span]) -> tuple[str, Counter[str]]:
    """The text with a placeholder for each of the disjoint, ordered spans; and name -> count."""
    parts: list[str] = []
    end = 0
    for span in spans:
        parts += text[end : span.start], f"<{span.name}>"
        end = span.end
    parts.append(text[end:])
    return "".join(parts), Counter(span.name for span in spans)
