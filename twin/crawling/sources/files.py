"""Saved pages, Markdown and text on this machine: a file, a folder or a pattern; one document per file.

A saved LinkedIn page that shows a post is a post. Everything else is an article, unless the declaration says what all
the files are.
"""

import hashlib
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

from twin.crawling.base import Crawl, Crawler, local_source, register
from twin.crawling.git.filerules import reason_by_name, selected
from twin.crawling.pages.decoding import decoded
from twin.crawling.pages.extract import extract_page
from twin.crawling.pages.frontmatter import split_front_matter
from twin.crawling.pages.markup import Markup
from twin.crawling.pages.stand_ins import stand_in, stand_in_by_text
from twin.crawling.sources.archive import label_of, opened
from twin.crawling.sources.linkedin_pages import linkedin_kind, read_saved, saved_from
from twin.crawling.web.fetcher import MAX_BYTES
from twin.errors import CrawlError
from twin.links import canonical_or_none
from twin.models import Category, Document, Link
from twin.text.platforms import platform_at

logger = logging.getLogger("twin")

MAX_FILES = 100_000

_HTML = (".html", ".htm", ".xhtml")
_TEXT = (".md", ".markdown", ".mdx", ".txt", ".rst", ".org", ".adoc")
_MAGIC = re.compile(r"[*?[]")
_HEADINGS = {
    ".md": re.compile(r"#[ \t]+(.+?)[ \t]*#*"),
    ".org": re.compile(r"#\+title:[ \t]*(.+)", re.I),
    ".adoc": re.compile(r"=[ \t]+(.+)"),
}
_HEADINGS |= {".markdown": _HEADINGS[".md"], ".mdx": _HEADINGS[".md"]}
_UNDERLINE = re.compile(r"([=~*#-])\1{2,}")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_PARTS = re.compile(
    r"(.+)(?:_files|_fichiers|_archivos|_arquivos|_ficheiros|_file|_bestanden|_pliki|_soubory|_tiedostot|_dosyalar|"
    r"_elemei|_datoteke|-Dateien|-filer)"
)
"""Suffixes that browsers give the folder with the parts of a page, in the languages of Windows."""


