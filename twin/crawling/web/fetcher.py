"""The only access to the web: guarded against private addresses, limited in size and time, and polite.

Every hop of a redirect is checked like the first address: scheme, port, host, the robots.txt of its site, and whether
the host may be asked now. `twin.crawling.web.transport` sends one request within its limits, `twin.crawling.web.turns`
spaces the requests, `twin.crawling.web.robots` reads robots.txt.
"""

import copy
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from twin import __version__, masking
from twin.crawling.web.addresses import SAVE_THE_PAGE, allowed, host_of, origin_of
from twin.crawling.web.robots import MAX_BYTES as ROBOTS_BYTES
from twin.crawling.web.robots import PRODUCT, Robots
from twin.crawling.web.transport import Failure, Reply, Transport
from twin.crawling.web.turns import Hosts, left_alone, part_of, wait_asked_for
from twin.errors import CrawlError
from twin.links import shown
from twin.settings import Settings

if TYPE_CHECKING:
    from twin.crawling.web.captures import Captures

ACCEPT = "text/html,application/xhtml+xml,application/rss+xml,application/atom+xml,application/xml;q=0.9,*/*;q=0.1"
MAX_BYTES = 10 * 2**20
MAX_HOPS = 5
GITHUB_API = "https://api.github.com"
_RETRIED = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT = ("content-language", "date", "etag", "last-modified", "link", "x-robots-tag")
"""Headers that a reader of an answer, or of its capture, needs."""
_VALIDATORS = {"etag": "etag", "last-modified": "last_modified"}
_MAX_VALIDATOR = 1024
_RANDOM = random.SystemRandom()
_CONDITIONS = ("If-None-Match", "If-Modified-Since")


class FetchError(CrawlError):
    """An address gave nothing; there may be another way to the same text.

    Args:
        status: status of the answer; None if there was no answer or no request.
    """

    def __init__(self, message: str, *, status: int | None = None, retryable: bool = False) -> None:
        super().__init__(message, retryable=retryable)
        self.status = status


@dataclass(frozen=True)
class Response:
    """The result of a request; `content` is decoded, and empty if `unchanged`."""

    url: str
    content: bytes
    content_type: str
    unchanged: bool
    validators: dict[str, str]
    capture: str | None = None  # sha256 of `content`, if it was kept
    headers: dict[str, str] = field(default_factory=dict)  # only `_KEPT` ones, names in lower case


@dataclass(frozen=True)
class Limits:
    """Limits of one request. Times in seconds; sizes in bytes of the body, both as sent and as decoded."""

    connect_s: float = 5.0
    read_s: float = 20.0
    total_s: float = 60.0  # of all redirects together, without waiting for turns
    max_bytes: int = MAX_BYTES
    attempts: int = 3
    max_wait_s: float = 30.0  # for a server that asks to wait, and between two requests to one host


