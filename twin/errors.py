"""The errors a user can fix. `str(error)` is one sentence: what is wrong, where, and how to fix it."""

from twin.masking import Masked


class TwinError(Masked):
    """Base of every error that the user can fix; any other exception that escapes is a bug of ours.

    Its message is masked when it is made, and the errors that led to it when they are read. They may be of a library
    and quote an address, a header or the answer of a server.
    """


class InputError(TwinError):
    """A file, field, link or name that the user gave cannot be used."""


class StoreError(TwinError):
    """A store cannot be read or written: unreachable, locked, full, read-only or damaged."""


class CrawlError(TwinError):
    """One link could not be read. It is recorded in the crawl log and does not affect other links.

    Args:
        message: one sentence that names the link and says how to fix it.
        retryable: True if the same request may succeed later (timeouts, 429, 5xx).
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class ConsistencyError(TwinError):
    """What was read is not what was written: a count, a hash or an id does not match."""
