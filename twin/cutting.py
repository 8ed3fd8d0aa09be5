"""For each category: how large chunks should be, and how much of a chunk may repeat the one before it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from twin.errors import InputError
from twin.models import Category


class Cutting(NamedTuple):
    """In tokens of the embedding model: `target` for a chunk, of which up to `overlap` are in the chunk before it."""

    target: int
    overlap: int


@dataclass(frozen=True)
class Profile:
    """One cutting for each category."""

    cuttings: Mapping[Category, Cutting]

    @classmethod
    def uniform(cls, cutting: Cutting) -> "Profile":
        """The same cutting for every category."""
        return cls(dict.fromkeys(Category, cutting))

    @classmethod
    def parse(cls, text: str) -> "Profile":
        """Read a profile: `default`, `classic`, or the differences from the default: `articles=300/30,posts=150/0`.

        Raises:
            InputError: the text is none of these.
        """
        if text.strip() in PROFILES:
            return PROFILES[text.strip()]
        given: dict[Category, Cutting] = {}
        for number, part in enumerate(text.split(","), 1):
            found = _PART.fullmatch(part.strip())
            if found is None or Category(found[1]) in given:
                # The part itself is not shown: it may be a secret in the wrong variable.
                raise InputError(f"TWIN_CHUNKING cannot be read (part {number}): {_USAGE}")
            cutting = Cutting(int(found[2]), int(found[3]))
            if cutting.target < _SMALLEST or cutting.overlap > cutting.target // 2:
                raise InputError(
                    f"TWIN_CHUNKING cannot be used (part {number}, {found[1]}): set a target of at least {_SMALLEST} "
                    "tokens, and an overlap of at most half the target."
                )
            given[Category(found[1])] = cutting
        return cls({**PROFILES["default"].cuttings, **given})

    def of(self, category: Category) -> Cutting:
        """The cutting of a category."""
        return self.cuttings[category]


PROFILES = {
    "default": Profile({each: Cutting(each.traits.chunk_target, each.traits.chunk_overlap) for each in Category}),
    "classic": Profile.uniform(Cutting(500, 50)),
}
"""By name. The default is each category's own (`twin.categories`); many books use 500 and 50."""

_SMALLEST = 20
_PART = re.compile(rf"({'|'.join(Category)})\s*=\s*(\d{{1,6}})\s*/\s*(\d{{1,6}})")
_USAGE = "set default, classic, or targets and overlaps such as articles=200/0,posts=200/0,repositories=250/30."
