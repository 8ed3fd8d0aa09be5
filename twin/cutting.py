"""How large chunks are meant to be, and how much of each is in the one before it, for each category."""

import re
from typing import NamedTuple

from twin.errors import InputError
from twin.models import Category


class Cutting(NamedTuple):
    """Tokens of the embedding model: `target` of a chunk, of which at most `overlap` are in the chunk before it."""

    target: int
    overlap: int


class Profile(NamedTuple):
    """One cutting for each category."""

    posts: Cutting
    articles: Cutting
    repositories: Cutting

    @classmethod
    def parse(cls, text: str) -> "Profile":
        """Read a profile: `default`, `classic`, or what is other than in the default: `articles=300/30,posts=150/0`.

        Raises:
            InputError: it is none of these.
        """
        if text.strip() in PROFILES:
            return PROFILES[text.strip()]
        given: dict[str, Cutting] = {}
        for part in text.split(","):
            found = _PART.fullmatch(part.strip())
            if found is None or found[1] in given:
                raise InputError(f"TWIN_CHUNKING cannot be read at '{part.strip()}': {_USAGE}")
            cutting = Cutting(int(found[2]), int(found[3]))
            if cutting.target < _SMALLEST or cutting.overlap > cutting.target // 2:
                raise InputError(
                    f"TWIN_CHUNKING cannot be used at '{part.strip()}': set a target of {_SMALLEST} tokens or more, "
                    "and an overlap of at most half of it."
                )
            given[found[1]] = cutting
        return PROFILES["default"]._replace(**given)

    def of(self, category: Category) -> Cutting:
        """The cutting of a category."""
        cutting: Cutting = getattr(self, category.value)
        return cutting


PROFILES = {
    "default": Profile(Cutting(170, 0), Cutting(170, 0), Cutting(200, 0)),
    "classic": Profile(*[Cutting(500, 50)] * 3),
}
"""By name. 170 tokens of prose without overlap find an answer with little around it (`make bench-retrieval`), and a
function is rarely longer than 200; 500 and 50 are what many books use."""

_SMALLEST = 20
_PART = re.compile(rf"({'|'.join(Category)})\s*=\s*(\d{{1,6}})\s*/\s*(\d{{1,6}})")
_USAGE = "set default, classic, or targets and overlaps such as articles=200/0,posts=200/0,repositories=250/30."
