"""Everything that an owner has on GitHub, through the stage: whole profiles, none taken down by one repository."""

import logging
from pathlib import Path

import pytest

from tests.kit.githost import GitHost, issue, issues, link, listed, page
from tests.kit.repositories import git
from tests.kit.webserver import Server, send
from twin.artifacts import ArtifactStore
from twin.crawling import CrawlReport, Fetcher, Tools, crawl_author, crawl_tools
from twin.crawling.sources.github import GitHubCrawler
from twin.crawling.sources.github_api import GitHubApi
from twin.errors import CrawlError
from twin.models import Author, Category, Document, State
from twin.warehouse.sqlite import SqliteWarehouse

REPOSITORIES, POSTS = Category.REPOSITORIES, Category.POSTS


@pytest.fixture
def warehouse(warehouse: SqliteWarehouse) -> SqliteWarehouse:
    warehouse.upsert_authors([Author(slug="ada", name="Ada")])
    return warehouse


def crawl(warehouse: SqliteWarehouse, host: GitHost, fetcher: Fetcher, tmp_path: Path, category: Category,
          *, replay: bool = False) -> CrawlReport:  # fmt: skip
    host.asked.clear()
    tools = crawl_tools(fetcher, ArtifactStore(str(tmp_path / "store")), warehouse, "ada")
    return crawl_author(warehouse, "ada", category, tools=tools, replay=replay)


def there(warehouse: SqliteWarehouse, category: Category = REPOSITORIES) -> dict[str, str]:
    documents: list[Document] = list(warehouse.documents(State.RAW, "ada", category))
    assert {document.source for document in documents} <= {"https://github.com/ada"}
    return {
        f"{document.link.removeprefix('https://github.com/')} {document.path}": document.text for document in documents
    }


def test_an_unchanged_repository_costs_one_request_and_writes_nothing(
    host: GitHost, crawler: type[GitHubCrawler], warehouse: SqliteWarehouse, fetcher: Fetcher, tmp_path: Path
) -> None:
    def stored() -> list[object]:
        rows = [row | {"checked_at": None} for table in ("raw", "captures") for row in warehouse.dump(table, "ada")]
        files = sorted((str(path), path.stat().st_mtime_ns) for path in (tmp_path / "store").rglob("*.gz"))
        return [*rows, *files]

    host.push("ada/engine", {f"{n}.py": b"x = %d\n" % n for n in range(20)})
    warehouse.upsert_links([link()])
    assert crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES).new == 20
    before = stored()
    assert len(before) == 22
    for _ in range(3):
        report = crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES)
        assert (report.links_unchanged, report.written, report.total) == (1, 0, 20)
        assert host.asked == ["GET /ada/engine.git/info/refs?service=git-upload-pack"]
        assert stored() == before


def test_a_profile_is_all_of_its_owners_repositories_and_reads_again_only_what_changed(
    host: GitHost, crawler: type[GitHubCrawler], warehouse: SqliteWarehouse, fetcher: Fetcher, tmp_path: Path
) -> None:
    host.push("ada/engine", {"a.py": b"1\n", ".env": b"x"})
    host.push("ada/mill", {"m.py": b"1\n"})
    host.push("ada/copied", {"c.py": b"1\n"})
    (host.folder / "ada/empty.git").mkdir()
    git(host.folder / "ada/empty.git", "init", "-q")
    repositories = [listed("Mill", archived=True), listed("engine"), listed("copied", fork=True), listed("empty"),
                    listed("theirs", owner="eve"), listed("hidden", private=True)]  # fmt: skip
    host.api[page()] = repositories
    warehouse.upsert_links([link("https://github.com/Ada/")])

    first = crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES)
    assert (first.links_ok, first.new, first.failures) == (1, 2, [])
    assert there(warehouse) == {"ada/engine a.py": "1\n", "ada/mill m.py": "1\n"}
    assert first.skipped_files == {"fork": 1, "repository_empty": 1, "credentials": 1}

    second = crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES)
    assert (second.links_unchanged, second.written) == (1, 0)
    assert host.asked == [f"GET {page()}"]

    host.push("ada/engine", {"a.py": b"2\n"})
    host.api[page()] = [*repositories[:1], listed("engine", pushed_at="2026-02-01T00:00:00Z"), *repositories[2:]]
    third = crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES)
    assert (third.links_ok, third.changed, third.unchanged, third.removed) == (1, 1, 1, 0)
    assert third.skipped_files == first.skipped_files
    assert there(warehouse)["ada/engine a.py"] == "2\n"
    assert not host.asked_for("mill")

    host.api[page()] = [listed("engine", pushed_at="2026-03-01T00:00:00Z", default_branch="main")]
    fourth = crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES)
    assert (fourth.removed, fourth.unchanged) == (1, 1)
    assert sorted(there(warehouse)) == ["ada/engine a.py"]
    assert host.asked == [f"GET {page()}", "GET /ada/engine.git/info/refs?service=git-upload-pack"]

    replayed = crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES, replay=True)
    assert (replayed.links_ok, replayed.written, host.asked) == (1, 0, [])
    after = crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES)
    assert (after.written, host.asked_for("POST")) == (0, 0)


def test_forks_are_read_where_they_are_asked_for(
    host: GitHost, crawler: type[GitHubCrawler], warehouse: SqliteWarehouse, fetcher: Fetcher, tmp_path: Path
) -> None:
    host.push("ada/copied", {"c.py": b"1\n"})
    host.api[page()] = [listed("copied", fork=True)]
    warehouse.upsert_links([link("https://github.com/ada", also=["forks"])])
    assert crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES).skipped_files == {}
    assert sorted(there(warehouse)) == ["ada/copied c.py"]


