"""What a server may send and how slowly: bombs, broken encodings, cut answers, drips."""

import gzip
import math
import shutil
import subprocess
import time
import zlib
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from benchmarks.bomb import growth_mb
from tests.kit.webserver import PAGE, Handler, Server, send
from twin.crawling.web.fetcher import Fetcher, FetchError, Limits

BODY = PAGE.encode() * 200  # more than one piece, decoded or not
BARE = zlib.compressobj(wbits=-15)
DEFLATED = BARE.compress(BODY) + BARE.flush()
PACKED = gzip.compress(BODY)


@pytest.fixture
def once() -> Fetcher:
    """Asks once, for at most a second, and takes 1 MiB."""
    limits = Limits(connect_s=1, read_s=0.5, total_s=1, max_bytes=2**20, attempts=1)
    return Fetcher(allow_loopback=True, limits=limits, requests_per_second=math.inf)


def sent_raw(handler: BaseHTTPRequestHandler, *pieces: bytes, pause_s: float = 0.0) -> None:
    """Send bytes as they are, and hang up."""
    for piece in pieces:
        handler.wfile.write(piece)
        handler.wfile.flush()
        time.sleep(pause_s)
    handler.close_connection = True


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", PACKED),
        ("X-GZIP", PACKED),
        ("gzip", gzip.compress(BODY[:70_000]) + gzip.compress(BODY[70_000:])),  # two members
        ("gzip", b"".join(gzip.compress(BODY[at : at + 999]) for at in range(0, len(BODY), 999))),
        ("gzip", PACKED + bytes(100_000)),  # padded
        ("deflate", zlib.compress(BODY)),
        ("deflate", DEFLATED),  # bare, as some send it
        ("identity", BODY),
        ("", BODY),
    ],
)
def test_encodings_are_undone(server: Server, once: Fetcher, encoding: str, body: bytes) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 200, body, Content_Encoding=encoding)
    assert once.get(f"{server.root}/a").content == BODY
    assert server.asked[0][1]["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("gzip", PACKED[:-9], "broke off \\(the answer is not complete\\)"),
        ("gzip", PACKED[:1], "broke off \\(the answer is not complete\\)"),
        ("deflate", DEFLATED[:-1], "broke off \\(the answer is not complete\\)"),
        ("gzip", PACKED[:99] + b"?" + PACKED[100:], "broke off \\(the answer is damaged\\)"),
        ("gzip", BODY, "broke off \\(the answer is damaged\\)"),
        ("br", b"\x8b\x02\x80abc\x03", "is encoded as 'br', which was not asked for"),
        ("gzip, gzip", gzip.compress(PACKED), "is encoded as 'gzip, gzip', which was not asked for"),
    ],
)
def test_half_an_answer_is_refused(server: Server, once: Fetcher, encoding: str, body: bytes, expected: str) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 200, body, Content_Encoding=encoding)
    with pytest.raises(FetchError, match=expected) as caught:
        once.get(f"{server.root}/a")
    assert caught.value.retryable == ("broke off" in expected)


