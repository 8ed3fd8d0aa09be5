"""robots.txt in all its cases, by RFC 9309."""

from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from urllib.parse import quote

import pytest

from tests.kit.webserver import Server, send
from twin.crawling.web.fetcher import Fetcher, FetchError
from twin.crawling.web.robots import MAX_BYTES, Robots
from twin.crawling.web.transport import Failure


def serve(server: Server, text: str | bytes, status: int = 200, **headers: str) -> None:
    body = text.encode() if isinstance(text, str) else text
    server.handlers["/robots.txt"] = lambda handler: send(handler, status, body, **headers)


def allowed(text: str, path: str) -> bool:
    try:
        Robots(lambda _: text, clock=lambda: 0.0).check(f"https://ada.example{path}")
    except Failure:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("", "/a", True),
        ("User-agent: *\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: LLM-Twin\nDisallow: /b", "/a", True),
        ("User-agent: *\nAllow: /\n\nUser-agent: LLM-Twin\nDisallow: /", "/a", False),
        ("User-agent: GPTBot\nDisallow: /", "/a", True),
        ("User-agent: llm-twin-evil\nDisallow: /", "/a", True),
        ("User-agent: x\nUser-agent: llm-twin\nDisallow: /", "/a", False),
        ("User-agent: llm-twin\nDisallow: /a\n\nUser-agent: llm-twin\nDisallow: /b", "/b", False),  # groups are merged
        ("User-agent: *\nAllow: /\nDisallow: /*/private", "/x/private", False),
        ("User-agent: *\nAllow: /\nDisallow: /a$", "/a", False),
        ("User-agent: *\nAllow: /\nDisallow: /a$", "/ab", True),
        ("User-agent: *\nDisallow: /\nAllow: /a", "/a", True),  # the longer one wins
        ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", True),  # of two equal ones the one that allows
        ("User-agent: *\nDisallow: /a?x=", "/a?x=1", False),
        ("User-agent: *\nDisallow: /日本", f"/{quote('日本語')}", False),
        (f"User-agent: *\nDisallow: /{quote('日本')}", f"/{quote('日本語').lower()}", False),
        ("User-agent: *\nDisallow: /שלום", f"/{quote('שלום')}", False),
        ("\ufeffUser-agent: *\r\nDisallow: / # all of it\r\n", "/a", False),
        ("User-agent: *\rDisallow: /", "/a", False),
        ("<html><body>Not found</body></html>", "/a", True),
        ("\0\0\0", "/a", True),
    ],
)
def test_rules(server: Server, fetcher: Fetcher, text: str, path: str, expected: bool) -> None:
    serve(server, text)
    server.handlers[path] = lambda handler: send(handler, 200, b"fine")
    if expected:
        assert fetcher.get(server.root + path).content == b"fine"
    else:
        with pytest.raises(FetchError, match=r"robots\.txt does not let llm-twin fetch") as caught:
            fetcher.get(server.root + path)
        assert not caught.value.retryable
        assert caught.value.status is None
    assert len(server.asked) == expected
    assert server.asked_robots == 1


def test_refusal_names_the_file_and_how_to_fix_it(server: Server, fetcher: Fetcher) -> None:
    serve(server, "User-agent: *\nDisallow: /private")
    with pytest.raises(FetchError) as caught:
        fetcher.get(f"{server.root}/private/a")
    assert str(caught.value) == (
        f"{server.root}/private/a is not fetched, because {server.root}/robots.txt does not let llm-twin fetch "
        f"{server.root}/private/a: allow it there, or save the page from your browser and declare the file with "
        "`files:` instead."
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 204])
def test_site_without_rules_is_open(server: Server, fetcher: Fetcher, status: int) -> None:
    serve(server, "User-agent: *\nDisallow: /" if status != 204 else b"", status)
    server.handlers["/a"] = lambda handler: send(handler, 200, b"fine")
    for _ in range(2):
        assert fetcher.get(f"{server.root}/a").content == b"fine"
    assert server.asked_robots == 1


@pytest.mark.parametrize("status", [500, 503, 429, 599])
def test_site_whose_rules_cannot_be_read_is_closed_for_now(
    server: Server, fetcher: Fetcher, naps: list[float], status: int
) -> None:
    serve(server, b"", status)
    server.handlers["/a"] = lambda handler: send(handler, 200, b"fine")
    for url in (f"{server.root}/a", f"{server.root}/b"):
        with pytest.raises(FetchError, match=rf"is not fetched while .*/robots\.txt answers {status}") as caught:
            fetcher.keeping(None).get(url)
        assert str(caught.value).startswith(url)
        assert str(caught.value).endswith(": try again later.")
        assert caught.value.retryable
    assert server.asked == []
    assert server.asked_robots == (1 if status == 599 else 3)  # and not again for the second link
    serve(server, b"", 404)
    naps.append(301.0)
    assert fetcher.get(f"{server.root}/a").content == b"fine"


