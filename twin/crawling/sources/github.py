"""GitHub: a repository, or everything that one person has there."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from twin.crawling.base import Crawl, Crawler, register
from twin.crawling.git.clone import EmptyError, MovedError, Remote, captured_commit, opened
from twin.crawling.sources.github_api import (
    GitHubApi,
    Issue,
    Listing,
    RateLimitError,
    Repository,
    issues_of,
    repositories_of,
)
from twin.crawling.sources.repository import README, VERSION, documents, head_of, read_remote, remote_of
from twin.crawling.tools import Tools
from twin.crawling.web.fetcher import GITHUB_API
from twin.errors import CrawlError, InputError
from twin.links import profile_url, repository_url
from twin.models import Category, Document, Link

logger = logging.getLogger("twin")

Answer = TypeVar("Answer")

FORKS, ISSUES = "forks", "issues"
_ETAGS, _REPOSITORIES = "etags", "repositories"
_MAX_FAILURES = 3
"""After this many timeouts in a row, the remaining repositories are left for the next run."""


@register
class GitHubCrawler(Crawler):
    """Reads one repository, or all of an owner's, at the newest commit; known commits are not cloned again."""

    kind: ClassVar[str] = "github"
    version: ClassVar[str] = VERSION
    categories: ClassVar[tuple[Category, ...]] = (Category.REPOSITORIES,)
    domains: ClassVar[frozenset[str]] = frozenset({"github.com"})
    patterns: ClassVar[bool] = True
    optional: ClassVar[Mapping[str, tuple[Category, ...]]] = {
        FORKS: (),  # for a profile: repositories copied from others
        ISSUES: (Category.POSTS,),  # issues and pull requests that the owner opened in them
        README: (Category.ARTICLES,),
    }
    server: ClassVar[str] = "https://github.com"
    api: ClassVar[str] = GITHUB_API
    protocols: ClassVar[str] = "https"

    def __init__(self, tools: Tools) -> None:
        super().__init__(tools)
        self._api = GitHubApi(tools.fetcher, self.api)

    @classmethod
    def claim(cls, url: str) -> str | None:
        """Any address inside a repository, and the page of a person or an organisation."""
        for form in (repository_url, profile_url):
            try:
                return form(url)
            except InputError:
                continue
        return None

    @classmethod
    def declared(cls, url: str) -> str:
        """The same; nothing else can be read.

        Raises:
            InputError: it is neither.
        """
        if claimed := cls.claim(url):
            return claimed
        raise InputError(f"{url} is not a repository or owner: give https://github.com/OWNER/NAME or .../OWNER.")

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read the files, the READMEs or the issues of one repository, or of every repository of a profile.

        Raises:
            CrawlError: there is no such repository or owner, or it cannot be reached. Errors of a clone are raised
                while the documents are consumed.
        """
        names = _names(link.url)
        if category is Category.POSTS:
            return self._issues(link, names, validators)
        if len(names) == 1:
            return self._profile(link, names[0], category, validators)
        remote = remote_of(self.clone_url(link), self.tools, protocols=self.protocols)
        return self._following(
            remote, lambda found: read_remote(found, link, category, validators, self.tools, platform=self.kind)
        )

    def clone_url(self, link: Link) -> str:
        """The address for git, rebuilt from owner and name: nothing else that the user wrote reaches git."""
        try:
            return self._clone_url(repository_url(link.url))
        except InputError as error:
            raise CrawlError(f"{link.url} does not name a repository: write https://github.com/OWNER/NAME.") from error

    def _clone_url(self, repository: str) -> str:
        return f"{self.server}{urlsplit(repository).path}.git"

    def _following(self, remote: Remote, ask: Callable[[Remote], Answer]) -> Answer:
        """The result of `ask`; if the repository was renamed, a second try at the address that the API gives."""
        try:
            return ask(remote)
        except MovedError:
            path = urlsplit(remote.url).path.removeprefix("/").removesuffix(".git")
            owner_and_name = "/".join(path.split("/")[-2:])
            return ask(replace(remote, moved_to=self._clone_url(self._api.renamed(owner_and_name))))

    def _profile(self, link: Link, owner: str, category: Category, validators: Mapping[str, str]) -> Crawl:
        listing = self._api.repositories(owner, _parsed(validators, _ETAGS))
        if not listing.changed:
            return Crawl(status="unchanged")
        crawl = Crawl()
        listed = self._listed(listing, owner, link, crawl.skipped)
        known = {url: _Known(**state) for url, state in _parsed(validators, _REPOSITORIES).items()}
        reading = _ProfileReading(self, link, category, crawl, known)
        crawl.documents = reading.documents(listed, listing)
        if self.tools.fetcher.is_offline and not any(reading.is_captured(repository) for repository in listed):
            raise CrawlError(f"{link.url} cannot be read offline: none of its repositories was captured.")
        return crawl

    def _listed(self, listing: Listing, owner: str, link: Link, skipped: Counter[str]) -> list[Repository]:
        found = repositories_of(self._api.pages(listing), owner)
        if FORKS in link.also:
            return found
        skipped["fork"] += sum(repository.fork for repository in found)
        return [repository for repository in found if not repository.fork]

    def _issues(self, link: Link, names: list[str], validators: Mapping[str, str]) -> Crawl:
        etags, crawl = _parsed(validators, _ETAGS), Crawl()
        listings: dict[str, Listing] = {}
        addresses = [link.url]
        if len(names) == 1:
            listings[link.url] = owned = self._api.repositories(names[0], etags)
            addresses = [repository.url for repository in self._listed(owned, names[0], link, crawl.skipped)]
        failed = 0
        for address in addresses:
            try:
                listings[f"{address}/issues"] = self._api.issues("/".join(_names(address)), names[0], etags)
            except RateLimitError:
                raise
            except CrawlError as error:
                if len(names) == 2:
                    raise
                logger.warning("%s", error)
                failed += 1
                if failed == len(addresses):
                    raise
        if not failed and not any(listing.changed for listing in listings.values()):
            return Crawl(status="unchanged")
        if failed:
            crawl.complete = False  # what the others gave earlier stays, and the next run looks again
            crawl.skipped["repository_failed"] = failed
        else:
            crawl.validators[_ETAGS] = _json({k: v for each in listings.values() for k, v in each.etags.items()})
        found = {address: listings.get(f"{address}/issues") for address in addresses}
        crawl.documents = [
            document
            for address, listing in found.items()
            if listing is not None
            for issue, capture in issues_of(self._api.pages(listing), names[0])
            if (document := _post(issue, capture, address, link, crawl.skipped))
        ]
        return crawl


@dataclass(frozen=True)
class _Known:
    """What is known about a repository of a profile: its state in the API's list, its commit, and what was skipped."""

    state: str
    commit: str
    skipped: dict[str, int] = field(default_factory=dict)


