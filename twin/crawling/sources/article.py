"""Articles on the web: one link, one page, one document; or a publication with its own host."""

from collections.abc import Mapping
from typing import ClassVar

from twin.crawling.base import FALLBACK, Crawl, Crawler, register
from twin.crawling.pages.document import page_document, parsed_page
from twin.crawling.sources.publication import SOFTWARE, read_publication
from twin.models import Category, Link
from twin.text.platforms import platform_at


@register
class ArticleCrawler(Crawler):
    """Fetches a page if it changed since the last crawl, and extracts its main content.

    A Medium or Substack publication with its own host, and its articles, are read as on the platform: once a page has
    said what software made it, its feed is tried first.
    """

    kind: ClassVar[str] = FALLBACK
    version: ClassVar[str] = "article-2"
    categories: ClassVar[tuple[Category, ...]] = (Category.ARTICLES,)

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read one page. Its document keeps the link's address, whatever the page redirects to or calls itself.

        Raises:
            CrawlError: it cannot be fetched, is not a web page, stands in for an article, or has no article.
        """
        if crawl := read_publication(link, category, validators, self.tools):
            return crawl
        # The validators of a publication belong to its feed.
        response = self.tools.fetcher.get(link.url, {} if SOFTWARE in validators else validators)
        if response.unchanged:
            return Crawl(status="unchanged", validators=response.validators)
        page = parsed_page(response)
        if platform_at(link.url) == "web" and page is not None:
            software = page.markup.platform
            if crawl := read_publication(link, category, {}, self.tools, software=software, page=response):
                return crawl
        document = page_document(response, link, category, address=link.url, page=page)
        return Crawl([document], validators=response.validators)