def test_empty_body_of_an_encoding_is_empty(server: Server, once: Fetcher) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 200, b"", Content_Encoding="gzip")
    assert once.get(f"{server.root}/a").content == b""


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (HEAD + b"Content-Length: 100\r\n\r\n<html>", "broke off \\(the answer is not complete\\)"),
        (CHUNKED + b"6\r\n<html>\r\n", "broke off"),
        (CHUNKED + b"ff\r\n<html>", "broke off \\(the answer is not complete\\)"),
        (CHUNKED + b"-5\r\n<html>\r\n0\r\n\r\n", "broke off"),
        (CHUNKED + b"7fffffffffffffff\r\n<html>", "broke off"),
        (CHUNKED + b"1" * 70_000, "broke off"),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n6\r\n<html>\r\n0\r\n\r\n", "uses a transfer encoding"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9, "does not answer \\(it hung up\\)"),
        (b"HTTP/1.1 99999 OK\r\n\r\n", "does not answer \\(it does not speak HTTP\\)"),
        (b"HTTP/3.0 200 OK\r\n\r\n", "does not answer \\(it does not speak HTTP\\)"),
        (b"<html>", "does not answer \\(it does not speak HTTP\\)"),
        (CHUNKED + b"what?\r\n<html>\r\n0\r\n\r\n", "broke off"),
        (HEAD + b"Content-Length: 6\r\nContent-Length: 7\r\n\r\n<html>", "cannot be fetched"),
        (HEAD + b"X: " + b"x" * 70_000 + b"\r\n\r\n", "does not answer \\(its headers are too large\\)"),
        (HEAD + b"".join(b"X-%d: x\r\n" % n for n in range(101)) + b"\r\n", "\\(its headers are too large\\)"),
        (b"SSH-2.0-OpenSSH\r\n", "does not answer"),
        (b"", "does not answer"),
    ],
)
def test_answers_that_are_cut_or_malformed(server: Server, once: Fetcher, answer: bytes, expected: str) -> None:
    server.handlers["/a"] = lambda handler: sent_raw(handler, answer)
    server.handlers["/next"] = lambda handler: send(handler, 200, b"fine")
    with pytest.raises(FetchError, match=expected) as caught:
        once.get(f"{server.root}/a")
    assert str(caught.value).startswith(f"{server.root}/a ")
    assert once.get(f"{server.root}/next").content == b"fine"


def test_answer_longer_than_it_says_is_what_it_says(server: Server, once: Fetcher) -> None:
    server.handlers["/a"] = lambda handler: sent_raw(handler, HEAD + b"Content-Length: 6\r\n\r\n<html>HTTP/1.1 200 OK")
    server.handlers["/next"] = lambda handler: send(handler, 200, b"fine")
    assert once.get(f"{server.root}/a").content == b"<html>"
    assert once.get(f"{server.root}/next").content == b"fine"  # the rest is no answer to the next question


