"""Progress of a long stage, as log lines: they work in a terminal, in a log file and in Dagster."""

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

logger = logging.getLogger("twin")

INTERVAL_S = 3.0
"""Seconds between two lines; a stage that finishes sooner logs none."""

_BAR = 20
"""Characters of a full bar."""


def progress(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Yield `items` unchanged and log `label`, count, rate and time left every `INTERVAL_S` seconds."""
    reporter = Progress(label, total)
    for item in items:
        yield item
        reporter.advance()


class Progress:
    """Counts work and logs it every `INTERVAL_S` seconds; for work that is not an iteration.

    Args:
        label: what is being done, such as "embedding articles of jane-doe".
        total: how much there is to do, if known.
    """

    def __init__(self, label: str, total: int | None = None) -> None:
        self.label, self.total, self.done = label, total, 0
        self._started = self._last = time.monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count `count` more as done; `note` is appended to the line, if one is due."""
        self.done += count
        now = time.monotonic()
        if now - self._last < INTERVAL_S:
            return
        self._last = now
        rate = self.done / (now - self._started)
        line = f"{self.label}: "
        if self.total:
            filled = min(_BAR * self.done // self.total, _BAR)
            line += f"{'█' * filled}{'░' * (_BAR - filled)} {self.done}/{self.total}, {rate:.1f}/s"
            line += f", {_duration(max(self.total - self.done, 0) / rate)} left" if rate else ""
        else:
            line += f"{self.done}, {rate:.1f}/s"
        logger.info("%s%s", line, f", {note}" if note else "")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