@register
class FilesCrawler(Crawler):
    """Reads files that contain one article or one post each."""

    kind: ClassVar[str] = "files"
    version: ClassVar[str] = "files-3"
    categories: ClassVar[tuple[Category, ...]] = (Category.POSTS, Category.ARTICLES)
    place: ClassVar[Literal["url", "path"]] = "path"
    patterns: ClassVar[bool] = True
    chooses_category: ClassVar[bool] = True

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read every page and text of `category` that the link names.

        Raises:
            CrawlError: there is no file, or there are files of this category but none can be read.
        """
        crawl = Crawl()
        paths = _paths(link, crawl.skipped)
        digest = hashlib.sha256()
        for address, path in paths.items():
            content = _content(path, address) or b""
            digest.update(f"{address}\0{len(content)}\0".encode())
            digest.update(content)
        if validators.get("sha256") == digest.hexdigest():
            return Crawl(status="unchanged")
        crawl.validators["sha256"] = digest.hexdigest()
        crawl.documents = _documents(paths, _Reading(link, category, crawl))
        return crawl


@dataclass
class _Reading:
    """One reading of a link: what is requested from its files, and the result so far."""

    link: Link
    category: Category
    crawl: Crawl
    mine: int = 0  # files of the category, whether they could be read or not
    errors: list[CrawlError] = field(default_factory=list)

    def wants(self, category: Category) -> bool:
        """Whether a file whose own category is `category` is wanted; a declared category applies to all files."""
        declared = len(self.link.categories) == 1
        wanted = declared or category is self.category
        self.mine += wanted
        return wanted

    def refuse(self, error: CrawlError, reason: str, address: str) -> None:
        if address not in str(error):  # the general page reader does not know the file
            error = CrawlError(f"{address}: {error}")
        logger.warning("%s", error)
        self.errors.append(error)
        self.crawl.skipped[reason] += 1


def _paths(link: Link, skipped: Counter[str]) -> dict[str, Path]:
    """The files to read by their local addresses, which contain no folder above what was declared."""
    base, declared, pattern = local_source(link), link.url, ""
    parts = link.url.removeprefix("local:").split("/")
    magic = next((index for index, part in enumerate(parts) if _MAGIC.search(part)), None)
    if magic is not None and not base.exists():
        # Only what was declared is a pattern; the folders above it may have any name.
        base, pattern = Path(*base.parts[: magic - len(parts)]), "/".join(parts[magic:])
        declared = "local:" + "/".join(parts[:magic])
    if not base.exists():
        raise _nothing(link, skipped)
    if base.is_file():
        return {label_of(declared): _single(base, link)}
    chosen: dict[str, Path] = {}
    for seen, path in enumerate(sorted(base.glob(pattern)) if pattern else _walked(base, skipped)):
        if seen >= MAX_FILES:
            raise CrawlError(f"{link.url} names more than {MAX_FILES} files: declare the folders that hold your texts.")
        if path.is_dir() and not path.is_symlink():
            continue
        inside = path.relative_to(base).as_posix()
        reason = _reason(base, path, inside)
        if reason is None and not path.is_file():
            reason = "other_type"  # a pipe, which would block its reader forever, or a device
        if reason is None and not selected(inside, link.include, link.exclude):
            reason = "excluded"
        if reason:
            skipped[reason] += 1
            continue
        address = label_of(_joined(declared, inside))
        # Two names that differ only in their Unicode form are two files here, but would be one on another machine.
        chosen[address if address not in chosen else f"{address}~{len(chosen)}"] = path
    if not chosen:
        raise _nothing(link, skipped)
    return chosen


def _single(path: Path, link: Link) -> Path:
    """A file that was declared by its own name; of the rules, only those that protect its owner apply."""
    if reason_by_name(path.name) == "credentials":
        raise CrawlError(f"{link.url} is named like a file of credentials, which are never read: rename it.")
    if path.suffix.lower() == ".zip":
        with opened(path, link.url):
            raise CrawlError(
                f"{link.url} is a zip archive but not a known export: unpack it and declare the folder, or name "
                "its kind, such as `linkedin_export:`."
            )
    if path.suffix.lower() not in (*_HTML, *_TEXT):
        raise _nothing(link, Counter(other_type=1))
    if not selected(path.name, link.include, link.exclude):
        raise CrawlError(f"{link.url} is excluded by the patterns of its own link: remove the patterns.")
    return path


def _walked(base: Path, skipped: Counter[str]) -> Iterator[Path]:
    """Every file below `base`, except in folders that the rules leave out; each such folder is counted once."""
    for folder, folders, files in os.walk(base):  # does not follow symbolic links
        here, kept = Path(folder), []
        for name in sorted(folders):
            path = here / name
            reason = _reason(base, path / "_.md", (path / "_.md").relative_to(base).as_posix())
            if reason is None:
                kept.append(name)
            else:
                skipped[reason] += 1
        folders[:] = kept
        yield from (here / name for name in sorted(files))


def _reason(base: Path, path: Path, inside: str) -> str | None:
    """Why a file is left out because of its place or name."""
    parts = PurePosixPath(inside).parts
    folders = [base.joinpath(*parts[:depth]) for depth in range(1, len(parts))]
    if any(each.is_symlink() for each in (path, *folders)):
        return "symlink"  # it may lead out of what was declared; if it does not, its target is read anyway
    if any(part.startswith(".") for part in parts):
        return "hidden"
    if reason := reason_by_name(inside):
        return reason
    if any(map(_is_parts_of_page, folders)):
        return "part_of_page"
    return None if path.suffix.lower() in (*_HTML, *_TEXT) else "other_type"


def _is_parts_of_page(folder: Path) -> bool:
    """Whether a browser saved a folder along with a page: frames and advertisements as HTML files."""
    match = _PARTS.fullmatch(folder.name)
    return match is not None and any(folder.with_name(match[1] + suffix).exists() for suffix in _HTML)


def _joined(declared: str, inside: str) -> str:
    declared = declared.removesuffix("/.") if declared != "local:." else "local:"
    return declared + ("" if declared.endswith((":", "/")) else "/") + inside


def _content(path: Path, address: str) -> bytes | None:
    """At most one byte over the limit; None, and a warning, if the file cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        logger.warning("%s cannot be read (%s): check the file.", address, error.strerror)
        return None


