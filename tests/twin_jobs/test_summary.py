"""The table of a build: failures are counted in the row of their stage, and each is shown once."""

import io
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from twin.models import Category
from twin_jobs.summary import WIDTH, Materialized, main, sentences, summary_table, what_next


def shown(assets: dict[str, dict[str, Any]]) -> str:
    page = io.StringIO()
    console = Console(width=WIDTH, file=page)
    console.print(
        summary_table("ada", {name: Materialized(metadata, "0123456789", 1.5) for name, metadata in assets.items()})
    )
    return page.getvalue()


def test_a_link_that_failed_for_two_categories_is_counted_once() -> None:
    gone, damaged = "* a.zip does not exist: correct the path.", "* b.zip is damaged: download it again."
    text = shown({
        "posts/raw": {"total": 2, "written": 1, "failures": gone},
        "articles/raw": {"total": 3, "written": 0, "failures": f"{gone}\n{damaged}"},
        "posts/cleaned": {"total": 1200, "written": 0},
    })  # fmt: skip
    (raw,) = [line for line in text.splitlines() if line.startswith("raw")]
    assert " ".join(raw.split()) == "raw 5 documents 1 written, 2 links failed 3.0 s 012345 012345"
    (cleaned,) = [line for line in text.splitlines() if line.startswith("cleaned")]
    assert "1,200 documents" in cleaned
    assert "failed" not in cleaned
    (chunks,) = [line for line in text.splitlines() if line.startswith("chunks")]
    assert chunks.split() == ["chunks", "-", "did", "not", "run"]


def test_every_row_fits_one_line() -> None:
    stages = ("raw", "cleaned", "chunks", "embeddings", "collection")
    made = {"total": 12345, "written": 12345, "texts_embedded": 12345, "points_written": 12345, "points_deleted": 123}
    assets: dict[str, dict[str, Any]] = {f"{category.value}/{stage}": made for category in Category for stage in stages}
    assets |= {"links": made, "instruction_dataset": made, "lora_adapter": {"steps": 1000, "path": "/x" * 99}}
    text = shown(assets | {"twin_evaluation": {"base_loss": 10.123, "adapter_loss": 10.123}})
    lines = text.rstrip().splitlines()
    assert len(lines) == 2 + 9  # title, header, and one for each row
    assert max(map(len, lines)) <= WIDTH


def test_a_build_ends_with_three_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(Path(sys.prefix).parent)
    path = str(Path.cwd() / "data/adapters/llm-twin/0123")
    assets = {"lora_adapter": Materialized({"path": path, "base_model": "nano-0123"}, "", 1.0)}
    text = "\n".join(what_next("llm-twin", assets))
    commands = [line.split("   #")[0].strip() for line in text.splitlines() if "   # " in line]
    twin = f"{Path(sys.prefix).name}/bin/twin"
    assert [shlex.split(command) for command in commands] == [
        [twin, "search", "llm-twin", "why is LinkedIn never scraped?"],
        [twin, "documents", "list", "llm-twin"],
        ["make", "ui"],
    ]
    assert "data/adapters/llm-twin/0123" in text
    assert "cannot talk" in text
    assert "cannot talk" not in "\n".join(what_next("ada", {"lora_adapter": Materialized({"path": path}, "", 1.0)}))
    monkeypatch.chdir(tmp_path)
    assert str(Path(sys.executable).with_name("twin")) in "\n".join(what_next("ada", {}))


def test_without_a_history_the_summary_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert main(["ada"]) == 1
    assert capsys.readouterr().err == (
        "DAGSTER_HOME is not set: run `make demo AUTHOR=ada`, or set it to the folder of Dagster's history.\n"
    )


def test_what_was_said_twice_is_shown_once_and_in_order() -> None:
    assert sentences(["* b\n* a", None, "* a\n* c"]) == ["* b", "* a", "* c"]
