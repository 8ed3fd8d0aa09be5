"""dev.to, by its documented public API (developers.forem.com/api), which returns the original Markdown."""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from twin.crawling.base import Crawl, Crawler, register
from twin.crawling.sources.liquid import plain_markdown
from twin.crawling.web.fetcher import FetchError, Response
from twin.errors import ConsistencyError, CrawlError, InputError
from twin.identity import sha256
from twin.links import canonical_or_none
from twin.models import Category, Document, Link
from twin.text.moments import iso_moment

logger = logging.getLogger("twin")

ACCEPT = "application/vnd.forem.api-v1+json,application/json;q=0.9"
_SITE = "https://dev.to"
_OWN = frozenset({
    "about", "admin", "api", "badges", "challenges", "code-of-conduct", "connect", "contact", "dashboard", "discord",
    "enter", "events", "faq", "guides", "help", "latest", "listings", "login", "new", "notifications", "page", "pod",
    "podcasts", "privacy", "readinglist", "search", "settings", "signout_confirm", "t", "tags", "terms", "top",
    "videos",
})  # fmt: skip
"""First parts of paths that are dev.to's own pages, or other people's articles by topic."""

_LISTS = frozenset({"comment", "comments", "followers", "following", "series"})
_NAME = re.compile(r"\w[\w-]*")
_READ = "articles"


