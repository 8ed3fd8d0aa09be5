"""Limits in time for HTTP requests: for a whole request, and what a busy server asks for."""

import re
import socket
import time
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from threading import Lock, Timer, local
from types import TracebackType
from typing import Any


class TimeLimit:
    """Shuts the connections of one request down when its time is over; use it with `with`.

    A socket timeout starts again with every byte. Without this, a server that sends its headers, its part of a TLS
    handshake or its body byte by byte could hold a request for days.

    It guards the connections that its thread opens through `guarded`.

    Args:
        seconds: for everything, from the connection to the last byte.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.over = False
        self.reused = False  # whether the request went out on a connection that had served an earlier one
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self._timer = Timer(max(seconds, 0.0), self._end)
        self._timer.daemon = True

    def __enter__(self) -> "TimeLimit":
        _THREAD.limit = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        _THREAD.limit = None
        with self._lock:
            self._let_go()

    def guard(self, connected: socket.socket) -> None:
        """Shut this connection down at the end of the time, in place of the one guarded before."""
        # A duplicate, because TLS takes over the descriptor of this socket.
        duplicate = socket.fromfd(connected.fileno(), connected.family, connected.type)
        with self._lock:
            self._let_go()
            self._socket = duplicate
            self._shut()

    def _end(self) -> None:
        with self._lock:
            self.over = True
            self._shut()

    def _shut(self) -> None:
        if self.over and self._socket:
            with suppress(OSError):  # the other side closed it first
                self._socket.shutdown(socket.SHUT_RDWR)

    def _let_go(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None


_THREAD = local()
"""`limit`: the `TimeLimit` of a thread's current request."""


def guarded(scheme: str) -> type[Any]:
    """A connection pool of urllib3 for `http` or `https` whose connections obey the `TimeLimit` of their thread."""
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

    pool: type[HTTPConnectionPool] = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}[scheme]
    plain: Any = pool.ConnectionCls

    class Guarded(plain):  # type: ignore[misc]
        _served = False

        def _new_conn(self) -> socket.socket:
            self._served = False
            connected: socket.socket = super()._new_conn()
            _THREAD.limit.guard(connected)
            return connected

        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.sock is not None:  # a connection that served an earlier request, or one with TLS already begun
                _THREAD.limit.guard(self.sock)
            _THREAD.limit.reused = self._served
            super().request(*args, **kwargs)
            self._served = True

    return type("GuardedPool", (pool,), {"ConnectionCls": Guarded})


def retry_after_s(value: str, longest_s: float, *, date: str = "") -> float | None:
    """Seconds that a Retry-After header asks for, a number or an HTTP date (RFC 9110, 10.2.3); None if it has neither.

    Args:
        value: of the header.
        longest_s: longer times are cut to this.
        date: the Date header of the same answer. A date is compared with it, because our own clock may be wrong.
    """
    value = value.strip()
    seconds = float(value) if re.fullmatch("[0-9]+", value) else seconds_until(_epoch(value), date)
    return None if seconds is None else min(max(seconds, 0.0), longest_s)


def seconds_until(epoch: float | None, date: str) -> float | None:
    """Seconds from the Date header of an answer, or from now if it has none, to a time that the answer names.

    Args:
        epoch: that time, in seconds since 1970; None if it names none.
        date: the Date header.
    """
    if epoch is None:
        return None
    sent = _epoch(date)
    return epoch - (time.time() if sent is None else sent)


def _epoch(text: str) -> float | None:
    """An HTTP date in seconds since 1970."""
    try:
        moment = parsedate_to_datetime(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
