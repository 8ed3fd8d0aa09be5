"""`twin replay`: everything again from what was captured, without one request."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.kit.webserver import BODY, PAGE, Server, send
from twin.artifacts import ArtifactStore
from twin.cli.main import app
from twin.crawling import Fetcher, crawl_author, crawl_tools
from twin.models import Author, Category, Link, State
from twin.warehouse import SqliteWarehouse

SENTENCES = "<p>للمحرك مطحنة ومخزن وجدول من البطاقات يخبره بما يفعل.</p>" * 9
ARABIC = PAGE.replace("On engines", "عن المحركات").replace(BODY, SENTENCES)


def test_the_command_reads_everything_again_and_names_what_was_never_captured(
    server: Server, fetcher: Fetcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TWIN_STORE", str(tmp_path))
    monkeypatch.setenv("TWIN_KEEP_CAPTURES", "0")  # what was kept before is read all the same
    monkeypatch.delenv("MONGO_URI", raising=False)
    warehouse, artifacts = SqliteWarehouse(tmp_path / "warehouse.sqlite"), ArtifactStore(str(tmp_path))
    warehouse.upsert_authors([Author(slug="ada", name="Ada Lovelace")])
    pages = {"/engines": PAGE, "/ar": ARABIC}
    for path, page in pages.items():
        server.handlers[path] = lambda handler, page=page: send(handler, 200, page.encode())  # type: ignore[misc]

    def declare(path: str) -> None:
        url = f"{server.root}{path}"
        warehouse.upsert_links([Link(author="ada", url=url, kind="article", categories=(Category.ARTICLES,))])

    for path in pages:
        declare(path)
    tools = crawl_tools(fetcher, artifacts, warehouse, "ada")
    assert crawl_author(warehouse, "ada", Category.ARTICLES, tools=tools).new == 2
    asked = len(server.asked) + server.asked_robots
    first = {each.id: each for each in warehouse.documents(State.RAW, "ada", Category.ARTICLES)}
    assert "للمحرك مطحنة" in "".join(each.text for each in first.values())
    run = CliRunner().invoke

    done = run(app, ["replay", "ada"])
    expected = dict.fromkeys(Category, "0 new, 0 changed, 0 unchanged, 0 removed; 0 of 0 links failed")
    expected[Category.ARTICLES] = "0 new, 0 changed, 2 unchanged, 0 removed; 0 of 2 links failed"
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [f"{category}: {found}" for category, found in expected.items()]
    assert {each.id: each for each in warehouse.documents(State.RAW, "ada", Category.ARTICLES)} == first

    lost = next(iter(first))
    warehouse.remove_documents(State.RAW, [lost])
    declare("/never")
    done = run(app, ["replay", "ada", "--category", "articles"])
    assert (done.exit_code, done.stdout) == (
        1, "articles: 1 new, 0 changed, 1 unchanged, 0 removed; 1 of 3 links failed\n",
    )  # fmt: skip
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"{server.root}/never was never captured, so it cannot be read offline: crawl it first."
    ]
    assert warehouse.document(State.RAW, lost) == first[lost]
    assert len(server.asked) + server.asked_robots == asked
    assert len(warehouse.captures("ada")) == 2
    assert "There is no author 'eve'" in str(run(app, ["replay", "eve"]).exception)
    warehouse.close()
