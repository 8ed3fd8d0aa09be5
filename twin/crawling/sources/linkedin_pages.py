"""Pages of linkedin.com that a person saved: only the post or the article, never what others wrote around it.

A post's text is in the JSON-LD that the page has for search engines, with its line breaks; otherwise in the one element
that contains it. The other posts and the comments on the page are never read, so no general extractor is used.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from twin.crawling.pages.apart import apart
from twin.crawling.pages.fragment import fragment_markdown
from twin.crawling.pages.parsing import document_tree
from twin.crawling.pages.trees import Element, json_ld, types_of
from twin.errors import CrawlError
from twin.links import canonical_or_none, within
from twin.text.moments import iso_moment

Kind = Literal["post", "article", "wall", "other"]

_URN = re.compile(r"urn:li:(share|ugcPost|activity|groupPost):([0-9]{1,20}(?:-[0-9]{1,20})?)")
_SLUG = re.compile(r"-(share|ugcPost|activity)-([0-9]{10,20})")
_EPOCH_SHIFT = 22
"""A post id is a snowflake: its upper bits are the milliseconds since 1970."""

_SAVED_FROM = re.compile(r"<!--\s*saved from url=\(\d+\)(\S+)|Page saved with SingleFile\s+url:\s*(\S+)")
_KINDS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"/(authwall|login|uas|checkpoint|signup)\b"), "wall"),
    (re.compile(r"/(embed/)?feed/update/|/posts/"), "post"),
    (re.compile(r"/pulse/"), "article"),
)
_TITLE = re.compile(r"\|\s*LinkedIn\s*$")
"""The ending of titles, in every language, of pages saved while signed in; these pages say nothing else about
themselves."""

_WALL = re.compile(r"authwall-(join|sign-in)-form")
_OWN = (
    "//link[@rel='canonical']/@href",
    "//meta[@property='og:url']/@content",
    "//meta[@property='lnkd:url']/@content",
)
_POSTINGS = frozenset({"SocialMediaPosting", "DiscussionForumPosting"})
_ARTICLES = frozenset({"Article", "NewsArticle", "BlogPosting"})
_COMMENTARY = "main-feed-activity-card__commentary"
_CONTENT = "attributed-text-segment-list__content"
_OTHERS = re.compile(r"(?:^|\s)(comment|comments|reshare|feed-reshare|related|recommend|similar)[\w-]*")
_BLOCKS = "//*[@data-test-id='article-content-blocks']"
_CARDS = f"{_BLOCKS}//*[contains(@class, 'inline-articles') or contains(@class, 'content-author-card')]"
"""Other people's articles, which LinkedIn puts between the paragraphs of one."""

_SAVE_AGAIN = "open its address in a private window without signing in, close the sign-in box and save the page again"


@dataclass(frozen=True)
class SavedPage:
    """A post or an article in a saved page. The `text` of a post is as it was written, an article's is Markdown."""

    kind: Literal["post", "article"]
    link: str | None
    text: str
    title: str | None = None
    author: str | None = None
    published_at: datetime | None = None


def saved_from(html: str) -> str | None:
    """The address that a browser noted in a page that it saved."""
    match = _SAVED_FROM.search(html[:20_000])
    return (match[1] or match[2]) if match else None


@apart
def linkedin_kind(html: str) -> Kind | None:
    """What a saved page of LinkedIn shows; None for a page of any other site."""
    if "linkedin.com" not in html:
        return None
    tree = parsed(html)
    return None if tree is None else _kind(tree, html)


@apart
def read_saved(html: str, label: str) -> SavedPage:
    """Read a page for which `linkedin_kind` is not None.

    Raises:
        CrawlError: it is a sign-in page, shows neither a post nor an article, or does not contain its text.
    """
    tree = parsed(html, label)
    kind = None if tree is None else _kind(tree, html)
    found = _post(tree, html) if kind == "post" else _article(tree, html, label) if kind == "article" else None
    if found:
        return found
    if kind == "wall" or _WALL.search(html):
        raise CrawlError(f"{label} is LinkedIn's sign-in page, not a post or article: {_SAVE_AGAIN}.")
    if kind == "other":
        raise CrawlError(
            f"{label} is a LinkedIn page that is neither one post nor one article, so it shows what others wrote: "
            "save each post separately from a window that is not signed in, or declare your export with "
            "`linkedin_export:`."
        )
    raise CrawlError(f"{label} is a LinkedIn page, but the text of its {kind} was not found: {_SAVE_AGAIN}.")


