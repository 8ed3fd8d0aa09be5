"""A clock that jumps: the wall clock of every module of `twin` that has been imported."""

import sys
import time
from datetime import UTC, datetime, timedelta, tzinfo
from types import ModuleType

import pytest


class Clock:
    """Runs like the real one, but `ahead` of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta()
        clock = self

        class Moved(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + clock.ahead

        moved = ModuleType("time")
        vars(moved).update(vars(time) | {"time": lambda: time.time() + self.ahead.total_seconds()})
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "twin":
                for known, real, other in (("datetime", datetime, Moved), ("time", time, moved)):
                    if getattr(module, known, None) is real:
                        monkeypatch.setattr(module, known, other)

    def now(self) -> datetime:
        """The time that it shows."""
        return datetime.now(UTC) + self.ahead
