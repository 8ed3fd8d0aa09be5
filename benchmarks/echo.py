"""Servers on loopback that answer with what they should not say: one for HTTP, one for MongoDB's wire protocol."""

import base64
import html
import json
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, every byte": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": json.dumps,
    "unicode escapes": lambda text: "".join(f"\\u{ord(char):04X}" for char in text),
    "byte escapes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "HTML": html.escape,
    "HTML, every letter": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(f"x:{text}".encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "capital letters": str.upper,
}


class Echo:
    """An HTTP server that answers every request with the headers of the request.

    Attributes:
        status: of the answer.
        encoding: name of one of `ENCODINGS`, in which the values are written.
        kind: its media type.
    """

    def __init__(self) -> None:
        self.status, self.encoding, self.kind = 500, "as it is", "text/plain"
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                said = [ENCODINGS[echo.encoding](value) for value in self.headers.values()]
                # Without its scheme, because a key in base64 after `Bearer ` is written otherwise.
                said += [ENCODINGS[echo.encoding](value.removeprefix("Bearer ")) for value in self.headers.values()]
                body = "\n".join([f"you sent {self.path}", *reversed(said)]).encode()
                self.send_response(echo.status)
                self.send_header("Content-Type", echo.kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def gossiping_mongo(said: str) -> Iterator[int]:
    """The port of a MongoDB server that accepts a connection and refuses every command with this message."""
    import bson

    hello = {
        "ok": 1, "isWritablePrimary": True, "ismaster": True, "minWireVersion": 0, "maxWireVersion": 21,
        "maxBsonObjectSize": 16 * 2**20, "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000,
    }  # fmt: skip
    refusal = {"ok": 0, "errmsg": said, "code": 8000, "codeName": "AtlasError", "note": {"uri": said}}

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connected: socket.socket = self.request
            while len(head := connected.recv(16, socket.MSG_WAITALL)) == 16:
                length, number, _, code = struct.unpack("<4i", head)
                body = connected.recv(length - 16, socket.MSG_WAITALL)
                greets = any(word in body.lower() for word in (b"\x10hello\x00", b"\x01hello\x00", b"ismaster"))
                document: dict[str, Any] = hello if greets else refusal
                packed = bson.encode(document)
                if code == 2004:  # an OP_QUERY is answered by an OP_REPLY
                    answer, kind = struct.pack("<iqii", 8, 0, 0, 1) + packed, 1
                else:
                    answer, kind = struct.pack("<iB", 0, 0) + packed, 2013
                connected.sendall(struct.pack("<4i", 16 + len(answer), number, number, kind) + answer)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

        def handle_error(self, request: object, client_address: object) -> None:
            """Nothing: the client hangs up whenever it likes."""

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
