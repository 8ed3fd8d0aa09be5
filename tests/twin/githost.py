"""A forge on loopback: real repositories over git's smart HTTP, and an API whose answers carry ETags."""

import hashlib
import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from tests.twin.test_crawling_git import commit, git


class GitHost:
    """Serves `folder/<owner>/<name>.git`.

    `asked` holds method and path of every request, `api` the answers of the API by path and query: what is to be sent
    as JSON, or a status. `moved` sends the requests for a path and all below it elsewhere.
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
                    self._send(301, b"", Location=host.moved[prefix] + self.path.removeprefix(prefix))
                elif self.path in host.api:
                    self._api(host.api[self.path])
                elif ".git/" in path:
                    self._git(path)
                else:
                    self._send(404, b"{}")

            do_POST = do_GET

            def _api(self, answer: object) -> None:
                if isinstance(answer, int):
                    self._send(answer, b"{}")
                    return
                body = json.dumps(answer).encode()
                etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
                if self.headers.get("If-None-Match") == etag:
                    self._send(304, b"", ETag=etag)
                else:
                    self._send(200, body, ETag=etag, Content_Type="application/json; charset=utf-8")

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
                self._send(status, content, **{name.replace("-", "_"): value for name, value in headers.items()})

            def _send(self, status: int, body: bytes, **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        class _Quiet(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                if not isinstance(sys.exception(), ConnectionError):  # a client that hangs up is what is tested
                    super().handle_error(request, client_address)  # type: ignore[arg-type]

        self._server = _Quiet(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.root = f"http://127.0.0.1:{self.port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def push(self, repository: str, files: dict[str, bytes]) -> str:
        """Commit files to `owner/name`; returns the id of the commit."""
        served = self.folder / f"{repository}.git"
        head = commit(served, files)
        git(served, "config", "uploadpack.allowFilter", "true")
        return head

    def asked_for(self, part: str) -> int:
        """How many requests had `part` in their path."""
        return sum(part in line for line in self.asked)
