"""Substack: an author's export archive, and what a publication shows to everybody.

The feed shows the newest twenty or so posts in full; posts for paying readers are cut off. Older posts are found with
`/api/v1/archive`, which Substack's own pages use but which is not documented. If it does not answer as expected, only
the feed is read.
"""

import csv
import io
import json
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from twin.crawling.base import Crawl, Crawler, local_source, register
from twin.crawling.feeds.items import Feed, Item
from twin.crawling.pages.decoding import decoded
from twin.crawling.pages.fragment import fragment_markdown
from twin.crawling.sources.archive import names_in, opened
from twin.crawling.sources.publication import Pages, PublicationReader
from twin.crawling.web.fetcher import Response
from twin.errors import CrawlError, InputError
from twin.links import canonical_or_none
from twin.models import Category, Document, Link
from twin.text.moments import iso_moment

logger = logging.getLogger("twin")

ARCHIVE = "declare your own archive with `substack_export:` (on Substack, Settings > Import / Export > New export)"
_HOST = "substack.com"
_ROOTS = frozenset({"", "about", "archive", "feed", "podcast", "recommendations"})
_PAGE = 50
_MOST_POSTS = 2000
_POST_FILE = re.compile(r"(?P<id>\d+)(?:\.(?P<slug>[^/]*))?\.html")
_SUBSCRIBERS = re.compile(r"email_list\.(?P<name>[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.csv")
_COLUMNS = frozenset({"post_id", "is_published"})


@register
class SubstackCrawler(PublicationReader):
    """Reads a publication, or one post of it."""

    kind: ClassVar[str] = "substack"
    version: ClassVar[str] = "substack-1"
    domains: ClassVar[frozenset[str]] = frozenset({_HOST})

    @classmethod
    def claim(cls, url: str) -> str | None:
        """The root of a publication, or a post of it.

        Raises:
            InputError: it is one of Substack's own pages, such as a profile.
        """
        parts = urlsplit(url)
        host, names = parts.hostname or "", parts.path.split("/")[1:]
        if host == f"open.{_HOST}" and names[0] == "pub" and len(names) > 1:  # the app shares posts in this form
            host, names = f"{names[1].lower()}.{_HOST}", names[2:] or [""]
        elif host in (_HOST, f"open.{_HOST}"):
            raise InputError(
                f"{url} is one of Substack's own pages, not a publication: give the publication's address, "
                "https://NAME.substack.com."
            )
        if not host.endswith(f".{_HOST}") or names[0] == "feed" or parts.port:
            return None  # the feed crawler reads feeds
        if names[0] == "p" and len(names) > 1:
            return f"https://{host}/p/{names[1]}"
        return f"https://{host}/" if names[0] in _ROOTS else None

    @classmethod
    def owns(cls, url: str) -> bool:
        """A post, or the root of a host or its list of posts."""
        names = urlsplit(url).path.split("/")[1:]
        return (names[0] == "p" and len(names) > 1) or names[0] in ("", "archive")

    def fix_hint(self) -> str:
        """The export archive."""
        return ARCHIVE

    def read(
        self, link: Link, category: Category, validators: Mapping[str, str], page: Response | None = None
    ) -> Crawl:
        """Read a publication's feed and the pages of its older posts, or one post.

        Raises:
            CrawlError: there is no such publication or post, or it is not shown.
        """
        parts = urlsplit(link.url)
        feed = f"{parts.scheme}://{parts.netloc}/feed"
        if parts.path.startswith("/p/"):
            return self.read_article(link, category, validators, address=link.url, feeds=[feed], page=page)
        return self.read_feed(link, category, validators, feed)

    def documents(self, feed: Feed, url: str, capture: str | None, pages: Pages) -> Iterator[Document]:
        """The posts of the feed, then those that only the archive lists."""
        shown = {item.link for item in feed.items}
        yield from super().documents(feed, url, capture, pages)
        for post in self._older(url):
            item = _listed(post)
            if item is None or item.link in shown:
                continue
            if post.get("audience") not in (None, "everyone"):
                pages.crawl.skipped["paid"] += 1
            elif post.get("type") not in (None, "newsletter"):
                pages.crawl.skipped[str(post["type"])[:40]] += 1
            else:
                yield from pages.read(item)
        pages.close()

    def _older(self, url: str) -> Iterator[dict[str, Any]]:
        """The posts that the archive lists, newest first; it stops if the archive does not answer as expected."""
        origin = url.removesuffix("/feed")
        for offset in range(0, _MOST_POSTS, _PAGE):
            address = f"{origin}/api/v1/archive?sort=new&search=&offset={offset}&limit={_PAGE}"
            try:
                posts = json.loads(self.tools.fetcher.get_once(self.at(address)).content)
            except (CrawlError, ValueError, RecursionError) as error:
                logger.info("%s lists no older posts (%s): only its feed is read.", origin, error)
                return
            if not isinstance(posts, list):
                return
            yield from (post for post in posts if isinstance(post, dict))
            if len(posts) < _PAGE:
                return


