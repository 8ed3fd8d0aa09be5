"""The platforms by name: where their pages are, and what people call them in questions.

A source that gives documents of a new platform adds one row here. A document's `platform` is the key of its row, or
`web` or `local` if it is on none of them.
"""

from typing import NamedTuple
from urllib.parse import urlsplit

from twin.links import within


class Platform(NamedTuple):
    """What is known of one platform.

    Args:
        names: what a question calls it, in any case.
        article_domains: registrable domains whose pages are articles of this platform.
    """

    names: tuple[str, ...]
    article_domains: tuple[str, ...] = ()


PLATFORMS = {
    "linkedin": Platform(("linkedin",), ("linkedin.com",)),
    "github": Platform(("github",)),
    "gitlab": Platform(("gitlab",)),
    "medium": Platform(("medium",), ("medium.com",)),
    "substack": Platform(("substack",), ("substack.com",)),
    "devto": Platform(("dev.to", "devto"), ("dev.to",)),
}

WEB = "web"
"""The platform of a page that is on none of them."""

NAMED = {name: key for key, platform in PLATFORMS.items() for name in platform.names}
"""Name in a question, in lower case -> key of the platform."""


def platform_at(url: str) -> str:
    """The platform of a page, by its host; `web` if it is not a known one."""
    host = (urlsplit(url).hostname or "").lower()
    return next(
        (
            key
            for key, platform in PLATFORMS.items()
            if any(within(host, domain) for domain in platform.article_domains)
        ),
        WEB,
    )
