"""Medium: an author's export archive, and what medium.com shows without a login, which is its feeds.

medium.com answers programs with a bot check, except for its feeds. These show the newest ten stories in full,
and only the beginning of stories for members. So the archive is the complete source, the feed the current one, and a
page the last resort.
"""

import logging
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import parse_qs, urlsplit

from twin.crawling.base import Crawl, Crawler, local_source, register
from twin.crawling.feeds.documents import story_address
from twin.crawling.pages.apart import apart
from twin.crawling.pages.fragment import fragment_markdown
from twin.crawling.pages.parsing import soup
from twin.crawling.sources.archive import names_in, opened
from twin.crawling.sources.publication import PublicationReader
from twin.crawling.web.fetcher import Response
from twin.errors import CrawlError, InputError
from twin.links import canonical_or_none, within
from twin.models import Category, Document, Link
from twin.text.moments import iso_moment
from twin.text.words import letters_of

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

logger = logging.getLogger("twin")

ARCHIVE = (
    "declare your archive with `medium_export:` (on Medium, Settings > Security and apps > Download your information)"
)
_HOST = "medium.com"
_OWN = frozenset({
    "about", "creators", "explore-topics", "jobs-at-medium", "m", "me", "membership", "new-story", "partner-program",
    "plans", "policy", "search", "tag", "tags", "topic", "topics", "u", "verified-authors",
})  # fmt: skip
"""First parts of paths that are Medium's own pages, or other people's stories by topic."""

_POST = re.compile(r"(?P<date>draft|\d{4}-\d{2}-\d{2})_.*?(?P<id>[0-9a-f]{8,12})\.html", re.S)
_TITLE_LETTERS = 20
"""This many letters of a title tell whether it is only the beginning of the text."""


@register
class MediumCrawler(PublicationReader):
    """Reads the feed of a profile or publication, and single stories from their author's feed, or else from a page."""

    kind: ClassVar[str] = "medium"
    version: ClassVar[str] = "medium-1"
    domains: ClassVar[frozenset[str]] = frozenset({_HOST})

    @classmethod
    def claim(cls, url: str) -> str | None:
        """A profile, a publication or a story; the key of a friend link stays, because without it the story is locked.

        Raises:
            InputError: it is one of Medium's own pages.
        """
        parts = urlsplit(url)
        host, names = parts.hostname or "", parts.path.split("/")[1:]
        if parts.netloc != host or not within(host, _HOST):
            return None
        if "feed" in (names[0], names[-1]):
            return None  # the feed crawler reads feeds
        if host == _HOST and (names[0] in _OWN or not names[0]):
            raise InputError(
                f"{url} is one of Medium's own pages: give a profile, https://medium.com/@NAME, a publication or a "
                "story."
            )
        origin = f"https://{host}"
        if _is_story(url):
            key = parse_qs(parts.query).get("sk", [])
            return f"{origin}{parts.path}" + (f"?sk={key[0]}" if key and re.fullmatch(r"\w+", key[0]) else "")
        return f"{origin}/{names[0]}" if host == _HOST else f"{origin}/"

    @classmethod
    def owns(cls, url: str) -> bool:
        """A story, or the root of a host."""
        return _is_story(url) or urlsplit(url).path == "/"

    def fix_hint(self) -> str:
        """The export archive."""
        return ARCHIVE

    def read(
        self, link: Link, category: Category, validators: Mapping[str, str], page: Response | None = None
    ) -> Crawl:
        """Read the newest stories of a profile or publication, or one story.

        Raises:
            CrawlError: Medium does not show it to programs, or there is no such page.
        """
        if not _is_story(link.url):
            return self.read_feed(link, category, validators, _feed_of(link.url))
        address = story_address(link.url) or link.url
        feeds = [] if urlsplit(link.url).path.startswith("/p/") else [_feed_of(link.url)]
        return self.read_article(link, category, validators, address=address, feeds=feeds, page=page)


def _is_story(url: str) -> bool:
    """Whether an address ends in the id of a story: on medium.com behind its author or publication, or behind "p"."""
    parts = urlsplit(url)
    names = parts.path.split("/")[1:]
    is_list = len(names) > 2 and names[1] == "list"
    return story_address(url) is not None and (len(names) > 1 or parts.hostname != _HOST) and not is_list


