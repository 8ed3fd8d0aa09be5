"""The one way out to the web: guarded against private addresses, bounded in size and time, polite on retries.

Every hop of a redirect is checked like the first address. `requests-hardened` resolves a host once and connects to the
address it checked, so that a name cannot change its mind between the check and the connection.
"""

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from twin import __version__
from twin.errors import CrawlError
from twin.settings import Settings

if TYPE_CHECKING:
    from twin.crawling.captures import Captures

USER_AGENT = f"llm-twin/{__version__} (reads what its user wrote; conditional requests)"
ACCEPT = "text/html,application/xhtml+xml,application/rss+xml,application/atom+xml,application/xml;q=0.9,*/*;q=0.1"
MAX_BYTES = 10 * 2**20
MAX_HOPS = 5
_RETRIED = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_READ_SIZE = 64 * 1024

SAVE_THE_PAGE = "save the page from your browser and declare the file with `files:` instead"
LINKEDIN_STEPS = (
    "LinkedIn is never fetched, its terms forbid it: ask for your own data under Settings > Data privacy > Get a copy "
    "of your data, and declare the zip that you are sent with `linkedin_export:`"
)


@dataclass(frozen=True)
class Response:
    """What a request gave; `content` is decoded and empty where `unchanged`."""

    url: str
    content: bytes
    content_type: str
    unchanged: bool
    validators: dict[str, str]
    capture: str | None = None  # sha256 of `content`, where it was kept


@dataclass(frozen=True)
class Limits:
    """Bounds of one request. Times in seconds, sizes in bytes of the decoded body."""

    connect_s: float = 5.0
    read_s: float = 20.0
    total_s: float = 60.0
    max_bytes: int = MAX_BYTES
    attempts: int = 3
    max_wait_s: float = 30.0


