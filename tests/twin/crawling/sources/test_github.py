"""A repository of GitHub over real HTTP: one request where nothing changed, its clone captured, its issues posts."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.githost import GitHost, issue, issues, link
from tests.kit.repositories import git
from twin.crawling import Crawl, Tools
from twin.crawling.git import clone
from twin.crawling.git.clone import EmptyError, captured_commit
from twin.crawling.sources.github import GitHubCrawler
from twin.errors import CrawlError
from twin.models import Category

REPOSITORIES, ARTICLES, POSTS = Category.REPOSITORIES, Category.ARTICLES, Category.POSTS


def offline(tools: Tools) -> Tools:
    return replace(tools, fetcher=tools.fetcher.offline())


def texts(crawl: Crawl) -> dict[str, str]:
    return {f"{document.link} {document.path}": document.text for document in crawl.documents}


def test_a_commit_that_was_read_costs_one_request(host: GitHost, crawler: type[GitHubCrawler], tools: Tools) -> None:
    head = host.push("ada/engine", {"a.py": b"x = 1\r\n", "big.txt": b"b" * (2**20 + 1), "ü/文.md": "# 文\n".encode()})
    crawl = crawler(tools).read(link(), REPOSITORIES, {})
    documents = {document.path: document for document in crawl.documents}
    assert {path: document.text for path, document in documents.items()} == {"a.py": "x = 1\r\n", "ü/文.md": "# 文\n"}
    assert crawl.skipped == {"too_large": 1}
    assert crawl.validators == {"commit": head}
    assert documents["a.py"].metadata == {"blob": git(host.folder / "ada/engine.git", "rev-parse", "HEAD:a.py")}
    host.asked.clear()
    assert crawler(tools).read(link(), REPOSITORIES, crawl.validators).status == "unchanged"
    assert host.asked == ["GET /ada/engine.git/info/refs?service=git-upload-pack"]


def test_a_clone_is_captured_and_read_again_without_a_request(
    host: GitHost, crawler: type[GitHubCrawler], tools: Tools
) -> None:
    head = host.push("ada/engine", {"a.py": b"1\n", "README.md": b"# Engine\n", "big.bin": b"b" * (2**20 + 1)})
    with pytest.raises(CrawlError, match="was never captured"):
        crawler(offline(tools)).read(link(), REPOSITORIES, {})
    first = list(crawler(tools).read(link(), REPOSITORIES, {}).documents)
    assert captured_commit(tools, f"{host.root}/ada/engine.git") == head
    assert len({document.capture for document in first}) == 1
    host.asked.clear()
    replayed = crawler(offline(tools)).read(link(), REPOSITORIES, {})
    assert list(replayed.documents) == first
    assert replayed.validators == {"commit": head}
    assert replayed.skipped == {"too_large": 1}
    assert host.asked == []


def test_readmes_are_articles_with_ids_of_their_own_and_no_second_clone(
    host: GitHost, crawler: type[GitHubCrawler], tools: Tools
) -> None:
    host.push(
        "ada/engine",
        {"README.md": b"# Engine\n", "README.ar.md": "# محرك\n".encode(), "docs/README.md": b"x", "a.py": b"1\n"},
    )
    wanted = link(also=["readme"])
    assert wanted.categories == (REPOSITORIES, ARTICLES)
    files = {document.path: document for document in crawler(tools).read(wanted, REPOSITORIES, {}).documents}
    host.asked.clear()
    articles = {document.path: document for document in crawler(tools).read(wanted, ARTICLES, {}).documents}
    assert not host.asked_for("POST")
    assert {path: document.text for path, document in articles.items()} == {
        "README.md": "# Engine\n",
        "README.ar.md": "# محرك\n",
    }
    assert articles["README.md"].link == "https://github.com/ada/engine#readme"
    assert articles["README.md"].title == "engine: README.md"
    assert articles["README.md"].category is ARTICLES
    assert articles["README.md"].id != files["README.md"].id


def test_a_damaged_capture_is_cloned_again_online_and_a_sentence_offline(
    host: GitHost, crawler: type[GitHubCrawler], tools: Tools, tmp_path: Path
) -> None:
    host.push("ada/engine", {"a.py": b"1\n"})
    list(crawler(tools).read(link(), REPOSITORIES, {}).documents)
    (stored,) = (path for path in (tmp_path / "store").rglob("*.gz"))
    stored.write_bytes(b"rotten")
    with pytest.raises(CrawlError, match="missing or damaged"):
        list(crawler(offline(tools)).read(link(), REPOSITORIES, {}).documents)
    assert texts(crawler(tools).read(link(), REPOSITORIES, {})) == {"https://github.com/ada/engine a.py": "1\n"}


def test_a_renamed_repository_is_found_through_the_api_and_keeps_its_link(
    host: GitHost, crawler: type[GitHubCrawler], tools: Tools
) -> None:
    head = host.push("ada/mill", {"a.py": b"1\n"})
    host.moved["/ada/engine.git"] = f"{host.root}/ada/mill.git"
    host.moved["/repos/ada/engine"] = f"{host.root}/repositories/7"
    host.api["/repositories/7"] = {"name": "Mill", "owner": {"login": "Ada"}}
    host.push("ada/mill", {})
    head = git(host.folder / "ada/mill.git", "rev-parse", "HEAD")
    crawl = crawler(tools).read(link(), REPOSITORIES, {})
    assert texts(crawl) == {"https://github.com/ada/engine a.py": "1\n"}
    assert crawl.validators == {"commit": head}
    assert texts(crawler(offline(tools)).read(link(), REPOSITORIES, {})) == {
        "https://github.com/ada/engine a.py": "1\n"
    }


def test_a_large_clone_is_read_and_not_captured(
    host: GitHost, crawler: type[GitHubCrawler], tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.push("ada/engine", {"a.py": b"1\n"})
    monkeypatch.setattr(clone, "MAX_CAPTURE", 10)
    (document,) = crawler(tools).read(link(), REPOSITORIES, {}).documents
    assert document.capture is None
    assert captured_commit(tools, f"{host.root}/ada/engine.git") is None


def test_an_empty_and_an_unknown_repository(host: GitHost, crawler: type[GitHubCrawler], tools: Tools) -> None:
    (host.folder / "ada/empty.git").mkdir(parents=True)
    git(host.folder / "ada/empty.git", "init", "-q")
    with pytest.raises(EmptyError, match="is empty: it has no commit to read"):
        crawler(tools).read(link("https://github.com/ada/empty"), REPOSITORIES, {})
    with pytest.raises(CrawlError, match="does not exist or is private"):
        crawler(tools).read(link("https://github.com/ada/none"), REPOSITORIES, {})


def test_issues_and_pull_requests_of_the_owner_are_posts(
    host: GitHost, crawler: type[GitHubCrawler], tools: Tools
) -> None:
    host.api[issues("ada/engine")] = [
        issue(1, "שלום, the mill\r\n<!-- template -->"), issue(2, None), issue(3, "x", login="eve"),
        issue(4, "Mend it", pull_request={"url": "x"}), issue(5, "gone", user=None),
    ]  # fmt: skip
    wanted = link(also=["issues"])
    assert wanted.categories == (REPOSITORIES, POSTS)
    crawl = crawler(tools).read(wanted, POSTS, {})
    first, second = crawl.documents
    assert (first.link, first.title, first.text) == (
        "https://github.com/ada/engine/issues/1", "On 1", "שלום, the mill\r\n<!-- template -->",
    )  # fmt: skip
    assert first.published_at is not None
    assert first.published_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert (second.link, second.metadata["kind"]) == ("https://github.com/ada/engine/pull/4", "pull_request")
    assert first.capture is not None
    assert crawl.skipped == {"empty": 1}
    host.asked.clear()
    assert crawler(tools).read(wanted, POSTS, crawl.validators).status == "unchanged"
    assert len(host.asked) == 1
    assert list(crawler(offline(tools)).read(wanted, POSTS, {}).documents) == [first, second]
