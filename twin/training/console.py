"""Log lines of a long training: a sign of life while a library loads, and a copy of every line for a receiver."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from twin.progress import INTERVAL_S

logger = logging.getLogger("twin")


@contextmanager
def heartbeat(label: str) -> Iterator[None]:
    """Log `label` and the seconds passed every `INTERVAL_S` seconds while the body runs without logging anything."""
    done = threading.Event()
    started = time.monotonic()

    def beat() -> None:
        while not done.wait(INTERVAL_S):
            logger.info("%s: %.0f s", label, time.monotonic() - started)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class _Forward(logging.Handler):
    def __init__(self, receive: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._receive = receive

    def emit(self, record: logging.LogRecord) -> None:
        self._receive(record.getMessage())


@contextmanager
def forwarded(receive: Callable[[str], None] | None) -> Iterator[None]:
    """Also pass every line that LLM Twin logs inside the body to `receive`."""
    if receive is None:
        yield
        return
    handler, level = _Forward(receive), logger.level
    logger.addHandler(handler)
    if not logger.isEnabledFor(logging.INFO):
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
