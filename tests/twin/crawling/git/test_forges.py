"""Addresses of repositories on GitHub and on other servers, and one of those read over real HTTP."""

from pathlib import Path

import pytest

from tests.kit.githost import GitHost
from tests.kit.repositories import add, git
from twin.authors.declarations import declare_link
from twin.crawling import Tools, classify
from twin.crawling.git.forges import clone_address
from twin.crawling.sources.repository import GitCrawler
from twin.errors import InputError
from twin.models import Category, Link

REPOSITORIES = Category.REPOSITORIES


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
