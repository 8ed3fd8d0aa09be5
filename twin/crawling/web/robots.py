"""robots.txt, by RFC 9309: what a site lets programs fetch, read once for each origin.

Protego parses and matches; this module decides when to fetch it, what an error means and how much is read.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from twin.crawling.web.addresses import SAVE_THE_PAGE, origin_of
from twin.crawling.web.transport import Failure

if TYPE_CHECKING:
    from protego import Protego

PRODUCT = "llm-twin"
"""The product token that a robots.txt uses for us (RFC 9309, 2.2.1)."""
MAX_BYTES = 512 * 1024
"""How much of a robots.txt is read; RFC 9309, 2.5, asks for at least 500 KiB."""
_FRESH_S = 24 * 3600.0  # RFC 9309, 2.4: not longer
_FAILED_S = 300.0
"""How long a site whose robots.txt could not be read is left alone; a later crawl tries again."""


class _Site:
    def __init__(self) -> None:
        self.lock = Lock()
        self.until = float("-inf")
        self.rules: Protego | None = None
        self.failure: Failure | None = None


class Robots:
    """The rules of every site that is crawled. One object for all threads that crawl together.

    Args:
        ask: returns the text of a robots.txt, empty if there is none; raises `Failure`.
        clock: seconds that never go backwards.
    """

    def __init__(self, ask: Callable[[str], str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._lock = Lock()
        self._sites: dict[str, _Site] = {}

    def check(self, address: str) -> float:
        """Return the Crawl-delay of the site in seconds (0 if it has none), if `address` may be fetched.

        Raises:
            Failure: it may not be fetched, or not now because robots.txt cannot be read.
        """
        origin = origin_of(address)
        rules = self._rules(origin)
        if not rules.can_fetch(address, PRODUCT):
            raise Failure(
                f"is not fetched, because {origin}/robots.txt does not let {PRODUCT} fetch {address}: allow it there, "
                f"or {SAVE_THE_PAGE}"
            )
        return rules.crawl_delay(PRODUCT) or 0.0

    def _rules(self, origin: str) -> "Protego":
        from protego import Protego

        with self._lock:
            site = self._sites.setdefault(origin, _Site())
        with site.lock:
            if self._clock() >= site.until or site.rules is None:
                text, site.failure = "", None
                try:
                    text = self._ask(f"{origin}/robots.txt")
                except Failure as failure:
                    # A permanent failure, such as a private address, has no rules: the page itself fails the same way.
                    site.failure = failure if failure.retryable else None
                site.rules = Protego.parse(text)
                site.until = self._clock() + (_FAILED_S if site.failure else _FRESH_S)
            if site.failure:
                first = site.failure
                raise Failure(str(first), status=first.status, retryable=True, wait_s=first.wait_s)
            return site.rules
