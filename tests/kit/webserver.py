"""A real HTTP server on loopback for the tests: each path answers as its handler says."""

import ssl
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

BODY = """<p>An engine has a mill and a store, and a table of cards that tells it what to do with both of them.</p>
<p>The mill turns what it is given into something else, one step after another, and never tires of it.</p>
<p>The store is a patient thing: it keeps a number until somebody asks, and gives it back as it was.</p>"""
PAGE = f"""<html lang="de-AT"><head><title>On engines</title><meta name="author" content="Ada Lovelace">
<link rel="canonical" href="https://ada.example/engines"></head><body><nav><a href="/">Home</a></nav>
<article><h1>On engines</h1>{BODY}<pre><code class="language-python">def mill(x):
    if x:
\treturn  x   # two  spaces
</code></pre><p>Ä ö ü ß: the store keeps what the mill gives, in order.</p></article></body></html>"""

Handler = Callable[[BaseHTTPRequestHandler], None]


class QuietServer(ThreadingHTTPServer):
    """Does not report clients that hang up, because the tests do that on purpose."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Server:
    """Answers each path with its handler and records the requests.

    `asked` leaves out the requests for robots.txt, which come before the first request to each site and are counted
    separately. A path without a handler answers 404.
    """

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.asked_robots = 0
        server = self

        class _Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/robots.txt":
                    server.asked_robots += 1
                else:
                    server.asked.append((self.path, dict(self.headers)))
                handler = server.handlers.get(self.path)
                if handler:
                    handler(self)
                else:
                    send(self, 404, b"gone")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = QuietServer(("127.0.0.1", 0), _Handler)
        self.root = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def encrypt(self, certificate: Path, key: Path) -> str:
        """Switch to TLS; return the root URL, with the name of this machine."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        # The handshake runs in the thread of the connection, so a failed one does not stop the server.
        self._server.socket = context.wrap_socket(self._server.socket, True, do_handshake_on_connect=False)
        self.root = f"https://localhost:{self._server.server_port}"
        return self.root

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    headers.setdefault("Content_Type", "text/html; charset=utf-8")
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
