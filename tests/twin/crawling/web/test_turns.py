"""Turns of hosts: one request at a time, a pause between two, and peace for those that ask for it."""

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

import pytest

from tests.kit.clock import Clock
from tests.kit.webserver import Server, send
from tests.twin.crawling.web.test_fetcher import Resolver
from twin.crawling.web.fetcher import Fetcher, FetchError
from twin.crawling.web.transport import Failure
from twin.crawling.web.turns import Hosts, wait_asked_for


class Gauge:
    """A handler that measures how many requests are answered at once, by host."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.most_together = 0

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        host = handler.headers["Host"]
        with self.lock:
            self.now[host] = self.now.get(host, 0) + 1
            self.most[host] = max(self.most.get(host, 0), self.now[host])
            self.most_together = max(self.most_together, sum(self.now.values()))
        time.sleep(0.03)
        with self.lock:  # before the answer: what comes after it may come at once
            self.now[host] -= 1
        send(handler, 200, b"fine")


def test_one_request_at_a_time_to_a_host_and_several_to_several(
    server: Server, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    Resolver(monkeypatch, *["127.0.0.1"] * 100)
    gauge = Gauge()
    server.handlers["/robots.txt"] = server.handlers["/a"] = gauge
    port = server.root.rpartition(":")[2]
    urls = [f"http://{name}.example:{port}/a" for _ in range(6) for name in ("one", "two", "three")]
    with ThreadPoolExecutor(8) as pool:
        assert {response.content for response in pool.map(fetcher.keeping(None).get, urls)} == {b"fine"}
    assert len(server.asked) == 18
    assert server.asked_robots == 3
    assert set(gauge.most.values()) == {1}
    assert gauge.most_together > 1


def test_requests_to_a_host_pause(server: Server) -> None:
    naps: list[float] = []
    clock = lambda: sum(naps)  # noqa: E731
    fetcher = Fetcher(allow_loopback=True, requests_per_second=4, sleep=naps.append, clock=clock)
    server.handlers["/a"] = lambda handler: send(handler, 302, Location="/b")
    server.handlers["/b"] = lambda handler: send(handler, 200, b"fine")
    fetcher.get(f"{server.root}/a")
    assert naps == [0.25, 0.25]  # robots.txt, the redirect and where it leads
    fetcher.keeping(None).get(f"{server.root}/b", api=True)
    assert naps == [0.25] * 3
    naps.append(100.0)
    fetcher.get(f"{server.root}/b")
    assert naps == [0.25] * 3 + [100.0]  # who comes late need not wait


def test_crawl_delay_is_honoured_up_to_a_cap(server: Server) -> None:
    for delay, pause in (("2.5", 2.5), ("3600", 30.0), ("0.1", 1.0), ("never", 1.0), ("-7", 1.0), ("nan", 1.0)):
        naps: list[float] = []
        fetcher = Fetcher(allow_loopback=True, sleep=naps.append, clock=lambda naps=naps: sum(naps))  # type: ignore[misc]
        text = f"User-agent: *\nCrawl-delay: {delay}"
        server.handlers["/robots.txt"] = lambda handler, text=text: send(handler, 200, text.encode())
        server.handlers["/a"] = lambda handler: send(handler, 200, b"fine")
        for _ in range(3):
            fetcher.get(f"{server.root}/a")
        assert naps == [1.0, pause, pause]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_busy_server_is_asked_again_when_it_says(
    server: Server, fetcher: Fetcher, naps: list[float], form: str
) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    answers = iter(["20" if form == "seconds" else soon] * 2)

    def busy_twice(handler: BaseHTTPRequestHandler) -> None:
        if after := next(answers, None):
            send(handler, 429, b"busy", Retry_After=after)
        else:
            send(handler, 200, b"fine")

    server.handlers["/a"] = busy_twice
    assert fetcher.get(f"{server.root}/a").content == b"fine"
    assert len(naps) == 2
    assert naps == [20.0, 20.0] if form == "seconds" else all(10 < nap <= 20 for nap in naps)


@pytest.mark.parametrize("form", ["seconds", "date", "github"])
@pytest.mark.parametrize(
    "off", [timedelta(), timedelta(days=365), timedelta(days=-9999)], ids=["right", "ahead", "behind"]
)
def test_host_whose_api_asks_for_long_is_left_alone_by_all_links(
    server: Server,
    fetcher: Fetcher,
    naps: list[float],
    monkeypatch: pytest.MonkeyPatch,
    *,
    form: str,
    off: timedelta,
) -> None:
    """Whatever our own clock says: a date is compared with the server's."""
    Clock(monkeypatch).ahead = off
    until = datetime.now(UTC) + timedelta(hours=2)
    busy = {
        "seconds": {"Retry_After": "7200"},
        "date": {"Retry_After": format_datetime(until, usegmt=True)},
        "github": {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(int(until.timestamp()))},
    }[form]
    status = 403 if form == "github" else 503
    server.handlers["/a"] = lambda handler: send(handler, status, b"", **busy)
    server.handlers["/b"] = lambda handler: send(handler, 200, b"fine")
    with pytest.raises(
        FetchError, match=r"/a answered \d+ [\w ]+ and asks to be left alone until \d{4}-.* UTC"
    ) as first:
        fetcher.get(f"{server.root}/a", api=True)
    with pytest.raises(FetchError, match=r"/b is not fetched: 127\.0\.0\.1 asks to be left alone until") as second:
        fetcher.keeping(None).get(f"{server.root}/b")
    assert str(first.value).endswith(": crawl again after that.")
    assert (first.value.status, second.value.status) == (status, None)
    assert first.value.retryable
    assert second.value.retryable
    assert naps == []
    assert len(server.asked) == 1
    naps.append(7201.0)
    assert fetcher.get(f"{server.root}/b").content == b"fine"


