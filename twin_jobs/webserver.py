"""Dagster's web server, closed to foreign web pages: `python -m twin_jobs.webserver`, with dagster-webserver's options.

Dagster has no login. It listens on this host only, but every page that is open in the user's browser can send requests
to this host too, and a name that suddenly points here (DNS rebinding) would let it read the answers. So only requests
whose Host is ours and which no other site sent are answered.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dagster_webserver import cli
from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""The names of this host in an address; every port is ours, since a container publishes another one than it serves."""

WITHIN = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site for requests of the UI's own pages and of the user (a typed address, a bookmark)."""


class OwnPagesOnly:
    """ASGI middleware that answers 403 and one sentence to what `refusal` refuses, for HTTP and WebSockets."""

    def __init__(self, app: ASGIApp, names: Collection[str] = LOOPBACK) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] in ("http", "websocket")  # else it is startup or shutdown
        sentence = refusal(scope, self._names) if asked else None
        if sentence is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            await PlainTextResponse(f"{sentence}\n", 403)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})  # before the handshake: the server answers 403


def refusal(scope: Scope, names: Collection[str]) -> str | None:
    """Why a request is refused, as one sentence; None if it may pass.

    Args:
        scope: of an ASGI request.
        names: the lower-case names and addresses, without a port, under which this server is known.
    """
    headers = Headers(scope=scope)
    hosts = headers.getlist("host")
    if len(hosts) != 1 or _authority(f"//{hosts[0]}").name not in names:
        shown = ", ".join(hosts) or "nothing"
        return (
            f"Refused: the request is for the host {shown[:200]!r}, and this server is {_listed(names)}. "
            "Open it under one of these names, or allow the other one with --name."
        )
    for origin in headers.getlist("origin"):
        scheme = origin.partition("://")[0].lower()
        if scheme not in ("http", "https") or _authority(origin) != _authority(f"{scheme}://{hosts[0]}"):
            return f"Refused: the request comes from a page of another site, {origin[:200]!r}."
    for site in headers.getlist("sec-fetch-site"):
        if site not in WITHIN:
            return "Refused: the request comes from a page of another site. To open the UI, type its address."
    if scope["path"].rstrip("/").endswith("/graphql") and _changes(scope):
        return "Refused: a GraphQL mutation may not stand in the address. Send it as the JSON body of a POST request."
    return None


class _Authority(tuple[str, int | None]):
    """Lower-case name and port of an address; the default port of its scheme counts as none."""

    __slots__ = ()

    @property
    def name(self) -> str:
        return self[0]


NOBODY = _Authority(("", None))


def _authority(address: str) -> _Authority:
    """Who an address belongs to: `NOBODY` for `null`, for names and passwords in it, and for anything malformed."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return NOBODY
    if "@" in parts.netloc or parts.path or parts.query or parts.fragment or not parts.hostname:
        return NOBODY
    return _Authority((parts.hostname, None if port == {"http": 80, "https": 443}.get(parts.scheme) else port))


def _changes(scope: Scope) -> bool:
    """Whether the GraphQL in a request's address is anything but a query; Dagster itself reports bad syntax."""
    for text in parse_qs(scope["query_string"].decode("latin-1")).get("query", []):
        try:
            definitions = parse(text).definitions
        except GraphQLError:
            continue
        for definition in definitions:
            if isinstance(definition, OperationDefinitionNode) and definition.operation is not OperationType.QUERY:
                return True
    return False


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def main(arguments: list[str]) -> None:
    """Serve Dagster's UI; `--name a,b` adds names of this server, and all other options are dagster-webserver's."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--name", action="append", default=[])
    parser.add_argument("-h", "--host", default="127.0.0.1")
    options, others = parser.parse_known_args(arguments)
    bound: set[str] = set() if options.host in ("0.0.0.0", "::") else {options.host}  # noqa: S104 - compared, not bound
    names = LOOPBACK | bound | {name.strip() for given in options.name for name in given.split(",") if name.strip()}
    program: Any = cli
    create = program.create_app_from_workspace_process_context  # if Dagster renames it, this fails: no open server

    def guarded(*args: Any, **kwargs: Any) -> ASGIApp:
        return OwnPagesOnly(create(*args, **kwargs), names)

    program.create_app_from_workspace_process_context = guarded
    command = ["--host", options.host, *others]
    program.cli.main(command, prog_name="dagster-webserver", auto_envvar_prefix="DAGSTER_WEBSERVER")


if __name__ == "__main__":
    main(sys.argv[1:])
