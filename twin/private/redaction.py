"""Replace secrets and personal data with typed placeholders before a text leaves the raw layer."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from twin.private.personal import find_personal
from twin.private.placeholders import PLACEHOLDER, Span, disjoint, replace
from twin.private.secrets import find_secrets


@dataclass(frozen=True)
class Redacted:
    """A text whose secrets and personal data are placeholders, and how many of each there are."""

    text: str
    found: Counter[str]
    """Placeholder name, such as "SECRET:aws-access-token" or "EMAIL" -> count."""


def redact(text: str, *, code: bool, path: str | None = None, keep: Collection[str] = ()) -> Redacted:
    """The text with `<SECRET:rule>`, `<EMAIL>`, `<PHONE>`, `<IBAN>`, `<CARD>` and `<IP>` in place of private data.

    Nothing else changes, and redacting the result again changes nothing.

    Args:
        text: any text.
        code: the text is a source file, where a number or a word with a dot is rarely about a person.
        path: path of the source file; rules may look at its name.
        keep: the author's own public handles, e-mail addresses and domains, which stay.
    """
    found: Counter[str] = Counter()
    # The text around a placeholder may look different without the value, so a changed text is searched again.
    # Each round replaces at least one character outside the placeholders, so the loop ends.
    while spans := _spans(text, code=code, path=path, keep=keep):
        text, counts = replace(text, spans)
        found += counts
    return Redacted(text, found)


def _spans(text: str, *, code: bool, path: str | None, keep: Collection[str]) -> list[Span]:
    taken = [placeholder.span() for placeholder in PLACEHOLDER.finditer(text)] if "<" in text else []
    secrets = disjoint(_outside(find_secrets(text, code=code, path=path), taken))
    taken = sorted([*taken, *((span.start, span.end) for span in secrets)])
    personal = disjoint(_outside(find_personal(text, code=code, keep=keep), taken))
    return sorted(secrets + personal)


def _outside(spans: list[Span], taken: list[tuple[int, int]]) -> list[Span]:
    """The spans that do not overlap any of the disjoint, ordered ranges in `taken`."""

    def is_free(span: Span) -> bool:
        after = bisect_left(taken, (span.end, 0))
        return after == 0 or taken[after - 1][1] <= span.start

    return [span for span in spans if is_free(span)]
