"""Memory under a compression bomb: 300 kB that decode to 300 MB, read by the fetcher and by `requests.get`.

The server is this process. Each reader is a separate process. Its growth is the rise of its peak memory above that of a
reader that fetched an ordinary page in the same way.
"""

import http.server
import os
import subprocess
import sys
import threading
import zlib
from pathlib import Path

from benchmarks.processes import peak_mb

DECODED = 300 * 10**6


def bomb() -> bytes:
    """`DECODED` zero bytes as gzip, made in pieces so that this process does not grow either."""
    packer = zlib.compressobj(9, wbits=31)
    piece = bytes(10**6)
    return b"".join([*(packer.compress(piece) for _ in range(DECODED // len(piece))), packer.flush()])


def growth_mb(reader: str) -> float:
    """Growth of the peak memory of a process, in MB, when `reader` ("fetcher" or "requests") meets the bomb."""
    packed, page = bomb(), zlib.compress(b"<p>An ordinary page.</p>", wbits=31)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = {"/bomb": packed, "/page": page}.get(self.path, b"")
            self.send_response(200 if body else 404)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            if not isinstance(sys.exception(), ConnectionError):  # the client hung up
                super().handle_error(request, client_address)  # type: ignore[arg-type]

    with Quiet(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            command = [sys.executable, "-m", "benchmarks.bomb", reader, f"http://127.0.0.1:{server.server_port}"]
            root = Path(__file__).parents[1]
            output = subprocess.run(command, cwd=root, env=os.environ, check=True, stdout=subprocess.PIPE, text=True)
        finally:
            server.shutdown()
    return float(output.stdout)


def run() -> dict[str, float]:
    """Print both growths; `bomb_peak_growth_mb` is ours."""
    numbers = {"bomb_peak_growth_mb": growth_mb("fetcher"), "bomb_peak_growth_mb_requests": growth_mb("requests")}
    print(
        f"memory under a bomb: {len(bomb()) / 1e3:.0f} kB to {DECODED / 1e6:.0f} MB; "
        f"fetcher +{numbers['bomb_peak_growth_mb']:.1f} MB, "
        f"requests.get +{numbers['bomb_peak_growth_mb_requests']:.1f} MB"
    )
    return numbers


def _read(reader: str, root: str) -> None:
    """Read a page and then the bomb, and print how many MB the bomb added to the peak."""
    import requests

    from twin.crawling.web.fetcher import Fetcher, FetchError

    fetcher = Fetcher(allow_loopback=True, requests_per_second=1000)
    if reader == "fetcher":
        fetcher.get(f"{root}/page")
    else:
        requests.get(f"{root}/page", timeout=60)
    before = peak_mb()
    if reader == "fetcher":
        try:
            fetcher.get(f"{root}/bomb")
        except FetchError as error:
            if "is larger than 10 MiB" not in str(error):
                raise
        else:
            raise AssertionError("the fetcher accepted the bomb as a page")
    elif len(requests.get(f"{root}/bomb", timeout=60).content) != DECODED:
        raise AssertionError("requests did not decode the bomb")
    print(peak_mb() - before)


if __name__ == "__main__":
    _read(*sys.argv[1:]) if len(sys.argv) > 1 else run()
