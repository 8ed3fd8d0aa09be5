"""The optional models: a reranker, and a language model that understands questions or fails."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from tests.kit.memory import ADA, BOB, MINILM, WordEmbedder, chunks_of
from twin.errors import ConsistencyError, InputError
from twin.models import Category
from twin.retrieval import Retriever, open_retriever
from twin.retrieval.question.language_model import LanguageModel
from twin.retrieval.reranking import CrossEncoderReranker
from twin.settings import Settings
from twin.vectors.edge.store import EdgeVectorStore

EMBEDDER = WordEmbedder()
TODAY = date(2026, 11, 28)
MEMORY = [
    *chunks_of(["The engine weaves.", "It has wheels."], name="engine", year=2021),
    *chunks_of(["Poetry of science and the engine."], name="post", category=Category.POSTS, platform="linkedin"),
    *chunks_of(["Planar circuits."], name="chip", author="bob-noyce"),
]


class TestReranker:
    class Longest:
        """Prefers long texts."""

        name = "longest"

        def scores(self, question: str, texts: list[str]) -> np.ndarray:
            return np.array([len(text) / 1000 for text in texts])

    def test_its_order_counts(self, store: EdgeVectorStore) -> None:
        result = Retriever(store, EMBEDDER, reranker=self.Longest()).search("weaves", author="ada", limit=2)
        assert result.hits[0].text == "Poetry of science and the engine."
        assert result.hits[0].score == pytest.approx(0.033)
        assert result.trace.reranked == {"reranker": "longest", "chunks": 3}
        assert "rerank" in result.trace.timings_ms

    def test_any_cross_encoder_will_do(self, store: EdgeVectorStore, tiny: Path) -> None:
        reranker = CrossEncoderReranker(str(tiny))
        texts = ["The engine weaves.", "Poetry of science and the engine."]
        scores = reranker.scores("engine", texts)
        assert scores.shape == (2,)
        assert np.all((scores > 0) & (scores < 1))
        assert reranker.scores("engine", texts[::-1]).tolist() == pytest.approx(scores[::-1].tolist(), abs=1e-6)
        assert reranker.scores("engine", []).shape == (0,)
        result = Retriever(store, EMBEDDER, reranker=reranker).search("engine", author="ada", limit=1)
        best = max(MEMORY[:3], key=lambda chunk: reranker.scores("engine", [chunk.embedded_text])[0])
        assert result.hits[0].chunk.id == best.id

    def test_a_folder_without_a_model_is_one_sentence(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"cannot be loaded .*TWIN_RERANKER"):
            CrossEncoderReranker(str(tmp_path)).scores("engine", ["text"])

    def test_one_with_several_outputs_is_one_sentence(self, tmp_path: Path) -> None:
        build_cross_encoder(tmp_path, labels=3)
        with pytest.raises(ConsistencyError, match="one output"):
            CrossEncoderReranker(str(tmp_path)).scores("engine", ["text", "other"])


def build_cross_encoder(folder: Path, labels: int = 1) -> None:
    """An untrained cross-encoder of a few thousand weights, with the packaged model's tokenizer."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(str(MINILM.folder))
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        num_labels=labels,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cross-encoder")
    build_cross_encoder(folder)
    return folder


Answer = Callable[[dict[str, Any]], tuple[int, str]]


@contextmanager
def endpoint(answer: Answer) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An OpenAI-compatible server on this machine that records the requests."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({"path": self.path, "key": self.headers.get("Authorization"), **body})
            status, text = answer(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def says(content: object) -> Answer:
    text = content if isinstance(content, str) else json.dumps(content)
    return lambda _: (200, json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}))