def _documents(paths: dict[str, Path], reading: _Reading) -> Iterator[Document]:
    crawl, given = reading.crawl, 0
    for address, path in paths.items():
        is_page = path.suffix.lower() in _HTML
        if not is_page and not reading.wants(Category.ARTICLES):
            continue
        content = _content(path, address)
        if content is None or len(content) > MAX_BYTES:
            reading.mine += is_page  # its contents are not known, so both categories count it
            crawl.skipped["unreadable" if content is None else "too_large"] += 1
            if content is not None:
                logger.warning("%s is larger than %d MiB and is not read: split it.", address, MAX_BYTES // 2**20)
            else:
                crawl.complete = False  # it still exists, so what it gave earlier stays
                crawl.validators.clear()
            continue
        try:
            text, note = decoded(content, address)
        except CrawlError as error:
            reading.mine += is_page
            reading.refuse(error, "unknown_encoding", address)
            continue
        document = _page(text, address, reading) if is_page else _written(text, address, reading)
        if document:
            given += 1
            if note:
                logger.warning("%s is not plain UTF-8 and was read as %s: save it in UTF-8.", address, note)
                document = document.model_copy(update={"metadata": document.metadata | {"encoding": note}})
            yield document
    if reading.mine and not given:
        if len(paths) == 1 and reading.errors:
            raise reading.errors[0]
        kind = reading.category.traits.singular
        raise CrawlError(f"{reading.link.url} gives no {kind} ({_listed(crawl.skipped)}): check the files.")


def _page(html: str, address: str, reading: _Reading) -> Document | None:
    kind = linkedin_kind(html)
    if not reading.wants(Category.POSTS if kind in ("post", "wall", "other") else Category.ARTICLES):
        return None
    try:
        document = _linkedin_page(html, address, reading) if kind else _saved_page(html, address, reading)
    except CrawlError as error:
        reading.refuse(error, "not_a_post" if kind else "challenge", address)
        return None
    if document is None:
        reading.crawl.skipped["empty"] += 1
    return document


def _linkedin_page(html: str, address: str, reading: _Reading) -> Document:
    page = read_saved(html, address)
    named = {"author": page.author, "file": address}
    return Document(
        author=reading.link.author, category=reading.category, source=reading.link.url, platform="linkedin",
        link=page.link or address, title=page.title, text=page.text, published_at=page.published_at,
        metadata={name: value for name, value in named.items() if value},
    )  # fmt: skip


def _saved_page(html: str, address: str, reading: _Reading) -> Document | None:
    noted = canonical_or_none(saved_from(html))
    markup = Markup(html)
    page = extract_page(html, noted)
    # Previews are not refused: a page that a subscriber saved still says that it is not free.
    found = page.text if page else None
    if refusal := stand_in(markup, asked=noted or "", final=noted or "") or stand_in_by_text(markup, found):
        raise CrawlError(f"{address} {refusal}.")
    if page is None:
        return None
    link = canonical_or_none(page.canonical) or noted
    named = {"author": page.author, "site": page.site, "subtitle": page.subtitle, "file": address}
    return Document(
        author=reading.link.author, category=reading.category, source=reading.link.url, title=page.title,
        text=page.text, link=link or address, platform=platform_at(link) if link else "local", language=page.language,
        published_at=page.published_at, metadata={name: value for name, value in named.items() if value},
    )  # fmt: skip


def _written(text: str, address: str, reading: _Reading) -> Document | None:
    matter = split_front_matter(text)
    if matter.unread_date:
        logger.warning(
            "%s: its date, %s, is in no form that is read: write it as 2024-05-12.", address, matter.unread_date[:40]
        )
    if matter.draft or not matter.rest.strip():
        reading.crawl.skipped["draft" if matter.draft else "empty"] += 1
        return None
    link, pure = canonical_or_none(matter.canonical), PurePosixPath(address.removeprefix("local:"))
    named = {
        "author": matter.author,
        "subtitle": matter.subtitle,
        "tags": list(matter.tags),
        "file": address if link else None,
    }
    return Document(
        author=reading.link.author, category=reading.category, source=reading.link.url, link=link or address,
        platform=platform_at(link) if link else "local", text=matter.rest, language=matter.language,
        title=matter.title or _heading(matter.rest, pure.suffix.lower()) or pure.stem,
        published_at=matter.published_at, metadata={name: value for name, value in named.items() if value},
    )  # fmt: skip


def _heading(text: str, suffix: str) -> str | None:
    """The title that a text gives itself in its own markup; a comment in a code block does not count."""
    pattern, fence, before = _HEADINGS.get(suffix), "", ""
    for line in text.splitlines():
        if match := _FENCE.match(line):
            fence = "" if fence and match[1].startswith(fence) else fence or match[1]
        elif not fence and pattern and (heading := pattern.fullmatch(line)):
            return heading[1].strip()
        elif suffix == ".rst" and before.strip() and _UNDERLINE.fullmatch(line.rstrip()):
            return before.strip()
        before = line
    return None


def _nothing(link: Link, skipped: Counter[str]) -> CrawlError:
    left_out = f" ({_listed(skipped)})" if skipped else ""
    return CrawlError(f"{link.url} names no .html, .md or .txt file{left_out}: check the path.")


def _listed(skipped: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