def post_link(address: str) -> str:
    """The one address of a post, by the type and number of its URN, else in its plain form; "" if it is not a post."""
    urn = _urn(address)
    return f"https://www.linkedin.com/feed/update/urn:li:{urn[0]}:{urn[1]}" if urn else plain_link(address)


def plain_link(address: str) -> str:
    """The canonical form of an address without its query, as both an export and a saved page give it; "" if invalid."""
    return (canonical_or_none(address) or "").partition("?")[0]


def moment_of_id(number: str) -> datetime | None:
    """When a post was made, from its id (UTC); None if the time is impossible: LinkedIn opened in 2003."""
    milliseconds = int(number.rpartition("-")[2]) >> _EPOCH_SHIFT
    if not 0 < milliseconds < 4_000_000_000_000:
        return None
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)
    return moment if moment.year >= 2003 else None


def moment_of_post(address: str) -> datetime | None:
    """When the post at `address` was made, from the id in it (UTC)."""
    urn = _urn(address)
    return moment_of_id(urn[1]) if urn else None


def parsed(html: str, label: str = "the page") -> Element | None:
    """The tree of a page; entities of a DTD are not expanded and nothing is fetched. None if it is empty."""
    from lxml.etree import LxmlError
    from lxml.html import HTMLParser

    try:
        return document_tree(html, HTMLParser(encoding="utf-8", no_network=True, huge_tree=True), label)
    except (LxmlError, ValueError):
        return None


def _urn(address: str) -> tuple[str, str] | None:
    text = unquote(address)
    match = _URN.search(text) or _SLUG.search(text)
    return (match[1], match[2]) if match else None


def _kind(tree: Element, html: str) -> Kind | None:
    addresses = list(_own(tree))
    noted = saved_from(html)
    if noted and noted.startswith(("http://", "https://")):
        if _path(noted) is None:  # it came from another site, whatever it calls itself
            return None
        addresses.append(noted)
    paths = [path for path in map(_path, addresses) if path is not None]
    if not paths:
        return "other" if not addresses and _TITLE.search(tree.findtext(".//title") or "") else None
    return next((kind for pattern, kind in _KINDS for path in paths if pattern.match(path)), "other")


def _own(tree: Element) -> Iterator[str]:
    """The addresses that the page gives itself."""
    for path in _OWN:
        yield from (str(each) for each in tree.xpath(path))


