"""A clock that jumps: the wall clock of every module of `twin` that has been imported."""

import sys
import time
from datetime import UTC, datetime, timedelta, tzinfo

import pytest


class Clock:
    """Runs like the real one, but `ahead` of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta()
        clock, real = self, time.time

        class Moved(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + clock.ahead

        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "twin" and getattr(module, "datetime", None) is datetime:
                monkeypatch.setattr(module, "datetime", Moved)
        monkeypatch.setattr(time, "time", lambda: real() + self.ahead.total_seconds())

    def now(self) -> datetime:
        """The time that it shows."""
        return datetime.now(UTC) + self.ahead