def _listed(post: Mapping[str, Any]) -> Item | None:
    link = canonical_or_none(str(post.get("canonical_url") or ""))
    if link is None:
        return None
    names = [str(each.get("name") or "") for each in post.get("publishedBylines") or () if isinstance(each, dict)]
    return Item(
        link=link, key="", title=str(post.get("title") or ""), html="", base=link, teaser=True,
        author=", ".join(name for name in names if name), published_at=iso_moment(post.get("post_date")),
        subtitle=str(post.get("subtitle") or ""),
    )  # fmt: skip


@register
class SubstackExport(Crawler):
    """Reads the published posts of an export archive, including those for paying readers.

    If the archive tells the publication's name (from the name of its list of readers, which is never opened), a post's
    address is that of its page. Then an archive and a crawl of the publication give the same documents. Otherwise the
    address is the archive's with the number of the post; the cleaning stage merges the two near-duplicates.
    """

    kind: ClassVar[str] = "substack_export"
    version: ClassVar[str] = "substack-export-1"
    categories: ClassVar[tuple[Category, ...]] = (Category.ARTICLES,)
    place: ClassVar[Literal["url", "path"]] = "path"
    rank: ClassVar[int] = 20

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """A zip or folder with a table of posts and their pages next to it."""
        names = set(names_in(path))
        tables = [PurePosixPath(name) for name in names if PurePosixPath(name).name == "posts.csv"]
        return any(_files(table, names) for table in tables)

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read the published posts; the archive's other files, which contain people's addresses, are never opened.

        Raises:
            CrawlError: there is no such archive, it is damaged, or it is not a Substack export.
        """
        with opened(local_source(link), link.url) as archive:
            table = next(
                (PurePosixPath(each) for each in archive.names if PurePosixPath(each).name == "posts.csv"), None
            )
            if table is None:
                raise CrawlError(f"{link.url} has no posts.csv, so it is not a Substack export: {ARCHIVE}.")
            files = _files(table, archive.names)
            digest = archive.digest([str(table), *files.values()])
            if validators.get("sha256") == digest:
                return Crawl(status="unchanged")
            crawl = Crawl(validators={"sha256": digest})
            rows = _published(archive.read(str(table)), files, f"{link.url}: {table}", crawl.skipped)
            make = partial(
                _document, origin=_origin(archive.names), link=link, category=category, skipped=crawl.skipped
            )
            # Inside the archive's context, and limited: an export is small once its limits are checked.
            crawl.documents = [
                document
                for name, content in archive.contents(rows, crawl)
                if (document := make(rows[name], name, content))
            ]
            return crawl


def _files(table: PurePosixPath, names: Any) -> dict[str, str]:
    """Number of a post -> its page, for the pages next to the table."""
    folder = table.parent / "posts"
    found = {}
    for name in sorted(names):
        path = PurePosixPath(name)
        if path.parent == folder and (match := _POST_FILE.fullmatch(path.name)):
            found[match["id"]] = name
    return found


def _origin(names: list[str]) -> str | None:
    found = [match["name"] for name in names if (match := _SUBSCRIBERS.fullmatch(PurePosixPath(name).name))]
    return f"https://{found[0]}.{_HOST}" if len(set(found)) == 1 else None


def _published(
    content: bytes, files: Mapping[str, str], label: str, skipped: Counter[str]
) -> dict[str, dict[str, str]]:
    """Page -> row of the table, for published posts that have a page.

    Raises:
        CrawlError: it is not a table of posts.
    """
    text, _ = decoded(content, label)
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    found: dict[str, dict[str, str]] = {}
    try:
        if not set(rows.fieldnames or ()) >= _COLUMNS:
            raise CrawlError(f"{label} has no columns post_id and is_published: download the archive again.")
        for row in rows:
            named = {str(key): str(value or "") for key, value in row.items() if key}
            page = files.get(named["post_id"].partition(".")[0])
            if named["is_published"].strip().lower() != "true":
                skipped["draft"] += 1
            elif page is None:
                skipped["without_page"] += 1
            else:
                found[page] = named
    except csv.Error as error:
        raise CrawlError(f"{label} is not a table ({error}): download the archive again.") from error
    return found


def _document(
    row: Mapping[str, str],
    name: str,
    content: bytes,
    *,
    origin: str | None,
    link: Link,
    category: Category,
    skipped: Counter[str],
) -> Document | None:
    number, _, slug = PurePosixPath(name).name.removesuffix(".html").partition(".")
    page = f"{origin}/p/{slug}" if origin and slug else None
    try:
        text = fragment_markdown(decoded(content, name)[0], page or f"https://{_HOST}/")
    except CrawlError as error:
        logger.warning("%s: %s", link.url, error)
        skipped["broken"] += 1
        return None
    if not text:
        skipped["empty"] += 1
        return None
    kind, audience = row.get("type", ""), row.get("audience", "")
    metadata = {
        "subtitle": row.get("subtitle", "").strip(),
        "type": kind if kind != "newsletter" else "",
        "audience": audience if audience != "everyone" else "",
    }
    return Document(
        author=link.author, category=category, source=link.url, platform="substack", text=text,
        link=canonical_or_none(page) or f"{link.url}#{number}", title=row.get("title", "").strip() or None,
        published_at=iso_moment(row.get("post_date")),
        metadata={key: value for key, value in metadata.items() if value},
    )  # fmt: skip
