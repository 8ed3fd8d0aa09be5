"""The web server answers its own pages, programs without an Origin and the user, and nobody else."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin_jobs.webserver import LOOPBACK, OwnPagesOnly, refusal

MUTATION = quote('mutation { addDynamicPartition(partitionKey: "evil") { __typename } }')
OWN = ("host", "localhost:3000")


def scope(
    *headers: tuple[str, str], path: str = "/", query: str = "", method: str = "GET", kind: str = "http"
) -> dict[str, Any]:
    return {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


def refused(*headers: tuple[str, str], **request: Any) -> bool:
    sentence = refusal(scope(*headers, **request), LOOPBACK)
    assert sentence is None or (sentence.startswith("Refused: ") and "\n" not in sentence)
    return sentence is not None


@pytest.mark.parametrize("host", ["localhost:3000", "127.0.0.1:3001", "[::1]:3000", "LOCALHOST", "localhost"])
def test_programs_and_typed_addresses_pass(host: str) -> None:
    assert not refused(("host", host))
    assert not refused(("host", host), ("sec-fetch-site", "none"))
    assert not refused(("host", host), path="/report_asset_materialization/links", method="POST")
    assert not refused(("host", host), ("origin", f"http://{host.lower()}"), ("sec-fetch-site", "same-origin"))
    assert not refused(("host", host), ("origin", f"http://{host.lower()}"), kind="websocket", path="/graphql")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:3000",
        "localhost.evil.example",
        "evil.example:localhost",
        "localhost@evil.example",
        "evil@localhost:3000",
        "localhost:3000/evil",
        "localhost:3000?evil",
        "0.0.0.0:3000",
        "127.0.0.1.nip.io",
        "[::ffff:7f00:1]:3000",
        "localhost:x",
        "[::1",
        "",
    ],
)
def test_a_foreign_host_is_refused(host: str) -> None:
    assert refused(("host", host))
    assert refused(("host", host), kind="websocket", path="/graphql")
    assert refused(("host", host), ("origin", f"http://{host}"), ("sec-fetch-site", "same-origin"))


def test_no_host_and_two_hosts_are_refused() -> None:
    assert refused()
    assert refused(OWN, ("host", "evil.example"))


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://localhost.evil.example:3000",
        "http://localhost:8080",  # another server of this host is another site
        "http://127.0.0.1:3000",  # another origin than localhost, whoever serves it
        "http://localhost:3000@evil.example",
        "http://localhost:3000.evil.example",
        "http://evil@localhost:3000",
        "file://localhost:3000",
        "null",
        "",
        "http://[",
        "http://",
    ],
)
def test_a_foreign_origin_is_refused(origin: str) -> None:
    for request in (
        {"path": "/graphql", "method": "POST"},
        {"path": "/graphql", "kind": "websocket"},
        {"path": "/report_asset_materialization/links", "query": "partition=ada", "method": "POST"},
        {},
    ):
        assert refused(OWN, ("origin", origin), **request)
        assert refused(OWN, ("origin", "http://localhost:3000"), ("origin", origin), **request)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "", "same-origin, cross-site"])
def test_what_the_browser_calls_foreign_is_refused(site: str) -> None:
    assert refused(OWN, ("sec-fetch-site", site), ("sec-fetch-mode", "navigate"))
    assert refused(OWN, ("sec-fetch-site", site), path="/graphql", query="query=%7Bversion%7D")


@pytest.mark.parametrize(
    "query",
    [
        f"query={MUTATION}",
        f"query=%7Bversion%7D&query={MUTATION}",
        f"query={quote('query a { version } mutation b { __typename }')}&operationName=b",
        f"query={quote('subscription { __typename }')}",
    ],
)
@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/prefix/graphql"])
def test_a_mutation_in_the_address_is_refused(path: str, query: str) -> None:
    for method in ("GET", "POST", "HEAD"):
        assert refused(OWN, path=path, query=query, method=method)


def test_a_query_in_the_address_passes_and_dagster_reports_its_syntax() -> None:
    assert not refused(OWN, path="/graphql", query="query=%7Bversion%7D")
    assert not refused(OWN, path="/graphql", query="query=mutation%20%7B")
    assert not refused(OWN, path="/graphql", query=f"query={'%7Ba' * 20000}")
    assert not refused(OWN, path="/runs", query=f"query={MUTATION}")  # a page, which sends no GraphQL


def test_a_name_that_was_allowed_passes() -> None:
    asked = scope(("host", "twin.example.org"), ("origin", "https://twin.example.org"))
    assert refusal(asked, LOOPBACK)
    assert refusal(asked, LOOPBACK | {"twin.example.org"}) is None


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=30))
def test_no_host_or_origin_breaks_the_check(text: str) -> None:
    assert refused(("host", text)) is (refusal(scope(("host", text)), LOOPBACK) is not None)
    assert refused(OWN, ("origin", f"http://{text}")) or text.lower() == "localhost:3000"


def answers(request: dict[str, Any]) -> list[dict[str, Any]]:
    """What the guarded app sends; the app behind it answers 200."""

    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    asyncio.run(OwnPagesOnly(app)(request, receive, send))
    return sent


def test_a_refusal_is_status_403_and_one_sentence() -> None:
    assert answers(scope(OWN))[0]["status"] == 200
    start, body = answers(scope(("host", "evil.example")))
    assert start["status"] == 403
    assert body["body"].startswith(b"Refused: ")
    assert body["body"].count(b"\n") == 1


def test_a_refused_websocket_is_closed_before_it_opens() -> None:
    foreign = scope(OWN, ("origin", "http://evil.example"), kind="websocket", path="/graphql")
    assert [message["type"] for message in answers(foreign)] == ["websocket.close"]
    explained = answers({**foreign, "extensions": {"websocket.http.response": {}}})
    assert explained[0] | {"headers": None} == {"type": "websocket.http.response.start", "status": 403, "headers": None}


def test_startup_and_shutdown_pass() -> None:
    assert answers({"type": "lifespan"})[0]["status"] == 200
