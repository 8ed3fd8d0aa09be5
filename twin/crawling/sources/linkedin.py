"""LinkedIn: what a member wrote, from the archive of "Get a copy of your data"; linkedin.com is never fetched.

In an archive, only the tables of posts, the articles and, if requested, the table of comments are opened; never
messages, connections or addresses.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal
from urllib.parse import unquote

from twin.crawling.base import Crawl, Crawler, local_source, register
from twin.crawling.pages.apart import apart
from twin.crawling.pages.decoding import decoded
from twin.crawling.pages.fragment import fragment_markdown
from twin.crawling.sources.archive import Archive, names_in, opened
from twin.crawling.sources.linkedin_pages import moment_of_id, moment_of_post, parsed, plain_link, post_link
from twin.crawling.sources.linkedin_tables import comments, shares
from twin.crawling.web.addresses import LINKEDIN_STEPS
from twin.crawling.web.fetcher import MAX_BYTES
from twin.errors import CrawlError
from twin.identity import sha256
from twin.models import Category, Document, Link
from twin.text.moments import iso_moment

logger = logging.getLogger("twin")

COMMENTS = "comments"
NON_PUBLIC = "non_public"

_SHARES = re.compile(r"shares(_\d+)?\.csv", re.I)
_COMMENTS = re.compile(r"comments(_\d+)?\.csv", re.I)
_MARKS = re.compile(r"(shares|comments|reactions|connections|profile|rich_media|invitations)(_\d+)?\.csv", re.I)
"""Tables that only LinkedIn's export has together; each of them alone may come from anywhere."""

_VISIBLE = ("PUBLIC", "MEMBER_NETWORK", "")
"""Visibilities that include everybody, or every member; older exports have no such column."""

_NOTHING = ("", "NULL", "N/A")
_COMMENT_ID = re.compile(r"urn:li:comment:\([^()]*?,([0-9]{10,20})\)")
_TOLERANCE = timedelta(days=2)
"""A larger difference between the date of a post and the time in its id gives a warning."""


@register
class LinkedInPage(Crawler):
    """Handles linkedin.com addresses: says how to get what is behind them."""

    kind: ClassVar[str] = "linkedin"
    version: ClassVar[str] = "linkedin-page-1"
    categories: ClassVar[tuple[Category, ...]] = (Category.POSTS, Category.ARTICLES)
    domains: ClassVar[frozenset[str]] = frozenset({"linkedin.com", "lnkd.in"})

    @classmethod
    def claim(cls, url: str) -> str | None:
        """Every address of LinkedIn."""
        return url

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Skip the link, with the steps to get an export."""
        del category, validators
        return Crawl(status="skipped", message=f"{link.url}: {LINKEDIN_STEPS}.")


@register
class LinkedInExport(Crawler):
    """Reads posts from `Shares.csv` and articles from `Articles/*.html` of an export archive.

    Comments (they are short and answer what others wrote) and posts with limited visibility are read only if the link
    asks for them.
    """

    kind: ClassVar[str] = "linkedin_export"
    version: ClassVar[str] = "linkedin-export-2"
    categories: ClassVar[tuple[Category, ...]] = (Category.POSTS, Category.ARTICLES)
    place: ClassVar[Literal["url", "path"]] = "path"
    optional: ClassVar[Mapping[str, tuple[Category, ...]]] = {
        COMMENTS: (Category.POSTS,),
        NON_PUBLIC: (Category.POSTS,),
    }

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """A zip or folder that has `Shares.csv`, `Articles/Articles/*.html`, or two other tables of an export."""
        names = [PurePosixPath(name) for name in names_in(path)]
        marks = {match[1] for name in names if (match := _MARKS.fullmatch(name.name))}
        nested = any(
            name.suffix.lower() == ".html" and [part.lower() for part in name.parts[-3:-1]] == ["articles"] * 2
            for name in names
        )
        # Only LinkedIn's own spelling: a `shares.csv` may well list somebody's stocks.
        return nested or "Shares" in marks or len({mark.lower() for mark in marks}) > 1

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read the posts or articles of the archive.

        Raises:
            CrawlError: there is no such archive, it is damaged or a zip bomb, or it is not an export.
        """
        with opened(local_source(link), link.url) as archive:
            tables = _named(archive, _SHARES)
            answers = _named(archive, _COMMENTS) if COMMENTS in link.also else []
            articles = [name for name in archive.names if _is_article(PurePosixPath(name))]
            if not tables and not articles and not answers:
                raise CrawlError(
                    f"{link.url} has neither Shares.csv nor an Articles folder, so it is not an export with posts: ask "
                    "LinkedIn for the larger data archive, under Settings > Data privacy."
                )
            names = {Category.POSTS: [*tables, *answers], Category.ARTICLES: articles}.get(category, [])
            digest = archive.digest(names)
            if validators.get("sha256") == digest:
                return Crawl(status="unchanged")
        crawl = Crawl(validators={"sha256": digest})
        crawl.documents = _read(names, link, category, crawl)
        return crawl


def _read(names: list[str], link: Link, category: Category, crawl: Crawl) -> Iterator[Document]:
    """The documents of some files of the archive, one after another; it is opened again when they are consumed."""
    with opened(local_source(link), link.url) as archive:
        for name, content in archive.contents(names, crawl):
            yield from _documents(name, content, link, category, crawl.skipped)


def _named(archive: Archive, pattern: re.Pattern[str]) -> list[str]:
    return [name for name in archive.names if pattern.fullmatch(PurePosixPath(name).name)]


