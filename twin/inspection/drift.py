"""Drift: does a version of a table differ from the version before it by more than chance and growth explain?

One statistic answers this for every number: the greatest distance between two cumulative distributions (Kolmogorov
1933, Smirnov 1948). It needs no bins and no model. It warns only under two conditions: the distance is real, that is,
beyond what two samples of one distribution show by chance; and it is large enough to matter.
"""

from collections.abc import Mapping

import numpy as np

from twin.inspection.record import Spread, Statistics
from twin.verdict import Verdict

LARGE = 0.2
"""Distance that matters. A normal distribution moved by half its deviation, which the population stability index calls
a major shift (0.25; Siddiqi, "Credit Risk Scorecards", 2006), is at a distance of 0.197 from its old place."""

_CHANCE = 0.001
"""At most one comparison in this many warns although nothing changed."""


def distance(left: Spread, right: Spread) -> float:
    """The greatest difference between the two cumulative shares, in [0, 1]; 0 if one of them is empty."""
    if not left.total or not right.total:
        return 0.0
    values = sorted({float(value) for spread in (left, right) for value in spread.counts})
    position = {value: index for index, value in enumerate(values)}
    shares = np.zeros((2, len(values)))
    for row, spread in zip(shares, (left, right), strict=True):
        for value, count in spread.counts.items():
            row[position[float(value)]] += count / spread.total
    return float(np.abs(np.diff(shares.cumsum(axis=1), axis=0)).max())


def chance(left: Spread, right: Spread) -> float:
    """Distance that two samples of these sizes from one distribution exceed once in a thousand times (Massey, "The
    Kolmogorov-Smirnov test for goodness of fit", 1951); infinite if one of them is empty."""
    if not left.total or not right.total:
        return float("inf")
    return float(np.sqrt(-np.log(_CHANCE / 2) / 2 * (1 / left.total + 1 / right.total)))


def compare(now: Statistics, before: Statistics | None, names: Mapping[str, str], *, maker: str) -> Verdict:
    """A problem for each spread that drifted; none if there is nothing to compare with.

    Args:
        now: statistics of the table.
        before: statistics of the version before it.
        names: name of each spread to compare, for sentences.
        maker: name of what made the tables, for sentences; a different maker may explain a drift.
    """
    if before is None:
        return Verdict({"compared_with": "nothing: this is the first version"}, [])
    facts: dict[str, object] = {"compared_with": before.version}
    problems = []
    same_maker = now.made_with == before.made_with
    if not same_maker:
        facts |= {"made_with": now.made_with, "made_with_before": before.made_with}
    for name, called in names.items():
        old, new = before.spreads.get(name, Spread()), now.spreads.get(name, Spread())
        found, threshold = distance(old, new), max(LARGE, chance(old, new))
        facts[f"{name}_distance"] = round(found, 4)
        if np.isfinite(threshold):
            facts[f"{name}_threshold"] = round(threshold, 4)
            facts[f"{name}_median"], facts[f"{name}_median_before"] = new.median, old.median
        if found > threshold:
            changed = "" if same_maker else f"; {maker} has changed since, which may be why"
            problems.append(
                f"{called} drifted from a median of {old.median:g} to {new.median:g}: the distributions of "
                f"{old.total:,} and {new.total:,} are {found:.2f} apart, where {threshold:.2f} is allowed{changed}"
            )
    return Verdict(facts, problems)
