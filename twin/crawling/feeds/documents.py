"""The document of a feed's item.

The item and the page behind it are one article in two forms. They have one identity, `address_of`, and where they must
be compared, their words are: `fingerprint`.
"""

import re
import unicodedata
from urllib.parse import urlsplit

from twin.crawling.feeds.items import Feed, Item
from twin.crawling.pages.document import platform
from twin.crawling.pages.fragment import fragment_markdown
from twin.identity import sha256
from twin.links import within
from twin.models import Category, Document, Link
from twin.text.words import count_words

MIN_ITEM_WORDS = 40
"""An item with fewer words than this is a teaser of an article and not the article."""

PAID = {"medium": "members_only", "substack": "paid"}
"""Platform -> why an item is left out that its feed cuts off: for who does not pay its page is cut off as well."""

_STORY = re.compile(r"(?:^|[/-])([0-9a-f]{8,12})$")
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)|<https?://[^>\s]*>")
_FENCED = re.compile(r"^(?P<marks>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)^(?P=marks)[ \t]*$", re.S | re.M)
_MEDIUM_FOOTER = re.compile(r".*was originally published in .* on Medium, where people are .*")


def item_document(
    item: Item, link: Link, category: Category, *, feed: Feed, url: str, capture: str | None
) -> Document | str:
    """The document of an item that carries its article in full; else the reason why it is left out.

    Args:
        url: of the feed.
        capture: sha256 of the feed's.

    Raises:
        CrawlError: its HTML cannot be taken apart.
    """
    if not item.link:
        return "without_link"
    text = fragment_markdown(item.html, item.base)
    before, _, last = text.rpartition("\n\n")
    if _MEDIUM_FOOTER.fullmatch(last):
        text = before.removesuffix("---").rstrip()
    if item.teaser or count_words(text) < MIN_ITEM_WORDS:
        return "podcast" if item.media else "excerpt_only"
    address = address_of(item, feed)
    metadata = {
        "author": item.author,
        "site": feed.title,
        "canonical": item.link if item.link != address else None,
        "subtitle": item.subtitle if item.subtitle != item.title else None,
        "tags": list(item.tags),
        "updated_at": item.updated_at.isoformat() if item.updated_at else None,
        "feed": url,
    }
    return Document(
        author=link.author, category=category, link=address, source=link.url, platform=platform_of(item, feed),
        title=item.title or None, text=text, language=item.language, published_at=item.published_at,
        metadata={name: value for name, value in metadata.items() if value}, capture=capture,
    )  # fmt: skip


def fingerprint(document: Document) -> str:
    """Hex sha256 of a text's letters and digits, in the case and the form in which two extractions of it agree.

    What differs between them takes no part: spaces, punctuation, marks of Markdown, addresses of links, languages of
    code blocks, and whether the title stands above the text. Of code all but the white space counts: there a single
    stroke is another program.
    """
    prose, code, end = "", "", 0
    for block in _FENCED.finditer(document.text):
        prose += document.text[end : block.start()]
        code += "".join(block["code"].split())
        end = block.end()
    text = _letters(_LINK_TARGET.sub("]", prose + document.text[end:]))
    for heading in (document.title, document.metadata.get("subtitle")):
        text = text.removeprefix(_letters(str(heading or "")))
    return sha256(f"{text}\0{code}")


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Marks too: in the scripts of India they are the vowels.
    return "".join(character for character in folded if unicodedata.category(character)[0] in "LMN")


def address_of(item: Item, feed: Feed) -> str:
    """The address that is an item's identity: its own, but the one form of all those that a story of Medium has."""
    is_story = platform_of(item, feed) == "medium"
    return (story_address(item.key) or story_address(item.link) or item.link) if is_story else item.link


def story_address(url: str) -> str | None:
    """`https://medium.com/p/<id>`, which leads to a story whatever its title and publication; None without an id."""
    found = _STORY.search(urlsplit(url).path)
    return f"https://medium.com/p/{found[1]}" if found else None


def platform_of(item: Item, feed: Feed) -> str:
    """By the item's host, else by the software that made the feed: publications have hosts of their own."""
    found = platform(item.link)
    return found if found != "web" else next((name for name in PAID if name in feed.generator.lower()), found)


def is_same_site(url: str, other: str) -> bool:
    """Whether one of two addresses is on the other's host or on a subdomain of it, "www" aside."""
    first, second = ((urlsplit(each).hostname or "").removeprefix("www.") for each in (url, other))
    return bool(first and second) and (within(first, second) or within(second, first))