def _is_article(name: PurePosixPath) -> bool:
    return name.suffix.lower() in (".html", ".htm") and any(part.lower() == "articles" for part in name.parts[:-1])


def _documents(name: str, content: bytes, link: Link, category: Category, skipped: Counter[str]) -> Iterator[Document]:
    label = f"{link.url}: {name}"
    if category is Category.ARTICLES:
        yield from _articles(name, content, link, skipped)
    elif _SHARES.fullmatch(PurePosixPath(name).name):
        yield from _posts(label, content, link, skipped)
    else:
        yield from _comments(label, content, link, skipped)


def _posts(label: str, content: bytes, link: Link, skipped: Counter[str]) -> Iterator[Document]:
    apart = 0
    for row in shares(content, label, skipped):
        text = row.get("sharecommentary", "").strip()
        if text in _NOTHING:
            skipped["repost_without_words"] += 1
            continue
        visibility = row.get("visibility", "").strip().upper()
        if visibility not in _VISIBLE and NON_PUBLIC not in link.also:
            skipped["not_public"] += 1
            continue
        address, date = row.get("sharelink", "").strip(), row.get("date", "").strip()
        written, by_id = _moment(date), moment_of_post(address)
        apart += bool(written and by_id and abs(written - by_id) > _TOLERANCE)
        metadata = {"visibility": visibility} | {key: row.get(key, "").strip() for key in ("sharedurl", "mediaurl")}
        yield Document(
            author=link.author, category=Category.POSTS, source=link.url, platform="linkedin", text=text,
            # Without an address, only the words tell one post from another.
            link=post_link(address) or f"{link.url}#{sha256(date + text)[:16]}",
            published_at=written or by_id,
            metadata={key: value for key, value in metadata.items() if value not in _NOTHING},
        )  # fmt: skip
    if apart:
        logger.warning(
            "%s: %d posts have a date that is more than %d days away from the time in their ids. The dates are kept: "
            "check that no other program wrote the file.", label, apart, _TOLERANCE.days,
        )  # fmt: skip


def _comments(label: str, content: bytes, link: Link, skipped: Counter[str]) -> Iterator[Document]:
    """Each comment of the author; the post that it answers belongs to somebody else, so only its address is kept."""
    for row in comments(content, label, skipped):
        text = row.get("message", "").strip()
        if text in _NOTHING:
            skipped["comment_without_words"] += 1
            continue
        address, date = row.get("link", "").strip(), row.get("date", "").strip()
        post = post_link(address)
        own = _COMMENT_ID.search(unquote(address))
        yield Document(
            author=link.author, category=Category.POSTS, source=link.url, platform="linkedin", text=text,
            # Several comments may answer one post, and the table gives them no ids.
            link=f"{post or link.url}#comment-{sha256(f'{date}{chr(0)}{text}')[:16]}",
            published_at=_moment(date) or (moment_of_id(own[1]) if own else None),
            metadata={"comment_on": post} if post else {},
        )  # fmt: skip


def _articles(name: str, content: bytes, link: Link, skipped: Counter[str]) -> Iterator[Document]:
    label = f"{link.url}: {name}"
    if len(content) > MAX_BYTES:
        logger.warning("%s is larger than %d MiB and was left out: check the file.", label, MAX_BYTES // 2**20)
        skipped["too_large"] += 1
        return
    try:
        html, note = decoded(content, label)
        if note:
            logger.warning("%s is not plain UTF-8 and was read as %s.", label, note)
        made = _article(html, label, name, link)
    except CrawlError as error:
        logger.warning("%s", error)
        skipped["unreadable"] += 1
        return
    if isinstance(made, Document):
        yield made
    else:
        skipped[made] += 1


@apart
def _article(html: str, label: str, name: str, link: Link) -> Document | str:
    """The document of a page of the archive, or the reason why it is left out."""
    from lxml.html import tostring

    tree: Any = parsed(html, label)
    published = None if tree is None else next(iter(tree.xpath("//p[@class='published']")), None)
    if published is None:
        return "draft" if tree is not None else "empty"
    moment = _moment(published.text_content())
    heading = next(tree.iter("h1"), None)
    addresses = [] if heading is None else [each.get("href") or "" for each in heading.iter("a")]
    address = next((each for each in addresses if each.startswith(("http://", "https://"))), "")
    title = " ".join((heading.text_content() if heading is not None else tree.findtext(".//title") or "").split())
    for line in [
        *tree.xpath("//p[@class='created' or @class='published']"),
        *tree.xpath("//h1"),
        *tree.xpath("//head"),
    ]:
        line.drop_tree()  # it is in the fields already
    try:
        text = fragment_markdown(tostring(tree, encoding="unicode"), address)
    except CrawlError as error:  # it names the address, which may be missing
        raise CrawlError(f"{label} is nested too deeply to be read: download the archive again.") from error
    if not text:
        return "empty"
    return Document(
        author=link.author, category=Category.ARTICLES, source=link.url, platform="linkedin", title=title or None,
        text=text, link=plain_link(address) or f"{link.url}#{name}", published_at=moment,
    )  # fmt: skip


def _moment(text: str) -> datetime | None:
    """The UTC time in `text`, such as "2026-02-24 00:09:12 UTC" or "Published on 2026-02-24 00:09"."""
    match = re.search(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?)?", text)
    return iso_moment(match[0]) if match else None
