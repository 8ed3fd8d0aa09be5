"""The bundled author: a real export, real pages, its own repository; readable by the crawlers without a loss."""

import importlib.util
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from twin.authors.files import AuthorFile, load_authors
from twin.cleaning import clean_documents
from twin.crawling import CrawlReport, crawl_author
from twin.models import Category, Document, State
from twin.warehouse.sqlite import SqliteWarehouse


@pytest.fixture(scope="module")
def sample() -> AuthorFile:
    files = load_authors(Path(__file__).parents[3] / "authors")
    assert not [error for error in files.errors if "llm-twin" in str(error)]
    found = files.get("llm-twin")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def warehouse(sample: AuthorFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteWarehouse]:
    opened = SqliteWarehouse(tmp_path_factory.mktemp("sample") / "warehouse.db")
    opened.upsert_authors([sample.author])
    opened.upsert_links(sample.links)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def reports(warehouse: SqliteWarehouse, repository: Path) -> dict[Category, CrawlReport]:
    inside = ["git", "rev-parse", "--verify", "-q", "HEAD"]
    if subprocess.run(inside, cwd=repository, capture_output=True, check=False).returncode:
        pytest.skip(f"{repository} is not a git checkout, so the sample author's own repository cannot be read")
    return {category: crawl_author(warehouse, "llm-twin", category) for category in Category}


def documents(warehouse: SqliteWarehouse, category: Category, state: State = State.RAW) -> list[Document]:
    return list(warehouse.documents(state, "llm-twin", category))


def test_archive_is_its_folder(repository: Path, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("pack_export", repository / "examples" / "pack_export.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.pack(module.FOLDER, tmp_path / "export.zip")
    assert (tmp_path / "export.zip").read_bytes() == module.ARCHIVE.read_bytes(), "run: python examples/pack_export.py"
    with zipfile.ZipFile(module.ARCHIVE) as packed:
        assert "Shares.csv" in packed.namelist()


def test_every_link_is_read(reports: dict[Category, CrawlReport], warehouse: SqliteWarehouse) -> None:
    assert not any(report.failures for report in reports.values())
    assert reports[Category.POSTS].total == 14
    assert reports[Category.ARTICLES].total == 7
    assert 20 <= reports[Category.REPOSITORIES].total <= 160
    for category in Category:
        again = crawl_author(warehouse, "llm-twin", category)
        assert (again.written, again.data_version) == (0, reports[category].data_version)


@pytest.mark.usefixtures("reports")
def test_articles_are_whole_and_without_their_pages(warehouse: SqliteWarehouse, repository: Path) -> None:
    from bs4 import BeautifulSoup

    found = {document.title: document for document in documents(warehouse, Category.ARTICLES)}
    for path in sorted((repository / "examples" / "pages").glob("*.html")):
        soup = BeautifulSoup(path.read_text(), "lxml")
        body, heading = soup.select_one(".essay-body"), soup.select_one("h1")
        assert body is not None
        assert heading is not None
        document = found[heading.get_text()]
        assert document.link == f"https://llm-twin.example/essays/{path.stem}"
        assert document.published_at is not None
        assert 600 <= len(body.get_text().split()) <= 1200
        for paragraph in body.find_all("p"):
            assert paragraph.get_text() in re.sub(r"[*`]", "", document.text)
        for code in body.find_all("pre"):
            assert code.get_text().strip("\n") in document.text
        for chrome in ("Copy link", "Ready for more", "More essays", "Skip to content", "Imprint", "Search"):
            assert chrome not in document.text


@pytest.mark.usefixtures("reports")
def test_posts_lose_the_quoting_of_the_export(warehouse: SqliteWarehouse) -> None:
    posts = documents(warehouse, Category.POSTS)
    assert all(
        post.published_at and post.link.startswith("https://www.linkedin.com/feed/update/urn:li:") for post in posts
    )
    (quoting,) = [post for post in posts if "deserves a museum" in post.text]
    assert "every *line* of the post" in quoting.text
    assert [post.text for post in posts if '"\n"' in post.text] == []
    (why,) = [post for post in posts if "Why is this asset green" in post.text]
    assert why.text.startswith('"Why is this asset green if there is nothing in it?"\n\nBecause')


@pytest.mark.usefixtures("reports")
def test_cleaning_takes_nothing_from_it_but_closing_hashtags(warehouse: SqliteWarehouse) -> None:
    for category in Category:
        report = clean_documents(warehouse, "llm-twin", category)
        hashtags = {"hashtags": 2} if category is Category.POSTS else {}
        assert (report.dropped, report.removed_lines, report.removed_paragraphs) == ({}, hashtags, {})
        assert report.redactions == {} or category is Category.REPOSITORIES  # its tests make up secrets
        assert hashtags or report.redactions or report.chars_cleaned == report.chars_raw
