"""GitHub's API: the repositories of an owner, and the issues and pull requests that somebody wrote.

https://docs.github.com/rest. Lists come in pages, and each page is requested conditionally. So an unchanged list costs
one request per hundred items. The API's answers are checked before they are used.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from twin.crawling.web.fetcher import GITHUB_API, Fetcher, FetchError, Response
from twin.errors import CrawlError, InputError
from twin.links import repository_url

ACCEPT = "application/vnd.github+json"
_PER_PAGE = 100
_MAX_PAGES = 100


class RateLimitError(CrawlError):
    """The API has stopped answering for some time, or answers only with a token."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Owner(_Answer):
    login: str


A = TypeVar("A", bound=_Answer)


class Repository(_Answer):
    """One repository as the API lists it."""

    name: str
    owner: _Owner
    fork: bool = False
    private: bool = False
    pushed_at: str | None = None
    default_branch: str = ""

    @property
    def url(self) -> str:
        """Its canonical address.

        Raises:
            InputError: its name is not valid in an address.
        """
        return repository_url(f"https://github.com/{self.owner.login}/{self.name}")

    @property
    def state(self) -> str:
        """A key that changes with every push, and with the branch that HEAD names."""
        return f"{self.pushed_at} {self.default_branch}"


class Issue(_Answer):
    """One issue or pull request as the API lists it."""

    number: int
    title: str
    body: str | None = None
    created_at: datetime
    user: _Owner | None = None
    pull_request: dict[str, Any] | None = None


@dataclass(frozen=True)
class Page:
    """One page of a list: its items, and its capture, if there is one."""

    items: list[Any]
    capture: str | None


@dataclass
class Listing:
    """A list of the API.

    Args:
        pages: by address; None for an unchanged page.
        etags: address -> the server's etag for its present state.
    """

    pages: dict[str, Page | None] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return any(page is not None for page in self.pages.values())


class GitHubApi:
    """Uses GitHub's API through the fetcher, which has the token, the rate limit and the captures.

    Args:
        fetcher: the way to the web.
        root: address of the API.
    """

    def __init__(self, fetcher: Fetcher, root: str = GITHUB_API) -> None:
        self._fetcher, self._root = fetcher, root

    def repositories(self, owner: str, etags: Mapping[str, str]) -> Listing:
        """The public repositories that a person or an organisation owns, by name.

        Raises:
            CrawlError: there is no such owner, or the API does not answer.
        """
        return self._listing(f"{self._root}/users/{owner}/repos?type=owner&sort=full_name", etags)

    def issues(self, repository: str, login: str, etags: Mapping[str, str]) -> Listing:
        """The issues and pull requests of `owner/name` that `login` opened, oldest first.

        Raises:
            CrawlError: there is no such repository, or the API does not answer.
        """
        query = f"state=all&creator={login}&sort=created&direction=asc"
        return self._listing(f"{self._root}/repos/{repository}/issues?{query}", etags)

    def renamed(self, repository: str) -> str:
        """The present address of `owner/name`.

        Raises:
            CrawlError: there is none, or the API does not answer.
        """
        url = f"{self._root}/repos/{repository}"
        return _checked(Repository, _parsed(url, self._ask(url))).url

    def pages(self, listing: Listing) -> list[Page]:
        """Every page of a list; unchanged pages come from their captures, if there are any.

        Raises:
            CrawlError: the API does not answer.
        """
        return [page or self._known(url) for url, page in listing.pages.items()]

    def _known(self, url: str) -> Page:
        try:
            response = self._fetcher.offline().get(url, accept=ACCEPT, api=True)
        except CrawlError:
            response = self._ask(url)
        return _page(url, response)

    def _listing(self, url: str, etags: Mapping[str, str]) -> Listing:
        listing = Listing()
        for number in count(1):
            if number > _MAX_PAGES:
                raise CrawlError(f"{url} lists more than {_MAX_PAGES * _PER_PAGE} items: declare only some of them.")
            page = f"{url}&per_page={_PER_PAGE}&page={number}"
            response = self._ask(page, etags.get(page))
            # The page after an unchanged page was fetched last time too, since a full page is never taken for the last.
            listing.pages[page] = found = None if response.unchanged else _page(page, response)
            etag = etags.get(page) if response.unchanged else response.validators.get("etag")
            if etag:
                listing.etags[page] = etag
            following = f"{url}&per_page={_PER_PAGE}&page={number + 1}" in etags
            if not following if found is None else len(found.items) < _PER_PAGE:
                break
        return listing

    def _ask(self, url: str, etag: str | None = None) -> Response:
        try:
            return self._fetcher.get(url, {"etag": etag} if etag else None, accept=ACCEPT, api=True)
        except FetchError as error:
            if error.status in (403, 429):
                raise RateLimitError(
                    f"GitHub's API refuses {url}, most likely because its limit of 60 requests per hour is used up: "
                    "set GITHUB_TOKEN to your own token, which allows 5,000, or try again later.",
                    retryable=True,
                ) from error
            if error.status == 401:
                raise CrawlError("GitHub's API refuses the token: correct GITHUB_TOKEN, or remove it.") from error
            raise


def repositories_of(pages: list[Page], owner: str) -> list[Repository]:
    """The listed repositories that are public and belong to this owner, by address.

    Raises:
        CrawlError: the API's answer does not match its documentation.
    """
    found = {}
    for item in (item for page in pages for item in page.items):
        repository = _checked(Repository, item)
        if not repository.private and repository.owner.login.lower() == owner.lower():
            try:
                found[repository.url] = repository
            except InputError as error:
                raise CrawlError(f"GitHub's API lists a repository that cannot be read: {error}") from error
    return [found[url] for url in sorted(found)]


def issues_of(pages: list[Page], login: str) -> list[tuple[Issue, str | None]]:
    """The listed issues and pull requests that `login` wrote, each with the capture that contains it.

    Raises:
        CrawlError: the API's answer does not match its documentation.
    """
    issues = [(_checked(Issue, item), page.capture) for page in pages for item in page.items]
    return [(issue, capture) for issue, capture in issues if issue.user and issue.user.login.lower() == login.lower()]


def _page(url: str, response: Response) -> Page:
    items = _parsed(url, response)
    if not isinstance(items, list):
        raise CrawlError(f"{url} did not answer with a list: try again later.", retryable=True)
    return Page(items, response.capture)


def _parsed(url: str, response: Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise CrawlError(f"{url} did not answer in JSON: try again later.", retryable=True) from error


def _checked(model: type[A], item: Any) -> A:
    try:
        return model.model_validate(item)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "all of it"
        raise CrawlError(f"GitHub's API gave an unexpected answer ({where} of a {model.__name__.lower()}): try again "
                         "later, or update LLM Twin.") from error  # fmt: skip
