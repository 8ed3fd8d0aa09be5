"""Reads files of this machine like a stage, and has a text and a page to read."""

from collections import Counter
from pathlib import Path

import pytest

from twin.authors.declarations import declare_link
from twin.crawling.base import Crawl
from twin.crawling.sources.files import FilesCrawler
from twin.crawling.tools import Tools
from twin.crawling.web.fetcher import Fetcher
from twin.errors import CrawlError
from twin.models import Category, Document

POSTS, ARTICLES = Category.POSTS, Category.ARTICLES
PROSE = "An engine has a mill and a store, and a table of cards that tells it what to do with both of them. " * 4
PAGE = f"<html><head><title>Engines</title></head><body><article><h1>Engines</h1><p>{PROSE}</p></article></body></html>"


def crawled(base: Path, category: Category = ARTICLES, /, **declaration: object) -> Crawl:
    link = declare_link("ada", {"files": ".", **declaration}, base=base)
    return FilesCrawler(Tools(Fetcher())).read(link, category, {})


def read(base: Path, category: Category = ARTICLES, /, **declaration: object) -> tuple[list[Document], Counter[str]]:
    crawl = crawled(base, category, **declaration)
    return list(crawl.documents), crawl.skipped


def refused(base: Path, category: Category = ARTICLES, /, **declaration: object) -> str:
    with pytest.raises(CrawlError) as caught:
        read(base, category, **declaration)
    return str(caught.value)