def _feed_of(url: str) -> str:
    """The feed of the profile or publication of an address."""
    parts = urlsplit(url)
    name = parts.path.split("/")[1]
    return f"https://{_HOST}/feed/{name}" if parts.hostname == _HOST else f"{parts.scheme}://{parts.netloc}/feed"


@register
class MediumExport(Crawler):
    """Reads the published stories of an export archive, including those for members; responses only if requested."""

    kind: ClassVar[str] = "medium_export"
    version: ClassVar[str] = "medium-export-1"
    categories: ClassVar[tuple[Category, ...]] = (Category.ARTICLES,)
    place: ClassVar[Literal["url", "path"]] = "path"
    rank: ClassVar[int] = 20
    optional: ClassVar[Mapping[str, tuple[Category, ...]]] = {"responses": (Category.POSTS,)}

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """A zip or folder with posts that have Medium's file names."""
        return any(_is_post(name) for name in names_in(path))

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read the stories of the archive, or for posts the responses.

        Raises:
            CrawlError: there is no such archive, it is damaged, or it is not a Medium export.
        """
        with opened(local_source(link), link.url) as archive:
            names = [name for name in archive.names if _is_post(name)]
            if not names:
                raise CrawlError(
                    f"{link.url} has no posts/*.html named as in a Medium export: ask for an export on Medium, under "
                    "Settings > Security and apps > Download your information."
                )
            digest = archive.digest(names)
            if validators.get("sha256") == digest:
                return Crawl(status="unchanged")
            crawl = Crawl(validators={"sha256": digest})
            # Inside the archive's context, and limited: an export is small once its limits are checked.
            crawl.documents = [
                document
                for name, content in archive.contents(names, crawl)
                if (document := _document(name, content, link, category, crawl.skipped))
            ]
            return crawl


def _is_post(name: str) -> bool:
    path = PurePosixPath(name)
    return path.parent.name == "posts" and _POST.fullmatch(path.name) is not None


def _document(name: str, content: bytes, link: Link, category: Category, skipped: Counter[str]) -> Document | None:
    try:
        made = _post(content, name, link, category)
    except CrawlError as error:
        logger.warning("%s: %s", link.url, error)
        made = "broken"
    if isinstance(made, Document):
        return made
    if made:
        skipped[made] += 1
    return None


@apart
def _post(content: bytes, name: str, link: Link, category: Category) -> Document | str:
    """The document of a file of the archive, or the reason why it is left out; "" if it belongs to another category."""
    named = _POST.fullmatch(PurePosixPath(name).name)
    if named is None or named["date"] == "draft":
        return "draft"
    page = soup(content, name)
    body = page.select_one(".e-content")
    if body is None:
        return "broken"
    title, subtitle = _words(page, ".p-name"), _words(page, ".p-summary")
    is_response = _is_response(body, title, subtitle)
    if is_response != (category is Category.POSTS):
        return "response" if category is Category.ARTICLES else ""
    for heading in body.select(".graf--title, .graf--subtitle"):
        heading.decompose()  # it is in the fields
    found, time = page.select_one("a.p-canonical"), page.select_one("time.dt-published")
    canonical = str(found.get("href") or "") if found else ""
    text = fragment_markdown(body.decode_contents(), canonical or "https://medium.com/")
    if not text:
        return "empty"
    metadata = {
        "author": _words(page, ".p-author"),
        "canonical": canonical_or_none(canonical),
        "subtitle": "" if is_response else subtitle,
        "tags": [each.get_text(" ", strip=True) for each in page.select(".p-tag")],
    }
    return Document(
        author=link.author, category=category, source=link.url, platform="medium", text=text,
        link=f"https://medium.com/p/{named['id']}", title=None if is_response else title or None,
        published_at=iso_moment(time.get("datetime")) if time else None,
        metadata={key: value for key, value in metadata.items() if value},
    )  # fmt: skip


def _is_response(body: "Tag", title: str, subtitle: str) -> bool:
    """Whether a post answers somebody's story.

    The archive does not say so. But only a response has neither a title in its text nor a subtitle: its name is the
    beginning of its text.
    """
    if subtitle or body.select_one(".graf--title") is not None:
        return False
    begins, name = letters_of(body.get_text(" ")), letters_of(title)
    return not name or begins.startswith(name[:_TITLE_LETTERS])


def _words(page: "BeautifulSoup", selector: str) -> str:
    found = page.select_one(selector)
    return " ".join(found.get_text(" ").split()) if found else ""
