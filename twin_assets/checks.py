"""Turns the checks of a stage into asset checks: one op for all of them, so that the store is read once.

To add a check: add its verdict in the stage's `twin/<stage>/checks.py`, and a row to the table next to the asset.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import dagster as dg

from twin.verdict import Verdict
from twin_assets.framing import AUTHORS, author_of, checked, sentences

Verdicts = Callable[..., Mapping[str, Verdict]] | partial[Mapping[str, Verdict]]
"""The function of a stage in `twin/<stage>/checks.py`: check name -> verdict."""


class Check(NamedTuple):
    """One row of a stage's table.

    A blocking check that fails stops downstream assets in the same run; any other check only warns.
    """

    name: str
    sentence: str
    blocking: bool = False

    @property
    def severity(self) -> dg.AssetCheckSeverity:
        """The severity of a failure."""
        return dg.AssetCheckSeverity.ERROR if self.blocking else dg.AssetCheckSeverity.WARN


def stage_check(asset: dg.AssetKey, rows: Sequence[Check], verdicts: Verdicts) -> dg.AssetChecksDefinition:
    """The checks of one asset, run together; if only some are selected, only those are reported.

    Args:
        asset: key of the asset to check.
        rows: exactly the checks that `verdicts` returns.
        verdicts: called with `author` and with the resource named like each other parameter that has no default:
            `warehouse`, `artifacts`, `embedder`, `vectors`.
    """
    table = {row.name: row for row in rows}
    resources = [
        name
        for name, parameter in inspect.signature(verdicts).parameters.items()
        if name != "author" and parameter.default is inspect.Parameter.empty
    ]

    @dg.multi_asset_check(
        name=f"{asset.to_python_identifier()}__checks",
        specs=[
            dg.AssetCheckSpec(
                row.name, asset=asset, partitions_def=AUTHORS, blocking=row.blocking, description=row.sentence
            )
            for row in rows
        ],
        required_resource_keys=set(resources),
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with sentences():
            found = verdicts(
                author=author_of(context), **{name: getattr(context.resources, name) for name in resources}
            )
        if found.keys() != table.keys():
            raise KeyError(f"the table has the checks {sorted(table)}, but the stage returned {sorted(found)}")
        for name in sorted(selected.name for selected in context.selected_asset_check_keys):
            yield checked(found[name], table[name].severity, name=name)

    return checks
