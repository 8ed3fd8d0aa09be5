"""LinkedIn: what a member wrote, from the archive of "Get a copy of your data"; linkedin.com is never fetched."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal
from urllib.parse import unquote, urlsplit

from twin.crawling.archive import Archive, opened
from twin.crawling.base import Crawl, Crawler, local_source, register
from twin.crawling.web import LINKEDIN_STEPS
from twin.errors import CrawlError
from twin.identity import sha256
from twin.models import Category, Document, Link

_SHARES = re.compile(r"shares(_\d+)?\.csv", re.I)
_URN = re.compile(r"urn:li:(share|ugcPost|activity|groupPost):(\d+(?:-\d+)?)")
_SLUG = re.compile(r"-(share|ugcPost|activity)-(\d{10,})")
_VISIBLE = ("PUBLIC", "MEMBER_NETWORK", "")  # older exports have no such column
_NOTHING = ("", "NULL", "N/A")
_EPOCH_SHIFT = 22
"""A post id is a snowflake: its upper bits are the milliseconds since 1970."""


@register
class LinkedInPage(Crawler):
    """Answers for linkedin.com addresses: says how to get what is behind them."""

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
    """Reads posts from `Shares.csv` and articles from `Articles/*.html` of an export archive."""

    kind: ClassVar[str] = "linkedin_export"
    version: ClassVar[str] = "linkedin-export-1"
    categories: ClassVar[tuple[Category, ...]] = (Category.POSTS, Category.ARTICLES)
    place: ClassVar[Literal["url", "path"]] = "path"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """A zip, or a folder with tables in it."""
        return path.suffix.lower() == ".zip" or (path.is_dir() and any(path.glob("*.csv")))

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read the posts or articles of the archive; it has nothing else of the author.

        Raises:
            CrawlError: there is no such archive, it is damaged, or not an export.
        """
        with opened(local_source(link), link.url) as archive:
            shares = [name for name in archive.names if _SHARES.fullmatch(PurePosixPath(name).name)]
            articles = [name for name in archive.names if _is_article(PurePosixPath(name))]
            if not shares and not articles:
                raise CrawlError(
                    f"{link.url} holds neither Shares.csv nor an Articles folder, so it is not an export with posts: "
                    "ask LinkedIn for the larger data archive, under Settings > Data privacy."
                )
            names = {Category.POSTS: shares, Category.ARTICLES: articles}.get(category, [])
            digest = archive.digest(names)
            if validators.get("sha256") == digest:
                return Crawl(status="unchanged")
            crawl = Crawl(validators={"sha256": digest})
            read = _posts if category is Category.POSTS else _articles
            # Within the archive's context, and at most MAX_TOTAL: an export is small once its limits are checked.
            crawl.documents = [doc for name in names for doc in read(archive, name, link, category, crawl.skipped)]
            return crawl


def _is_article(name: PurePosixPath) -> bool:
    return name.suffix.lower() in (".html", ".htm") and any(part.lower() == "articles" for part in name.parts[:-1])


def _posts(archive: Archive, name: str, link: Link, category: Category, skipped: Counter[str]) -> Iterator[Document]:
    for row in _rows(archive.read(name), f"{link.url}: {name}"):
        text = unquote_lines(row.get("sharecommentary", "")).strip()
        if text in _NOTHING:
            skipped["repost_without_words"] += 1
            continue
        visibility = row.get("visibility", "").strip().upper()
        if visibility not in _VISIBLE:
            skipped["not_public"] += 1
            continue
        address = row.get("sharelink", "").strip()
        extra = {key: row.get(key, "").strip() for key in ("sharedurl", "mediaurl")}
        metadata = {"visibility": visibility} | {key: value for key, value in extra.items() if value not in _NOTHING}
        date = row.get("date", "").strip()
        yield Document(
            author=link.author, category=category, source=link.url, platform="linkedin", text=text,
            # Without an address the words themselves are what tells one post from another.
            link=post_link(address) if address else f"{link.url}#{sha256(date + text)[:16]}",
            published_at=_moment(date) or _moment_of_id(address),
            metadata={key: value for key, value in metadata.items() if value},
        )  # fmt: skip