class Fetcher:
    """Fetches pages, feeds and the answers of APIs; every method may be called from several threads.

    The copies that `keeping` and `offline` make are one family: they share connections, turns, robots.txt and what
    `get_once` remembers.

    Args:
        allow_loopback: allow this machine's own addresses and any port; for tests that run a server.
        limits: limits of one request.
        contact: an address or URL for the User-Agent, so that site owners can reach the user.
        ports: allowed ports.
        requests_per_second: to one host.
        tokens: origin -> bearer token, sent only to that origin.
        sleep: how to wait.
        clock: seconds that never go backwards.

    Attributes:
        ports: allowed ports; None: any.
        is_offline: whether it answers only from its captures.
        failures: sentences about links that were logged already; shared by the family, which is that of one run.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        limits: Limits | None = None,
        contact: str | None = None,
        ports: tuple[int, ...] = (80, 443),
        requests_per_second: float = 1.0,
        tokens: Mapping[str, SecretStr] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.allow_loopback, self.limits, self._sleep = allow_loopback, limits or Limits(), sleep
        self.ports = None if allow_loopback else ports
        self.is_offline = False
        self._tokens = dict(tokens or {})
        masking.remember(*(token.get_secret_value() for token in self._tokens.values()))
        self._transport = Transport(
            allow_loopback=allow_loopback,
            user_agent=user_agent(contact),
            connect_s=self.limits.connect_s,
            read_s=self.limits.read_s,
        )
        self._hosts = Hosts(requests_per_second, self.limits.max_wait_s, clock=clock, sleep=sleep)
        self._robots = Robots(self._robots_txt, clock=clock)
        self._once = _Once()
        self.failures = set[str]()
        self._captures: Captures | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> "Fetcher":
        """The fetcher that the settings ask for."""
        return cls(
            contact=settings.contact,
            ports=settings.ports,
            requests_per_second=settings.requests_per_second,
            tokens={GITHUB_API: settings.github_token} if settings.github_token else None,
        )

    def keeping(self, captures: "Captures | None") -> "Fetcher":
        """The same fetcher, with its connections and rate limits, that keeps what it fetches in `captures`."""
        other = copy.copy(self)
        other._captures = captures
        return other

    def offline(self) -> "Fetcher":
        """The same fetcher, but it answers only from its captures."""
        other = copy.copy(self)
        other.is_offline = True
        return other

    def get(
        self, url: str, validators: Mapping[str, str] | None = None, *, accept: str = ACCEPT, api: bool = False
    ) -> Response:
        """Fetch `url`, following at most `MAX_HOPS` redirects; with `validators` only if it has changed since.

        Args:
            api: the host of `url` answers a documented API there. robots.txt is about pages that a robot finds by
                itself, not about an interface for programs, so it is not checked; the rate limit still applies.

        Raises:
            FetchError: the address is not allowed, robots.txt forbids it, the server does not answer or answers with an
                error, or the body is too large. `retryable` tells whether a later run may succeed.
            StoreError: the capture cannot be kept.
        """
        if self.is_offline:
            return self._captured(url)
        return self._kept(url, self._fetched(url, validators or {}, accept, api))

    def get_once(self, url: str, *, accept: str = ACCEPT, api: bool = False) -> Response:
        """The answer to the first such call for `url` in the family of this fetcher, or its failure again.

        For addresses that many links need, such as the feed of a publication. Every link still keeps its own capture.

        Raises:
            FetchError: see `get`.
            StoreError: the capture cannot be kept.
        """
        if self.is_offline:
            return self._captured(url)
        return self._kept(url, self._once.get((url, accept), lambda: self._fetched(url, {}, accept, api)))

    def _kept(self, url: str, response: Response) -> Response:
        if self._captures is None or response.unchanged:
            return response
        digest = self._captures.keep(
            shown(url), response.url, response.content, content_type=response.content_type, headers=response.headers
        )
        return replace(response, capture=digest)

    def _captured(self, url: str) -> Response:
        captures = self._captures
        capture = captures.newest(shown(url)) if captures else None
        if captures is None or capture is None:
            raise FetchError(f"{shown(url)} was never captured, so it cannot be read offline: crawl it first.")
        content, headers = captures.read(capture.sha256), dict(capture.headers)
        return Response(
            capture.final_url, content, capture.content_type, False, _validators(headers), capture.sha256, headers
        )

    def _fetched(self, url: str, validators: Mapping[str, str], accept: str, api: bool) -> Response:
        headers = {"Accept": accept}
        for condition, name in zip(_CONDITIONS, ("etag", "last_modified"), strict=True):
            if value := validators.get(name):
                headers[condition] = value
        try:
            return self._retried(url, headers, robots=True, api=api)
        except Failure as failure:
            raise FetchError(
                f"{shown(url)} {failure}.", status=failure.status, retryable=failure.retryable
            ) from failure

    def _robots_txt(self, url: str) -> str:
        """The text of a robots.txt; empty if there is none, see RFC 9309, 2.3.1."""
        try:
            reply = self._retried(url, {"Accept": "text/plain,*/*;q=0.1"}, robots=False)
        except Failure as failure:
            if failure.status is None:
                raise
            if failure.status == HTTPStatus.OK:  # there are rules, but they are unknown
                raise Failure(f"is not fetched, because {url} {failure}", retryable=True) from failure
            if failure.status >= 500 or failure.status == HTTPStatus.TOO_MANY_REQUESTS:
                raise Failure(
                    f"is not fetched while {url} answers {_status(failure.status)}: try again later", retryable=True
                ) from failure
            return ""
        content = reply.content
        if len(content) == ROBOTS_BYTES:  # there is more; half a line could be a rule for everything
            content = content[: max(content.rfind(b"\n"), content.rfind(b"\r")) + 1]
        return content.decode("utf-8-sig", "replace")

    def _retried(self, url: str, headers: dict[str, str], *, robots: bool, api: bool = False) -> Response:
        """Retry what may succeed: after the time that the server asks for, otherwise after 1-2 s, 2-4 s, ...

        The library tenacity would not be shorter: a wait that the server asks for is held by the host's turn instead.
        """
        for attempt in range(1, self.limits.attempts + 1):
            try:
                return self._followed(url, headers, robots, api)
            except Failure as failure:
                asked = failure.wait_s
                if not failure.retryable or attempt == self.limits.attempts or (asked or 0) > self.limits.max_wait_s:
                    raise
                if asked is None:  # a requested wait is part of the host's turn, for every link of the host
                    self._sleep(2.0**attempt * _RANDOM.uniform(0.5, 1.0))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _followed(self, url: str, headers: dict[str, str], robots: bool, api: bool) -> Response:
        left, first = self.limits.total_s, allowed(url, self.ports)
        address = first
        for _ in range(MAX_HOPS + 1):
            whole = not robots or (api and origin_of(address) == origin_of(first))
            if not whole:
                self._hosts.slow_down(host_of(address), self._robots.check(address))
            reply = self._asked(address, headers, left, cut=not robots, whole=whole)
            left -= reply.seconds
            if reply.status not in _REDIRECTS or "location" not in reply.headers:
                return _response(address, reply, conditional=any(name in headers for name in _CONDITIONS))
            # Header bytes are read as Latin-1, but anything beyond ASCII in them is UTF-8.
            target = reply.headers["location"].encode("latin-1", "replace").decode("utf-8", "replace")
            target = allowed(target, self.ports, base=address)
            headers, address = _carried(headers, address, target), target
        raise Failure(f"redirects more than {MAX_HOPS} times: declare the address it should lead to")

    def _asked(self, address: str, headers: Mapping[str, str], seconds: float, *, cut: bool, whole: bool) -> Reply:
        """Request one address when it is its host's turn; an error status is a `Failure`.

        Args:
            cut: read only the beginning of a long answer.
            whole: the answer speaks for the whole host, like that of an API, and not only for a page.
        """
        host, token = host_of(address), self._tokens.get(origin_of(address))
        part = None if whole else part_of(urlsplit(address).path)
        limit = ROBOTS_BYTES if cut else self.limits.max_bytes
        sent = {**headers, "Authorization": f"Bearer {token.get_secret_value()}"} if token else headers
        with self._hosts.turn(host, part):
            reply = self._transport.get(address, sent, seconds=seconds, max_bytes=limit, cut=cut)
            wait = wait_asked_for(reply.status, reply.headers)
            if wait is not None:
                self._hosts.hold(host, wait, part)
        if token:
            reply = _without(reply, token.get_secret_value())
        if reply.status not in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED, *_REDIRECTS):
            raise self._failure(reply, wait)
        return reply

    def _failure(self, reply: Reply, wait: float | None) -> Failure:
        status, said = reply.status, f"answered {_status(reply.status)}"
        guarded = status in (403, 429, 503) and reply.headers.get("server", "").lower() == "cloudflare"
        if "cf-mitigated" in reply.headers or (guarded and wait is None):
            return Failure(f"{said} with a bot check (Cloudflare): {SAVE_THE_PAGE}", status=status)
        if reply.headers.get("x-amzn-waf-action"):
            return Failure(f"{said} with a bot check (AWS WAF): {SAVE_THE_PAGE}", status=status)
        if status in _RETRIED or wait is not None:
            patient = wait is not None and wait > self.limits.max_wait_s
            rest = f"{said} and asks to be {left_alone(wait)}" if wait and patient else f"{said}: try again later"
            return Failure(rest, status=status, retryable=True, wait_s=wait)
        if status in (401, 403, 451):
            return Failure(f"{said}: the site refuses programs, so {SAVE_THE_PAGE}", status=status)
        return Failure(f"{said}: correct or remove the link", status=status)


@dataclass
class _Slot:
    lock: Lock = field(default_factory=Lock)
    answer: Response | FetchError | None = None


class _Once:
    """Answers and failures by request; a thread that asks for a request in progress waits for its answer."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._slots: dict[tuple[str, str], _Slot] = {}

    def get(self, key: tuple[str, str], ask: Callable[[], Response]) -> Response:
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
        with slot.lock:
            if slot.answer is None:
                try:
                    slot.answer = ask()
                except FetchError as error:
                    slot.answer = error
        if isinstance(slot.answer, FetchError):
            raise copy.copy(slot.answer)  # each thread its own traceback
        return slot.answer


