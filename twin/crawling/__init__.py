"""From links to raw documents: one crawler per kind of source, and the stage that runs them for an author."""

import importlib
import pkgutil

from twin.crawling.base import Crawl, Crawler, Tools, classify, crawler_of, register
from twin.crawling.captures import Captures, crawl_tools
from twin.crawling.stage import CrawlReport, crawl_author
from twin.crawling.web import Fetcher

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

# Each module registers its crawlers when it is imported, so that a new source is one new file and nothing else.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
