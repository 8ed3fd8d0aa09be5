"""GitHub and other forges over real HTTP: one request where nothing changed, nothing followed, whole profiles."""

import io
import logging
import re
import socket
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.twin.githost import GitHost
from tests.twin.test_crawling_git import add, git
from tests.twin.webserver import Server, send
from twin.artifacts import ArtifactStore
from twin.crawling import Captures, Crawl, CrawlReport, Fetcher, Tools, classify, clone, crawl_author, crawl_tools
from twin.crawling import base as registry
from twin.crawling.clone import EmptyError, MovedError, Remote, captured_commit, packed, unpack
from twin.crawling.forges import clone_address
from twin.crawling.github import GitHubCrawler
from twin.crawling.github_api import GitHubApi
from twin.crawling.repository import GitCrawler
from twin.declarations import declare_link
from twin.errors import ConsistencyError, CrawlError, InputError
from twin.models import Author, Category, Document, Link, State
from twin.warehouse.sqlite import SqliteWarehouse

REPOSITORIES, ARTICLES, POSTS = Category.REPOSITORIES, Category.ARTICLES, Category.POSTS


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitHost]:
    opened = GitHost(tmp_path / "served")
    yield opened
    opened.close()


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[SqliteWarehouse]:
    opened = SqliteWarehouse(tmp_path / "warehouse.db")
    opened.upsert_authors([Author(slug="ada", name="Ada")])
    yield opened
    opened.close()


@pytest.fixture
def tools(tmp_path: Path, warehouse: SqliteWarehouse, fetcher: Fetcher) -> Tools:
    captures = Captures(ArtifactStore(str(tmp_path / "store")), warehouse, "ada", link="https://github.com/ada/engine")
    return Tools(fetcher.keeping(captures), captures)


@pytest.fixture
def crawler(host: GitHost, monkeypatch: pytest.MonkeyPatch) -> type[GitHubCrawler]:
    """GitHub's crawler, with the host in GitHub's place."""
    here = type("Here", (GitHubCrawler,), {"server": host.root, "api": host.root, "protocols": "http"})
    monkeypatch.setitem(registry._CRAWLERS, "github", here)
    return here


def link(url: str = "https://github.com/ada/engine", **options: Any) -> Link:
    return declare_link("ada", {"url": url, **options}, base=Path())


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
    with pytest.raises(CrawlError, match="gone or damaged"):
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


def test_git_follows_no_redirect(host: GitHost, fetcher: Fetcher) -> None:
    host.push("ada/engine", {"a.py": b"1\n"})
    host.moved["/ada/old.git"] = f"{host.root}/ada/engine.git"
    with pytest.raises(MovedError, match="has moved: declare its new address"):
        Remote(f"{host.root}/ada/old.git", protocols="http", allow_loopback=True, ports=None).head()
    assert not host.asked_for("/ada/engine.git")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://127.0.0.1/x.git", "private address"), ("https://localhost/x.git", "private address"),
        ("https://10.0.0.1/x.git", "private address"), ("https://169.254.169.254/x.git", "private address"),
        ("https://[::1]/x.git", "private address"), ("https://[::ffff:10.0.0.1]/x.git", "private address"),
        ("https://[::127.0.0.1]/x.git", "private address"), ("https://[fec0::1]/x.git", "private address"),
        ("https://[64:ff9b::a00:1]/x.git", "private address"), ("https://[2002:a00:1::]/x.git", "private address"),
        ("https://168.63.129.16/x.git", "private address"),
        ("https://100.64.0.1/x.git", "private address"), ("https://0.0.0.0/x.git", "private address"),
        ("https://2130706433/x.git", "by a number"), ("https://0x7f.1/x.git", "by a number"),
        ("https://0177.0.0.1/x.git", "by a number"), ("https://git.example:8443/x.git", "uses port 8443"),
        ("http://git.example/x.git", "over https alone"), ("ssh://git.example/x.git", "over https alone"),
        ("file:///etc", "over https alone"), ("ext::sh -c id", "over https alone"), ("--upload-pack=id", "https alone"),
    ],
)  # fmt: skip
def test_where_git_never_connects(url: str, said: str) -> None:
    with pytest.raises(CrawlError, match=said) as caught:
        Remote(url).head()
    assert not caught.value.retryable


def test_a_name_that_leads_to_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    private = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.168.1.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: private)
    with pytest.raises(CrawlError, match="leads to a private address"):
        Remote("https://git.example/x.git").head()