def user_agent(contact: str | None) -> str:
    """Who is asking, in ASCII: the product token of robots.txt, its version, and a contact."""
    # Quoted, because a header can contain neither line breaks nor letters beyond Latin-1.
    more = (
        f"+{quote(contact, safe=':/?#[]@!$&*+,;=%~')}" if contact else "reads what its user wrote; conditional requests"
    )
    return f"{PRODUCT}/{__version__} ({more})"


def _response(address: str, reply: Reply, *, conditional: bool) -> Response:
    kept = {name: reply.headers[name] for name in _KEPT if name in reply.headers}
    if reply.status == HTTPStatus.OK:
        kind = reply.headers.get("content-type", "").lower()
        return Response(address, reply.content, kind, False, _validators(kept), headers=kept)
    if reply.status == HTTPStatus.NOT_MODIFIED and conditional:
        return Response(address, b"", "", True, _validators(kept), headers=kept)
    rest = f"answered {_status(reply.status)}, which was not expected: correct or remove the link"
    raise Failure(rest, status=reply.status)


def _validators(headers: Mapping[str, str]) -> dict[str, str]:
    """What to send back next time; without values that cannot be sent, such as one with two lines."""
    said = {name: headers.get(header, "").strip() for header, name in _VALIDATORS.items()}
    return {name: value for name, value in said.items() if value.isprintable() and 0 < len(value) <= _MAX_VALIDATOR}


def _carried(headers: dict[str, str], address: str, target: str) -> dict[str, str]:
    """The part of `headers` that follows a redirect: validators are not sent where TLS ends and others can listen."""
    downgrade = urlsplit(address).scheme == "https" and urlsplit(target).scheme == "http"
    return {name: value for name, value in headers.items() if not (downgrade and name in _CONDITIONS)}


def _without(reply: Reply, secret: str) -> Reply:
    """Remove a secret from a reply: a server may send back what it received, and it must not be kept or shown."""
    headers = {name: masking.without(value, secret) for name, value in reply.headers.items()}
    return replace(reply, headers=headers, content=masking.without_bytes(reply.content, secret))


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
