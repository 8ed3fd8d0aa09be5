"""Writes batches of a stream with several threads; only as many batches are in memory as there are threads."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")

ATTEMPTS = 4
"""How often one batch is tried; the waits between the attempts are long enough for a server to restart."""

WAIT_S = 0.5
"""Wait before the second attempt; it doubles before each further one."""


def in_streams(write: Callable[[_T], None], batches: Iterable[_T], streams: int) -> None:
    """Call `write` with every batch, in any order, until each has succeeded.

    Args:
        write: must be idempotent; failures of the connection or the server are retried, see `ATTEMPTS`.
        batches: consumed one at a time by the calling thread.
        streams: number of parallel calls.

    Raises:
        Exception: from `batches`, or the first one from `write` after all attempts; running calls are awaited.
    """
    if streams == 1:
        for batch in batches:
            _insist(write, batch)
        return
    free = threading.Semaphore(streams)
    failed: list[BaseException] = []

    def done(call: "Future[None]") -> None:
        if (error := call.exception()) is not None:
            failed.append(error)
        free.release()

    with ThreadPoolExecutor(streams, thread_name_prefix="upsert") as pool:
        for batch in batches:
            free.acquire()
            if failed:
                break
            pool.submit(_insist, write, batch).add_done_callback(done)
    if failed:
        raise failed[0]


def _insist(write: Callable[[_T], None], batch: _T) -> None:
    import httpx
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    for attempt in range(1, ATTEMPTS + 1):
        try:
            write(batch)
            return
        except (ResponseHandlingException, httpx.TransportError):
            if attempt == ATTEMPTS:
                raise
        except UnexpectedResponse as error:
            if error.status_code not in (429, 500, 502, 503, 504) or attempt == ATTEMPTS:
                raise
        time.sleep(WAIT_S * 2 ** (attempt - 1))