def test_one_repository_that_fails_takes_no_other_with_it_and_is_read_again(
    host: GitHost, crawler: type[GitHubCrawler], warehouse: SqliteWarehouse, fetcher: Fetcher, tmp_path: Path, *,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    host.push("ada/engine", {"a.py": b"1\n"})
    host.push("ada/mill", {"m.py": b"1\n"})
    host.api[page()] = [listed("engine"), listed("mill")]
    warehouse.upsert_links([link("https://github.com/ada")])
    crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES)

    (host.folder / "ada/engine.git").rename(host.folder / "ada/away")
    host.push("ada/mill", {"m.py": b"2\n"})
    later = {"pushed_at": "2026-02-01T00:00:00Z"}
    host.api[page()] = [listed("engine", **later), listed("mill", **later)]
    with caplog.at_level(logging.WARNING, "twin"):
        broken = crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES)
    assert (broken.links_ok, broken.changed, broken.removed) == (1, 1, 0)
    assert broken.skipped_files == {"repository_failed": 1}
    assert "engine.git does not exist or is private" in caplog.text
    assert there(warehouse) == {"ada/engine a.py": "1\n", "ada/mill m.py": "2\n"}

    (host.folder / "ada/away").rename(host.folder / "ada/engine.git")
    host.push("ada/engine", {"a.py": b"2\n"})
    mended = crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES)
    assert (mended.changed, mended.skipped_files) == (1, {})
    assert there(warehouse) == {"ada/engine a.py": "2\n", "ada/mill m.py": "2\n"}
    assert not host.asked_for("mill")


def test_a_profile_none_of_whose_repositories_can_be_read_has_failed(
    host: GitHost, crawler: type[GitHubCrawler], warehouse: SqliteWarehouse, fetcher: Fetcher, tmp_path: Path
) -> None:
    host.api[page()] = [listed("engine"), listed("mill")]
    warehouse.upsert_links([link("https://github.com/ada")])
    report = crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES)
    assert report.links_failed == 1
    assert report.failures[0].startswith("None of the repositories of https://github.com/ada can be read; the first: ")


def test_a_list_has_pages_and_each_is_asked_for_conditionally(
    host: GitHost, crawler: type[GitHubCrawler], warehouse: SqliteWarehouse, fetcher: Fetcher, tmp_path: Path
) -> None:
    forks = [listed(f"fork-{n:03}", fork=True) for n in range(100)]
    host.api[page(1)], host.api[page(2)] = forks, []
    warehouse.upsert_links([link("https://github.com/ada")])
    assert crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES).skipped_files == {"fork": 100}
    assert crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES).links_unchanged == 1
    assert host.asked == [f"GET {page(1)}", f"GET {page(2)}"]
    host.push("ada/zebra", {"z.py": b"1\n"})
    host.api[page(2)] = [listed("zebra")]
    report = crawl(warehouse, host, fetcher, tmp_path, REPOSITORIES)
    assert (report.new, report.skipped_files) == (1, {"fork": 100})
    assert host.asked[:2] == [f"GET {page(1)}", f"GET {page(2)}"]
    assert host.asked_for("/users/") == 2  # the first page came from its capture


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (403, "set GITHUB_TOKEN"), (404, "answered 404"), (401, "correct GITHUB_TOKEN"), ({"a": 1}, "with a list"),
        ([{"name": "x"}], r"an unexpected answer \(owner of a repository\)"), ([1], "an unexpected answer"),
        ([{"name": "../x", "owner": {"login": "ada"}}], "cannot be read"),
        ([{"name": "x;id", "owner": {"login": "ada"}}], "cannot be read"),
    ],
)  # fmt: skip
def test_what_the_api_may_answer_instead(
    answer: object, said: str, host: GitHost, crawler: type[GitHubCrawler], tools: Tools
) -> None:
    host.api[page()] = answer
    with pytest.raises(CrawlError, match=said) as caught:
        crawler(tools).read(link("https://github.com/ada"), REPOSITORIES, {})
    assert "\n" not in str(caught.value)


def test_an_answer_of_the_api_that_is_nested_without_end_is_a_sentence(fetcher: Fetcher, server: Server) -> None:
    server.handlers[page()] = lambda handler: send(handler, 200, b"[" * 200_000)
    with pytest.raises(CrawlError, match="did not answer in JSON: try again later"):
        GitHubApi(fetcher, server.root).repositories("ada", {})


def test_issues_of_a_profile_stay_where_one_repository_does_not_answer(
    host: GitHost, crawler: type[GitHubCrawler], warehouse: SqliteWarehouse, fetcher: Fetcher, tmp_path: Path
) -> None:
    host.api[page()] = [listed("engine"), listed("mill")]
    host.api[issues("ada/engine")], host.api[issues("ada/mill")] = [issue(1, "one")], [issue(2, "two")]
    warehouse.upsert_links([link("https://github.com/ada", also=["issues"])])
    assert crawl(warehouse, host, fetcher, tmp_path, POSTS).new == 2
    assert crawl(warehouse, host, fetcher, tmp_path, POSTS).links_unchanged == 1
    assert len(host.asked) == 3
    host.api[issues("ada/engine")], host.api[issues("ada/mill")] = 404, [issue(2, "two, edited")]
    broken = crawl(warehouse, host, fetcher, tmp_path, POSTS)
    assert (broken.changed, broken.removed, broken.skipped_files) == (1, 0, {"repository_failed": 1})
    host.api[issues("ada/engine")] = []
    mended = crawl(warehouse, host, fetcher, tmp_path, POSTS)
    assert (mended.removed, mended.unchanged) == (1, 1)
