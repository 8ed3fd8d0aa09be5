"""The errors a user can fix. `str(error)` is one sentence: what is wrong, where, and how to fix it."""

from twin import masking


class TwinError(Exception):
    """Base of every error that the user can fix; any other exception that escapes is a bug of ours.

    Its message is masked when it is made. The errors that led to it may be of a library and quote an address, a header
    or the answer of a server, so whoever reads them here (Dagster, a traceback) gets them masked as well.
    """

    def __init__(self, *said: object) -> None:
        super().__init__(*(masking.masked(each) if isinstance(each, str) else each for each in said))

    @property
    def __cause__(self) -> BaseException | None:
        return masking.cause_of(self)

    @__cause__.setter
    def __cause__(self, cause: BaseException | None) -> None:
        masking.set_cause(self, cause)

    @property
    def __context__(self) -> BaseException | None:
        return masking.context_of(self)

    @__context__.setter
    def __context__(self, context: BaseException | None) -> None:
        masking.set_context(self, context)


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
