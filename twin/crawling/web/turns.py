"""Turns: one request at a time to each host, with pauses between them, and none while a host asks to be left alone."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock

from twin.crawling.web.transport import Failure
from twin.timeouts import retry_after_s

_LONGEST_S = 30 * 24 * 3600.0
"""Longer waiting times that a host asks for are cut to this."""


class _Host:
    """The state of one host; times are seconds of the clock."""

    def __init__(self, pause_s: float) -> None:
        self.lock = Lock()
        self.pause_s = pause_s
        self.next_at = 0.0
        self.held_until = 0.0


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
    def turn(self, host: str) -> Iterator[None]:
        """Wait for the turn to ask `host`, and keep it for one request.

        Raises:
            Failure: the host asked to be left alone for longer than `max_wait_s`.
        """
        state = self._of(host)
        with state.lock:
            now = self._clock()
            if (held := state.held_until - now) > self._max_wait_s:
                raise Failure(f"is not fetched: {host} asks to be {left_alone(held)}", retryable=True, wait_s=held)
            if (wait := max(state.held_until, state.next_at) - now) > 0:
                self._sleep(wait)
            state.next_at = self._clock() + state.pause_s
            yield

    def hold(self, host: str, seconds: float) -> None:
        """Leave `host` alone for some time; called by the thread that has its turn."""
        state = self._of(host)
        state.held_until = max(state.held_until, self._clock() + seconds)

    def slow_down(self, host: str, pause_s: float) -> None:
        """Pause longer between two requests to `host`, as its Crawl-delay says."""
        state = self._of(host)
        state.pause_s = max(state.pause_s, min(pause_s, self._max_wait_s))

    def _of(self, host: str) -> _Host:
        with self._lock:
            return self._hosts.setdefault(host, _Host(self._pause_s))


def left_alone(seconds: float) -> str:
    """Until when the host asks to be left alone, and what to do then."""
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
        return retry_after_s(after, _LONGEST_S)
    if headers.get("x-ratelimit-remaining", "").strip() == "0" and re.fullmatch("[0-9]{1,20}", reset):
        return min(max(float(reset) - time.time(), 0.0), _LONGEST_S)
    return None
