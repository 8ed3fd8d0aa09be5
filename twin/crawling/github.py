"""Git repositories, of GitHub or of this machine: one document per file, its text byte for byte as committed."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from twin.crawling.base import Crawl, Crawler, local_source, register
from twin.crawling.filerules import reason_by_content, reason_by_name, reason_by_size, selected
from twin.crawling.git import Entry, GitReader, cloned, local_repository, remote_head
from twin.errors import CrawlError
from twin.links import repository_url
from twin.models import Category, Document, Link

_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}")
_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_SYMLINK, _SUBMODULE = "120000", "160000"


@register
class RepositoryCrawler(Crawler):
    """Reads a repository of this machine at its newest commit."""

    kind: ClassVar[str] = "repository"
    version: ClassVar[str] = "repository-1"
    categories: ClassVar[tuple[Category, ...]] = (Category.REPOSITORIES,)
    place: ClassVar[Literal["url", "path"]] = "path"
    rank: ClassVar[int] = 10
    patterns: ClassVar[bool] = True

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """The root of a work tree, or a bare repository."""
        return (path / ".git").exists() or ((path / "HEAD").is_file() and (path / "objects").is_dir())

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read every file of the repository that is the author's text.

        Raises:
            CrawlError: there is no such repository, or it has no commit.
        """
        reader = local_repository(local_source(link), link.url)
        commit = reader.head()
        if validators.get("commit") == commit:
            return Crawl(status="unchanged")
        skipped: Counter[str] = Counter()
        return Crawl(_documents(reader, commit, link, category, skipped), "ok", {"commit": commit}, skipped)


@register
class GitHubCrawler(Crawler):
    """Reads a repository at its newest commit; a commit that was read already costs one request and no write."""

    kind: ClassVar[str] = "github"
    version: ClassVar[str] = "repository-1"
    categories: ClassVar[tuple[Category, ...]] = (Category.REPOSITORIES,)
    domains: ClassVar[frozenset[str]] = frozenset({"github.com"})
    patterns: ClassVar[bool] = True
    server: ClassVar[str] = "https://github.com"
    protocols: ClassVar[str] = "https"

    @classmethod
    def claim(cls, url: str) -> str | None:
        """Any address inside a repository."""
        return repository_url(url) if urlsplit(url).hostname == "github.com" else None

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read every file of the repository that is the author's text.

        Raises:
            CrawlError: there is no such repository, it cannot be reached, or it has no commit.
        """
        url = self.clone_url(link)
        if validators.get("commit") == remote_head(url, protocols=self.protocols):
            return Crawl(status="unchanged")
        crawl = Crawl()
        crawl.documents = self._cloned_documents(url, link, category, crawl)
        return crawl

    def clone_url(self, link: Link) -> str:
        """The address for git, rebuilt from owner and name: nothing else of what the user wrote reaches git."""
        parts = [part for part in urlsplit(link.url).path.split("/") if part]
        if len(parts) < 2 or not _OWNER.fullmatch(parts[0]) or not _NAME.fullmatch(parts[1].removesuffix(".git")):
            raise CrawlError(f"{link.url} names no repository: write https://github.com/<owner>/<name>.")
        return f"{self.server}/{parts[0]}/{parts[1].removesuffix('.git')}.git"

    def _cloned_documents(self, url: str, link: Link, category: Category, crawl: Crawl) -> Iterator[Document]:
        with cloned(url, protocols=self.protocols) as reader:
            commit = reader.head()
            yield from _documents(reader, commit, link, category, crawl.skipped)
        crawl.validators["commit"] = commit


def _documents(
    reader: GitReader, commit: str, link: Link, category: Category, skipped: Counter[str]
) -> Iterator[Document]:
    wanted: dict[str, list[str]] = {}  # oid -> its paths: the same content may lie at several
    for entry in reader.entries(commit):
        path, reason = _path(entry, link)
        if reason:
            skipped[reason] += 1
        else:
            wanted.setdefault(entry.oid, []).append(path)
    sizes: dict[str, int] = {}
    for oid, size in reader.sizes(list(wanted)).items():
        if reason := reason_by_size(size):
            skipped[reason] += len(wanted[oid])
        elif size is not None:
            sizes[oid] = size
    platform = "github" if link.kind == "github" else "git"
    for oid, content in reader.blobs(sizes):
        for path in wanted[oid]:
            if reason := reason_by_content(path, content):
                skipped[reason] += 1
                continue
            yield Document(
                author=link.author, category=category, link=link.url, path=path, source=link.url, platform=platform,
                text=content.decode("utf-8"), metadata={"blob": oid},
            )  # fmt: skip


def _path(entry: Entry, link: Link) -> tuple[str, str | None]:
    """The path as text, and why the file there is left out, or None."""
    try:
        path = entry.path.decode("utf-8")
    except UnicodeDecodeError:
        return "", "path_not_utf8"
    if entry.mode == _SYMLINK:
        return path, "symlink"
    if entry.mode == _SUBMODULE:
        return path, "submodule"
    if not selected(path, link.include, link.exclude):
        return path, "excluded"
    return path, reason_by_name(path)
