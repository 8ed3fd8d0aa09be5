"""Convert HTML that is only an article to Markdown: the contents of feeds and export archives.

In a page the article has to be found, and extractors drop what looks like page furniture. Here everything is the
author's, so everything is kept in its order: short last paragraphs, lists of links, captions. Code is kept verbatim and
found as on pages. An embed (a gist, a video, a tweet) becomes its link, and a picture only its caption.
"""

import json
import re
from urllib.parse import urljoin, urlsplit

from twin.crawling.pages.apart import apart
from twin.crawling.pages.codeblocks import Shield
from twin.crawling.pages.parsing import fragment_tree
from twin.crawling.pages.trees import Element
from twin.errors import CrawlError, InputError
from twin.identity import sha256
from twin.links import canonical_url

_DROPPED = frozenset({"style", "template", "noscript", "svg", "form", "button", "input", "select", "textarea", "head"})
_EMBEDS = frozenset({"script", "iframe", "embed", "object", "video", "audio"})
_TRANSPARENT = frozenset({
    "address", "article", "aside", "body", "center", "dd", "details", "div", "dl", "dt", "figcaption", "figure",
    "footer", "header", "html", "main", "nav", "p", "picture", "section", "summary",
})  # fmt: skip
_BLOCKS = _TRANSPARENT | {
    "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "pre", "table", "ul", *_EMBEDS,
}  # fmt: skip
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "del": "~~", "s": "~~", "strike": "~~"}
_CHROME = frozenset({
    "button-wrapper", "captioned-button-wrap", "mixtapeImage", "paywall-jump", "poll-embed", "subscription-widget",
    "subscription-widget-wrap", "subscription-widget-wrap-editor",
})  # fmt: skip
"""Classes of elements that Substack and Medium put between an author's paragraphs: buttons, forms and polls."""

_SPACES = re.compile(r"[ \t\r\n\f]+")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
_NESTED = re.compile(r"(?:- |\d+\. )")
_MOST_DIGITS = 9  # of the number of a list item, CommonMark 0.31, 5.2
_RELATIVE_TIME = re.compile(
    r"\W*(?:(?:posted|published|updated|last updated)[:\s]+)?(?:about |over |almost )?(?:\d+|an?|one) "
    r"(?:second|minute|hour|day|week|month|year)s? ago\W*|\W*(?:just now|yesterday|today)\W*",
    re.I,
)
"""A line that says how long ago something was: it changes with every reading and is not the author's."""


@apart
def fragment_markdown(html: str, base: str) -> str:
    """The Markdown of a piece of HTML; "" if it has no text.

    Args:
        html: the inside of an article, well-formed or not.
        base: the base address of its relative links.

    Raises:
        CrawlError: it is nested too deeply to be read.
    """
    text = _CONTROLS.sub("", html)
    if not text.strip():
        return ""
    root = fragment_tree(text, base)
    key = f"x{sha256(text)[:16]}"  # depends on the whole text, so it cannot occur in it
    shield = Shield(key)
    try:
        shield.take(root)
        return shield.put_back("\n\n".join(_Converter(base, f"{key}n").blocks(root))).strip()
    except RecursionError as error:
        raise CrawlError(f"{base} has HTML nested too deeply to be read: save the page from your browser.") from error


