"""Saved pages, Markdown and text on this machine: a file, a folder or a pattern; one document per file."""

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

from twin.crawling.base import Crawl, Crawler, local_source, register
from twin.crawling.filerules import selected
from twin.crawling.page import platform
from twin.crawling.web import MAX_BYTES
from twin.errors import CrawlError, InputError
from twin.models import Category, Document, Link

logger = logging.getLogger("twin")

_HTML = (".html", ".htm", ".xhtml")
_TEXT = (".md", ".markdown", ".txt")
_HEADING = re.compile(r"^#\s+(.+?)\s*#*$", re.M)
_MAGIC = re.compile(r"[*?[]")


@register
class FilesCrawler(Crawler):
    """Reads files that hold one article each."""

    kind: ClassVar[str] = "files"
    version: ClassVar[str] = "files-1"
    categories: ClassVar[tuple[Category, ...]] = (Category.ARTICLES,)
    place: ClassVar[Literal["url", "path"]] = "path"
    patterns: ClassVar[bool] = True
    chooses_category: ClassVar[bool] = True

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read every .html, .md and .txt file the link names.

        Raises:
            CrawlError: there is none, or one cannot be read.
        """
        crawl = Crawl()
        paths = _paths(link, crawl)
        digest = hashlib.sha256()
        for address, path in paths.items():
            content = _content(path, address) or b""
            digest.update(f"{address}\0{len(content)}\0".encode("utf-8", "surrogatepass"))
            digest.update(content)
        if validators.get("sha256") == digest.hexdigest():
            return Crawl(status="unchanged")
        crawl.validators["sha256"] = digest.hexdigest()
        crawl.documents = _documents(paths, link, category, crawl)
        return crawl


def _paths(link: Link, crawl: Crawl) -> dict[str, Path]:
    """The files to read by their local addresses, which name no folder of this machine beyond what was declared."""
    base, declared, pattern = local_source(link), link.url, ""
    parts = link.url.removeprefix("local:").split("/")
    magic = next((index for index, part in enumerate(parts) if _MAGIC.search(part)), None)
    if magic is not None and not base.exists():
        # Only what was declared is a pattern; the folders above it may be called as they like.
        base, pattern = Path(*base.parts[: magic - len(parts)]), "/".join(parts[magic:])
        declared = "local:" + "/".join(parts[:magic])
    found = [base] if not pattern and not base.is_dir() else sorted(base.glob(pattern or "**/*"))
    chosen: dict[str, Path] = {}
    for path in found:
        if path.is_dir():
            continue
        if path.suffix.lower() not in (*_HTML, *_TEXT):
            crawl.skipped["other_type"] += 1
        elif path.is_file():
            inside = path.relative_to(base).as_posix() if path != base else ""
            if not selected(inside or path.name, link.include, link.exclude):
                crawl.skipped["excluded"] += 1
                continue
            chosen[_joined(declared, inside)] = path
    if not chosen:
        raise CrawlError(f"{link.url} names no .html, .md or .txt file: check the path.")
    return chosen


def _joined(declared: str, inside: str) -> str:
    return declared + ("/" if inside and not declared.endswith((":", "/")) else "") + inside


def _content(path: Path, address: str) -> bytes | None:
    """At most one byte over the limit; None, and a warning, where the file cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        logger.warning("%s cannot be read (%s): check the file.", address, error.strerror)
        return None


def _documents(paths: dict[str, Path], link: Link, category: Category, crawl: Crawl) -> Iterator[Document]:
    given = 0
    for address, path in paths.items():
        content = _content(path, address)
        if content is None:
            crawl.skipped["unreadable"] += 1
            crawl.complete = False  # it is still there, so what it gave earlier stays
            crawl.validators.clear()
            continue
        if len(content) > MAX_BYTES:
            crawl.skipped["too_large"] += 1
            continue
        read = _saved_page if path.suffix.lower() in _HTML else _written
        try:
            document = read(content, address, link, category)
        except CrawlError as error:
            logger.warning("%s", error)
            crawl.skipped["challenge"] += 1
            continue
        if document is None:
            crawl.skipped["empty"] += 1
        else:
            given += 1
            yield document
    if not given:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(crawl.skipped.items()))
        raise CrawlError(f"{link.url} gives no article ({reasons}): check the files.")


def _saved_page(content: bytes, address: str, link: Link, category: Category) -> Document | None:
    from twin.crawling.extract import extract_page

    page = extract_page(content)
    if page is None:
        return None
    named = {"author": page.author, "site": page.site, "file": address}
    return Document(
        author=link.author, category=category, source=link.url, title=page.title, text=page.text,
        link=_canonical(page.canonical) or address, platform=platform(page.canonical) if page.canonical else "local",
        language=page.language, published_at=page.published_at,
        metadata={name: value for name, value in named.items() if value},
    )  # fmt: skip


def _written(content: bytes, address: str, link: Link, category: Category) -> Document | None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    if not text.strip():
        return None
    heading = _HEADING.search(text) if not address.endswith(".txt") else None
    return Document(
        author=link.author, category=category, link=address, source=link.url, platform="local", text=text,
        title=heading[1] if heading else PurePosixPath(address).stem,
    )  # fmt: skip


def _canonical(address: str | None) -> str | None:
    """The address that a saved page gives itself; None where it cannot be a link, since anybody may write there."""
    from twin.links import canonical_url

    try:
        return canonical_url(address) if address else None
    except InputError:
        return None
