"""Git repositories, made on the spot, and the documents read from one in place."""

import os
import subprocess
from pathlib import Path

from twin.crawling.base import Crawl, Crawler
from twin.crawling.sources.repository import RepositoryCrawler
from twin.crawling.tools import Tools
from twin.crawling.web.fetcher import Fetcher
from twin.models import Category, Document, Link


def git(folder: Path, *arguments: str, stdin: bytes = b"", codes: tuple[int, ...] = (0,)) -> str:
    environment = os.environ | {
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b", "GIT_DIR": str(folder / ".git"),
        "GIT_WORK_TREE": str(folder),
    }  # fmt: skip
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, input=stdin, capture_output=True, check=False)
    if done.returncode not in codes:
        raise AssertionError(done.stderr.decode())
    return done.stdout.decode().strip()


def commit(folder: Path, files: dict[str, bytes]) -> str:
    """Commit files by content, without a work tree that could change them."""
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "init", "-q", "-b", "main")
    for path, content in files.items():
        oid = git(folder, "hash-object", "-w", "--stdin", stdin=content)
        git(folder, "update-index", "--add", "-z", "--index-info", stdin=f"100644 {oid}\t{path}\0".encode())
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


def add(folder: Path, mode: str, oid: str, path: str) -> None:
    git(folder, "update-index", "--add", "--cacheinfo", f"{mode},{oid},{path}")
    git(folder, "commit", "-q", "-m", "x")


def local(folder: Path, **options: tuple[str, ...]) -> Link:
    return Link(
        author="ada", url="local:repo", kind="repository", categories=(Category.REPOSITORIES,),
        location=str(folder), **options,
    )  # fmt: skip


def read(link: Link, crawler: type[Crawler] = RepositoryCrawler) -> tuple[dict[str, Document], Crawl]:
    crawl = crawler(Tools(Fetcher())).read(link, Category.REPOSITORIES, {})
    return {document.path or "": document for document in crawl.documents}, crawl
