"""Where the fetcher goes, where it never goes, what it tells on the way, and what it keeps."""

import logging
import math
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.kit.webserver import PAGE, Server, send
from twin import __version__
from twin.artifacts import ArtifactStore
from twin.crawling.web.captures import Captures
from twin.crawling.web.fetcher import Fetcher, FetchError, _carried, user_agent
from twin.errors import CrawlError
from twin.settings import Settings
from twin.warehouse import SqliteWarehouse

TOKEN = "ghp_" + "0123456789abcdefghij" * 2


@pytest.fixture
def other() -> Iterator[Server]:
    opened = Server()
    yield opened
    opened.close()


@pytest.fixture
def captures(tmp_path: Path) -> Iterator[Captures]:
    warehouse = SqliteWarehouse(tmp_path / "w.sqlite")
    yield Captures(ArtifactStore(tmp_path), warehouse, "ada", link="https://ada.example/feed")
    warehouse.close()


def page(body: bytes = PAGE.encode(), status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: send(handler, status, body, **headers)


# -- answers ----------------------------------------------------------------------------------------------------------


def test_page_comes_as_it_was_sent_with_what_matters_of_its_headers(server: Server, fetcher: Fetcher) -> None:
    body = "日本語 שלום".encode("shift_jis", "xmlcharrefreplace")
    server.handlers["/a"] = page(
        body, ETag='"1"', Last_Modified="Thu, 01 Jan 2026 00:00:00 GMT", Content_Type="text/html; charset=UTF-8",
        Content_Language="ja", X_Robots_Tag="noai", Set_Cookie="a=b", X_Other="x",
    )  # fmt: skip
    response = fetcher.get(f"{server.root}/a#part")
    assert response.content == body  # whatever its headers say of it
    assert response.url == f"{server.root}/a"
    assert response.content_type == "text/html; charset=utf-8"
    assert response.validators == {"etag": '"1"', "last_modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    assert response.headers.keys() == {"etag", "last-modified", "content-language", "x-robots-tag", "date"}
    assert response.capture is None
    fetcher.get(f"{server.root}/a", accept="application/json")
    assert "Cookie" not in server.asked[1][1]
    assert server.asked[1][1]["Accept"] == "application/json"


def test_both_validators_are_sent_and_an_unchanged_page_is_not(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/a"] = page(b"", 304, ETag='"2"')
    response = fetcher.get(f"{server.root}/a", {"etag": '"1"', "last_modified": "Thu, 01 Jan 2026 00:00:00 GMT"})
    assert (response.unchanged, response.content, response.validators) == (True, b"", {"etag": '"2"'})
    assert server.asked[0][1]["If-None-Match"] == '"1"'
    assert server.asked[0][1]["If-Modified-Since"] == "Thu, 01 Jan 2026 00:00:00 GMT"
    with pytest.raises(FetchError, match="304 Not Modified, which was not expected") as caught:
        fetcher.get(f"{server.root}/a")
    assert caught.value.status == 304


def test_validators_that_cannot_be_sent_back_are_none(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/a"] = page(ETag='"\x01"', Last_Modified="x" * 2000)
    response = fetcher.get(f"{server.root}/a")
    assert response.validators == {}
    server.handlers["/a"] = page(ETag=' W/"ä"  ', Last_Modified="Thu, 01 Jan 2026 00:00:00 GMT")
    validators = fetcher.get(f"{server.root}/a", response.validators).validators
    assert validators == {"etag": 'W/"ä"', "last_modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    fetcher.get(f"{server.root}/a", validators)
    assert server.asked[2][1]["If-None-Match"] == 'W/"ä"'


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (404, "answered 404 Not Found: correct or remove the link"),
        (410, "answered 410 Gone"),
        (401, "answered 401 Unauthorized: the site refuses programs, so save the page"),
        (403, "answered 403 Forbidden: the site refuses programs, so save the page"),
        (451, "answered 451 Unavailable For Legal Reasons: the site refuses programs"),
        (418, "answered 418 I'm a Teapot"),
        (204, "answered 204 No Content"),
        (301, "answered 301 Moved Permanently, which was not expected"),  # to where?
        (599, "answered 599"),
    ],
)
def test_refusals_are_not_retried(server: Server, fetcher: Fetcher, status: int, expected: str) -> None:
    server.handlers["/a"] = page(b"", status)
    with pytest.raises(FetchError, match=expected) as caught:
        fetcher.get(f"{server.root}/a")
    assert str(caught.value).startswith(f"{server.root}/a ")
    assert caught.value.status == status
    assert not caught.value.retryable
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (403, {"Server": "cloudflare"}), (503, {"Server": "Cloudflare"}), (429, {"Server": "cloudflare"}),
        (403, {"cf_mitigated": "challenge"}), (503, {"cf_mitigated": "challenge", "Retry_After": "1"}),
        (202, {"x_amzn_waf_action": "challenge"}), (405, {"x_amzn_waf_action": "captcha"}),
    ],
)  # fmt: skip
def test_challenge_is_a_refusal(server: Server, fetcher: Fetcher, status: int, headers: dict[str, str]) -> None:
    def challenge(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.handlers["/a"] = challenge
    with pytest.raises(FetchError, match=r"bot check \((Cloudflare|AWS WAF)\): save the page from") as caught:
        fetcher.get(f"{server.root}/a")
    assert (caught.value.status, caught.value.retryable) == (status, False)
    assert len(server.asked) == 1


def test_who_asks_can_be_written_to(server: Server) -> None:
    server.handlers["/a"] = page()
    settings = Settings(contact="https://ada.example/爬虫\r\nX-Evil: 1")
    asking = Fetcher.from_settings(settings)
    assert user_agent(settings.contact) == (
        f"llm-twin/{__version__} (+https://ada.example/%E7%88%AC%E8%99%AB%0D%0AX-Evil:%201)"
    )
    with pytest.raises(FetchError, match="only 80 and 443 are allowed, see TWIN_PORTS"):
        asking.get(server.root)
    port = int(server.root.rpartition(":")[2])
    with pytest.raises(FetchError, match="private address"):  # the port is allowed, and loopback is not
        Fetcher.from_settings(Settings(ports=(80, port))).get(server.root)
    Fetcher(allow_loopback=True, contact="ada@ada.example", sleep=lambda _: None).get(f"{server.root}/a")
    assert server.asked[0][1]["User-Agent"] == f"llm-twin/{__version__} (+ada@ada.example)"


# -- addresses --------------------------------------------------------------------------------------------------------


def test_redirects_are_followed_within_bounds(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/old"] = page(b"", 301, Location="/%E6%96%B0")
    server.handlers["/raw"] = page(b"", 308, Location="/新".encode().decode("latin-1"))  # as servers really send it
    server.handlers["/%E6%96%B0"] = page()
    server.handlers["/loop"] = page(b"", 302, Location="/loop")
    for number in range(5):
        server.handlers[f"/{number}"] = page(b"", 307, Location=f"/{number + 1}")
    server.handlers["/5"] = page()
    for path in ("/old", "/raw"):
        response = fetcher.get(server.root + path)
        assert (response.content, response.url.isascii()) == (PAGE.encode(), path == "/old")
    assert fetcher.get(f"{server.root}/0").url == f"{server.root}/5"
    with pytest.raises(FetchError, match="redirects more than 5 times"):
        fetcher.get(f"{server.root}/loop")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://10.0.0.1/x", "private address"),
        ("http://169.254.169.254/latest/meta-data", "private address"),
        ("http://[::ffff:10.0.0.1]/", "private address"),
        ("http://[::169.254.169.254]/", "private address"),
        ("http://[64:ff9b::a9fe:a9fe]/", "private address"),
        ("http://[2002:a00:1::]/", "private address"),
        ("http://167772161/", "private address"),
        ("http://012.1/", "private address"),
        ("http://１０。０。０。１/", "private address"),
        ("http://[fec0::1%25eth0]/", "not a valid address"),
        ("http://100.64.0.1/", "private address"),
        ("http://me:secret@0xa000001/", "private address"),
        ("//192.168.0.1/", "private address"),
        ("file:///etc/passwd", "not an http or https address"),
        ("gopher://127.0.0.1/", "not an http or https address"),
        ("data:text/html,x", "not an http or https address"),
        ("http://[::1/", "not a valid address"),
        ("http://a..b/", "not a valid address"),
        ("http://a%2eb/", "not a valid address"),
        ("http://a:b/", "not a valid address"),
        ("https://www.linkedin.com/in/ada", "LinkedIn.s terms forbid fetching it"),
        ("https://de.linkedin.com./in/ada", "LinkedIn.s terms forbid fetching it"),
        ("https://ⓛinkedin。com/in/ada", "LinkedIn.s terms forbid fetching it"),
        ("https://x@lnkd.in/abc", "LinkedIn.s terms forbid fetching it"),
    ],
)
def test_no_redirect_leads_where_a_link_may_not(server: Server, fetcher: Fetcher, target: str, expected: str) -> None:
    server.handlers["/a"] = page(b"", 302, Location=target.encode().decode("latin-1"))
    with pytest.raises(FetchError, match=expected) as caught:
        fetcher.get(f"{server.root}/a")
    assert str(caught.value).startswith(f"{server.root}/a ")
    assert "secret" not in str(caught.value)
    assert len(server.asked) == 1


def test_no_redirect_leads_to_another_port(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    fetcher = Fetcher(allow_loopback=True, sleep=lambda _: None)
    monkeypatch.setattr(fetcher, "ports", (int(server.root.rpartition(":")[2]), 443))
    server.handlers["/a"] = page(b"", 302, Location="http://127.0.0.1:22/")
    with pytest.raises(FetchError, match=r"leads to an address that is not allowed: http://127.0.0.1:22/ uses port 22"):
        fetcher.get(f"{server.root}/a")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://2130706433/", "http://0x7f.1/",
        "http://0.0.0.0/", "http://169.254.169.254/", "http://10.1.2.3/", "http://100.64.0.1/",
        "http://[::ffff:127.0.0.1]/", "http://192.0.0.1/", "http://198.18.0.1/", "http://224.0.0.1/",
        "http://[64:ff9b::7f00:1]/", "http://[fe80::1]/", "http://017700000001/", "http://①②⑦.0.0.1/",
        "http://[::]/", "http://[fc00::1]/", "http://[ff02::1]/", "http://255.255.255.255/", "http://127.1/",
        "http://127.0.0.1./", "http://localhost./", "http://0177.0.0.1/", "http://①②⑦。⓪．0.1/", "http://a:b@127.0.0.1/",
        "http://ada.example@10.0.0.1/", "http://[2002:7f00:1::]/", "http://[64:ff9b:1::a00:1]/", "http://100.100.100.200/",
        "http://[::127.0.0.1]/", "http://[::ffff:0:169.254.169.254]/", "http://[fec0::1]/", "http://[fd00:ec2::254]/",
        "http://[2001::1]/", "http://[4000::1]/", "http://168.63.129.16/metadata", "http://192.0.0.192/",
    ],
)  # fmt: skip
def test_private_addresses_are_never_connected_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: connected.append(address))
    with pytest.raises(FetchError, match="leads to a private address, which is never fetched: save it") as caught:
        Fetcher(sleep=lambda _: None).get(url)
    assert caught.value.status is None
    assert not caught.value.retryable
    assert connected == []