def _path(address: str) -> str | None:
    """The path of a LinkedIn address; None if it is another site's."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    return parts.path if within(host, "linkedin.com") else None


def _post(tree: Element, html: str) -> SavedPage | None:
    noted = saved_from(html) or ""
    address = next((each for each in (*_own(tree), noted) if _path(each) is not None and _urn(each)), noted)
    card = _card(tree, _urn(address))
    posting = _posting(tree, address)
    text = _words(posting) or _commentary(card if card is not None else tree)
    if not text:
        return None
    attributed = _URN.fullmatch(card.get("data-attributed-urn") or "") if card is not None else None
    # An export knows a post by the URN of its share; a page has the URN of the activity about it.
    link = post_link(attributed[0] if attributed and attributed[1] in ("share", "ugcPost") else address)
    return SavedPage(
        kind="post",
        link=link if _path(link) is not None else None,
        text=text,
        author=_author(posting) or (_name(card) if card is not None else None),
        published_at=iso_moment(posting.get("datePublished")) or moment_of_post(address),
    )


def _posting(tree: Element, address: str) -> dict[str, Any]:
    """The JSON-LD of the page's own post; empty if it could be somebody else's."""
    found = [each for each in json_ld(tree) if types_of(each) & _POSTINGS]
    own = _urn(address)
    same = [each for each in found if own and own in map(_urn, _addresses(each))]
    if same:
        return same[0]
    named = [each for each in found if any(map(_urn, _addresses(each)))]
    return found[0] if len(found) == 1 and (not named or own is None) else {}


def _addresses(node: dict[str, Any]) -> Iterator[str]:
    for name in ("url", "@id", "mainEntityOfPage"):
        value = node.get(name)
        value = value.get("@id") if isinstance(value, dict) else value
        if isinstance(value, str):
            yield value


def _words(posting: dict[str, Any]) -> str:
    """The text of a post. In a `SocialMediaPosting` the field `text` is the title of what it shares."""
    names = ["articleBody"] + (["text"] if "DiscussionForumPosting" in types_of(posting) else [])
    texts = (posting.get(name) for name in names)
    text = next((text.strip() for text in texts if isinstance(text, str) and text.strip()), "")
    return text.encode("utf-8", "replace").decode()  # JSON can contain half a character


def _author(node: dict[str, Any]) -> str | None:
    value = node.get("author") or node.get("creator")
    value = value[0] if isinstance(value, list) and value else value
    name = value.get("name") if isinstance(value, dict) else value
    return name.strip() or None if isinstance(name, str) else None


def _card(tree: Element, own: tuple[str, str] | None) -> Element | None:
    """The element of the page's own post among those of others."""
    cards = tree.xpath("//*[@data-activity-urn or @data-attributed-urn]")
    for card in cards:
        if own and own in (_urn(card.get("data-activity-urn") or ""), _urn(card.get("data-attributed-urn") or "")):
            return card
    return cards[0] if len(cards) == 1 and own is None else None


def _commentary(card: Element) -> str:
    """The words in the card of a post, or in a page that has no cards."""
    candidates = [
        *card.xpath(f".//*[@data-test-id='{_COMMENTARY}']"),
        *card.xpath(f".//p[contains(concat(' ', normalize-space(@class), ' '), ' {_CONTENT} ')]"),
    ]
    for element in candidates:
        above = list(element.iterancestors())
        if any(
            _OTHERS.search(f"{each.get('class') or ''} {each.get('data-test-id') or ''}") for each in (element, *above)
        ):
            continue
        owner = next((each for each in above if each.get("data-activity-urn")), None)
        if owner is not None and owner is not card:
            continue  # a card inside the page's own card is what it shares; any other is somebody else's
        for broken in list(element.iter("br")):
            broken.tail = "\n" + (broken.tail or "")
        return str(element.text_content()).replace("\r\n", "\n").strip()
    return ""


def _name(card: Element) -> str | None:
    for path in (
        ".//*[@data-tracking-control-name='public_post_feed-actor-name']",
        ".//*[@data-test-id='main-feed-activity-card__entity-lockup']//a",
    ):
        for element in card.xpath(path):
            if name := " ".join(element.text_content().split()):
                return name
    return None


def _article(tree: Element, html: str, label: str) -> SavedPage | None:
    from lxml.html import tostring

    address = next((each for each in (*_own(tree), saved_from(html) or "") if "/pulse/" in (_path(each) or "")), "")
    described = next((each for each in json_ld(tree) if types_of(each) & _ARTICLES), {})
    for card in tree.xpath(_CARDS):
        card.drop_tree()
    blocks = tree.xpath(_BLOCKS)[:1] or tree.xpath(
        "//*[contains(concat(' ', normalize-space(@class), ' '), ' article-main__content ')]"
    )
    content = "\n".join(tostring(each, encoding="unicode", with_tail=False) for each in blocks)
    try:
        text = fragment_markdown(content, address)
    except CrawlError as error:  # it names the address, but what the user can fix is the file
        raise CrawlError(f"{label} is nested too deeply to be read: {_SAVE_AGAIN}.") from error
    if not text:
        return None
    heading = next((" ".join(each.text_content().split()) for each in tree.iter("h1")), "")
    named = described.get("name") or described.get("headline")
    return SavedPage(
        kind="article",
        link=plain_link(address),
        text=text,
        title=named.strip() if isinstance(named, str) and named.strip() else heading or None,
        author=_author(described),
        published_at=iso_moment(described.get("datePublished")),
    )
