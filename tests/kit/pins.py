"""Quality figures that must not get worse: they are pinned in `tests/quality/pins.toml`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

PINS = Path(__file__).parents[1] / "quality" / "pins.toml"


def worse(group: str, figures: Mapping[str, float]) -> set[str]:
    """Names of the figures that are below their pin by more than its tolerance.

    Args:
        group: a table of the file.
        figures: some figures of that table, by name; for each of them, more is better.
    """
    pins = _pins(group)
    return {name for name in figures if not figures[name] >= pins[name]["reached"] - pins[name]["tolerance"]}


def lost(group: str, figures: Mapping[str, float]) -> list[str]:
    """One sentence for each figure that is worse than its pin, not measured, or not pinned.

    Args:
        group: a table of the file.
        figures: all figures of that table, by name.
    """
    pins = _pins(group)
    file = f"tests/quality/{PINS.name}"
    told = [f"{group}.{name}: add it to the test and to {file}, or to neither" for name in pins.keys() ^ figures.keys()]
    known = {name: figures[name] for name in pins.keys() & figures.keys()}
    return sorted(told) + [
        f"{group}.{name} is {known[name]:.4f}, but {pins[name]['reached']:.4f} was reached (tolerance "
        f"{pins[name]['tolerance']}): repair what lost it, or lower the pin in {file} and say why"
        for name in sorted(worse(group, known))
    ]


def _pins(group: str) -> dict[str, dict[str, float]]:
    return dict(tomllib.loads(PINS.read_text(encoding="utf-8"))[group])
