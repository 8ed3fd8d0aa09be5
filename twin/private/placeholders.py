"""What finders of secrets and of personal data have in common: spans of a text, and placeholders in their place."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

PLACEHOLDER = re.compile(r"<(?:SECRET:[a-z0-9-]+|EMAIL|PHONE|IBAN|CARD|IP)>")
"""Every placeholder there is. None is ever part of a finding, which is half of why redacting twice changes nothing."""


class Span(NamedTuple):
    """A half-open range of characters and the name of what it holds, such as "SECRET:npm-access-token" or "EMAIL"."""

    start: int
    end: int
    name: str


def disjoint(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, where those that overlap became one, named by the first of the longest.

    The union is taken, because half a secret is still one. The result does not depend on the order of `spans`.
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
    """The text with a placeholder for each of the disjoint, ordered spans; and name -> how many."""
    parts: list[str] = []
    end = 0
    for span in spans:
        parts += text[end : span.start], f"<{span.name}>"
        end = span.end
    parts.append(text[end:])
    return "".join(parts), Counter(span.name for span in spans)
