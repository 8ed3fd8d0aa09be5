"""Cleaning on real pages: what the platforms wrote goes, and not a character of the authors' code with it."""

import re
from pathlib import Path

import pytest

from twin.cleaning import clean_documents
from twin.cleaning.checks import verify_chrome, verify_cleaned, verify_private
from twin.cleaning.chrome import chrome_left
from twin.cleaning.lines import marked, split_lines
from twin.cleaning.tidying import tidy
from twin.models import Category, State
from twin.transfer.handbook import import_export
from twin.warehouse.sqlite import SqliteWarehouse


@pytest.mark.slow
def test_handbook_articles_lose_chrome_and_no_code(shared_data: Path, tmp_path: Path) -> None:
    """76 real articles: no platform chrome left, no character of code lost, five of them published twice."""
    warehouse = SqliteWarehouse(tmp_path / "warehouse.db")
    import_export(shared_data / "handbook", warehouse)
    reports = {
        author.slug: clean_documents(warehouse, author.slug, Category.ARTICLES) for author in warehouse.authors()
    }
    assert sum(report.total for report in reports.values()) == 71
    assert [report.dropped for report in reports.values() if report.dropped] == [{"duplicate": 5}]
    chrome = re.compile(
        r"^\W*(Subscribe|Share this post|Copy link|Ready for more\?|Share|Comments|Restacks|Note|Facebook|No posts|"
        r"\d+ repl(y|ies) by .*|Get the app|Read full story|Follow|Listen)\W*$|Expand full\s+comment|Open in app|"
        r"Recommended from|human stories|min read·|Liked by|Collection notice|requires JavaScript|we log user data|"
        r"A guest post by|\| ?Subscribe to",
        re.M,
    )
    code_lines = 0
    for author in reports:
        for raw in warehouse.documents(State.RAW, author, Category.ARTICLES):
            done = warehouse.document(State.CLEANED, raw.id)
            if done is None:
                continue
            assert not chrome.search(done.text), raw.link
            assert chrome_left(done.text, "substack") == [], raw.link
            lines, left = split_lines(raw.text), done.text
            for line in marked(lines, [tidy(line) for line in lines]):
                if line.code:
                    code_lines += 1
                    at = left.find(line.text)
                    assert at >= 0, (raw.link, line.text)
                    left = left[at + len(line.text) :]
        for verify in (verify_cleaned, verify_private, verify_chrome):
            assert verify(warehouse, author, Category.ARTICLES).problems == []
    assert code_lines > 2000
    assert all(clean_documents(warehouse, author, Category.ARTICLES).written == 0 for author in reports)
    warehouse.close()
