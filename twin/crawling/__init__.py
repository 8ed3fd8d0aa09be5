"""From links to raw documents: one crawler per kind of source, and the stage that runs the crawlers for an author."""

from twin.crawling import sources as _sources  # noqa: F401 - registers every source
from twin.crawling.base import Crawl, Crawler, classify, crawler_of, register
from twin.crawling.stage import CrawlReport, crawl_author
from twin.crawling.tools import Tools, crawl_tools
from twin.crawling.web.captures import Captures
from twin.crawling.web.fetcher import Fetcher

__all__ = [
    "Captures",
    "Crawl",
    "CrawlReport",
    "Crawler",
    "Fetcher",
    "Tools",
    "classify",
    "crawl_author",
    "crawl_tools",
    "crawler_of",
    "register",
]
