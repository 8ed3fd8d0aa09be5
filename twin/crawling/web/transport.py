"""One request on one connection: to a checked address, within a size and a time, decoded piece by piece.

`requests-hardened` resolves a host once, checks the address and connects to exactly that one, so a name cannot change
between the check and the connection. Its adapters are used without a requests session: a session reads the whole body
of a redirect, however large it is, keeps cookies, and uses the environment's proxies and .netrc.

Bodies are decompressed here and not by urllib3, which accepts half a gzip stream as a whole one.
"""

import ipaddress
import logging
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from twin.timeouts import TimeLimit, guarded

_PIECE = 64 * 1024
_GZIP, _DEFLATE, _PLAIN = ("gzip", "x-gzip"), "deflate", ("", "identity")
_GLOBAL = ipaddress.ip_network("2000::/3")
"""The part of IPv6 that IANA assigns to the public; other addresses may lead to IPv4 or into a private network."""
_AZURE = "168.63.129.16"
"""Azure's internal services for its machines, at an address that looks public."""

# It logs a warning for each private address; without logging set up, that would be an extra line on standard error.
logging.getLogger("requests_hardened").addHandler(logging.NullHandler())


class Failure(Exception):
    """Why a request failed, as the rest of a sentence that begins with the address; the full stop is added later.

    Args:
        status: status of the answer, if there was one.
        retryable: whether the same request may succeed later.
        wait_s: how long the server asks to be left alone.
    """

    def __init__(
        self, rest: str, *, status: int | None = None, retryable: bool = False, wait_s: float | None = None
    ) -> None:
        super().__init__(rest)
        self.status, self.retryable, self.wait_s = status, retryable, wait_s


@dataclass(frozen=True)
class Reply:
    """An answer: header names in lower case, the decoded body of a 200 (empty for others), and the seconds it took."""

    status: int
    headers: dict[str, str]
    content: bytes
    seconds: float


def checked_address(host: str, port: int, *, allow_loopback: bool) -> str:
    """The one address to connect to for `host`, IPv6 in brackets; the host is looked up once.

    Raises:
        requests_hardened.ip_filter.InvalidIPAddress: it is private or unassigned.
        requests.RequestException: the name is unknown.
    """
    from requests_hardened.ip_filter import filter_host

    found = str(filter_host(host, port, allow_loopback=allow_loopback))
    _refuse_inside(found, allow_loopback=allow_loopback)
    return found


def _refuse_inside(checked: str, *, allow_loopback: bool) -> None:
    """Refuse addresses that requests-hardened allows, because no registry calls them private."""
    from requests_hardened.ip_filter import InvalidIPAddress

    address = ipaddress.ip_address(checked.strip("[]"))
    inside = address.version == 6 and address not in _GLOBAL and not (allow_loopback and address.is_loopback)
    if inside or checked == _AZURE:
        raise InvalidIPAddress(address)


class Transport:
    """Sends requests, from any number of threads.

    Args:
        allow_loopback: allow this machine's own addresses.
        user_agent: value of the User-Agent header.
        connect_s: longest wait for a connection, in seconds.
        read_s: longest wait for the next bytes, in seconds.
    """

    def __init__(self, *, allow_loopback: bool, user_agent: str, connect_s: float, read_s: float) -> None:
        self._allow_loopback, self._user_agent = allow_loopback, user_agent
        self._timeout = (connect_s, read_s)
        self._lock = Lock()
        self._adapters: dict[str, Any] = {}

    def get(
        self, address: str, headers: Mapping[str, str], *, seconds: float, max_bytes: int, cut: bool = False
    ) -> Reply:
        """GET `address`, whose host is a plain host name, without following redirects.

        Args:
            seconds: time limit for everything, from the connection to the last byte.
            max_bytes: limit of the body, both as sent and as decoded.
            cut: return the first `max_bytes` of a larger body instead of failing.

        Raises:
            Failure: the address is private, nothing answers, or the answer is too large, too slow or broken.
        """
        import requests
        from requests_hardened.ip_filter import InvalidIPAddress

        started = time.monotonic()
        sent = {**headers, "User-Agent": self._user_agent, "Accept-Encoding": "gzip"}
        with TimeLimit(seconds) as limit:
            try:
                request = requests.Request("GET", address, headers=sent).prepare()
                reply = self._sent(request, urlsplit(address).scheme, limit)
            except InvalidIPAddress as error:
                raise Failure(
                    "leads to a private address, which is never fetched: save it and declare the file with `files:`"
                ) from error
            except (requests.ConnectionError, requests.Timeout) as error:
                raise _late(limit) or Failure(
                    f"does not answer ({_reason(error)}): check the address or try later", retryable=True
                ) from error
            except requests.RequestException as error:
                raise Failure(f"cannot be fetched ({_reason(error)}): correct the link") from error
            try:
                named = {name.lower(): value for name, value in reply.headers.items()}
                content = _body(reply.raw, named, limit, max_bytes, cut) if reply.status_code == HTTPStatus.OK else b""
                return Reply(int(reply.status_code), named, content, time.monotonic() - started)
            finally:
                reply.close()

    def _sent(self, request: Any, scheme: str, limit: TimeLimit) -> Any:
        """The answer of requests; retried at once if a connection that was kept open turns out to be closed.

        A server may close the connection while the next request is on its way, which says nothing about that request
        (RFC 9112, 9.3.1 and 9.5). Each connection that fails like this is dropped, and the first new one decides.
        """
        import requests

        while True:
            limit.reused = False
            try:
                return self._adapter(scheme).send(request, stream=True, timeout=self._timeout)
            except requests.ConnectionError:
                if not limit.reused or limit.over:
                    raise

    def _adapter(self, scheme: str) -> Any:
        with self._lock:
            if scheme not in self._adapters:
                self._adapters[scheme] = _guarded_adapter(scheme, allow_loopback=self._allow_loopback)
            return self._adapters[scheme]


