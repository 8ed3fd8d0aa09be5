"""The main content of an HTML page as Markdown, with its code blocks exactly as they were."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from twin.errors import CrawlError
from twin.identity import sha256

MIN_WORDS = 5
"""Fewer words than this are no article, whatever page they stand on."""

_CHALLENGES = re.compile(
    r"just a moment\.\.\.|attention required! \| cloudflare|verify(ing)? (that )?you are (a )?human|access denied", re.I
)
_CHALLENGE_WORDS = 150
_BROKEN = (AssertionError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
"""What the extractor and the libraries under it raise on hostile trees; found by feeding it such."""
_TOKEN = "Codeblock {index} of this page stands here as it was written, in full and unchanged, {key}n{index}n."  # noqa: S105
_LANGUAGE = re.compile(r"(?:lang(?:uage)?|highlight-source|brush:)[-:\s]*([A-Za-z0-9+#]+)")


@dataclass(frozen=True)
class Page:
    """Main content and metadata of a page; `text` is Markdown."""

    text: str
    title: str | None
    author: str | None
    published_at: datetime | None
    language: str | None
    canonical: str | None
    site: str | None


def extract_page(html: bytes | str, url: str | None = None) -> Page | None:
    """Extract the main content of `html`; None where it has none.

    Pass bytes as they came: their encoding is read from BOM, meta tags and contents, never guessed from a header.
    Each `<pre>` is replaced by a sentence before the extraction and put back verbatim, fenced, after it, because
    extractors of prose re-indent code or drop it.

    Raises:
        CrawlError: the page is a challenge of a bot guard and not what it stands for.
    """
    from trafilatura import bare_extraction
    from trafilatura.utils import load_html

    tree = load_html(html)
    if tree is None:
        return None
    challenged = _CHALLENGES.search(tree.findtext(".//title") or "")
    canonical, language = _canonical(tree, url), _declared_language(tree)
    # A key that depends on the whole page cannot stand in it, so no text can pass for a token.
    key = f"x{sha256(html)[:16]}"
    blocks = _shield(tree, key)
    try:
        extracted: Any = bare_extraction(
            tree, url=url, output_format="python", include_comments=False, include_formatting=True, include_links=True,
            include_tables=True, with_metadata=True,
        )  # fmt: skip
    except _BROKEN as error:
        raise CrawlError(
            f"{url or 'the page'} has HTML that cannot be taken apart ({type(error).__name__}): save the page from "
            "your browser, which mends it, and declare the file with `files:`."
        ) from error
    text = _unshield(extracted.text or "", blocks, key).strip() if extracted else ""
    if challenged and len(text.split()) < _CHALLENGE_WORDS:
        raise CrawlError(
            f"{url or 'the page'} shows a check for robots and not its article: save the page from your browser and "
            "declare the file with `files:` instead."
        )
    if len(text.split()) < MIN_WORDS:
        return None
    return Page(
        text=text,
        title=extracted.title or None,
        author=extracted.author or None,
        published_at=_date(extracted.date),
        language=language or extracted.language or None,
        canonical=canonical,
        site=extracted.sitename or None,
    )


def fence(code: str, language: str = "") -> str:
    """`code` between fences that are longer than any run of backticks inside it."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{code.rstrip(chr(10))}\n{marks}"


def _shield(tree: Any, key: str) -> list[str]:
    """Replace every `<pre>` of `tree` by a token paragraph; return the fenced blocks by the number of their token."""
    blocks: list[str] = []
    for pre in list(tree.iter("pre")):
        if any(ancestor.tag == "pre" for ancestor in pre.iterancestors()) or pre.getparent() is None:
            continue
        for broken in list(pre.iter("br")):
            broken.tail = "\n" + (broken.tail or "")
        code = "".join(pre.itertext()).removeprefix("\n").replace("\r\n", "\n").replace("\xa0", " ")
        paragraph = tree.makeelement("p")
        paragraph.tail = pre.tail
        if code.strip():
            paragraph.text = _TOKEN.format(index=len(blocks), key=key)
            blocks.append(fence(code, _code_language(pre)))
        pre.getparent().replace(pre, paragraph)
    return blocks


def _unshield(text: str, blocks: list[str], key: str) -> str:
    token_line = rf"[^\n]*{key}n(\d+)n[^\n]*"
    return re.sub(token_line, lambda match: f"\n{blocks[int(match[1])]}\n", text) if blocks else text


def _code_language(pre: Any) -> str:
    for element in (pre, *pre.iter("code"), *list(pre.iterancestors())[:2]):
        match = _LANGUAGE.search(element.get("class") or "")
        if match:
            return match[1].lower()
    return ""


def _canonical(tree: Any, url: str | None) -> str | None:
    """The address that the page gives itself, if it is a full one."""
    for path, attribute in (("//link[@rel='canonical']", "href"), ("//meta[@property='og:url']", "content")):
        for element in tree.xpath(path):
            try:
                address: str = urljoin(url or "", (element.get(attribute) or "").strip())
                parts = urlsplit(address)
            except ValueError:  # anybody may write anything there, and the extractor would trip over it
                del element.attrib[attribute]
                continue
            if parts.scheme in ("http", "https") and parts.hostname:
                return address
    return None


def _declared_language(tree: Any) -> str | None:
    root = tree.getroottree().getroot()
    declared = (root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "").strip()
    return declared.replace("_", "-").split("-")[0].lower()[:3] or None


def _date(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None
