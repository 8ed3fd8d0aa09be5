"""Secrets and personal data become typed placeholders before a text leaves the raw layer."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from twin.private.personal import find_personal
from twin.private.placeholders import PLACEHOLDER, Span, disjoint, replace
from twin.private.secrets import find_secrets


@dataclass(frozen=True)
class Redacted:
    """A text whose secrets and personal data are placeholders, and how many of each were put in."""

    text: str
    found: Counter[str]
    """Placeholder name, such as "SECRET:aws-access-token" or "EMAIL" -> how many."""


def redact(text: str, *, code: bool, path: str | None = None, keep: Collection[str] = ()) -> Redacted:
    """The text with `<SECRET:rule>`, `<EMAIL>`, `<PHONE>`, `<IBAN>`, `<CARD>` and `<IP>` for what must not go on.

    Nothing else is touched, and redacting the result again changes nothing.

    Args:
        text: any text.
        code: the text is a source file, where a number or a word with a dot is rarely about a person.
        path: path of the source file; rules may look at its name.
        keep: the author's own public handles, e-mail addresses and domains, which stay.
    """
    found: Counter[str] = Counter()
    # What a placeholder stands beside may look different without the value, so a text that changed is read again.
    # Each round replaces at least one character that is in no placeholder, so there is a last one.
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
    """The spans that overlap none of the disjoint, ordered ranges that are taken."""

    def is_free(span: Span) -> bool:
        after = bisect_left(taken, (span.end, 0))
        return after == 0 or taken[after - 1][1] <= span.start

    return [span for span in spans if is_free(span)]
