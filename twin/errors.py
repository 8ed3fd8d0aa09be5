"""The errors a user can fix. `str(error)` is one sentence: what is wrong, where, and how to fix it."""

import re

from twin.masking import Masked

_UNPRINTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def printable(text: str) -> str:
    """A message in one line that can be written anywhere; line ends, terminal codes and half characters are escaped."""
    return _UNPRINTED.sub(lambda found: repr(found[0])[1:-1], text)


class TwinError(Masked):
    """Base of every error that the user can fix; any other exception that escapes is a bug of ours.

    Its message is masked when it is made, and the errors that led to it when they are read. They may be of a library
    and quote an address, a header or the answer of a server.
    """


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


class DamagedError(StoreError):
    """A stored file is not what was written to it. If it is derived, the stage that owns it makes it again."""


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
