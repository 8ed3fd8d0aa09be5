"""LinkedIn archives, packed for a test, and the documents read from one."""

import zipfile
from collections import Counter
from pathlib import Path

from twin.crawling.sources.linkedin import LinkedInExport
from twin.crawling.tools import Tools
from twin.crawling.web.fetcher import Fetcher
from twin.models import Category, Document, Link

HEADER = "Date,ShareLink,ShareCommentary,SharedUrl,MediaUrl,Visibility\n"
SHARE = "https://www.linkedin.com/feed/update/urn%3Ali%3Ashare%3A"


def packed(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return path


def read(
    location: Path, category: Category = Category.POSTS, also: tuple[str, ...] = ()
) -> tuple[list[Document], Counter[str]]:
    crawl = LinkedInExport(Tools(Fetcher())).read(link(location, also), category, {})
    return list(crawl.documents), crawl.skipped


def link(location: Path, also: tuple[str, ...] = ()) -> Link:
    return Link(
        author="ada", url="local:export.zip", kind="linkedin_export",
        categories=(Category.POSTS, Category.ARTICLES), also=also, location=str(location),
    )  # fmt: skip
