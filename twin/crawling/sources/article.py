"""Articles on the web: one link, one page, one document; or a publication that has a host of its own."""

from collections.abc import Mapping
from typing import ClassVar

from twin.crawling.base import FALLBACK, Crawl, Crawler, register
from twin.crawling.pages.document import page_document, parsed_page, platform
from twin.crawling.sources.publication import SOFTWARE, read_publication
from twin.models import Category, Link


@register
class ArticleCrawler(Crawler):
    """Fetches a page where it changed since the last time, and extracts its main content.

    A publication of Medium or Substack on a host of its own, and its articles, are read as on the platform's: once a
    page has said whose software made it, its feed is asked first.
    """

    kind: ClassVar[str] = FALLBACK
    version: ClassVar[str] = "article-2"
    categories: ClassVar[tuple[Category, ...]] = (Category.ARTICLES,)

    def read(self, link: Link, category: Category, validators: Mapping[str, str]) -> Crawl:
        """Read one page. Its document keeps the link's address, whatever it redirects to or calls itself.

        Raises:
            CrawlError: it cannot be fetched, is no web page, stands in the place of an article, or has none.
        """
        if crawl := read_publication(link, category, validators, self.tools):
            return crawl
        # Those of a publication speak for its feed.
        response = self.tools.fetcher.get(link.url, {} if SOFTWARE in validators else validators)
        if response.unchanged:
            return Crawl(status="unchanged", validators=response.validators)
        page = parsed_page(response)
        if platform(link.url) == "web" and page is not None:
            software = page.markup.platform
            if crawl := read_publication(link, category, {}, self.tools, software=software, page=response):
                return crawl
        document = page_document(response, link, category, address=link.url, page=page)
        return Crawl([document], validators=response.validators)
