"""One "did you mean" for every name that a person types: authors, links, documents, categories, fields, settings."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_ALIKE = 0.7
"""How alike two names are from which on one is suggested for the other, see `difflib.SequenceMatcher.ratio`."""

_MISSPELLED = 0.9
"""The same for a name that nobody else could mean."""

_SHORTEST = 3
"""Characters of the shortest part of a name that is enough to suggest the whole name."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names that `name` probably stands for, best first: similar ones, then those that contain it."""
    spelled: dict[str, str] = {}
    for each in known:
        spelled.setdefault(each.casefold(), each)
    typed = name.casefold()
    found = get_close_matches(typed, spelled, n=count, cutoff=_ALIKE)
    if len(typed) >= _SHORTEST:
        found += sorted(each for each in spelled if typed in each)
    return [spelled[each] for each in dict.fromkeys(found)][:count]


def misspelled(name: str, known: Sequence[str]) -> str | None:
    """The name that `name` is almost certainly a misspelling of; None if it is known or merely resembles one."""
    return None if name in known else next(iter(get_close_matches(name, known, n=1, cutoff=_MISSPELLED)), None)


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """The end of a sentence about a name that does not exist, from its colon on.

    Args:
        name: what was typed.
        known: the names that exist.
        otherwise: what to do if none of them is near, without a full stop.
    """
    near = nearest(name, known)
    quoted = " or ".join(f"'{each}'" for each in near)
    return f": did you mean {quoted}?" if near else f": {otherwise}."


def listed(names: Iterable[str], most: int = 10) -> str:
    """Names in a sentence: the first ones, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
