"""From a commit to documents: one for each file that is the author's text, byte for byte as committed."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Literal

from twin.crawling.base import Crawl, Crawler, local_source, register
from twin.crawling.git.clone import Remote, captured_commit, never_captured, opened
from twin.crawling.git.filerules import is_readme, reason_by_content, reason_by_name, reason_by_size, selected
from twin.crawling.git.forges import clone_address, forge_repository
from twin.crawling.git.reader import Entry, GitReader, local_repository
from twin.crawling.git.treerules import TreeRules
from twin.crawling.tools import Tools
from twin.errors import InputError
from twin.models import Category, Document, Link

logger = logging.getLogger("twin")

VERSION = "repository-2"
"""Version of the file rules, for every crawler of repositories: increase it when they would choose other files."""

README = "readme"
MISSING = "missing"
"""The reason for a file whose content is missing from the repository, although nothing was left out on purpose."""

_SYMLINK, _SUBMODULE = "120000", "160000"
_MAX_PATH = 4096


def documents(
    reader: GitReader,
    commit: str,
    link: Link,
    category: Category,
    skipped: Counter[str],
    *,
    address: str | None = None,
    platform: str = "git",
    capture: str | None = None,
) -> Iterator[Document]:
    """The documents of one commit: its files as `repositories`, its READMEs as `articles`.

    Args:
        reader: reader of the repository.
        commit: id of the commit.
        link: the link that is being read.
        category: category of the documents.
        skipped: counts the files that are left out, by reason; complete once the documents are consumed.
        address: canonical address of the repository, if it is not the link's own.
        platform: platform of the documents.
        capture: sha256 of what was fetched.

    Raises:
        CrawlError: git cannot read the repository.
    """
    repository = address or link.url
    reading = _Reading(reader, link, skipped)
    chosen = reading.files(commit) if category is Category.REPOSITORIES else reading.readmes(commit)
    # As an article, a file has a different id than in the repository. GitHub shows the README under this anchor.
    place = repository if category is Category.REPOSITORIES else f"{repository}#{README}"
    for path, oid, content in chosen:
        yield Document(
            author=link.author, category=category, link=place, path=path, source=link.url, platform=platform,
            text=content.decode("utf-8"), metadata={"blob": oid}, capture=capture,
            title=_title(path, repository) if category is Category.ARTICLES else None,
        )  # fmt: skip


class _Reading:
    """One commit being read by the rules."""

    def __init__(self, reader: GitReader, link: Link, skipped: Counter[str]) -> None:
        self.reader, self.link, self.skipped = reader, link, skipped
        self.spared: dict[str, frozenset[str]] = {}  # path -> reasons that its attributes overrule
        self.missing = "too_large" if reader.filtered else MISSING

    def files(self, commit: str) -> Iterator[tuple[str, str, bytes]]:
        """Path, oid and content of every file that is the author's text."""
        entries = self.reader.entries(commit)
        rules = TreeRules.of(self.reader, entries)
        wanted: dict[str, list[str]] = {}  # oid -> its paths: several paths may have the same content
        for entry in entries:
            path, reason = _path(entry)
            reason = reason or self._reason(path, rules)
            if reason:
                self.skipped[reason] += 1
            else:
                wanted.setdefault(entry.oid, []).append(path)
        yield from self._read(wanted)

    def readmes(self, commit: str) -> Iterator[tuple[str, str, bytes]]:
        """Path, oid and content of the READMEs of the whole repository, one for each language."""
        wanted: dict[str, list[str]] = {}
        for entry in self.reader.entries(commit):
            path, reason = _path(entry)
            if is_readme(path) and not reason:
                wanted.setdefault(entry.oid, []).append(path)
        yield from self._read(wanted)

    def _reason(self, path: str, rules: TreeRules) -> str | None:
        if not selected(path, self.link.include, self.link.exclude):
            return "excluded"
        said = rules.said(path)
        spared = frozenset(reason for reason, holds in said.items() if not holds)
        if spared:
            self.spared[path] = spared | {"minified"} if "generated" in spared else spared
        # By name first, so that a credentials file is called one even if it was ignored.
        if reason := reason_by_name(path, self.spared.get(path, frozenset())):
            return reason
        return next((reason for reason, holds in said.items() if holds), "gitignored" if rules.ignored(path) else None)

    def _read(self, wanted: Mapping[str, list[str]]) -> Iterator[tuple[str, str, bytes]]:
        sizes: dict[str, int] = {}
        for oid, size in self.reader.sizes(list(wanted)).items():
            kept = []
            for path in wanted[oid]:
                if reason := self.missing if size is None else reason_by_size(size, path):
                    self.skipped[reason] += 1
                else:
                    kept.append(path)
            wanted[oid][:] = kept
            if kept and size is not None:
                sizes[oid] = size
        for oid, content in self.reader.blobs(sizes):
            for path in wanted[oid]:
                if reason := reason_by_content(path, content, self.spared.get(path, frozenset())):
                    self.skipped[reason] += 1
                else:
                    yield path, oid, content


