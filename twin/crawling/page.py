"""Articles on the web: one link, one page, one document."""

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import urlsplit

from twin.crawling.base import FALLBACK, Crawl, Crawler, register
from twin.crawling.web import SAVE_THE_PAGE
from twin.errors import CrawlError
from twin.models import Category, Document, Link

_PLATFORMS = {"medium.com": "medium", "substack.com": "substack", "dev.to": "devto", "linkedin.com": "linkedin"}
_HTML = ("text/html", "application/xhtml+xml", "")


@register
class ArticleCrawler(Crawler):
    """Fetches a page where it changed since the last time, and extracts its main content."""

    kind: ClassVar[str] = FALLBACK
    version: ClassVar[str] = "article-1"
    categories: ClassVar[tuple[Category, ...]] = (Category.ARTICLES,)

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read one page. Its document keeps the link's address, whatever it redirects to or calls itself.

        Raises:
            CrawlError: it cannot be fetched, is no web page, a challenge of a bot guard, or has no article.
        """
        from twin.crawling.extract import extract_page

        response = self.tools.fetcher.get(link.url, validators)
        if response.unchanged:
            return Crawl(status="unchanged", validators=response.validators)
        content_type = response.content_type.split(";")[0].strip()
        if content_type not in _HTML:
            raise CrawlError(f"{link.url} is {content_type} and not a web page: declare the page that links to it.")
        page = extract_page(response.content, response.url)
        if page is None:
            raise CrawlError(f"{link.url} answered 200 OK but has no article in it: {SAVE_THE_PAGE}.")
        named = {"author": page.author, "site": page.site, "canonical": page.canonical}
        document = Document(
            author=link.author, category=category, link=link.url, source=link.url, platform=platform(link.url),
            title=page.title, text=page.text, language=page.language, published_at=page.published_at,
            metadata={name: value for name, value in named.items() if value},
        )  # fmt: skip
        return Crawl([document], validators=response.validators)


def platform(url: str) -> str:
    """Whose platform a page is on, by its host; "web" where it is none that we know."""
    host = (urlsplit(url).hostname or "").lower()
    return next((name for domain, name in _PLATFORMS.items() if host == domain or host.endswith(f".{domain}")), "web")