def _articles(archive: Archive, name: str, link: Link, category: Category, skipped: Counter[str]) -> Iterator[Document]:
    from bs4 import BeautifulSoup

    from twin.crawling.extract import extract_page

    html = archive.read(name)
    soup = BeautifulSoup(html, "lxml")
    published = soup.select_one("p.published")
    if published is None:
        skipped["draft"] += 1
        return
    heading = soup.find("h1")
    anchor = heading.find("a") if heading else None
    address = str(anchor.get("href") or "") if anchor else ""
    title = (heading or soup.title or published).get_text(" ", strip=True)
    moment = _moment(published.get_text(" ", strip=True))
    for line in [*soup.select("p.created, p.published"), *soup.find_all("h1")]:
        line.decompose()  # it stands in the fields already
    page = extract_page(f"<html><body><article>{soup.body or soup}</article></body></html>", address or None)
    if page is None:
        skipped["empty"] += 1
        return
    yield Document(
        author=link.author, category=category, source=link.url, platform="linkedin", title=title, text=page.text,
        link=_plain(address) if address.startswith("http") else f"{link.url}#{name}",
        language=page.language, published_at=moment,
    )  # fmt: skip


def unquote_lines(field: str) -> str:
    """Undo the export's own quoting of a commentary, which wraps every line once more in quotes.

    A field in that dialect has every line but the last end with a quote and every line but the first begin with one;
    a field that has not is returned as it is.
    """
    field = field.replace("\r\n", "\n")
    lines = field.split("\n")
    wrapped = all(line.endswith('"') for line in lines[:-1]) and all(line.startswith('"') for line in lines[1:])
    if len(lines) < 2 or not wrapped:
        return field
    if _odd_quotes(field) and _odd_quotes(field[::-1]):
        field = field[1:-1]
    return field.replace('"\n"', "\n").replace('""', '"')


def post_link(address: str) -> str:
    """The one address of a post, by the type and number of its URN; the address itself where it has none."""
    plain = unquote(address)
    match = _URN.search(plain) or _SLUG.search(plain)
    return f"https://www.linkedin.com/feed/update/urn:li:{match[1]}:{match[2]}" if match else _plain(address)


def _plain(address: str) -> str:
    parts = urlsplit(address)
    return f"https://{(parts.hostname or '').lower()}{parts.path.rstrip('/')}"


def _odd_quotes(field: str) -> bool:
    """Whether the run of quotes at the beginning is odd: those of the text are doubled, a wrapping one is not."""
    return (len(field) - len(field.lstrip('"'))) % 2 == 1


def _rows(content: bytes, label: str) -> Iterator[dict[str, str]]:
    """The rows of an export's table by lower-case column name, whatever its encoding."""
    reader: Any = csv.reader(io.StringIO(_decoded(content), newline=""), strict=False)
    try:
        names = [name.strip().lower().replace(" ", "") for name in next(reader, [])]
        if "sharecommentary" not in names:
            raise CrawlError(f"{label} has no column ShareCommentary: download the archive again.")
        for row in reader:
            if row:
                yield dict(zip(names, row, strict=False))
    except csv.Error as error:
        raise CrawlError(
            f"{label}, line {reader.line_num}, is not a table ({error}): download the archive again."
        ) from error


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _moment(text: str) -> datetime | None:
    """The UTC time in `text`, such as "2026-02-24 00:09:12 UTC" or "Published on 2026-02-24 00:09"."""
    match = re.search(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?)?", text)
    try:
        return datetime.fromisoformat(match[0]).replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


def _moment_of_id(address: str) -> datetime | None:
    match = _URN.search(unquote(address)) or _SLUG.search(unquote(address))
    seconds = (int(match[2].split("-")[-1]) >> _EPOCH_SHIFT) // 1000 if match else 0
    moment = datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 4e9 else None
    return moment if moment and moment.year >= 2003 else None  # LinkedIn opened in 2003
