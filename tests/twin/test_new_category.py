"""A category that the product does not have is added to a copy of it by one row, and everything treats it by that row.

The copy runs over a store that was made before, so the same test shows that an existing store goes on working.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.kit.chunked import cut
from tests.kit.talks import line, with_talks
from twin.models import Category

pytestmark = pytest.mark.slow

SENTENCE = "An index is a second copy of a column that is kept in order for those who look for a value. "
ARTICLE = f"# Indexes\n\n{SENTENCE * 4}\n"
TALK = """\
# How a planner thinks

Share this post

## Joins

A planner joins two tables in one of three ways, and it chooses by what it expects to read. A nested loop is good for
a few rows, a hash join is good for many of them, and a merge join is good where both sides are sorted already. #joins

    SELECT name FROM authors JOIN books USING (author)

## Estimates

An estimate is a guess that is made of statistics. Where the statistics are old the guess is wrong, and where the guess
is wrong the plan is slow, so I look at the estimates first and at the indexes only when the estimates were right.

## Columns that depend on each other

The usual reason is that the planner multiplies the shares of two columns as if they did not depend on each other, and
expects ten rows where ten thousand come. Extended statistics tell it better, they cost little, and hardly anybody in
this room has ever made one, which is why I give this talk.
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A store of today's categories, and what its stages said."""
    folder = tmp_path_factory.mktemp("memory")
    for name, text in (("articles", ARTICLE), ("talks", TALK)):
        (folder / name).mkdir()
        (folder / name / "one.md").write_text(text, "utf-8")
    return folder, line(folder, Category.ARTICLES, {"files": "articles", "category": "articles"})


@pytest.fixture(scope="module")
def told(
    before: tuple[Path, dict[str, Any]], repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the copy with the new category made of the texts."""
    tree = tmp_path_factory.mktemp("tree")
    with_talks(repository, tree)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.kit.talks", str(before[0])],
        cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert Path(answer["source"]).is_relative_to(tree), "it was not the copy that ran"
    return answer


def test_it_is_crawled_and_cleaned_as_its_layout_says(told: dict[str, Any]) -> None:
    assert (told["talks"]["raw"]["written"], told["talks"]["cleaned"]["written"]) == (1, 1)
    assert told["kind"] == "MARKDOWN"
    assert told["language"] == "en"  # source code has none
    assert "Share this post" not in told["text"]  # nor is its page chrome taken away
    assert "    SELECT name" in told["text"]
    assert "hashtags" not in told["metadata"]  # which posts have


def test_it_is_cut_by_its_own_target_along_its_headings(told: dict[str, Any]) -> None:
    headings = ["# How a planner thinks", "## Estimates", "## Columns that depend on each other"]
    assert [text.partition("\n")[0] for text in told["chunks"]] == headings
    assert len(cut(TALK)) == 1  # with the target of articles


def test_it_is_embedded_and_loaded_and_found_by_its_own_word(told: dict[str, Any]) -> None:
    assert told["talks"]["points"]["written"] == len(told["chunks"])
    assert {category for category, _ in told["hits"]} == {"talks"}
    assert all(link.endswith("talks/one.md") for _, link in told["hits"])


def test_its_weights_are_those_that_its_row_names_and_the_trace_says_so(told: dict[str, Any]) -> None:
    assert {each["category"] for each in told["lists"]} == {"talks"}
    assert {(each["sparse_weight"], each["weighted_as"]) for each in told["lists"]} == {(0.2, "articles")}


def test_its_instructions_call_it_by_its_noun(told: dict[str, Any]) -> None:
    assert told["instructions"]
    assert any("conference talk" in each for each in told["instructions"])
    assert not any("article" in each or "code" in each for each in told["instructions"])


def test_it_is_moved_out_under_its_own_class(told: dict[str, Any]) -> None:
    assert told["export"]["TalkDocument.json"] == told["export"]["ArticleDocument.json"] == 1


def test_the_graph_has_its_whole_column(told: dict[str, Any]) -> None:
    stages = {
        category: Counter(part for path in told["assets"] if category in path for part in path if part != category)
        for category in ("articles", "talks")
    }
    assert sum(stages["articles"].values()) == 5
    assert stages["talks"] == stages["articles"]


def test_a_store_from_before_goes_on_working(before: tuple[Path, dict[str, Any]], told: dict[str, Any]) -> None:
    for stage, report in before[1].items():
        assert told["articles"][stage]["version"] == report["version"], stage
        assert told["articles"][stage]["written"] == 0, stage
