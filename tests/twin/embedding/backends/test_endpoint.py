"""The endpoint, against a real server on loopback."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from twin.artifacts import ArtifactStore
from twin.embedding import SentenceTransformerEmbedder, open_embedder
from twin.embedding.backends.endpoint import SAFE_WINDOW, EndpointEmbedder
from twin.errors import ConsistencyError, InputError, StoreError, TwinError
from twin.settings import Settings

KEY = "sk-not-for-anyone"

Answer = tuple[int, dict[str, str], Any]


def vector(text: str) -> list[float]:
    return [float(len(text)), float(sum(map(ord, text)) % 97), 1.0]


def embeddings(body: dict[str, Any]) -> Answer:
    rows = [{"index": number, "embedding": vector(text)} for number, text in enumerate(body["input"])]
    return 200, {}, {"data": rows[::-1]}  # the order of an answer is free: `index` counts


class Endpoint:
    """Answers with `answer`, or with what `queued` holds first; notes what it was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[dict[str, Any]], Answer] = embeddings
        self.queued: list[Answer] = []
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.bodies.append({**body, "path": self.path})
                endpoint.keys.append(self.headers["Authorization"])
                status, headers, content = endpoint.queued.pop(0) if endpoint.queued else endpoint.answer(body)
                payload = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(payload)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    opened = Endpoint()
    yield opened
    opened.close()


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waited.append)
    return waited


def embedder(endpoint: Endpoint) -> EndpointEmbedder:
    return EndpointEmbedder(endpoint.url, "maker/some-model", SecretStr(KEY))


def test_vectors_come_in_the_order_of_the_texts_and_have_unit_length(endpoint: Endpoint) -> None:
    texts = [f"text {'x' * (number % 50)} {number}" for number in range(300)]
    opened = embedder(endpoint)
    found = opened.embed(texts)
    expected = np.array([vector(text) for text in texts], dtype=np.float32)
    assert found == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-6)
    assert (found.dtype, opened.dimension) == (np.float32, 3)
    assert opened.fingerprint == "some-model@endpoint/3"
    asked = [body for body in endpoint.bodies if body["input"] != ["dimension"]]
    assert sorted(text for body in asked for text in body["input"]) == sorted(texts)
    assert len(asked) == 5, "64 texts go into one request"
    assert {(body["path"], body["model"]) for body in asked} == {("/v1/embeddings", "maker/some-model")}
    assert set(endpoint.keys) == {f"Bearer {KEY}"}


def test_long_texts_share_fewer_requests(endpoint: Endpoint) -> None:
    embedder(endpoint).embed(["word " * 5000] * 7)
    assert sorted(len(body["input"]) for body in endpoint.bodies) == [1, 1, 3, 3]


def test_of_nothing_is_nothing(endpoint: Endpoint) -> None:
    assert embedder(endpoint).embed([]).shape == (0, 3)


def test_it_waits_as_long_as_it_is_told_and_tries_again(endpoint: Endpoint, naps: list[float]) -> None:
    endpoint.queued = [(429, {"Retry-After": "7"}, "slow down"), (503, {}, ""), (429, {"Retry-After": "9999"}, "")]
    assert embedder(endpoint).embed_queries(["one"]).shape == (1, 3)
    assert naps == [7.0, 2.0, 60.0]


def test_what_keeps_failing_is_one_sentence(endpoint: Endpoint, naps: list[float]) -> None:
    endpoint.answer = lambda body: (500, {}, "oops")
    with pytest.raises(StoreError, match="answers with status 500: check that it is running"):
        embedder(endpoint).embed(["one"])
    assert len(naps) == 5


def test_nobody_there_is_one_sentence(endpoint: Endpoint, naps: list[float]) -> None:
    opened = embedder(endpoint)
    endpoint.server.server_close()
    with pytest.raises(StoreError, match="cannot be reached"):
        opened.embed(["one"])


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        ((401, {}, "no"), InputError, "correct TWIN_EMBEDDING_API_KEY"),
        ((404, {}, f"no such model, {KEY}"), InputError, r"no such model, \*\*\*.*TWIN_EMBEDDING_MODEL"),
        ((200, {}, "not json"), ConsistencyError, "did not answer with embeddings"),
        ((200, {}, {"data": [{"index": 0}]}), ConsistencyError, "did not answer with embeddings"),
        ((200, {}, {"data": [{"index": 0, "embedding": [1, 2]}]}), ConsistencyError, "1 vectors for 2 texts"),
        ((200, {}, {"data": [{"index": n, "embedding": [0, 0]} for n in (0, 1)]}), ConsistencyError, "empty or not"),
        ((302, {"Location": "http://example.org/"}, ""), InputError, "status 302"),
    ],
)
def test_a_bad_answer_is_one_sentence(
    endpoint: Endpoint, answer: Answer, error: type[TwinError], sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    endpoint.queued = [answer]
    with pytest.raises(error, match=sentence) as raised:
        embedder(endpoint).embed(["one", "two"])
    assert KEY not in str(raised.value)
    assert KEY not in caplog.text


def test_another_dimension_than_before_is_refused(endpoint: Endpoint) -> None:
    opened = embedder(endpoint)
    assert opened.dimension == 3
    endpoint.queued = [(200, {}, {"data": [{"index": 0, "embedding": [1, 2]}]})]
    with pytest.raises(ConsistencyError, match="returned vectors of 2 numbers, and of 3 before"):
        opened.embed(["one"])


def test_chunks_are_measured_by_the_tokenizer_that_is_given(endpoint: Endpoint, tmp_path: Path) -> None:
    folder = SentenceTransformerEmbedder().folder
    assert EndpointEmbedder(endpoint.url, "m").sizer.window == SAFE_WINDOW
    assert EndpointEmbedder(endpoint.url, "m", tokenizer=str(folder)).max_tokens == 256
    assert EndpointEmbedder(endpoint.url, "m", tokenizer=str(folder / "tokenizer.json")).max_tokens == 512
    with pytest.raises(InputError, match="TWIN_EMBEDDING_TOKENIZER"):
        print(EndpointEmbedder(endpoint.url, "m", tokenizer=str(tmp_path / "none")).sizer)
    assert endpoint.bodies == [], "nothing of this needs the endpoint"


def test_the_settings_open_it(endpoint: Endpoint, tmp_path: Path) -> None:
    env = {"TWIN_EMBEDDING_URL": f"{endpoint.url}/embeddings", "TWIN_EMBEDDING_API_KEY": KEY}
    settings = Settings.from_env(env)
    assert KEY not in repr(settings)
    opened = open_embedder(settings, ArtifactStore(str(tmp_path)))
    assert opened.backend == "endpoint"
    assert opened.embed(["one"]).shape == (1, 3)
    with pytest.raises(InputError, match="TWIN_EMBEDDING_URL"):
        open_embedder(Settings(embedding_url="ftp://example.org"), ArtifactStore(str(tmp_path)))
