"""The markup of a page beside its article: what else a reader sees, what only machines see, and what software made it.

Anybody can write anything here: a value is used if it has the right form, otherwise it is ignored.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from twin.crawling.pages.apart import apart
from twin.crawling.pages.parsing import loaded_tree
from twin.crawling.pages.trees import MOST_TAGS, Element, json_ld, types_of
from twin.text.words import count_words

_SOFTWARE = frozenset({
    "astro", "blogger", "docusaurus", "eleventy", "gatsby", "ghost", "hexo", "hugo", "jekyll", "quarto", "wordpress",
})  # fmt: skip
"""First words of `<meta name=generator>` that name the platform of a page."""

_MEDIUM_APPS = ("al:ios:app_name", "al:android:app_name", "twitter:app:name:iphone")
_MEDIUM_FILES = re.compile(r"^(?:script src|link href)=https://cdn-client\.medium\.com/", re.M)
_SUBSTACK_FILES = re.compile(r"^(?:script src|link href)=https://substackcdn\.com/bundle", re.M)
_ARTICLES = re.compile(r"(?:[A-Za-z]*Article|[A-Za-z]*Posting|Report|CreativeWork|WebPage)")
_UNSEEN = frozenset({"script", "style", "template", "svg", "head", "pre", "code", "textarea", "select"})
_INLINE = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "cite", "em", "font", "i", "mark", "q", "s", "small", "span", "strong", "sub",
    "sup", "time", "u", "wbr",
})  # fmt: skip
_MOST_SCRIPT = 5000
_MOST_VALUE = 500
_NAMES = ("id", "src", "action", "data-component-name", "data-testid")


@apart
def read_markup(html: bytes | str) -> "Markup":
    """The markup of a page.

    Raises:
        CrawlError: it is made to cost far more than its size.
    """
    return Markup(html)


class Markup:
    """The markup of one page. It is parsed separately, because the extraction changes its own tree.

    Args:
        html: the page; bytes are decoded by their contents. A page with more tags than `extract_page` reads counts as
            empty.
    """

    def __init__(self, html: bytes | str) -> None:
        tags = html.count(b"<") if isinstance(html, bytes) else html.count("<")
        self._tree: Element = loaded_tree(html) if tags <= MOST_TAGS else None

    def __getstate__(self) -> dict[str, object]:
        """Everything that can be asked, without the tree, which cannot leave its process."""
        asked = [name for name, value in vars(Markup).items() if isinstance(value, cached_property)]
        return {name: getattr(self, name) for name in asked} | {"_tree": None}

    @cached_property
    def title(self) -> str:
        """The text of `<title>`, in one line."""
        found = next(self._all("title"), None)
        return " ".join("".join(found.itertext()).split()) if found is not None else ""

    @cached_property
    def headings(self) -> tuple[str, ...]:
        """The title, and the first heading."""
        found = next(self._all("h1"), None)
        return (self.title, " ".join("".join(found.itertext()).split())) if found is not None else (self.title,)

    @cached_property
    def metas(self) -> Mapping[str, str]:
        """The meta tags: name or property, in lower case -> its first content."""
        found: dict[str, str] = {}
        for meta in self._all("meta"):
            name = (meta.get("name") or meta.get("property") or "").strip().lower()
            if name:
                found.setdefault(name, " ".join((meta.get("content") or "").split()))
        return found

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """What a reader sees, without code, one line per block; includes the text for browsers without scripts."""
        from lxml.etree import iterwalk

        if self._tree is None:
            return ()
        lines, line, hidden = [], "", 0
        for event, element in iterwalk(self._tree, events=("start", "end", "comment", "pi")):
            tag, is_start = element.tag, event == "start"
            if event in ("start", "end"):
                hidden += (1 if is_start else -1) * (tag in _UNSEEN)
                if tag not in _INLINE:
                    lines.append(line)
                    line = ""
            if not hidden:
                line += (element.text if is_start else element.tail) or ""
        shown = (" ".join(each.split()) for each in (*lines, line))
        return tuple(each for each in shown if each)

    @cached_property
    def words(self) -> int:
        """How many words a reader sees, including navigation and code."""
        code = ("".join(each.itertext()) for each in self._all("pre"))
        return count_words("\n".join((*self.lines, *code)))

    @cached_property
    def machinery(self) -> str:
        """What a reader does not see: scripts, the addresses of loaded files, and ids; one line each."""
        found = []
        for element in self._all():
            tag = element.tag
            if tag == "script":
                found.append(f"script {(element.text or '')[:_MOST_SCRIPT]}")
            found += [f"{tag} {name}={value[:_MOST_VALUE]}" for name in _NAMES if (value := element.get(name))]
            if tag == "link":
                found.append(f"link href={(element.get('href') or '')[:_MOST_VALUE]}")
        return "\n".join(found)

    @cached_property
    def classes(self) -> frozenset[str]:
        """Every class that any element has."""
        return frozenset(name for element in self._all() for name in (element.get("class") or "").split())

    @cached_property
    def asks_for_password(self) -> bool:
        """Whether the page has a field to sign in."""
        return any((each.get("type") or "").lower() == "password" for each in self._all("input"))

    @cached_property
    def is_free(self) -> bool | None:
        """Whether the page says that the article is free to read (schema.org's isAccessibleForFree, as JSON-LD)."""
        said = [
            str(thing["isAccessibleForFree"]).strip().lower().rpartition("/")[2]
            for thing in (json_ld(self._tree) if self._tree is not None else ())
            if "isAccessibleForFree" in thing and any(map(_ARTICLES.fullmatch, types_of(thing)))
        ]
        return False if "false" in said else True if "true" in said else None

    @cached_property
    def scripts(self) -> tuple[str, ...]:
        """The scripts, in full."""
        return tuple(each.text for each in self._all("script") if each.text)

    @cached_property
    def platform(self) -> str | None:
        """What software made the page, whatever its host: medium, substack, forem, ghost, wordpress, ..."""
        made_by = self.metas.get("generator", "").lower().partition(" ")[0]
        if made_by == "medium" or any(self.metas.get(name) == "Medium" for name in _MEDIUM_APPS):
            return "medium"
        if _MEDIUM_FILES.search(self.machinery):
            return "medium"
        if made_by == "substack" or _SUBSTACK_FILES.search(self.machinery):
            return "substack"
        if any(name.startswith("forem:") for name in self.metas):
            return "forem"
        return made_by if made_by in _SOFTWARE else None

    def _all(self, *tags: str) -> Iterator[Element]:
        if self._tree is None:
            return iter(())
        return (element for element in self._tree.iter(*tags) if isinstance(element.tag, str))
