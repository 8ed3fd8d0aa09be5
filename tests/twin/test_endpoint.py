"""The rules of the one client, against a real server on loopback."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from tests.twin.embedding.backends.test_endpoint import KEY
from tests.twin.embedding.backends.test_endpoint import Endpoint as Server
from twin.endpoint import Endpoint, Names
from twin.errors import ConsistencyError, InputError, StoreError

NAMES = Names(url="TWIN_SOME_URL", key="TWIN_SOME_KEY", model="TWIN_SOME_MODEL")


@pytest.fixture
def server() -> Iterator[Server]:
    opened = Server()
    yield opened
    opened.close()


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waited.append)
    return waited


def endpoint(
    url: str, *, key: str | None = KEY, attempts: int = 3, longest: int = 1000, longest_s: float = 30
) -> Endpoint:
    secret = None if key is None else SecretStr(key)
    return Endpoint(
        url,
        "answers",
        key=secret,
        names=NAMES,
        timeout_s=(2, 2),
        longest_s=longest_s,
        attempts=attempts,
        longest_answer=longest,
    )


def test_it_asks_under_the_address_with_the_key(server: Server) -> None:
    server.answer = lambda body: (200, {}, {"said": body["question"]})
    for url in (server.url, f"{server.url}/", f"{server.url}/answers"):
        assert endpoint(url).post({"question": "why"}, "an answer") == {"said": "why"}
    assert {body["path"] for body in server.bodies} == {"/v1/answers"}
    assert endpoint(server.url, key=None).post({"question": "?"}, "an answer") == {"said": "?"}
    assert server.keys == [f"Bearer {KEY}"] * 3 + [None]


@pytest.mark.parametrize(
    "url",
    [
        "localhost:1/v1",
        "ftp://host/v1",
        "http:///v1",
        "http://user:word@host/v1",
        "http://host/v1?key=word",
        "http://host:port/v1",
        "http://[::1/v1",
        "http://host/v1?",
        "http://host/v1#",
        "http://@host/v1",
        "http://ho st/v1",
        f"http://{'h' * 64}/v1",
        "http://a..b/v1",
    ],
)
def test_an_address_that_cannot_be_used_is_one_sentence_without_it(url: str) -> None:
    with pytest.raises(InputError, match=r"TWIN_SOME_URL is not an http\(s\) address.* into TWIN_SOME_KEY") as raised:
        endpoint(url)
    assert "word" not in str(raised.value)


@pytest.mark.parametrize("key", ["secret\n", "sécret"])
def test_a_key_that_no_header_can_hold_is_one_sentence_without_it(key: str) -> None:
    with pytest.raises(InputError, match="TWIN_SOME_KEY contains a character") as raised:
        endpoint("http://host/v1", key=key)
    assert "cret" not in str(raised.value)


def test_the_key_never_follows_a_redirect_and_never_shows(server: Server) -> None:
    server.queued = [(307, {"Location": f"{server.url}/elsewhere"}, "")]
    with pytest.raises(InputError, match=r"status 307 \(a redirect, which is not followed\): correct TWIN_SOME_URL"):
        endpoint(server.url).post({}, "an answer")
    assert len(server.bodies) == 1
    server.queued = [(400, {}, f"your key {KEY} is odd\n\nand more " + "x" * 500)]
    with pytest.raises(InputError, match=r"your key \*\*\* is odd and more x+\): correct .* TWIN_SOME_MODEL") as raised:
        endpoint(server.url).post({}, "an answer")
    assert len(str(raised.value)) < 400
    server.queued = [(403, {}, KEY)]
    with pytest.raises(InputError, match=r"refuses the key: correct TWIN_SOME_KEY\.$"):
        endpoint(server.url).post({}, "an answer")


def test_an_answer_has_a_largest_size(server: Server) -> None:
    server.answer = lambda body: (200, {}, ["x" * 990])
    assert endpoint(server.url).post({}, "an answer") == ["x" * 990]
    server.answer = lambda body: (200, {}, ["x" * 1000])
    with pytest.raises(ConsistencyError, match="more than 1,000 bytes"):
        endpoint(server.url).post({}, "an answer")
    server.answer = lambda body: (200, {}, "[" * 100_000)
    with pytest.raises(ConsistencyError, match="did not answer with an answer"):
        endpoint(server.url, longest=10**6).post({}, "an answer")


def test_what_may_pass_is_asked_again_as_often_as_the_caller_wants(server: Server, naps: list[float]) -> None:
    broken = (200, {"Content-Length": "50"}, "{}")  # the connection ends before the answer does
    server.queued = [(503, {"Retry-After": "4"}, ""), broken]
    assert endpoint(server.url).post({"input": []}, "an answer") == {"data": []}
    assert naps == [4.0, 2.0]
    server.answer = lambda body: (429, {}, "slow down")
    with pytest.raises(StoreError, match="status 429: check that it is running and that TWIN_SOME_URL is right"):
        endpoint(server.url, attempts=1).post({}, "an answer")
    assert naps == [4.0, 2.0]


@pytest.mark.parametrize(
    ("asked", "waited"),
    [("nan", 1.0), ("inf", 1.0), ("-3", 1.0), ("9" * 400, 60.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", 1.0)],
)
def test_only_a_time_that_makes_sense_is_waited_for(
    server: Server, naps: list[float], asked: str, waited: float
) -> None:
    server.queued = [(503, {"Retry-After": asked}, "")]
    assert endpoint(server.url).post({"input": []}, "an answer") == {"data": []}
    assert naps == [waited]


@pytest.mark.parametrize("begun", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n[", b""])
def test_an_answer_that_comes_byte_by_byte_ends_at_the_limit(begun: bytes, naps: list[float]) -> None:
    """In the headers, in a body without a length (which looks complete when it is cut), and before the status."""
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        connected, _ = listener.accept()
        with connected, contextlib.suppress(OSError):
            connected.sendall(begun)
            while not over.wait(0.05):
                connected.sendall(b"1")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        with pytest.raises(StoreError, match="takes more than 1 s to answer: check that it is running"):
            endpoint(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", longest_s=0.6).post({}, "an answer")
        over.set()
        thread.join()
    assert naps == []


@pytest.mark.parametrize("before", [0, 1020, 2**16 - len(KEY) - 1, 2**16 - len(KEY) + 3, 2**16 - 3])
def test_a_refusal_never_shows_the_key_wherever_the_answer_is_cut(server: Server, before: int) -> None:
    server.answer = lambda body: (400, {}, " " * before + KEY)
    with pytest.raises(InputError) as caught:
        endpoint(server.url).post({}, "an answer")
    assert "400" in str(caught.value)
    assert not any(KEY[:size] in str(caught.value) for size in range(4, len(KEY) + 1))
