"""Batches of a stream written by several threads, as many at a time as there are threads and no more in memory."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")

ATTEMPTS = 4
"""How often one batch is tried; a server that restarts is back after the last of the waits between them."""

WAIT_S = 0.5
"""Before the second attempt; twice as long before each further one."""


def in_streams(write: Callable[[_T], None], batches: Iterable[_T], streams: int) -> None:
    """Call `write` with every batch, in any order, each until it succeeds; return once all have.

    Args:
        write: idempotent; a failure of the connection or of the server behind it is tried again, see `ATTEMPTS`.
        batches: taken one at a time, by the calling thread.
        streams: calls at a time.

    Raises:
        Exception: what `batches` raised, or the first that `write` did not get over; calls under way are awaited.
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