class TestLanguageModel:
    def test_it_understands(self, store: EdgeVectorStore) -> None:
        understood = {
            "query": "engine",
            "author": "ada",
            "categories": ["articles"],
            "published_from": "2021-01-01",
            "published_until": "2022-01-01T00:00:00Z",
            "variants": ["machine", "engine", "apparatus", "too many"],
            "mood": "curious",
        }
        with endpoint(says(understood)) as (url, asked):
            model = LanguageModel(url + "/", "tiny", "secret")
            retriever = Retriever(store, EMBEDDER, authors=[ADA, BOB], language_model=model)
            result = retriever.search("Which machines did the countess describe back then?", today=TODAY)
        assert {hit.chunk.link for hit in result.hits} == {"https://ada.example/engine"}
        assert [query["text"] for query in result.trace.queries] == ["engine", "machine", "apparatus"]
        assert result.trace.where["published_from"] == datetime(2021, 1, 1, tzinfo=UTC).isoformat().replace(
            "+00:00", "Z"
        )
        assert result.trace.rules == ["language model: tiny"]
        (request,) = asked
        assert (request["path"], request["key"]) == ("/v1/chat/completions", "Bearer secret")
        assert (request["model"], request["temperature"]) == ("tiny", 0)
        assert "ada (Ada Lovelace), bob-noyce (Robert Noyce)" in request["messages"][0]["content"]
        assert "2026-11-28" in request["messages"][0]["content"]
        assert "secret" not in json.dumps(result.as_dict())

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (lambda _: (500, "{}"), "answers with status 500"),
            (lambda _: (200, "<html>"), "did not answer with a chat completion"),
            (lambda _: (200, '{"choices": []}'), "something other than a chat completion"),
            (says("I do not know."), "not a JSON object"),
            (says({"categories": ["tweets"]}), "field categories.0 cannot be used"),
            (says({"published_from": "yesterday"}), "field published_from"),
            (says({"query": "x" * 3000}), "field query cannot be used"),
        ],
    )
    def test_rules_are_used_if_it_fails(self, store: EdgeVectorStore, answer: Answer, reason: str) -> None:
        with endpoint(answer) as (url, _):
            retriever = Retriever(store, EMBEDDER, authors=[ADA, BOB], language_model=LanguageModel(url, "tiny"))
            result = retriever.search("What did Robert Noyce write about the engine?")
        assert {hit.chunk.author for hit in result.hits} == {"bob-noyce"}
        assert len(result.notes) == 1
        assert reason in result.notes[0]

    def test_rules_are_used_if_nobody_answers(self, store: EdgeVectorStore) -> None:
        with endpoint(says({})) as (url, _):
            pass
        retriever = Retriever(store, EMBEDDER, authors=[BOB], language_model=LanguageModel(url, "tiny", timeout_s=2))
        result = retriever.search("What did Robert Noyce write about the engine?")
        assert "cannot be reached" in result.notes[0]
        assert result.trace.where == {"author": "bob-noyce"}

    def test_an_unknown_author_is_not_a_condition(self, store: EdgeVectorStore) -> None:
        with endpoint(says('```json\n{"author": "grace", "query": "engine"}\n```')) as (url, _):
            retriever = Retriever(store, EMBEDDER, authors=[ADA, BOB], language_model=LanguageModel(url, "tiny"))
            result = retriever.search("What did she write about the engine?", limit=20)
        assert {hit.chunk.author for hit in result.hits} == {"ada", "bob-noyce"}
        assert result.notes == ["grace is not an author in this memory, so the texts of all authors were searched."]

    def test_conditions_that_leave_nothing_are_dropped(self, store: EdgeVectorStore) -> None:
        with endpoint(says({"platforms": ["substack"], "query": "engine"})) as (url, _):
            retriever = Retriever(store, EMBEDDER, language_model=LanguageModel(url, "tiny"))
            result = retriever.search("engine", author="ada")
        assert result.hits
        assert "conditions, so they were ignored" in result.notes[-1]


def test_the_settings_open_a_retriever(store: EdgeVectorStore, tiny: Path) -> None:
    plain = open_retriever(Settings(), store, EMBEDDER, [ADA])
    assert plain.search("engine", author="ada").trace.reranked == {}
    reranking = open_retriever(Settings(reranker=str(tiny)), store, EMBEDDER)
    assert reranking.search("engine", author="ada").trace.reranked["reranker"] == str(tiny)
    with endpoint(says({"query": "wheels"})) as (url, asked):
        settings = Settings(language_model_url=url, language_model="m", language_model_api_key=SecretStr("key"))
        result = open_retriever(settings, store, EMBEDDER).search("engine", author="ada")
    assert result.trace.queries[0]["text"] == "wheels"
    assert asked[0]["key"] == "Bearer key"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(language_model_url="http://localhost:1/v1"), "without TWIN_LANGUAGE_MODEL"),
        (Settings(language_model_url="localhost:1", language_model="m"), r"TWIN_LANGUAGE_MODEL_URL is not an http"),
    ],
)
def test_settings_that_cannot_be_used_are_one_sentence(store: EdgeVectorStore, settings: Settings, said: str) -> None:
    with pytest.raises(InputError, match=said):
        open_retriever(settings, store, EMBEDDER)