class _ProfileReading:
    """The repositories of one profile, read one after another; a failing one does not affect the others."""

    def __init__(
        self, crawler: GitHubCrawler, link: Link, category: Category, crawl: Crawl, known: dict[str, _Known]
    ) -> None:
        self.crawler, self.tools = crawler, crawler.tools
        self.link, self.category, self.crawl = link, category, crawl
        self.before, self.now = known, dict[str, _Known]()
        self.offline = self.tools.fetcher.is_offline

    def documents(self, repositories: list[Repository], listing: Listing) -> Iterator[Document]:
        """The documents of the repositories that changed; `crawl` records the others, and what to remember."""
        failures: list[CrawlError] = []
        in_a_row = 0
        for repository in repositories:
            try:
                if in_a_row >= _MAX_FAILURES:
                    raise CrawlError(f"{repository.url} was skipped, because the ones before it did not answer.")
                yield from self._one(repository)
                in_a_row = 0
            except CrawlError as error:
                logger.warning("%s", error)
                failures.append(error)
                in_a_row += error.retryable or in_a_row >= _MAX_FAILURES
                # What it gave earlier stays. Its recorded state is forgotten, so that it is read again.
                self._keep(repository)
                self.crawl.skipped["repository_failed"] += 1
        if failures and len(failures) == len(repositories):
            raise CrawlError(f"None of the repositories of {self.link.url} can be read; the first: {failures[0]}")
        self.crawl.validators[_REPOSITORIES] = _json({url: vars(known) for url, known in self.now.items()})
        if not failures and not self.offline:
            self.crawl.validators[_ETAGS] = _json(listing.etags)

    def is_captured(self, repository: Repository) -> bool:
        return captured_commit(self.tools, self.crawler._clone_url(repository.url)) is not None

    def _one(self, repository: Repository) -> Iterator[Document]:
        before = self.before.get(repository.url)
        if before and before.state == repository.state and not self.offline:
            self._unchanged(repository, before)
            return
        remote = remote_of(self.crawler._clone_url(repository.url), self.tools, protocols=self.crawler.protocols)
        try:
            remote, commit = self._head(remote)
        except EmptyError:
            self.crawl.skipped["repository_empty"] += 1
            self.now[repository.url] = _Known(repository.state, "", {"repository_empty": 1})
            return
        if before and before.commit == commit:
            self._unchanged(repository, replace(before, state=repository.state))
            return
        skipped: Counter[str] = Counter()
        with opened(remote, commit, self.tools, offline=self.offline) as (reader, capture):
            found = reader.head()
            yield from documents(
                reader, found, self.link, self.category, skipped, address=repository.url,
                platform=self.crawler.kind, capture=capture,
            )  # fmt: skip
        self.crawl.skipped.update(skipped)
        # A capture may be older than the list, so the list proves nothing about it.
        self.now[repository.url] = _Known("" if self.offline else repository.state, found, dict(skipped))

    def _head(self, remote: Remote) -> tuple[Remote, str]:
        return self.crawler._following(remote, lambda each: (each, head_of(each, self.tools)))

    def _unchanged(self, repository: Repository, known: _Known) -> None:
        self._keep(repository)
        self.now[repository.url] = known
        self.crawl.skipped.update(known.skipped)

    def _keep(self, repository: Repository) -> None:
        anchor = f"#{README}" if self.category is Category.ARTICLES else ""
        self.crawl.unchanged |= {repository.url + anchor}


def _post(issue: Issue, capture: str | None, repository: str, link: Link, skipped: Counter[str]) -> Document | None:
    if not (issue.body or "").strip():
        skipped["empty"] += 1
        return None
    kind = "pull" if issue.pull_request is not None else "issues"
    return Document(
        author=link.author, category=Category.POSTS, link=f"{repository}/{kind}/{issue.number}", source=link.url,
        platform="github", title=issue.title, text=issue.body or "", published_at=issue.created_at,
        metadata={"kind": "pull_request" if kind == "pull" else "issue"}, capture=capture,
    )  # fmt: skip


def _names(url: str) -> list[str]:
    """Owner, or owner and name, from a canonical address."""
    return [part for part in urlsplit(url).path.split("/") if part]


def _parsed(validators: Mapping[str, str], name: str) -> dict[str, Any]:
    found = json.loads(validators.get(name, "{}"))
    return found if isinstance(found, dict) else {}


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
