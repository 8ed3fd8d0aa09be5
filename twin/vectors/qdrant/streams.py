"""Writes batches of a stream with several threads; only as many batches are in memory as there are threads.

`QdrantClient.upload_points` is not used. Its `parallel` starts processes: 3,000 points took 2.1 s with two of them and
0.7 s here, against the tests' server on two cores. It retries at once, without a wait in which a server could restart,
and it repeats requests that the server rejected for good.
"""

import threading
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
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    for attempt in Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=WAIT_S),
        retry=retry_if_exception(_passes),
        reraise=True,
    ):
        with attempt:
            write(batch)


def _passes(error: BaseException) -> bool:
    """Whether a failure may pass: of the connection, or of a server that is busy or restarting."""
    import httpx
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    if isinstance(error, UnexpectedResponse):
        return error.status_code in (429, 500, 502, 503, 504)
    return isinstance(error, ResponseHandlingException | httpx.TransportError)
