"""Turns: one request at a time to each host, with pauses between them, and none while it asks to be left alone."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock

from twin.crawling.web.transport import Failure
from twin.timeouts import retry_after_s, seconds_until

_LONGEST_S = 24 * 3600.0
"""Longer waiting times that a host asks for are cut to this: one answer must not silence a source for weeks."""


class _Host:
    """The state of one host; times are seconds of the clock."""

    def __init__(self, pause_s: float) -> None:
        self.lock = Lock()
        self.pause_s = pause_s
        self.next_at = 0.0
        self.held_until = float("-inf")
        self.parts: dict[str, float] = {}  # part of the host -> until when it is left alone


class Hosts:
    """Decides which host may be asked when. One object for all threads that crawl together.

    Args:
        per_second: requests to one host per second.
        max_wait_s: the longest pause between two requests, and the longest wait that a host may ask for. If a host asks
            for more, it is left alone, and requests to it fail at once.
        clock: seconds that never go backwards.
        sleep: how to wait.
    """

    def __init__(
        self,
        per_second: float,
        max_wait_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pause_s, self._max_wait_s, self._clock, self._sleep = 1 / per_second, max_wait_s, clock, sleep
        self._lock = Lock()
        self._hosts: dict[str, _Host] = {}

    @contextmanager
    def turn(self, host: str, part: str | None = None) -> Iterator[None]:
        """Wait for the turn to ask `host`, and keep it for one request.

        Args:
            part: the part of the host that is asked, see `part_of`; None for the host as a whole.

        Raises:
            Failure: the host or this part of it asked to be left alone for longer than `max_wait_s`.
        """
        state = self._of(host)
        with state.lock:
            now = self._clock()
            for asking, until in ((host, state.held_until), (f"{host}{part}", state.parts.get(part or "", now))):
                if (held := until - now) > self._max_wait_s:
                    said = f"is not fetched: {asking} asks to be {left_alone(held)}"
                    raise Failure(said, retryable=True, wait_s=held)
            if (wait := max(state.held_until, state.next_at) - now) > 0:
                self._sleep(wait)
            state.next_at = self._clock() + state.pause_s
            yield

    def hold(self, host: str, seconds: float, part: str | None = None) -> None:
        """Leave `host` alone for some time; called by the thread that has its turn.

        A host may be shared by many people, and what one of their pages asks for does not bind the others. So for a
        long time only the part that asked is left alone, and the whole host once a second part asks for it too.

        Args:
            part: the part of the host that asked; None if the host asked for itself, in its robots.txt or its API.
        """
        state, now = self._of(host), self._clock()
        until = now + seconds
        if part is not None and seconds > self._max_wait_s:
            others = [held for other, held in state.parts.items() if other != part and held - now > self._max_wait_s]
            state.parts[part] = max(state.parts.get(part, until), until)
            if not others:
                return
            until = min(until, *others)
        state.held_until = max(state.held_until, until)

    def slow_down(self, host: str, pause_s: float) -> None:
        """Pause longer between two requests to `host`, as its Crawl-delay says."""
        state = self._of(host)
        state.pause_s = max(state.pause_s, min(pause_s, self._max_wait_s))

    def _of(self, host: str) -> _Host:
        with self._lock:
            return self._hosts.setdefault(host, _Host(self._pause_s))


def part_of(path: str) -> str:
    """The part of a host that a path is in: its first folder, which on a shared host often belongs to one person."""
    return "/" + path.lstrip("/").partition("/")[0]


def left_alone(seconds: float) -> str:
    """Until when the host asks to be left alone, and what to do then."""
    if seconds >= _LONGEST_S:
        return "left alone for a day or longer, of which a day is believed: crawl again tomorrow"
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"left alone until {until:%Y-%m-%d %H:%M} UTC: crawl again after that"


def wait_asked_for(status: int, headers: Mapping[str, str]) -> float | None:
    """Seconds that a busy host asks to be left alone; None if it does not say.

    Most hosts send Retry-After. GitHub says it differently: 403 or 429 with X-RateLimit-Remaining 0 and an epoch in
    X-RateLimit-Reset.

    Args:
        headers: names in lower case.
    """
    if status not in (403, 429) and status < 500:
        return None
    after, reset = headers.get("retry-after", "").strip(), headers.get("x-ratelimit-reset", "").strip()
    if after:
        return retry_after_s(after, _LONGEST_S, date=headers.get("date", ""))
    if headers.get("x-ratelimit-remaining", "").strip() == "0" and re.fullmatch("[0-9]{1,20}", reset):
        seconds = seconds_until(float(reset), headers.get("date", ""))
        return min(max(seconds or 0.0, 0.0), _LONGEST_S)
    return None
