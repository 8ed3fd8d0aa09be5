"""The errors a user can mend. `str(error)` is one sentence: what is wrong, where, and how to mend it."""


class TwinError(Exception):
    """Base of every error that is the user's to mend; anything else that escapes is a bug of ours."""


class InputError(TwinError):
    """A file, field, link or name that the user gave cannot be used."""


class StoreError(TwinError):
    """A store cannot be read or written: unreachable, locked, full, read-only or damaged."""


class CrawlError(TwinError):
    """One link could not be read. It is recorded in the crawl log and fails nothing else.

    Args:
        message: one sentence that names the link and the mend.
        retryable: True where the same request may succeed later (time-outs, 429, 5xx).
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class ConsistencyError(TwinError):
    """What was read is not what was written: a count, a hash or an id does not agree."""
