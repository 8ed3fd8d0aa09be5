"""The errors a user can fix. `str(error)` is one sentence: what is wrong, where, and how to fix it."""


class TwinError(Exception):
    """Base of every error that the user can fix; any other exception that escapes is a bug of ours."""


class InputError(TwinError):
    """A file, field, link or name that the user gave cannot be used."""


class RemovedError(InputError):
    """An author was removed while something of theirs was being made; nothing of theirs is stored any more.

    Args:
        slug: the author.
    """

    def __init__(self, slug: str) -> None:
        super().__init__(
            f"{slug} was removed, so nothing of theirs is stored: register the author again first, if that was a "
            "mistake."
        )


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