def test_git_is_held_to_the_address_that_was_checked(host: GitHost, monkeypatch: pytest.MonkeyPatch) -> None:
    head = host.push("ada/engine", {"a.py": b"1\n"})
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", host.port))]]
    asked = []

    def once(name: str, *_: object, **__: object) -> object:
        asked.append(name)
        return answers.pop()

    monkeypatch.setattr(socket, "getaddrinfo", once)
    # No resolver knows this name, so git gets there by the checked address or not at all.
    url = f"http://rebound.invalid:{host.port}/ada/engine.git"
    assert Remote(url, protocols="http", allow_loopback=True, ports=None).head() == head
    assert asked == ["rebound.invalid"]


def test_a_server_of_files_sends_git_nowhere_else(server: Server, host: GitHost) -> None:
    """By git's older protocol a server may name others that have its objects, and git would ask them."""
    head = host.push("ada/engine", {"a.py": b"1\n"})
    for path, answer in {
        "info/refs?service=git-upload-pack": f"{head}\trefs/heads/main\n",
        "HEAD": "ref: refs/heads/main\n",
        "objects/info/http-alternates": f"{host.root}/ada/engine.git/objects\n",
    }.items():
        body = answer.encode()
        server.handlers[f"/x.git/{path}"] = lambda handler, body=body: send(  # type: ignore[misc]
            handler, 200, body, Content_Type="text/plain"
        )
    remote = Remote(f"{server.root}/x.git", protocols="http", allow_loopback=True, ports=None)
    assert remote.head() == head
    with pytest.raises(CrawlError, match="cannot be read by git"), remote.cloned():
        pass
    assert host.asked == []


