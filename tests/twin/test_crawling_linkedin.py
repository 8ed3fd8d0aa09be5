"""The member's export in its own dialects, and what is none."""

import csv
import io
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.crawling import archive
from twin.crawling.base import Tools
from twin.crawling.linkedin import LinkedInExport
from twin.crawling.linkedin_pages import post_link
from twin.crawling.linkedin_tables import unquote_lines
from twin.crawling.web import Fetcher
from twin.errors import CrawlError
from twin.models import Category, Document, Link

HEADER = "Date,ShareLink,ShareCommentary,SharedUrl,MediaUrl,Visibility\n"
SHARE = "https://www.linkedin.com/feed/update/urn%3Ali%3Ashare%3A"
ARTICLE = """<html><head><title>T</title></head><body><img src="a.png">
<h1><a href="https://www.linkedin.com/pulse/on-engines-ada?trk=x">On <em>engines</em></a></h1>
<p class="created">Created on 2026-02-24 00:06</p>{published}
<div><p>An engine has a mill and a store, and a table of cards that tells it what to do with both.</p>
<h3>The cards</h3><p>They are punched, they are many, and the order in which they lie is the whole of the art.</p></div>
</body></html>"""
PUBLISHED = '<p class="published">Published on 2026-02-24 00:09</p>'


def packed(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return path


def read(location: Path, category: Category = Category.POSTS) -> tuple[list[Document], Counter[str]]:
    crawl = LinkedInExport(Tools(Fetcher())).read(link(location), category, {})
    return list(crawl.documents), crawl.skipped


def link(location: Path) -> Link:
    return Link(
        author="ada", url="local:export.zip", kind="linkedin_export",
        categories=(Category.POSTS, Category.ARTICLES), location=str(location),
    )  # fmt: skip


def line_quoted(text: str) -> str:
    """`text` as the export writes it into a commentary: every line in quotes, the outermost two left to the field."""
    return "\n".join('"' + line.replace('"', '""') + '"' for line in text.split("\n"))[1:-1]


def test_line_quoted_commentary_is_restored(tmp_path: Path) -> None:
    raw = (
        HEADER + f'2026-01-05 10:00:00,{SHARE}1,"He said ""hi"".""\n""""\n""Next ""line"" here.",,N/A,MEMBER_NETWORK\n'
    )
    (document,), _ = read(packed(tmp_path / "e.zip", {"Shares.csv": raw}))
    assert document.text == 'He said "hi".\n\nNext "line" here.'
    assert document.link == "https://www.linkedin.com/feed/update/urn:li:share:1"
    assert document.published_at == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert document.platform == "linkedin"
    assert document.metadata == {"visibility": "MEMBER_NETWORK"}


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=("Cs",))), min_size=2, max_size=6))
def test_any_text_of_several_lines_survives_the_dialect(lines: list[str]) -> None:
    # A quote at either edge cannot be told from a wrapping one in every case, so the edges here are words.
    text = "\n".join(["first " + lines[0], *lines[1:-1], lines[-1] + " last"])
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow([line_quoted(text)])
    (row,) = csv.reader(io.StringIO(buffer.getvalue(), newline=""))
    assert unquote_lines(row[0]) == text


@pytest.mark.parametrize(
    "text", ['"quoted" and\nplain', 'one "line"', "two\nlines", 'ends with a quote"\nbut not this']
)
def test_plain_dialect_is_left_alone(text: str) -> None:
    assert unquote_lines(text) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings_suffixes_folders_and_missing_columns(tmp_path: Path, encoding: str) -> None:
    raw = f"Date, Share Link ,ShareCommentary\n2024-05-01 09:00:00 UTC,{SHARE}7,Grüße – “naïve”\n"
    export = packed(tmp_path / "e.zip", {
        "deep/Shares_155814142.csv": raw.encode(encoding), "__MACOSX/deep/Shares_155814142.csv": b"\0\0",
        "messages.csv": "private",
    })  # fmt: skip
    # A column called "Share Link" is ShareLink: parsers have seen the spaces.
    (document,), _ = read(export)
    assert document.text == "Grüße – “naïve”"
    assert document.link.endswith("urn:li:share:7")
    assert document.published_at == datetime(2024, 5, 1, 9, tzinfo=UTC)


def test_folder_gives_the_same_documents_as_its_zip(tmp_path: Path) -> None:
    files = {"Shares.csv": HEADER + f"2026-01-05 10:00:00,{SHARE}1,Hello,,,PUBLIC\n", "Articles/Articles/a.html": "x"}
    for name, content in files.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_text(content)
    (tmp_path / "folder" / "Shares_2.csv").symlink_to("/etc/passwd")
    zipped = packed(tmp_path / "e.zip", dict(files))
    assert read(tmp_path / "folder") == read(zipped)
    digest = LinkedInExport(Tools(Fetcher())).read(link(zipped), Category.POSTS, {}).validators
    assert (
        LinkedInExport(Tools(Fetcher())).read(link(tmp_path / "folder"), Category.POSTS, digest).status == "unchanged"
    )


