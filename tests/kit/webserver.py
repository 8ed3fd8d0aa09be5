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
    """Says nothing of clients that hang up, for these are what is tested."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Server:
    """Answers each path as its handler says and remembers what was asked.

    `asked` does without the requests for robots.txt, which are counted apart: they come before the first of each
    site. One that no handler answers says 404.
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
        """Speak TLS from now on; returns the root, by the name of this machine."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        # The handshake is for the thread of the connection, lest one that fails ends the server.
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