def test_no_proxy_and_no_setting_of_the_environment_reaches_git(
    host: GitHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    head = host.push("ada/engine", {"a.py": b"1\n"})
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "http.followRedirects")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "nonsense")
    elsewhere = f'[url "http://127.0.0.1:1/"]\n\tinsteadOf = {host.root}/\n[http]\n\tproxy = http://127.0.0.1:1\n'
    for name in (".gitconfig", "git/config", "system"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(elsewhere)
    for name, value in {
        "HOME": "", "XDG_CONFIG_HOME": "", "GIT_CONFIG_GLOBAL": ".gitconfig", "GIT_CONFIG_SYSTEM": "system",
        "GIT_EXEC_PATH": "none", "GIT_SSL_CAINFO": "none", "GIT_TRACE_CURL": "trace", "GIT_TRACE": "trace",
        "GIT_ASKPASS": "none", "GIT_CURL_VERBOSE": "1", "GIT_DIR": "none", "CURL_HOME": "",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(tmp_path / value))
    assert Remote(f"{host.root}/ada/engine.git", protocols="http", allow_loopback=True, ports=None).head() == head
    assert not (tmp_path / "trace").exists()


def test_a_clone_that_is_too_large_or_too_slow_leaves_nothing(
    host: GitHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    host.push("ada/engine", {f"{n}.bin": bytes([n]) + bytes(n * 997 % 251 for _ in range(9)) for n in range(200)})
    remote = Remote(f"{host.root}/ada/engine.git", protocols="http", allow_loopback=True, ports=None)
    monkeypatch.setattr(clone, "MAX_CLONE", 1000)
    with pytest.raises(CrawlError, match="even without its history and large files"), remote.cloned():
        pass
    monkeypatch.setattr(clone, "MAX_CLONE", 2**30)
    monkeypatch.setattr(clone, "CLONE_TIMEOUT_S", 0.0)
    with pytest.raises(CrawlError, match="took git more than") as caught, remote.cloned():
        pass
    assert caught.value.retryable
    monkeypatch.setattr(clone, "CLONE_TIMEOUT_S", 60.0)
    with remote.cloned() as reader:
        assert reader.head()
        assert len(list((tmp_path / "temporary").iterdir())) == 1
    with pytest.raises(KeyboardInterrupt), remote.cloned():
        raise KeyboardInterrupt
    assert list((tmp_path / "temporary").iterdir()) == []


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
    with pytest.raises(EmptyError, match="has no commit to read: it is empty"):
        crawler(tools).read(link("https://github.com/ada/empty"), REPOSITORIES, {})
    with pytest.raises(CrawlError, match="does not exist or is private"):
        crawler(tools).read(link("https://github.com/ada/none"), REPOSITORIES, {})


def test_a_capture_is_deterministic_and_holds_nothing_that_acts(host: GitHost, tmp_path: Path) -> None:
    head = host.push("ada/engine", {"a.py": b"1\n"})
    remote = Remote(f"{host.root}/ada/engine.git", protocols="http", allow_loopback=True, ports=None)
    with remote.cloned() as reader:
        content = packed(reader, head)
        assert content == packed(reader, head)
    assert content is not None
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        names = archive.getnames()
    assert [re.sub(r"[0-9a-f]{40}", "X", name) for name in names] == [
        "HEAD", "shallow", "objects/pack/pack-X.idx", "objects/pack/pack-X.pack",
    ]  # fmt: skip
    folder = tmp_path / "unpacked"
    folder.mkdir()
    unpack(content, folder, "it")
    assert sorted(path.name for path in folder.iterdir()) == ["HEAD", "config", "objects", "refs", "shallow"]


def _tar(*members: tuple[str, bytes, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


HEAD = ("HEAD", tarfile.REGTYPE, b"0" * 40)
PACK = f"objects/pack/pack-{'0' * 40}.pack"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"rotten", _tar(), _tar(HEAD, HEAD), _tar(HEAD, ("../HEAD", tarfile.REGTYPE, b"x")),
        _tar(HEAD, ("/etc/x", tarfile.REGTYPE, b"x")), _tar(HEAD, ("config", tarfile.REGTYPE, b"x")),
        _tar(HEAD, ("hooks/post-checkout", tarfile.REGTYPE, b"x")), _tar(HEAD, (PACK, tarfile.SYMTYPE, b"")),
        _tar(HEAD, ("shallow", tarfile.LNKTYPE, b"")), _tar(HEAD, ("objects", tarfile.DIRTYPE, b"")),
        _tar(HEAD, ("shallow", tarfile.FIFOTYPE, b"")), _tar(HEAD, (PACK, tarfile.REGTYPE, b"x"))[:600],
        _tar(HEAD, ("objects/info/alternates", tarfile.REGTYPE, b"/")),
    ],
)  # fmt: skip
def test_what_is_no_capture_of_a_clone_is_refused(content: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    with pytest.raises(ConsistencyError, match="is no clone of a repository"):
        unpack(content, folder, "it")
    assert not [path for path in tmp_path.rglob("*") if path.name in ("config", "hooks", "refs") or path.is_symlink()]


# Profiles


def listed(name: str, owner: str = "Ada", **fields: Any) -> dict[str, Any]:
    return {"name": name, "owner": {"login": owner}, "fork": False, "private": False, "archived": False,
            "pushed_at": "2026-01-01T00:00:00Z", "default_branch": "main", "size": 1} | fields  # fmt: skip


def page(number: int = 1, owner: str = "ada") -> str:
    return f"/users/{owner}/repos?type=owner&sort=full_name&per_page=100&page={number}"


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
        (403, "set GITHUB_TOKEN"), (404, "answered 404"), (401, "correct GITHUB_TOKEN"), ({"a": 1}, "gives no list"),
        ([{"name": "x"}], r"something unknown \(owner of a repository\)"), ([1], "something unknown"),
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
    with pytest.raises(CrawlError, match="gives no JSON: try again later"):
        GitHubApi(fetcher, server.root).repositories("ada", {})


def issue(number: int, body: str | None, login: str = "Ada", **fields: Any) -> dict[str, Any]:
    return {"number": number, "title": f"On {number}", "body": body, "user": {"login": login},
            "created_at": "2026-01-02T03:04:05Z", "state": "open"} | fields  # fmt: skip


def issues(repository: str) -> str:
    return f"/repos/{repository}/issues?state=all&creator=ada&sort=created&direction=asc&per_page=100&page=1"


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


# Addresses


@pytest.mark.parametrize(
    ("url", "kind", "canonical"),
    [
        ("https://github.com/Ada", "github", "https://github.com/ada"),
        ("https://www.github.com/ada/?tab=repositories", "github", "https://github.com/ada"),
        ("https://github.com/orgs/Ada/repositories", "github", "https://github.com/ada"),
        ("https://github.com/ada/engine/wiki/Home", "github", "https://github.com/ada/engine"),
        ("https://github.com/ada_corp/engine", "github", "https://github.com/ada_corp/engine"),
        ("https://github.com/topics/python", "article", "https://github.com/topics/python"),
        ("https://github.com/features", "article", "https://github.com/features"),
        ("https://github.com/", "article", "https://github.com/"),
        ("https://github.com:8443/ada/engine", "article", "https://github.com:8443/ada/engine"),
        ("https://github.com:8443/ada", "article", "https://github.com:8443/ada"),
        ("https://github.com.evil.example/ada/engine", "article", "https://github.com.evil.example/ada/engine"),
        ("https://github.com@evil.example/ada/engine", "article", "https://evil.example/ada/engine"),
        ("https://gitlab.com/Ada/Engine", "git", "https://gitlab.com/Ada/Engine"),
        ("https://gitlab.com/ada/sub/group/engine.git", "git", "https://gitlab.com/ada/sub/group/engine"),
        ("https://gitlab.com/ada/sub/engine/-/blob/main/a.py", "git", "https://gitlab.com/ada/sub/engine"),
        ("https://gitlab.com/ada/engine/tree/main", "git", "https://gitlab.com/ada/engine"),
        ("https://gitlab.com/ada", "article", "https://gitlab.com/ada"),
        ("https://gitlab.com/explore/projects", "article", "https://gitlab.com/explore/projects"),
        ("https://gitlab.com/ada/engine.atom", "feed", "https://gitlab.com/ada/engine.atom"),
        ("https://codeberg.org/ada/engine/src/branch/main/a.py", "git", "https://codeberg.org/ada/engine"),
        ("https://bitbucket.org/ada/engine/src/main/", "git", "https://bitbucket.org/ada/engine"),
        ("https://git.sr.ht/~ada/engine/tree", "git", "https://git.sr.ht/~ada/engine"),
        ("https://git.sr.ht/ada/engine", "article", "https://git.sr.ht/ada/engine"),
        ("https://gitee.com/ada/engine", "git", "https://gitee.com/ada/engine"),
        ("https://gitlab.com.evil.example/ada/engine", "article", "https://gitlab.com.evil.example/ada/engine"),
        ("https://git.example/x/engine.git", "git", "https://git.example/x/engine.git"),
        ("http://git.example/engine.git?x=1", "git", "https://git.example/engine.git"),
        ("http://git.example:3000/engine.git", "article", "http://git.example:3000/engine.git"),
        ("https://git.example/.git", "article", "https://git.example/.git"),
        ("https://git.example/-x/--upload-pack=id.git", "article", "https://git.example/-x/--upload-pack=id.git"),
        ("https://user:secret@git.example/engine.git", "git", "https://git.example/engine.git"),
    ],
)  # fmt: skip
def test_who_reads_an_address_and_as_what(url: str, kind: str, canonical: str) -> None:
    crawler, claimed = classify(url)
    assert (crawler.kind, claimed) == (kind, canonical)
    assert classify(claimed) == (crawler, claimed)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://gitlab.com/ada/engine", "https://gitlab.com/ada/engine.git"),
        ("https://git.sr.ht/~ada/engine", "https://git.sr.ht/~ada/engine"),
        ("https://git.example/x/engine.git", "https://git.example/x/engine.git"),
        ("https://git.example/x/engine", "https://git.example/x/engine"),
    ],
)
def test_what_git_is_asked_for(url: str, address: str) -> None:
    assert clone_address(url) == address


def test_a_declaration_names_any_address_of_git() -> None:
    declared = declare_link("ada", {"git": "https://git.example/x/engine/"}, base=Path())
    assert (declared.kind, declared.url) == ("git", "https://git.example/x/engine")
    assert declare_link("ada", {"github": "https://github.com/Ada/Engine"}, base=Path()).url == (
        "https://github.com/ada/engine"
    )
    for bad in ({"git": "https://git.example/"}, {"git": "http://git.example:99/x"}, {"github": "https://a.example/x"},
                {"git": "https://git.example/x;id"}, {"github": "https://github.com/topics/x"}):  # fmt: skip
        with pytest.raises(InputError, match=r"write it as|give https"):
            declare_link("ada", bad, base=Path())


def test_a_repository_of_another_server(host: GitHost, tools: Tools) -> None:
    class Here(GitCrawler):
        protocols = "http"

        def clone_url(self, link: Link) -> str:
            return f"{host.root}/x/engine.git"

    head = host.push("x/engine", {"a.py": b"1\n"})
    add(host.folder / "x/engine.git", "120000", git(host.folder / "x/engine.git", "rev-parse", "HEAD:a.py"), "leak")
    declared = declare_link("ada", "https://git.example/x/engine.git", base=Path())
    crawl = Here(tools).read(declared, REPOSITORIES, {})
    (document,) = crawl.documents
    assert (document.link, document.platform, document.text) == ("https://git.example/x/engine.git", "git", "1\n")
    assert crawl.skipped == {"symlink": 1}
    assert crawl.validators["commit"] != head
    assert Here(tools).read(declared, REPOSITORIES, crawl.validators).status == "unchanged"
