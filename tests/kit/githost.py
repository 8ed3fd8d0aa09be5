"""A git host on loopback: real repositories over git's smart HTTP, and an API whose answers have ETags."""

import hashlib
import json
import os
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from tests.kit.repositories import commit, git
from tests.kit.webserver import QuietServer, send
from twin.authors.declarations import declare_link
from twin.models import Link


class GitHost:
    """Serves `folder/<owner>/<name>.git`.

    `asked` contains method and path of every request; `api` contains the answers of the API by path and query, each a
    status or a value to send as JSON. `moved` redirects the requests for a path and everything below it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.api: dict[str, object] = {}
        self.moved: dict[str, str] = {}
        host = self

        class _Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                host.asked.append(f"{self.command} {self.path}")
                path = urlsplit(self.path).path
                prefix = next((old for old in host.moved if path.startswith(old)), None)
                if prefix is not None:
                    send(self, 301, b"", Location=host.moved[prefix] + self.path.removeprefix(prefix))
                elif self.path in host.api:
                    self._api(host.api[self.path])
                elif ".git/" in path:
                    self._git(path)
                else:
                    send(self, 404, b"{}")

            do_POST = do_GET

            def _api(self, answer: object) -> None:
                if isinstance(answer, int):
                    send(self, answer, b"{}")
                    return
                body = json.dumps(answer).encode()
                etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
                if self.headers.get("If-None-Match") == etag:
                    send(self, 304, b"", ETag=etag)
                else:
                    send(self, 200, body, ETag=etag, Content_Type="application/json; charset=utf-8")

            def _git(self, path: str) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                environment = {
                    "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(host.folder), "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": path, "QUERY_STRING": urlsplit(self.path).query, "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "GIT_CONFIG_NOSYSTEM": "1",
                    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
                    "GIT_CONFIG_VALUE_0": "*",
                }  # fmt: skip
                answer = subprocess.run(
                    ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
                ).stdout
                head, _, content = answer.partition(b"\r\n\r\n")
                headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
                status = int(headers.pop("Status", "200").split()[0])
                send(self, status, content, **{name.replace("-", "_"): value for name, value in headers.items()})

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = QuietServer(("127.0.0.1", 0), _Handler)
        self.port = self._server.server_port
        self.root = f"http://127.0.0.1:{self.port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def push(self, repository: str, files: dict[str, bytes]) -> str:
        """Commit files to `owner/name`; return the id of the commit."""
        served = self.folder / f"{repository}.git"
        head = commit(served, files)
        git(served, "config", "uploadpack.allowFilter", "true")
        return head

    def asked_for(self, part: str) -> int:
        """How many requests had `part` in their path."""
        return sum(part in line for line in self.asked)


def link(url: str = "https://github.com/ada/engine", **options: Any) -> Link:
    """A repository or an owner on GitHub, as declared."""
    return declare_link("ada", {"url": url, **options}, base=Path())


def listed(name: str, owner: str = "Ada", **fields: Any) -> dict[str, Any]:
    """A repository as the API lists it."""
    return {"name": name, "owner": {"login": owner}, "fork": False, "private": False, "archived": False,
            "pushed_at": "2026-01-01T00:00:00Z", "default_branch": "main", "size": 1} | fields  # fmt: skip


def page(number: int = 1, owner: str = "ada") -> str:
    """Path and query of a page of an owner's repositories."""
    return f"/users/{owner}/repos?type=owner&sort=full_name&per_page=100&page={number}"


def issue(number: int, body: str | None, login: str = "Ada", **fields: Any) -> dict[str, Any]:
    """An issue as the API lists it."""
    return {"number": number, "title": f"On {number}", "body": body, "user": {"login": login},
            "created_at": "2026-01-02T03:04:05Z", "state": "open"} | fields  # fmt: skip


def issues(repository: str) -> str:
    """Path and query of the first page of a repository's issues."""
    return f"/repos/{repository}/issues?state=all&creator=ada&sort=created&direction=asc&per_page=100&page=1"