class Fetcher:
    """Fetches pages and feeds.

    Args:
        allow_loopback: let this machine's own addresses and any port be fetched; for tests that run a server.
        limits: bounds of one request.
        sleep: how to wait between two attempts.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.allow_loopback, self.limits, self._sleep = allow_loopback, limits or Limits(), sleep
        self._session: Any = None
        self._captures: Captures | None = None
        self._offline = False

    @classmethod
    def from_settings(cls, settings: Settings) -> "Fetcher":
        """The fetcher that the settings ask for."""
        del settings
        return cls()

    def keeping(self, captures: "Captures | None") -> "Fetcher":
        """The same fetcher, with its connections and its manners, that keeps what it fetches in `captures`."""
        other = copy.copy(self)
        other._captures = captures
        return other

    def offline(self) -> "Fetcher":
        """The same fetcher, that answers from its captures alone."""
        other = copy.copy(self)
        other._offline = True
        return other

    def get(self, url: str, validators: Mapping[str, str] | None = None) -> Response:
        """Fetch `url`, following at most `MAX_HOPS` redirects; with `validators` only where it changed since.

        Raises:
            CrawlError: the address is not allowed, the server does not answer or answers with an error, the body is
                too large. `retryable` tells whether a later run may do better.
        """
        if self._offline:
            return self._captured(url)
        headers = {"Accept": ACCEPT}
        if etag := (validators or {}).get("etag"):
            headers["If-None-Match"] = etag
        if modified := (validators or {}).get("last_modified"):
            headers["If-Modified-Since"] = modified
        for attempt in range(1, self.limits.attempts + 1):
            try:
                return self._follow(url, headers)
            except _LaterError as error:
                if attempt == self.limits.attempts:
                    raise CrawlError(str(error), retryable=True) from error
                self._sleep(min(error.wait_s if error.wait_s is not None else 2.0**attempt, self.limits.max_wait_s))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _captured(self, url: str) -> Response:
        captures = self._captures
        capture = captures.newest(url) if captures else None
        if captures is None or capture is None:
            raise CrawlError(f"{url} was never captured, so it cannot be read again without a request: crawl it.")
        names = {"etag": "etag", "last-modified": "last_modified"}
        validators = {names[name]: value for name, value in capture.headers.items() if name in names}
        content = captures.read(capture.sha256)
        return Response(capture.final_url, content, capture.content_type, False, validators, capture.sha256)

    def _follow(self, url: str, headers: dict[str, str]) -> Response:
        deadline = time.monotonic() + self.limits.total_s
        address = url
        for _ in range(MAX_HOPS + 1):
            address = self._checked(address, url)
            reply = self._send(address, url, headers)
            try:
                if reply.status_code in _REDIRECTS and "Location" in reply.headers:
                    address = urljoin(address, reply.headers["Location"])
                    continue
                return self._response(reply, address, url, deadline)
            finally:
                reply.close()
        raise CrawlError(f"{url} redirects more than {MAX_HOPS} times: declare the address it should lead to.")

    def _checked(self, address: str, declared: str) -> str:
        """`address` without credentials and fragment, or a `CrawlError` where it may not be fetched at all."""
        led = "" if address == declared else f"{declared} leads to an address that is not allowed: "
        try:
            parts = urlsplit(address)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError as error:
            raise CrawlError(f"{led}{address} is not a valid address: correct the link.") from error
        if parts.scheme not in ("http", "https") or not host:
            raise CrawlError(f"{led}{address} is not an http or https address: correct the link.")
        if port not in (None, 80, 443) and not self.allow_loopback:
            raise CrawlError(f"{led}{address} uses port {port}: only 80 and 443 are fetched.")
        if host.rstrip(".") in ("linkedin.com", "lnkd.in") or host.rstrip(".").endswith(".linkedin.com"):
            raise CrawlError(f"{declared}: {LINKEDIN_STEPS}.")
        bracketed = f"[{host}]" if ":" in host else host
        netloc = bracketed if port is None else f"{bracketed}:{port}"
        return urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, ""))

    def _send(self, address: str, declared: str, headers: dict[str, str]) -> Any:
        import requests
        from requests_hardened.ip_filter import InvalidIPAddress

        timeout = (self.limits.connect_s, self.limits.read_s)
        try:
            return self._opened().get(address, headers=headers, stream=True, allow_redirects=False, timeout=timeout)
        except InvalidIPAddress as error:
            raise CrawlError(f"{declared} leads to a private address, which is never fetched.") from error
        except (requests.ConnectionError, requests.Timeout) as error:
            raise _LaterError(
                f"{declared} does not answer ({_reason(error)}): check the address or try later."
            ) from error
        except requests.RequestException as error:
            raise CrawlError(f"{declared} cannot be fetched ({_reason(error)}): correct the link.") from error

    def _opened(self) -> Any:
        if self._session is None:
            from requests_hardened import Config, Manager

            self._session = Manager(
                Config(
                    ip_filter_enable=True,
                    ip_filter_allow_loopback_ips=self.allow_loopback,
                    never_redirect=True,
                    default_timeout=(self.limits.connect_s, self.limits.read_s),
                    user_agent_override=USER_AGENT,
                )
            ).get_session()
            # A proxy of the environment would be connected to in place of the checked address; .netrc holds secrets.
            self._session.trust_env = False
        return self._session

    def _response(self, reply: Any, address: str, declared: str, deadline: float) -> Response:
        status = int(reply.status_code)
        if status == HTTPStatus.NOT_MODIFIED:
            return Response(address, b"", "", True, _validators(reply.headers))
        if status in _RETRIED:
            wait = _retry_after(reply.headers.get("Retry-After"))
            raise _LaterError(f"{declared} answered {_status(status)}: try again later.", wait)
        if status in (401, 403, 451):
            raise CrawlError(f"{declared} answered {_status(status)}: it refuses programs; {SAVE_THE_PAGE}.")
        if status != HTTPStatus.OK:
            raise CrawlError(f"{declared} answered {_status(status)}: correct or remove the link.")
        content = self._body(reply, declared, deadline)
        return Response(
            address, content, reply.headers.get("Content-Type", "").lower(), False, _validators(reply.headers)
        )

    def _body(self, reply: Any, declared: str, deadline: float) -> bytes:
        """The decoded body, read piece by piece so that neither a bomb nor a drip gets past its cap."""
        from urllib3.exceptions import HTTPError

        pieces, size = [], 0
        try:
            while piece := reply.raw.read1(_READ_SIZE, decode_content=True):
                size += len(piece)
                if size > self.limits.max_bytes:
                    raise CrawlError(
                        f"{declared} is larger than {self.limits.max_bytes // 2**20} MiB: declare the page itself, "
                        "not a file it offers."
                    )
                if time.monotonic() > deadline:
                    raise _LaterError(f"{declared} takes more than {self.limits.total_s:.0f} s: try again later.")
                pieces.append(piece)
        except (HTTPError, OSError) as error:
            raise _LaterError(f"{declared} broke off ({_reason(error)}): try again later.") from error
        return b"".join(pieces)


class _LaterError(Exception):
    """The same request may succeed later, after `wait_s` seconds if the server said so."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def _validators(headers: Mapping[str, str]) -> dict[str, str]:
    named = {"etag": headers.get("ETag"), "last_modified": headers.get("Last-Modified")}
    return {name: value for name, value in named.items() if value}


def _retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or an HTTP date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _reason(error: Exception) -> str:
    """A word or two instead of a nested urllib3 message, which repeats the address it connected to."""
    text = repr(error)
    for mark, reason in (
        ("resolve", "its host name is unknown"),
        ("timed out", "it timed out"),
        ("Timeout", "it timed out"),
        ("refused", "connection refused"),
        ("Certificate", "its certificate is not valid"),
        ("certificate", "its certificate is not valid"),
        ("IncompleteRead", "the answer is not complete"),
    ):
        if mark in text:
            return reason
    return type(error).__name__