@register
class DevtoCrawler(Crawler):
    """Reads the articles of a member or organisation, or one article."""

    kind: ClassVar[str] = "devto"
    version: ClassVar[str] = "devto-2"
    categories: ClassVar[tuple[Category, ...]] = (Category.ARTICLES,)
    domains: ClassVar[frozenset[str]] = frozenset({"dev.to"})
    server: ClassVar[str] = _SITE
    page_size: ClassVar[int] = 250

    @classmethod
    def claim(cls, url: str) -> str | None:
        """A member or organisation, or an article.

        Raises:
            InputError: it is one of dev.to's own pages.
        """
        parts = urlsplit(url)
        names = parts.path.split("/")[1:]
        if parts.netloc != "dev.to" or names[0] == "feed":
            return None  # the feed crawler reads feeds
        if names[0] in _OWN or not _NAME.fullmatch(names[0]):
            raise InputError(f"{url} is one of dev.to's own pages: give a member, https://dev.to/NAME, or an article.")
        is_article = len(names) > 1 and names[1] not in _LISTS
        return f"{_SITE}/{'/'.join(names[: 1 + is_article])}"

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read all articles of a member, without fetching those that did not change; or one article.

        Raises:
            CrawlError: there is no such member or article, or dev.to does not answer.
        """
        names = urlsplit(link.url).path.split("/")[1:]
        if len(names) > 1:
            response = self._asked(f"/api/articles/{names[0]}/{names[1]}", validators)
            if response.unchanged:
                return Crawl(status="unchanged", validators=response.validators)
            document = _document(_object(response, link), link, category, response.capture)
            if document is None:
                raise CrawlError(f"{link.url} has no text of its own: remove the link.")
            return Crawl([document.model_copy(update={"link": link.url})], validators=response.validators)
        crawl = Crawl()
        listed = list(self._listed(names[0], link, validators, crawl))
        if crawl.status == "unchanged":
            return crawl
        if not listed:
            raise CrawlError(f"{link.url} has no published articles, or dev.to has no such user: check the address.")
        crawl.documents = self._documents(listed, link, category, crawl, frozenset(validators.get(_READ, "").split()))
        return crawl

    def _asked(self, path: str, validators: Mapping[str, str] | None = None) -> Response:
        return self.tools.fetcher.get(self.server + path, validators, accept=ACCEPT, api=True)

    def _listed(self, name: str, link: Link, validators: Mapping[str, str], crawl: Crawl) -> Iterator[dict[str, Any]]:
        """What the API says about every article, newest first: everything except the text.

        If all articles are on one page, `crawl` gets that page's validators, or is unchanged if the page is.
        """
        page = 1
        while True:
            path = f"/api/articles?username={quote(name)}&page={page}&per_page={self.page_size}"
            response = self._asked(path, validators if page == 1 else None)
            if response.unchanged:
                crawl.status, crawl.validators = "unchanged", response.validators
                return
            found = _parsed(response, link)
            if not isinstance(found, list):
                raise CrawlError(f"{link.url} cannot be listed: dev.to's API answered unexpectedly. Try again later.")
            yield from (each for each in found if isinstance(each, dict) and isinstance(each.get("id"), int))
            if len(found) < self.page_size:
                crawl.validators = dict(response.validators) if page == 1 else {}
                return
            page += 1

    def _documents(
        self, listed: list[dict[str, Any]], link: Link, category: Category, crawl: Crawl, known: frozenset[str]
    ) -> Iterator[Document]:
        read: set[str] = set()
        stopped, failure = False, None  # an overloaded server is left alone, and the next crawl continues
        for about in listed:
            key, address = _key(about), _address(about)
            if key in known and address:
                read.add(key)
                crawl.unchanged |= {address}
                continue
            document, failed = None, False
            if not stopped:
                try:
                    response = self._asked(f"/api/articles/{about['id']}")
                    document = _document(_object(response, link), link, category, response.capture)
                except (CrawlError, ConsistencyError) as error:  # a capture may be damaged
                    logger.warning("%s", error)
                    failure, failed = error, True
                    stopped = isinstance(error, CrawlError) and error.retryable
            if document:
                read.add(key)
                yield document
            elif stopped or failed:
                # What was read earlier still exists; it just was not fetched today.
                crawl.unchanged |= {address}
                crawl.skipped["left_for_the_next_crawl" if stopped else "not_readable"] += 1
            else:
                crawl.skipped["empty"] += 1
        if failure and not read:
            raise failure
        if failure:
            crawl.validators.clear()  # the next crawl asks for the list even if it did not change
        crawl.validators[_READ] = " ".join(sorted(read))


def _key(about: Mapping[str, Any]) -> str:
    """A key that tells whether an article has changed: which one it is, and when it was written or edited."""
    names = ("id", "path", "title", "edited_at", "published_timestamp", "published_at")
    return sha256("\0".join(str(about.get(name)) for name in names))[:12]


def _parsed(response: Response, link: Link) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise FetchError(f"{link.url} cannot be read: dev.to's API did not answer in JSON. Try again later.") from error


def _object(response: Response, link: Link) -> dict[str, Any]:
    found = _parsed(response, link)
    if not isinstance(found, dict):
        raise FetchError(f"{link.url} cannot be read: dev.to's API answered unexpectedly. Try again later.")
    return found


def _address(article: Mapping[str, Any]) -> str:
    return canonical_or_none(str(article.get("url") or f"{_SITE}{article.get('path') or ''}")) or ""


def _document(article: Mapping[str, Any], link: Link, category: Category, capture: str | None) -> Document | None:
    text = plain_markdown(str(article.get("body_markdown") or ""))
    address = _address(article)
    if not text or not address:
        return None
    user, organisation = article.get("user"), article.get("organization")
    canonical = str(article.get("canonical_url") or "")
    metadata = {
        "author": user.get("name") if isinstance(user, dict) else None,
        "organisation": organisation.get("name") if isinstance(organisation, dict) else None,
        "canonical": canonical if canonical != address else None,
        "subtitle": _summary(str(article.get("description") or ""), text),
        "tags": _tags(article),
        "updated_at": article.get("edited_at"),
    }
    return Document(
        author=link.author, category=category, link=address, source=link.url, platform="devto",
        title=str(article.get("title") or "").strip() or None, text=text,
        published_at=iso_moment(article.get("published_at") or article.get("published_timestamp")),
        metadata={name: value for name, value in metadata.items() if value}, capture=capture,
    )  # fmt: skip


def _summary(description: str, text: str) -> str:
    """The description, unless dev.to made it from the beginning of the text."""
    plain = " ".join(re.sub(r"[^\w\s]", "", text).split())
    begins = " ".join(re.sub(r"[^\w\s]", "", description).split())[:40]
    return "" if begins and begins in plain else description.strip()


def _tags(article: Mapping[str, Any]) -> list[str]:
    """The API gives a list under one name and a text under the other; in its list of articles it is the reverse."""
    for offered in (article.get("tags"), article.get("tag_list")):
        if isinstance(offered, list):
            return [str(tag) for tag in offered]
    return [tag.strip() for tag in str(article.get("tag_list") or "").split(",") if tag.strip()]
