"""Turn the items of a feed into documents.

An item and its page are two forms of one article. They share one identity, `address_of`. To compare them, compare their
words with `fingerprint`.
"""

import re
import unicodedata
from urllib.parse import urlsplit

from twin.crawling.feeds.items import Feed, Item
from twin.crawling.pages.fragment import fragment_markdown
from twin.identity import sha256
from twin.links import within
from twin.models import Category, Document, Link
from twin.text.platforms import platform_at
from twin.text.words import count_words

MIN_ITEM_WORDS = 40
"""An item with fewer words than this is a teaser, not the article."""

PAID = {"medium": "members_only", "substack": "paid"}
"""Platform -> reason for leaving out an item that its feed cuts off: without payment, its page is cut off as well."""

_STORY = re.compile(r"(?:^|[/-])([0-9a-f]{8,12})$")
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)|<https?://[^>\s]*>")
_FENCED = re.compile(r"^(?P<marks>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)^(?P=marks)[ \t]*$", re.S | re.M)
_MEDIUM_FOOTER = re.compile(r".*was originally published in .* on Medium, where people are .*")


def item_document(
    item: Item, link: Link, category: Category, *, feed: Feed, url: str, capture: str | None
) -> Document | str:
    """The document of an item that contains its article in full; otherwise the reason why it is left out.

    Args:
        url: address of the feed.
        capture: sha256 of the feed's capture.

    Raises:
        CrawlError: its HTML cannot be parsed.
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
    """Hex sha256 of a text's letters and digits, normalised so that two extractions of the same text agree.

    Ignored are: spaces, punctuation, Markdown marks, link addresses, languages of code blocks, and whether the title
    stands above the text. In code everything but white space counts, because one character makes another program.
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
    # Keep marks too: in the scripts of India they are the vowels.
    return "".join(character for character in folded if unicodedata.category(character)[0] in "LMN")


def address_of(item: Item, feed: Feed) -> str:
    """The address that identifies an item: its own, or for a Medium story the one form that all its addresses share."""
    is_story = platform_of(item, feed) == "medium"
    return (story_address(item.key) or story_address(item.link) or item.link) if is_story else item.link


def story_address(url: str) -> str | None:
    """`https://medium.com/p/<id>`, which leads to a story whatever its title and publication; None without an id."""
    found = _STORY.search(urlsplit(url).path)
    return f"https://medium.com/p/{found[1]}" if found else None


def platform_of(item: Item, feed: Feed) -> str:
    """The platform, by the item's host, else by the software that made the feed (publications have their own hosts)."""
    found = platform_at(item.link)
    return found if found != "web" else next((name for name in PAID if name in feed.generator.lower()), found)


def is_same_site(url: str, other: str) -> bool:
    """Whether two addresses are on the same host, or one on a subdomain of the other; "www" is ignored."""
    first, second = ((urlsplit(each).hostname or "").removeprefix("www.") for each in (url, other))
    return bool(first and second) and (within(first, second) or within(second, first))