def _path(entry: Entry) -> tuple[str, str | None]:
    """The path as text, and the reason if it is not a file to read, or None."""
    try:
        path = entry.path.decode("utf-8")
    except UnicodeDecodeError:
        return "", "path_not_utf8"
    if entry.mode == _SYMLINK:
        return path, "symlink"
    if entry.mode == _SUBMODULE:
        return path, "submodule"
    # Git itself makes no such tree; somebody built it to write to the place where the files are unpacked.
    parts = path.lower().split("/")
    if not entry.is_file or len(path) > _MAX_PATH or any(part in ("", ".", "..", ".git") for part in parts):
        return path, "unsafe_path"
    return path, None


def _title(path: str, repository: str) -> str:
    name = repository.removeprefix("local:").rstrip("/").rsplit("/", 1)[-1]
    return f"{name}: {path}"


@register
class RepositoryCrawler(Crawler):
    """Reads a repository on this machine in place, at its newest commit; the network is never used."""

    kind: ClassVar[str] = "repository"
    version: ClassVar[str] = VERSION
    categories: ClassVar[tuple[Category, ...]] = (Category.REPOSITORIES,)
    place: ClassVar[Literal["url", "path"]] = "path"
    rank: ClassVar[int] = 10
    patterns: ClassVar[bool] = True
    optional: ClassVar[Mapping[str, tuple[Category, ...]]] = {README: (Category.ARTICLES,)}

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
        crawl = Crawl()

        def read() -> Iterator[Document]:
            yield from documents(reader, commit, link, category, crawl.skipped)
            if missing := crawl.skipped[MISSING]:
                logger.warning("%s lacks %d of its files: run `git fsck` in it, or fetch them.", link.url, missing)
                crawl.complete = False  # they are still the author's: what they gave earlier stays
            else:
                crawl.validators["commit"] = commit

        crawl.documents = read()
        return crawl


@register
class GitCrawler(Crawler):
    """Reads a repository on any server at its newest commit; a known commit costs one request."""

    kind: ClassVar[str] = "git"
    version: ClassVar[str] = VERSION
    categories: ClassVar[tuple[Category, ...]] = (Category.REPOSITORIES,)
    rank: ClassVar[int] = 10
    patterns: ClassVar[bool] = True
    optional: ClassVar[Mapping[str, tuple[Category, ...]]] = {README: (Category.ARTICLES,)}
    protocols: ClassVar[str] = "https"

    @classmethod
    def claim(cls, url: str) -> str | None:
        """What ends in `.git`, and any address inside a repository of a known forge."""
        return forge_repository(url)

    @classmethod
    def declared(cls, url: str) -> str:
        """The same, or the address as it is: an author who names the kind knows that it is a repository."""
        if found := forge_repository(url, declared=True):
            return found
        raise InputError(f"{url} is not the address of a repository: write it as for git, https://HOST/PATH.")

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read every file of the repository that is the author's text.

        Raises:
            CrawlError: there is no such repository, it cannot be reached, or it has no commit.
        """
        remote = remote_of(self.clone_url(link), self.tools, protocols=self.protocols)
        return read_remote(remote, link, category, validators, self.tools, platform="git")

    def clone_url(self, link: Link) -> str:
        """The address for git, rebuilt from checked parts.

        Raises:
            CrawlError: it is not the address of a repository.
        """
        return clone_address(link.url)


def remote_of(url: str, tools: Tools, *, protocols: str) -> Remote:
    """A remote repository with the fetcher's limits."""
    fetcher = tools.fetcher
    return Remote(url, protocols=protocols, allow_loopback=fetcher.allow_loopback, ports=fetcher.ports)


def head_of(remote: Remote, tools: Tools) -> str:
    """The commit to read: the remote's newest, or offline the captured one.

    Raises:
        MovedError: the repository has moved.
        EmptyError: it has no commit.
        CrawlError: it cannot be read, or was never captured.
    """
    if not tools.fetcher.is_offline:
        return remote.head()
    if commit := captured_commit(tools, remote.url):
        return commit
    raise never_captured(remote.url)


def read_remote(
    remote: Remote, link: Link, category: Category, validators: Mapping[str, str], tools: Tools, *, platform: str
) -> Crawl:
    """Read one remote repository, unless the validators say that its commit was read already.

    Raises:
        CrawlError: it cannot be read; errors of the clone are raised while the documents are consumed.
    """
    commit = head_of(remote, tools)
    if validators.get("commit") == commit:
        return Crawl(status="unchanged")
    crawl = Crawl()

    def cloned() -> Iterator[Document]:
        with opened(remote, commit, tools, offline=tools.fetcher.is_offline) as (reader, capture):
            found = reader.head()  # somebody may have pushed in the meantime
            yield from documents(reader, found, link, category, crawl.skipped, platform=platform, capture=capture)
        crawl.validators["commit"] = found

    crawl.documents = cloned()
    return crawl