def test_page_that_asks_for_long_silences_only_its_part_of_a_shared_host(
    server: Server, fetcher: Fetcher, naps: list[float]
) -> None:
    def long(handler: BaseHTTPRequestHandler) -> None:
        send(handler, 503, b"", Retry_After="2592000")

    for path in ("/@eve/1", "/@eve/2", "/@mallory"):
        server.handlers[path] = long
    for path in ("/@ada/1", "/@ada/2", "/@ada/3"):
        server.handlers[path] = lambda handler: send(handler, 200, b"fine")
    left = r"left alone for a day or longer, of which a day is believed: crawl again tomorrow\.$"
    with pytest.raises(FetchError, match=rf"/@eve/1 answered 503 Service Unavailable and asks to be {left}"):
        fetcher.get(f"{server.root}/@eve/1")
    with pytest.raises(FetchError, match=rf"/@eve/2 is not fetched: 127\.0\.0\.1/@eve asks to be {left}"):
        fetcher.get(f"{server.root}/@eve/2")
    assert fetcher.get(f"{server.root}/@ada/1").content == b"fine"
    with pytest.raises(FetchError, match=r"/@mallory answered 503"):  # a second one: the host is really busy
        fetcher.get(f"{server.root}/@mallory")
    with pytest.raises(FetchError, match=rf"/@ada/2 is not fetched: 127\.0\.0\.1 asks to be {left}"):
        fetcher.get(f"{server.root}/@ada/2")
    assert [path for path, _ in server.asked if path != "/robots.txt"] == ["/@eve/1", "/@ada/1", "/@mallory"]
    assert naps == []
    naps.append(24 * 3600.0)
    assert fetcher.get(f"{server.root}/@ada/3").content == b"fine"


def test_server_that_stays_busy_is_a_failure_to_retry(server: Server, fetcher: Fetcher, naps: list[float]) -> None:
    server.handlers["/a"] = lambda handler: send(handler, 503, b"down")
    with pytest.raises(FetchError, match="answered 503 Service Unavailable: try again later") as caught:
        fetcher.get(f"{server.root}/a")
    assert caught.value.retryable
    assert caught.value.status == 503
    assert len(server.asked) == 3
    assert 1 <= naps[0] <= 2 <= naps[1] <= 4
    assert len(naps) == 2


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"retry-after": "7"}, 7.0),
        (503, {"retry-after": " 0 "}, 0.0),
        (403, {"retry-after": "60"}, 60.0),
        (404, {"retry-after": "60"}, None),
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9999999999"}, None),
        (429, {"x-ratelimit-remaining": "1", "x-ratelimit-reset": "9999999999"}, None),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9999999999"}, 86400.0),
        (429, {"retry-after": "9" * 400}, 86400.0),
        (429, {"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT", "date": "Thu, 01 Jan 1970 00:00:00 GMT"}, 60.0),
        (429, {"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT", "date": "yesterday"}, 0.0),
        (429, {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        (429, {"retry-after": "Thu, 01 Jan 1970 00:00:00 -0000"}, 0.0),
        (429, {"retry-after": "Fri, 31 Dec 9999 23:59:59 -1200"}, 86400.0),
        (429, {"retry-after": "Fri, 31 Dec 99999 23:59:59 GMT"}, None),
        (429, {"retry-after": "-1"}, None),
        (429, {"retry-after": "²"}, None),
        (429, {"retry-after": "soon"}, None),
        (429, {}, None),
    ],
)
def test_what_a_busy_host_asks_for(status: int, headers: dict[str, str], expected: float | None) -> None:
    assert wait_asked_for(status, headers) == expected


def test_turn_is_given_back_whatever_happens() -> None:
    naps: list[float] = []
    hosts = Hosts(math.inf, 10.0, clock=lambda: sum(naps), sleep=naps.append)
    with pytest.raises(ValueError, match="x"), hosts.turn("a.example"):
        raise ValueError("x")
    with hosts.turn("a.example"):
        hosts.hold("a.example", 10.0)
        hosts.hold("a.example", 5.0)  # does not shorten it
        with hosts.turn("b.example"):
            pass
    with hosts.turn("a.example"):
        hosts.hold("a.example", 10.1)
    assert naps == [10.0]
    with pytest.raises(Failure, match=r"a\.example asks to be left alone"), hosts.turn("a.example"):
        pass