def encrypted(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the server speak TLS as localhost, and requests trust its certificate; returns its root."""
    certificate, key = folder / "certificate", folder / "key"
    command = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate),
    ]  # fmt: skip
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl")
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(certificate))
    return server.encrypt(certificate, key)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_that_was_kept_open_and_is_closed_costs_no_answer(
    server: Server, once: Fetcher, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server hangs up on the second request of a connection, as one does whose patience ends just then."""
    connections: list[BaseHTTPRequestHandler] = []

    def first_only(handler: BaseHTTPRequestHandler) -> None:
        if handler in connections:
            handler.close_connection = True
        else:
            connections.append(handler)
            send(handler, 200, b"fine")

    root = server.root if scheme == "http" else encrypted(server, tmp_path, monkeypatch)
    server.handlers = dict.fromkeys(("/a", "/b", "/c"), first_only)
    for path in ("/a", "/b", "/c"):
        assert once.get(root + path).content == b"fine"
    assert [path for path, _ in server.asked] == ["/a", "/b", "/b", "/c", "/c"]
    server.handlers["/never"] = lambda handler: setattr(handler, "close_connection", True)
    with pytest.raises(FetchError, match="/never does not answer"):
        once.get(f"{root}/never")
    assert [path for path, _ in server.asked][5:] == ["/never", "/never"]  # the kept connection, and a new one


def test_a_certificate_that_nobody_vouches_for_is_refused(
    server: Server, once: Fetcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as trusting:
        root = encrypted(server, tmp_path, trusting)
        server.handlers["/a"] = lambda handler: send(handler, 200, b"fine")
        assert once.get(f"{root}/a").content == b"fine"
        with pytest.raises(FetchError, match="its certificate is not valid"):  # it is another name's
            once.get(f"{root.replace('localhost', '127.0.0.1')}/a")
    with pytest.raises(FetchError, match="its certificate is not valid"):
        Fetcher(allow_loopback=True, requests_per_second=math.inf, sleep=lambda _: None).get(f"{root}/a")
    assert len(server.asked) == 1


@pytest.mark.parametrize("framing", ["length", "chunked", "until closed"])
def test_bomb_is_cut_off(server: Server, once: Fetcher, framing: str) -> None:
    bomb = gzip.compress(bytes(2**26))
    said = {"length": b"Content-Length: %d\r\n" % len(bomb), "chunked": b"Transfer-Encoding: chunked\r\n"}
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(bomb), bomb) if framing == "chunked" else bomb
    answer = HEAD + said.get(framing, b"") + b"Content-Encoding: gzip\r\n\r\n" + body
    server.handlers["/bomb"] = lambda handler: sent_raw(handler, answer)
    server.handlers["/large"] = lambda handler: send(handler, 200, bytes(2**20 + 1))
    server.handlers["/said"] = lambda handler: sent_raw(handler, HEAD + b"Content-Length: 9999999\r\n\r\n")
    server.handlers["/idle"] = lambda handler: send(  # sends much and decodes to nothing
        handler, 200, gzip.compress(b"") * 60_000, Content_Encoding="gzip"
    )
    server.handlers["/fits"] = lambda handler: send(handler, 200, bytes(2**20))
    for path in ("/bomb", "/large", "/said", "/idle"):
        with pytest.raises(FetchError, match="is larger than 1 MiB: declare the page itself") as caught:
            once.get(server.root + path)
        assert not caught.value.retryable
    assert len(once.get(f"{server.root}/fits").content) == 2**20


@pytest.mark.slow
def test_memory_stays_flat_under_a_bomb() -> None:
    assert growth_mb("fetcher") < 50


def test_bodies_that_are_not_wanted_are_not_read(server: Server, once: Fetcher) -> None:
    """A session of requests reads the body of a redirect, all of it, before it gives the redirect away."""
    endless = HEAD.replace(b"200 OK", b"%b") + b"Location: /a\r\n\r\n"
    read_to_the_end = []

    def flood(status: bytes, handler: BaseHTTPRequestHandler) -> None:
        sent_raw(handler, endless % status, *[bytes(2**16)] * 1000)
        read_to_the_end.append(status)

    server.handlers["/redirect"] = lambda handler: flood(b"302 Found", handler)
    server.handlers["/error"] = lambda handler: flood(b"404 Not Found", handler)
    server.handlers["/a"] = lambda handler: send(handler, 200, b"fine")
    assert once.get(f"{server.root}/redirect").content == b"fine"
    with pytest.raises(FetchError, match="404"):
        once.get(f"{server.root}/error")
    assert read_to_the_end == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/headers", "takes more than 1 s"), ("/status", "takes more than 1 s"), ("/length", "takes more than 1 s"),
        ("/until-closed", "takes more than 1 s"), ("/chunked", "takes more than 1 s"), ("/hang", "does not answer"),
        ("/stall", r"broke off \(it timed out\)"), ("/hops", "takes more than"),
    ],
)  # fmt: skip
def test_slow_servers_end_in_time(server: Server, once: Fetcher, path: str, expected: str) -> None:
    def drip(start: bytes, piece: bytes = b"x") -> Handler:
        return lambda handler: sent_raw(handler, start, *[piece] * 60, pause_s=0.05)

    def hop(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.3)
        send(handler, 302, Location="/hops")

    server.handlers = {
        "/status": drip(b""),
        "/headers": drip(HEAD),
        "/length": drip(HEAD + b"Content-Length: 1000000\r\n\r\n"),
        "/until-closed": drip(HEAD + b"\r\n"),
        "/chunked": drip(CHUNKED, b"1\r\nx\r\n"),
        "/hang": lambda handler: time.sleep(1),
        "/stall": lambda handler: sent_raw(handler, HEAD + b"Content-Length: 1000000\r\n\r\n", b"x", pause_s=0.7),
        "/hops": hop,
    }
    with pytest.raises(FetchError, match=expected) as caught:  # the drips go on for three seconds, and end well
        once.get(server.root + path)
    assert caught.value.retryable