def _guarded_adapter(scheme: str, *, allow_loopback: bool) -> Any:
    """An adapter of requests-hardened; every connection is guarded by the time limit of its thread's request."""
    from requests_hardened.ip_filter_adapter import IPFilterAdapter

    class Guarded(IPFilterAdapter):  # type: ignore[misc]
        def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
            host, pool_arguments = super().build_connection_pool_key_attributes(*args, **kwargs)
            _refuse_inside(host["host"], allow_loopback=allow_loopback)
            return host, pool_arguments

    adapter = Guarded(is_https_proto=scheme == "https", allow_loopback=allow_loopback)
    adapter.poolmanager.pool_classes_by_scheme = {scheme: guarded(scheme)}
    return adapter


def _late(limit: TimeLimit) -> Failure | None:
    """The failure of a request whose time is over."""
    return Failure(f"takes more than {limit.seconds:.0f} s: try again later", retryable=True) if limit.over else None


def _body(raw: Any, headers: Mapping[str, str], limit: TimeLimit, max_bytes: int, cut: bool) -> bytes:
    """The decoded body; neither the sent nor the decoded bytes exceed `max_bytes`."""
    from urllib3.exceptions import HTTPError

    too_large = Failure(
        f"is larger than {max_bytes / 2**20:.0f} MiB: declare the page itself, not a file it offers",
        status=HTTPStatus.OK,
    )
    if headers.get("transfer-encoding", "chunked").strip().lower() not in ("chunked", *_PLAIN):
        raise Failure("uses a transfer encoding that was not asked for: try again later", status=HTTPStatus.OK)
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes and not cut:
        raise too_large
    sent, content = 0, bytearray()

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        while piece := raw.read(_PIECE, decode_content=False):
            sent += len(piece)
            yield piece

    try:
        for piece in _decoded(pieces(), headers.get("content-encoding", "").strip().lower()):
            content += piece
            if cut and len(content) >= max_bytes:
                return bytes(content[:max_bytes])
            if max(sent, len(content)) > max_bytes:
                raise too_large
            if limit.over:
                break
    except (HTTPError, OSError, zlib.error, EOFError, ValueError) as error:  # ValueError: a chunk of negative length
        raise _late(limit) or Failure(
            f"broke off ({_reason(error)}): try again later", status=HTTPStatus.OK, retryable=True
        ) from error
    if late := _late(limit):  # a body without a length would also seem to end where it was shut down
        raise late
    return bytes(content)


def _decoded(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Undo gzip or deflate in limited pieces; an empty piece shows that something was sent.

    Raises:
        Failure: the encoding is a different one, which was not asked for.
        EOFError: the stream ends too early.
        zlib.error: it is damaged.
    """
    if encoding in _PLAIN:
        yield from pieces
        return
    if encoding not in (*_GZIP, _DEFLATE):
        raise Failure(
            f"is encoded as {encoding!r}, which was not asked for: save the page and declare the file",
            status=HTTPStatus.OK,
        )
    decoder, members = None, 0
    for piece in pieces:
        data, more = piece, True
        while more:
            if decoder is None:
                if members and (encoding == _DEFLATE or not data.startswith(b"\x1f")):
                    break  # padding after the last member
                decoder, members = zlib.decompressobj(_window(data, encoding)), members + 1
            decoded = decoder.decompress(data, _PIECE)
            yield decoded
            if decoder.eof:
                data, decoder = decoder.unused_data, None
                more = bool(data)
            else:
                data = decoder.unconsumed_tail
                more = bool(data) or len(decoded) == _PIECE
    if decoder is not None:
        raise EOFError


def _window(data: bytes, encoding: str) -> int:
    """The `wbits` of zlib. "deflate" means the zlib format (RFC 9110, 8.4.1.2), but some servers send a bare stream."""
    if encoding in _GZIP:
        return 31
    return 15 if len(data) > 1 and data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0 else -15


def _reason(error: Exception) -> str:
    """A few words instead of a nested urllib3 message, which repeats the address it connected to."""
    text = repr(error)
    for mark, reason in (
        ("resolve", "its host name is unknown"),
        ("timed out", "it timed out"),
        ("Timeout", "it timed out"),
        ("refused", "connection refused"),
        ("ertificate", "its certificate is not valid"),
        ("got more than", "its headers are too large"),
        ("IncompleteRead", "the answer is not complete"),
        ("EOFError", "the answer is not complete"),
        ("RemoteDisconnected", "it hung up"),
        ("ConnectionReset", "it hung up"),
        ("BadStatusLine", "it does not speak HTTP"),
        ("UnknownProtocol", "it does not speak HTTP"),
        ("Error -3", "the answer is damaged"),
    ):
        if mark in text:
            return reason
    return type(error).__name__
