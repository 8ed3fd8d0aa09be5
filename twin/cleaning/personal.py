"""Personal data of third parties in a text."""

import re
from collections.abc import Collection

from twin.cleaning.placeholders import Span

_EMAIL = re.compile(r"(?<![\w.+-])[\w+-][\w.+-]{0,63}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}\b")


def find_personal(text: str, *, code: bool, keep: Collection[str] = ()) -> list[Span]:
    """The spans of `text` that hold personal data; they may overlap."""
    return [Span(*found.span(), "EMAIL") for found in _EMAIL.finditer(text) if found[0] not in keep]