def test_site_that_does_not_answer_is_asked_once_for_all_links(server: Server, fetcher: Fetcher) -> None:
    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    server.handlers["/robots.txt"] = hang_up
    for _ in range(4):
        with pytest.raises(FetchError, match="does not answer") as caught:
            fetcher.get(f"{server.root}/a")
        assert caught.value.retryable
    assert server.asked_robots == 3
    assert server.asked == []


def test_rules_are_asked_for_once_a_day_by_all_threads(server: Server, fetcher: Fetcher, naps: list[float]) -> None:
    serve(server, "User-agent: *\nDisallow: /b")
    server.handlers["/a"] = lambda handler: send(handler, 200, b"fine")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fetcher.get, [f"{server.root}/a"] * 16))
    assert server.asked_robots == 1
    serve(server, "User-agent: *\nDisallow: /")
    naps.append(24 * 3600 - 1.0)
    fetcher.get(f"{server.root}/a")
    naps.append(2.0)
    with pytest.raises(FetchError, match="does not let"):
        fetcher.get(f"{server.root}/a")
    assert server.asked_robots == 2


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip"])
def test_rules_that_cannot_be_read_are_not_taken_for_none(server: Server, fetcher: Fetcher, encoding: str) -> None:
    serve(server, b"\x8b\x02\x80abc\x03", Content_Encoding=encoding)
    with pytest.raises(
        FetchError, match=r"/a is not fetched, because .*/robots\.txt (is encoded as|broke off)"
    ) as caught:
        fetcher.get(f"{server.root}/a")
    assert caught.value.retryable
    assert server.asked == []


def test_redirects_of_the_rules(server: Server, fetcher: Fetcher) -> None:
    other = Server()
    for hops, refused in ((1, True), (5, True), (6, False)):
        serve(server, b"", 301, Location=f"{other.root}/1")
        for number in range(1, 6):
            other.handlers[f"/{number}"] = lambda handler, to=number + 1: send(handler, 302, Location=f"/{to}")
        other.handlers[f"/{hops}"] = lambda handler: send(handler, 200, b"User-agent: *\nDisallow: /")
        server.handlers["/a"] = lambda handler: send(handler, 200, b"fine")
        fresh = Fetcher(allow_loopback=True, sleep=lambda _: None)
        if refused:
            with pytest.raises(FetchError, match="does not let"):
                fresh.get(f"{server.root}/a")
        else:
            assert fresh.get(f"{server.root}/a").content == b"fine"
    asked = len(other.asked)
    for target in ("file:///etc/passwd", "http://10.0.0.1/robots.txt", "https://www.linkedin.com/robots.txt"):
        serve(server, b"", 302, Location=target)
        assert Fetcher(allow_loopback=True, sleep=lambda _: None).get(f"{server.root}/a").content == b"fine"
    assert len(other.asked) == asked
    other.close()


def test_rules_hold_where_a_redirect_leads(server: Server, fetcher: Fetcher) -> None:
    other = Server()
    serve(other, "User-agent: *\nDisallow: /private")
    server.handlers["/a"] = lambda handler: send(handler, 302, Location=f"{other.root}/private")
    for api in (False, True):
        with pytest.raises(FetchError, match=rf"/a is not fetched, because {other.root}/robots\.txt does not let"):
            fetcher.get(f"{server.root}/a", api=api)
    assert other.asked == []
    assert (server.asked_robots, other.asked_robots) == (1, 1)
    other.close()


def test_rules_do_not_speak_of_an_api(server: Server, fetcher: Fetcher) -> None:
    serve(server, "User-agent: *\nDisallow: /")
    server.handlers["/api"] = lambda handler: send(handler, 302, Location="/api/2")
    server.handlers["/api/2"] = lambda handler: send(handler, 200, b"{}")
    assert fetcher.get(f"{server.root}/api", api=True).content == b"{}"
    assert fetcher.get_once(f"{server.root}/api", api=True).content == b"{}"
    assert server.asked_robots == 0


def test_half_a_megabyte_of_rules_is_read_and_no_more(server: Server, fetcher: Fetcher) -> None:
    rules = "User-agent: *\n" + "".join(f"Disallow: /private-{number:06}\n" for number in range(19_990))
    assert 500 * 1024 < len(rules) < MAX_BYTES
    server.handlers["/a"] = lambda handler: send(handler, 200, b"fine")
    # What is read ends in the middle of a line, which must not become a rule for everything.
    half = "Disallow: /"
    padding = "#" * (MAX_BYTES - len(rules) - len(half) - 1) + "\n"
    serve(server, rules + padding + half + "elsewhere\n" + "Disallow: /\n" * 100_000)
    with pytest.raises(FetchError, match="does not let"):
        fetcher.get(f"{server.root}/private-019989")
    assert fetcher.get(f"{server.root}/a").content == b"fine"


def test_hostile_patterns_take_no_time() -> None:
    text = "User-agent: *\nDisallow: /" + "*a" * 5000 + "b$"
    assert allowed(text, "/" + "a" * 50_000)