class _Converter:
    """Converts elements to Markdown.

    Args:
        base: the base address of relative links.
        code: text of a paragraph that stands for a block of code.
    """

    def __init__(self, base: str, code: str) -> None:
        self.base, self.code = base, code

    def blocks(self, parent: Element) -> list[str]:
        """The blocks of an element, each without blank lines around it; runs of inline content become paragraphs."""
        found: list[str] = []
        run = _SPACES.sub(" ", parent.text or "")
        for child in parent:
            if self._is_inline(child):
                run += self.inline(child)
            else:
                _add(found, run)
                found += self.block(child)
                run = ""
            run += _SPACES.sub(" ", child.tail or "")
        _add(found, run)
        return found

    def block(self, element: Element) -> list[str]:
        tag = element.tag
        if not isinstance(tag, str) or tag in _DROPPED or _classes(element) & _CHROME:
            return []
        if tag in _EMBEDS:
            return self._embed(element)
        if tag == "hr":
            return ["---"] if not (_classes(element) & {"section-divider"}) else []
        if tag in ("ul", "ol"):
            return self._list(element)
        if tag == "table":
            return self._table(element)
        if formula := _formula(element):
            return [formula]
        if tag in _BLOCKS - _TRANSPARENT and tag.startswith("h"):
            line = " ".join(self.inside(element).split())
            return [f"{'#' * int(tag[1])} {line}"] if line else []
        inner = self.blocks(element)
        if not inner and (link := self._only_link(element)):
            inner = [link]
        if tag == "blockquote":
            quoted = "\n\n".join(inner)
            return ["\n".join(f"> {line}".rstrip() for line in quoted.split("\n"))] if quoted else []
        return inner

    def inline(self, element: Element) -> str:
        tag = element.tag
        if not isinstance(tag, str) or tag in _DROPPED or _classes(element) & _CHROME:
            return ""
        if tag == "br":
            return "\n"
        inner = self.inside(element)
        if tag in _MARKS:
            return _marked(inner, _MARKS[tag])
        if tag == "a":
            return self._link(inner, element.get("href") or "")
        return inner

    def inside(self, element: Element) -> str:
        text = _SPACES.sub(" ", element.text or "")
        for child in element:
            text += self.inline(child) + _SPACES.sub(" ", child.tail or "")
        return text

    def address(self, href: str) -> str:
        """An absolute address without tracking parameters, or "" if it leads nowhere outside."""
        try:
            full = urljoin(self.base, href.strip())
            parts = urlsplit(full)
            if parts.scheme == "mailto":
                return ""
            if parts.query and parts.hostname:
                full = canonical_url(full) + (f"#{parts.fragment}" if parts.fragment else "")
        except (ValueError, InputError):
            return ""
        return full if parts.scheme in ("http", "https") else ""

    def _is_inline(self, element: Element) -> bool:
        if not isinstance(element.tag, str) or (element.tag not in _BLOCKS and not _formula(element)):
            return not any(each.tag in _BLOCKS for each in element.iterdescendants() if isinstance(each.tag, str))
        return False

    def _link(self, inner: str, href: str) -> str:
        text = inner.strip().replace("\n", " ")
        address = self.address(href) if href and not href.startswith("#") else ""
        if not text or not address:
            return inner
        before, after = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
        return f"{before}[{text}]({address.replace(')', '%29')}){after}"

    def _only_link(self, element: Element) -> str:
        """The link of an embed without words, such as a tweet's."""
        if element.tag not in ("figure", "blockquote"):
            return ""
        links = [self.address(each.get("href") or "") for each in element.iter("a") if each.find(".//img") is None]
        return f"<{links[0]}>" if links and links[0] else ""

    def _embed(self, element: Element) -> list[str]:
        inner = next((each.get("src") for each in element.iter("source")), None)
        address = self.address(element.get("src") or element.get("data") or inner or "")
        if element.tag == "script":  # a gist is embedded as a script; no other script is the author's
            address = address.removesuffix(".js") if urlsplit(address).hostname == "gist.github.com" else ""
        return [f"<{address}>"] if address else []

    def _list(self, element: Element) -> list[str]:
        """The list as one block; code in it stands between its items at the margin, where it keeps every space."""
        found: list[str] = []
        lines: list[str] = []
        first = element.get("start", "1")
        number = int(first) if first.isdecimal() and len(first) < _MOST_DIGITS else 1
        for item in element:
            if not isinstance(item.tag, str):
                continue
            mark = f"{number}. " if element.tag == "ol" else "- "
            text = ""
            blocks = self.blocks(item) if item.tag == "li" else self.block(item)
            number += bool(blocks)
            for block in (*blocks, ""):
                if block and self.code not in block:
                    text += ("\n" if _NESTED.match(block) else "\n\n") + block if text else block
                    continue
                if text:
                    lines.append(_indented(text, mark))
                    text, mark = "", ""
                if block:
                    found += ["\n".join(lines)] if lines else []
                    found.append(block)
                    lines = []
        return [*found, "\n".join(lines)] if lines else found

    def _table(self, element: Element) -> list[str]:
        rows = [
            [" ".join(self.inside(cell).split()).replace("|", "\\|") for cell in row if cell.tag in ("td", "th")]
            for row in element.iter("tr")
        ]
        rows = [row for row in rows if any(row)]
        if not rows:
            return []
        width = max(map(len, rows))
        lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
        return ["\n".join([lines[0], f"|{' --- |' * width}", *lines[1:]])]


def _add(found: list[str], run: str) -> None:
    """Add a run of inline content as a paragraph, unless it is empty or says how long ago something was."""
    lines = [_SPACES.sub(" ", line).strip() for line in run.split("\n")]
    text = "\n".join(lines).strip("\n")
    if text and not _RELATIVE_TIME.fullmatch(text):
        found.append(text)


def _classes(element: Element) -> set[str]:
    return set((element.get("class") or "").split())


def _marked(inner: str, mark: str) -> str:
    """Emphasis around the words and not around the spaces beside them, which CommonMark would not read as emphasis."""
    text = inner.strip()
    if not text or text.startswith(mark) or "\n\n" in text:
        return inner
    start = inner.index(text)
    return f"{inner[:start]}{mark}{text}{mark}{inner[start + len(text) :]}"


def _formula(element: Element) -> str:
    """The source of a formula that Substack renders in the reader's browser."""
    if "latex-rendered" not in _classes(element):
        return ""
    try:
        attributes = json.loads(element.get("data-attrs") or "{}")
    except ValueError:
        return ""
    source = attributes.get("persistentExpression") if isinstance(attributes, dict) else None
    return f"$$\n{source}\n$$" if isinstance(source, str) and source.strip() else ""


def _indented(text: str, mark: str) -> str:
    """The lines of a list item, aligned after its mark."""
    pad = " " * len(mark)
    return mark + "\n".join([pad + line if line else line for line in text.split("\n")]).removeprefix(pad)
