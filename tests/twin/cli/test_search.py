"""`twin search` as a person types it."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.memory import ADA, BOB, WordEmbedder, chunks_of, fill_store
from twin.cli import search
from twin.cli.main import main
from twin.models import Category
from twin.retrieval.result import Hit
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


def test_hits_come_with_title_link_range_date_and_score(twin: Twin) -> None:
    code, out, error = twin("ada", "weaves", "-k", "1")
    assert (code, error) == (0, "")
    title, link, facts, empty, text = out.splitlines()
    assert title == "1. Title of engine"
    assert link == "   https://ada.example/engine [0:18]"
    assert re.fullmatch(r"   2021-06-01 · article · score 0\.\d{3}", facts)
    assert (empty, text) == ("", "   The engine weaves.")
    _, out, _ = twin("all", "engine circuits", "-k", "9")
    assert [line[:3] for line in out.splitlines() if re.match(r"\d\. ", line)] == ["1. ", "2. ", "3. ", "4. "]
    assert out.count("\n\n") == 8  # one below each heading, one between two hits, one in a hit
    assert " · by bob-noyce · " in out
    assert "Title of post" in out


def test_prose_is_wrapped_between_words_and_code_stays_as_it_is() -> None:
    prose = "word-with-hyphens " * 20
    code = "    total = " + "value + " * 20
    (chunk,) = chunks_of([f"{prose}\n\n```\n{code}\n```\n\x1b[2Jend"])
    shown = search.passage(Hit(chunk, 0.5, chunk.text, chunk.start, chunk.end, (chunk.id,)))
    lines = shown.splitlines()
    assert [line for line in lines if "value" in line] == [f"   {code}".rstrip()]
    assert max(len(line) for line in lines if "value" not in line) <= 100
    assert set(" ".join(line for line in lines if "word" in line).split()) == {"word-with-hyphens"}
    assert lines[-1] == "   [2Jend"
    (chunk,) = chunks_of([prose], category=Category.REPOSITORIES, path="a.py")
    shown = search.passage(Hit(chunk, 0.5, chunk.text, chunk.start, chunk.end, (chunk.id,)))
    assert shown == f"   {prose}".rstrip()


def test_a_paragraph_wrapped_for_a_wider_page_is_wrapped_again() -> None:
    wide = "\n".join([" ".join(["word"] * 22), "and so on", "* " + " ".join(["item"] * 30), "* next", "", "end"])
    (chunk,) = chunks_of([wide])
    lines = search.passage(Hit(chunk, 0.5, chunk.text, chunk.start, chunk.end, (chunk.id,))).splitlines()
    assert [line.split() for line in lines] == [
        ["word"] * 19, ["word"] * 3 + ["and", "so", "on"],
        ["*"] + ["item"] * 19, ["item"] * 11, ["*", "next"], [], ["end"],
    ]  # fmt: skip


def test_a_passage_may_begin_within_code() -> None:
    code, prose = "a = " + "b + " * 40, " ".join(["word"] * 40)
    (chunk,) = chunks_of([f"{code}\n```\n\n{prose}"])
    lines = search.passage(Hit(chunk, 0.5, chunk.text, chunk.start, chunk.end, (chunk.id,))).splitlines()
    assert lines[:2] == [f"   {code}".rstrip(), "   ```"]
    assert max(map(len, lines[2:])) <= 100


def test_a_text_without_a_title_is_named_by_its_kind() -> None:
    (chunk,) = chunks_of(["A post."], category=Category.POSTS, platform="linkedin")
    chunk = chunk.model_copy(update={"title": None})
    assert search.heading(Hit(chunk, 0.5, chunk.text, 0, 7, (chunk.id,)), everybody=False) == (
        "LinkedIn post", [f"{chunk.link} [0:7]", "post · score 0.500"],
    )  # fmt: skip


def test_help_says_that_the_author_may_be_left_out(twin: Twin) -> None:
    code, out, _ = twin("--help")
    assert code == 0
    assert "twin search [OPTIONS] [AUTHOR] QUESTION" in out
    assert "list[posts" not in out


def test_nothing_found_is_said(twin: Twin) -> None:
    assert twin("ada", "engine", "--language", "fr") == (
        0, "", "twin: Nothing was found: use other words, or fewer conditions.\n",
    )  # fmt: skip


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
    assert " · by ada · " in out
    assert "https://ada.example/" in out


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
        (("eve", "engine"), "There is no author 'eve' in "),
        (("bob", "engine"), "There is no author 'bob' in "),
        (("ada", "why", "engines?"), 'Put the question in quotes: twin search ada "why engines?"'),
        (("ada", "engine", "--category", "post"), "There is no category 'post': did you mean 'posts'?"),
        (("../ada", "engine"), "'../ada' is not an author slug"),
        (("ada", " "), "The query is empty"),
        (("ada", "engine", "--category", "repositories"), "ada has nothing to search in repositories: search in"),
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
