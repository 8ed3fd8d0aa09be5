"""The table of a build: failures are counted in the row of their stage, and each is shown once."""

import io
from typing import Any

from rich.console import Console

from twin_jobs.summary import Materialized, sentences, summary_table


def shown(assets: dict[str, dict[str, Any]]) -> str:
    page = io.StringIO()
    console = Console(width=160, file=page)
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
    assert " ".join(raw.split()) == "raw 5 raw documents 1 documents written, 2 links failed 3.0 s 012345 012345"
    (cleaned,) = [line for line in text.splitlines() if line.startswith("cleaned")]
    assert "1,200 cleaned documents" in cleaned
    assert "failed" not in cleaned
    (chunks,) = [line for line in text.splitlines() if line.startswith("chunks")]
    assert chunks.split() == ["chunks", "-", "did", "not", "run"]


def test_what_was_said_twice_is_shown_once_and_in_order() -> None:
    assert sentences(["* b\n* a", None, "* a\n* c"]) == ["* b", "* a", "* c"]