def test_reposts_and_private_posts_are_counted_and_dates_come_from_ids(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    number = int(moment.timestamp() * 1000) << 22
    rows = [
        f",{SHARE}{number},No date,,,PUBLIC",
        f"2026-01-01 00:00:00,{SHARE}2,,https://x.example,,PUBLIC",
        f"2026-01-01 00:00:00,{SHARE}3,NULL,,,PUBLIC",
        f"2026-01-01 00:00:00,{SHARE}4,For friends,,,CONNECTIONS",
        "2026-01-01 00:00:00,,No link,,,PUBLIC",
    ]
    documents, skipped = read(packed(tmp_path / "e.zip", {"Shares.csv": HEADER + "\n".join(rows) + "\n"}))
    assert [document.text for document in documents] == ["No date", "No link"]
    assert documents[0].published_at == moment
    assert documents[1].link.startswith("local:export.zip#")
    assert skipped == {"repost_without_words": 2, "not_public": 1}


def test_articles_are_read_and_drafts_are_not(tmp_path: Path) -> None:
    export = packed(tmp_path / "e.zip", {
        "Articles/Articles/a.html": ARTICLE.format(published=PUBLISHED),
        "Articles/Articles/b.html": ARTICLE.format(published=""),
    })  # fmt: skip
    (document,), skipped = read(export, Category.ARTICLES)
    assert document.title == "On engines"
    assert document.link == "https://www.linkedin.com/pulse/on-engines-ada"
    assert document.published_at == datetime(2026, 2, 24, 0, 9, tzinfo=UTC)
    assert document.text.startswith("An engine has a mill")
    assert "### The cards" in document.text
    assert "Published on" not in document.text
    assert skipped == {"draft": 1}


def test_names_that_act_as_paths_act_as_nothing(tmp_path: Path) -> None:
    row = HEADER + f"2026-01-01 00:00:00,{SHARE}1,Hello,,,PUBLIC\n"
    documents, _ = read(packed(tmp_path / "e.zip", {"../../Shares.csv": row, "/etc/Shares_1.csv": row}))
    assert {document.text for document in documents} == {"Hello"}
    assert [path.name for path in tmp_path.iterdir()] == ["e.zip"]


def test_bomb_is_refused_before_it_unpacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBER", 2**20)
    export = packed(tmp_path / "e.zip", {"Shares.csv": b"\0" * 2**24})
    assert export.stat().st_size < 2**17
    with pytest.raises(CrawlError, match=r"local:export\.zip: Shares\.csv in it unpacks to more"):
        read(export)


def test_what_is_no_export_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CrawlError, match=r"local:export\.zip does not exist"):
        read(tmp_path / "none.zip")
    (tmp_path / "page.zip").write_text("<html>")
    with pytest.raises(CrawlError, match="is not a zip archive"):
        read(tmp_path / "page.zip")
    with pytest.raises(CrawlError, match=r"neither Shares\.csv nor an Articles folder"):
        read(packed(tmp_path / "other.zip", {"Connections.csv": "x"}))
    with pytest.raises(CrawlError, match="no column ShareCommentary"):
        read(packed(tmp_path / "table.zip", {"Shares.csv": "a,b\n1,2\n"}))
    whole = packed(tmp_path / "whole.zip", {"Shares.csv": HEADER * 500}).read_bytes()
    damaged = bytearray(whole)
    damaged[60] ^= 0xFF
    (tmp_path / "damaged.zip").write_bytes(damaged)
    with pytest.raises(CrawlError, match="cannot be read"):
        read(tmp_path / "damaged.zip")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (SHARE + "12", "https://www.linkedin.com/feed/update/urn:li:share:12"),
        (
            "https://linkedin.com/feed/update/urn:li:ugcPost:3/?x=1",
            "https://www.linkedin.com/feed/update/urn:li:ugcPost:3",
        ),
        (
            "https://www.linkedin.com/posts/ada_on-engines-activity-7448081445065035776-aBcD",
            "https://www.linkedin.com/feed/update/urn:li:activity:7448081445065035776",
        ),
        (SHARE.replace("share", "groupPost") + "9-8", "https://www.linkedin.com/feed/update/urn:li:groupPost:9-8"),
    ],
)
def test_post_link(address: str, expected: str) -> None:
    assert post_link(address) == expected
