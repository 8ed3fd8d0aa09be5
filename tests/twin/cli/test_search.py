"""`twin search` as a person types it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.memory import ADA, BOB, WordEmbedder, chunks_of, fill_store
from twin.cli.main import main
from twin.models import Category
from twin.warehouse import SqliteWarehouse

Twin = Callable[..., tuple[int, str, str]]

EMBEDDER = WordEmbedder()
MEMORY = [
    *chunks_of(["The engine weaves.", "It has wheels."], name="engine", year=2021, platform="medium"),
    *chunks_of(["A post on engines."], name="post", category=Category.POSTS, platform="linkedin", year=2024),
    *chunks_of(["Der Motor läuft."], name="motor", language="de"),
    *chunks_of(["Planar circuits."], name="chip", author="bob-noyce"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two authors."""
    made = tmp_path_factory.mktemp("store")
    fill_store(made / "vectors", EMBEDDER, MEMORY).close()
    warehouse = SqliteWarehouse(made / "warehouse.sqlite")
    warehouse.upsert_authors([ADA, BOB])
    warehouse.close()
    return made


@pytest.fixture
def twin(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Twin:
    """Runs `twin search` with arguments; gives its exit status and what it said."""
    monkeypatch.setenv("TWIN_STORE", str(folder))
    for name in ("MONGO_URI", "QDRANT_URL", "TWIN_RERANKER", "TWIN_LANGUAGE_MODEL_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("twin.embedding.open_embedder", lambda *_: EMBEDDER)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["twin", "search", *arguments])
        try:
            main()
        except SystemExit as end:
            return (int(end.code or 0), *capsys.readouterr())
        raise AssertionError("typer always ends with its exit status")

    return run


def found(out: str) -> set[str]:
    return {hit["link"].rsplit("/", 1)[1] for hit in json.loads(out)}


def test_hits_come_with_score_link_and_range(twin: Twin) -> None:
    code, out, error = twin("ada", "weaves", "-k", "1")
    assert (code, error) == (0, "")
    first, second = out.splitlines()
    assert first.startswith("1. ")
    assert first.endswith("  https://ada.example/engine [0:18]")
    assert second == "The engine weaves."


def test_an_author_may_be_left_out_or_all(twin: Twin) -> None:
    everybody = twin("all", "engine circuits", "--json", "-k", "9")
    assert found(everybody[1]) == {"engine", "post", "motor", "chip"}
    assert twin("engine circuits", "--json", "-k", "9") == everybody
    assert found(twin("What did Robert Noyce write about engines?", "--json")[1]) == {"chip"}
    code, out, error = twin("What did Alan Turing write about engines?", "-k", "1")
    assert (code, error) == (
        0,
        "twin: Alan Turing is not an author in this memory, so the texts of all authors were searched.\n",
    )
    assert "ada: https://ada.example/" in out


@pytest.mark.parametrize(
    ("options", "links"),
    [
        (("--category", "posts"), {"post"}),
        (("--platform", "medium"), {"engine"}),
        (("--platform", "medium", "--platform", "linkedin"), {"engine", "post"}),
        (("--language", "de"), {"motor"}),
        (("--from", "2024-01-01"), {"post"}),
        (("--until", "2024-01-01"), {"engine"}),
        (("--from", "2021-06-01", "--until", "2021-06-02"), {"engine"}),
    ],
)
def test_conditions(twin: Twin, options: tuple[str, ...], links: set[str]) -> None:
    code, out, _ = twin("ada", "engine", "--json", *options)
    assert code == 0
    assert found(out) == links


def test_a_question_may_be_taken_literally(twin: Twin) -> None:
    assert found(twin("posts on LinkedIn about the engine", "--json")[1]) == {"post"}
    assert found(twin("posts on LinkedIn about the engine", "--json", "--literally")[1]) > {"post", "engine"}


def test_context_and_trace(twin: Twin) -> None:
    code, out, _ = twin("ada", "engine", "--context", "--budget", "50")
    assert code == 0
    assert out.startswith("[1] ")
    assert EMBEDDER.sizer.count(out.strip()) <= 50
    code, out, _ = twin("ada", "engine", "--json", "--trace", "--context")
    whole = json.loads(out)
    assert whole["trace"]["where"] == {"author": "ada"}
    assert whole["context"]["text"].startswith("[1] ")
    code, out, _ = twin("ada", "engine", "--trace", "-k", "1")
    assert json.loads(out[out.index("\n{") :])["question"] == "engine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("eve", "engine"), "eve has no points in posts, articles, repositories: build the twin first"),
        (("../ada", "engine"), "'../ada' is not an author slug"),
        (("ada", " "), "The query is empty"),
        (("ada", "engine", "--category", "repositories"), "ada has no points in repositories"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(twin: Twin, arguments: tuple[str, ...], said: str) -> None:
    code, out, error = twin(*arguments)
    assert (code, out, error.count("\n")) == (1, "", 1)
    assert error.startswith(f"twin: {said}")


def test_a_search_starts_without_torch() -> None:
    script = """
    import sys
    import twin.cli.main, twin.embedding, twin.retrieval, twin.vectors
    from twin.retrieval.fusion import weights
    weights()
    print(sorted({"torch", "transformers", "sentence_transformers", "openvino", "dagster"} & sys.modules.keys()))
    """
    ran = subprocess.run(
        [sys.executable, "-c", script.replace("\n    ", "\n")], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"