class Resolver:
    """Answers each look-up of a name with the next address, and each of an address with itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
        self.asked: list[str] = []
        self._addresses = iter(addresses)
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.resolve)

    def resolve(self, host: str, port: int, *args: object, **kwargs: object) -> object:
        if host.replace(".", "").isdigit():
            return self._real(host, port, type=socket.SOCK_STREAM)
        self.asked.append(host)
        return self._real(next(self._addresses), port, type=socket.SOCK_STREAM)


def test_name_is_looked_up_once_and_only_the_checked_address_is_connected_to(
    server: Server, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver(monkeypatch, "93.184.215.14", "10.0.0.1")
    connected: list[object] = []

    def refuse(_: socket.socket, address: object) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    with monkeypatch.context() as patched:
        patched.setattr(socket.socket, "connect", refuse)
        with pytest.raises(FetchError, match="leads to a private address"):  # at the second attempt
            Fetcher(sleep=lambda _: None).get("http://rebind.example/", api=True)
    assert connected == [("93.184.215.14", 80)]
    assert resolver.asked == ["rebind.example"] * 2

    # The same with a server that answers: one look-up, and the private address of the next is never seen.
    resolver = Resolver(monkeypatch, "127.0.0.1", "10.0.0.1")
    server.handlers["/a"] = page()
    port = server.root.rpartition(":")[2]
    assert fetcher.get(f"http://rebind.example:{port}/a", api=True).content == PAGE.encode()
    assert resolver.asked == ["rebind.example"]
    assert server.asked[0][1]["Host"] == f"rebind.example:{port}"
    with pytest.raises(FetchError, match="leads to a private address"):
        fetcher.get(f"http://rebind.example:{port}/a", api=True)
    assert len(server.asked) == 1


def test_environment_says_nothing_about_the_way(
    server: Server, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server.handlers["/a"] = page()
    assert fetcher.get(f"{server.root}/a").content == PAGE.encode()
    assert "Authorization" not in server.asked[0][1]


def test_credentials_in_a_link_are_neither_sent_nor_shown(server: Server, fetcher: Fetcher, captures: Captures) -> None:
    server.handlers["/a"] = page()
    secret = server.root.replace("http://", "http://me:se@cret@")
    response = fetcher.keeping(captures).get(f"{secret}/a")
    assert response.url == f"{server.root}/a"
    assert "Authorization" not in server.asked[0][1]
    assert captures.newest(f"{server.root}/a") is not None
    with pytest.raises(CrawlError, match="404") as caught:
        fetcher.get(f"{secret}/none")
    assert str(caught.value).startswith(f"{server.root}/none answered")
    server.handlers["/b"] = page(b"", 302, Location="http://me:se/cret@ada.example/x")
    for url in (f"{server.root}/b", "http://me:se/cret@ada.example/x", "http://me:9se#cret@ada.example/x"):
        with pytest.raises(CrawlError, match="is not a valid address: correct the link") as caught:
            fetcher.get(url)
        assert "cret" not in str(caught.value)


def test_unreachable_and_unknown_hosts(fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match="connection refused") as caught:
        fetcher.get("http://127.0.0.1:1/")
    assert (caught.value.status, caught.value.retryable) == (None, True)
    with pytest.raises(FetchError, match=r"ada\.invalid/ does not answer \(its host name is unknown\)"):
        fetcher.get("http://ada.invalid/")


def test_validators_are_not_shown_where_tls_ends() -> None:
    headers = {"Accept": "*/*", "If-None-Match": '"1"', "If-Modified-Since": "x"}
    assert _carried(headers, "https://a.example/", "http://a.example/") == {"Accept": "*/*"}
    assert _carried(headers, "http://a.example/", "https://a.example/") == headers
    assert _carried(headers, "https://a.example/", "https://b.example/") == headers


# -- tokens -----------------------------------------------------------------------------------------------------------


def echo(handler: BaseHTTPRequestHandler) -> None:
    sent = handler.headers.get("Authorization", "none")
    status = 404 if handler.path == "/lost" else 200
    send(handler, status, f"You sent {sent}".encode(), ETag=f'"{sent}"', Link=f"<{sent}>; rel=next")


def test_token_goes_to_its_origin_alone_and_is_never_seen_again(
    server: Server, other: Server, captures: Captures, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fetcher = Fetcher(
        allow_loopback=True, requests_per_second=math.inf, tokens={server.root: SecretStr(TOKEN)}
    ).keeping(captures)
    for path in ("/echo", "/lost"):
        server.handlers[path] = other.handlers[path] = echo
    server.handlers["/away"] = page(b"", 302, Location=f"{other.root}/echo")
    server.handlers["/leak"] = lambda handler: send(
        handler, 302, Location=f"/nowhere?{handler.headers['Authorization'].rpartition(' ')[2]}"
    )
    other.handlers["/back"] = page(b"", 302, Location=f"{server.root}/echo")

    response = fetcher.get(f"{server.root}/echo", api=True)
    assert server.asked[-1][1]["Authorization"] == f"Bearer {TOKEN}"
    assert response.content == b"You sent Bearer ***"
    assert TOKEN not in repr(response)
    assert response.capture is not None
    assert captures.read(response.capture) == b"You sent Bearer ***"
    assert TOKEN not in repr(captures.newest(f"{server.root}/echo"))

    assert fetcher.get(f"{server.root}/away", api=True).content == b"You sent none"
    assert fetcher.get(f"{other.root}/echo").content == b"You sent none"
    assert fetcher.get(f"{other.root}/back").content == b"You sent Bearer ***"  # it came back to its own
    for url in (f"{server.root}/lost", f"{server.root}/leak", f"{other.root}/lost"):
        with pytest.raises(FetchError) as caught:
            fetcher.get(url)
        assert TOKEN not in repr(caught.value)
    assert all("Authorization" not in headers for _, headers in other.asked)
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(vars(fetcher))


def test_token_of_the_settings_is_for_githubs_api_over_tls() -> None:
    fetcher = Fetcher.from_settings(Settings(github_token=SecretStr(TOKEN)))
    assert {origin: token.get_secret_value() for origin, token in fetcher._tokens.items()} == {
        "https://api.github.com": TOKEN
    }
    assert Fetcher.from_settings(Settings())._tokens == {}


# -- captures and answers that are shared -----------------------------------------------------------------------------


def test_what_is_fetched_is_kept_and_answers_offline(server: Server, fetcher: Fetcher, captures: Captures) -> None:
    server.handlers["/old"] = page(b"", 301, Location="/a")
    server.handlers["/a"] = page(ETag='"1"', Content_Language="de", Content_Type="text/html; charset=utf-8")
    server.handlers["/same"] = page(b"", 304)
    keeping = fetcher.keeping(captures)
    response = keeping.get(f"{server.root}/old")
    keeping.get(f"{server.root}/same", {"etag": '"1"'})
    asked = len(server.asked)
    offline = keeping.offline()
    assert offline.get(f"{server.root}/old") == response
    assert offline.get_once(f"{server.root}/old") == response
    assert (response.url, response.validators) == (f"{server.root}/a", {"etag": '"1"'})
    assert response.headers.keys() == {"etag", "content-language", "date"}
    for path in ("/a", "/same", "/never"):  # what was asked for is what is kept
        with pytest.raises(FetchError, match="was never captured"):
            offline.get(server.root + path)
    with pytest.raises(FetchError, match="was never captured"):
        fetcher.offline().get(f"{server.root}/old")
    assert len(server.asked) == asked
    assert fetcher.get(f"{server.root}/a").capture is None


def test_what_many_links_need_is_asked_for_once(server: Server, fetcher: Fetcher, captures: Captures) -> None:
    server.handlers["/feed"] = page(b"<rss/>")
    links = [captures.of(f"https://ada.example/{number}") for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda each: fetcher.keeping(each).get_once(f"{server.root}/feed"), links))
    assert {response.content for response in responses} == {b"<rss/>"}
    assert len(server.asked) == 1
    assert fetcher.get_once(f"{server.root}/feed").capture is None
    for each in links:  # every link can be read again without the others
        assert fetcher.keeping(each).offline().get(f"{server.root}/feed").content == b"<rss/>"
    assert len(server.asked) == 1
    assert fetcher.get(f"{server.root}/feed").content == b"<rss/>"
    assert len(server.asked) == 2


def test_failure_is_remembered_as_well(server: Server, fetcher: Fetcher) -> None:
    server.handlers["/feed"] = page(b"", 403)
    for _ in range(3):
        with pytest.raises(FetchError, match=r"/feed answered 403 Forbidden") as caught:
            fetcher.keeping(None).get_once(f"{server.root}/feed")
        assert caught.value.status == 403
    assert len(server.asked) == 1
