"""The tables of a member's export: both dialects of quoting, every form of a header, and what is no table."""

import csv
import io
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.linkedin_archives import HEADER, SHARE, link, packed, read
from twin.crawling.sources.linkedin import LinkedInExport
from twin.crawling.sources.linkedin_tables import comments, shares, unquote_lines
from twin.crawling.tools import Tools
from twin.crawling.web.fetcher import Fetcher
from twin.errors import CrawlError
from twin.models import Category


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


def commentaries(fields: list[str]) -> list[str]:
    table = io.StringIO(newline="")
    csv.writer(table).writerows([["Date", "ShareLink", "ShareCommentary"], *(["", "", field] for field in fields)])
    return [row["sharecommentary"] for row in shares(table.getvalue().encode(), "x", Counter())]


def test_quoting_is_told_by_the_whole_file() -> None:
    certain = 'He said ""hi"".\n\nand left.'.replace("\n", '"\n"')
    assert commentaries([certain, 'one ""line""', 'two"\n"lines']) == [
        'He said "hi".\n\nand left.',
        'one "line"',
        "two\nlines",
    ]
    # Where a file quotes plainly, lines that happen to end and begin with a quote keep them.
    plain = ['She wrote "a"\n"b" and more', "three\nplain\nlines", 'x = ""']
    assert commentaries(plain) == plain


def test_row_with_a_stray_quote_swallows_no_other(tmp_path: Path) -> None:
    raw = HEADER + (
        f"2026-01-01 10:00:00,{SHARE}1,First,,,PUBLIC\n"
        f'2026-01-02 10:00:00,{SHARE}2,"never closed,,,PUBLIC\n'
        f'2026-01-03 10:00:00,{SHARE}3,"Third\nin two lines",,,PUBLIC\n'
    )
    documents, skipped = read(packed(tmp_path / "e.zip", {"Shares.csv": raw}))
    assert [document.text for document in documents] == ["First", "Third\nin two lines"]
    assert skipped == {"malformed_row": 1}
    long = HEADER + f'2026-01-01 10:00:00,{SHARE}1,First,,,PUBLIC\n2026-01-02 10:00:00,{SHARE}2,"{"x" * 200_000}\n'
    documents, skipped = read(packed(tmp_path / "long.zip", {"Shares.csv": long}))
    assert ([document.text for document in documents], skipped) == (["First"], {"malformed_row": 1})


@pytest.mark.slow
@pytest.mark.parametrize("filler", ["\n" * 2**17, ",\n" * 2**16, "\r" * 2**17, '""\n' * 2**16, "," * 2**21])
def test_tables_of_nothing_fill_no_memory(tmp_path: Path, filler: str) -> None:
    """A megabyte of it is a kilobyte in a zip, and as rows and cells it would be a hundred megabytes."""
    rows = [f"2026-01-01 10:00:00,{SHARE}{n},Post {n},,,PUBLIC\n" for n in (1, 2)]
    raw = HEADER + rows[0] + filler + "\n" + rows[1]
    export = packed(tmp_path / "e.zip", {"Shares.csv": raw})
    tracemalloc.start()
    try:
        crawl = LinkedInExport(Tools(Fetcher())).read(link(export), Category.POSTS, {})
        texts = [document.text for document in crawl.documents]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert texts == ["Post 1", "Post 2"]
    assert peak < 4 * (len(raw) + 2**20)


def rows_or_sentence(content: bytes, answers: bool) -> list[dict[str, str]] | str:
    try:
        return list((comments if answers else shares)(content, "x", Counter()))
    except CrawlError as error:
        return str(error)


@given(st.binary(max_size=300) | st.text('",\\\n\r 2x', max_size=40).map(str.encode), st.booleans())
def test_noise_between_rows_does_not_crash_and_loses_no_row(noise: bytes, answers: bool) -> None:
    head = b"Date,Link,Message\n" if answers else HEADER.encode()
    rows = [f'2026-01-01 10:00:00,{SHARE}{n},"Post {n}"'.encode() + b",,,"[answers * 3 :] + b"\n" for n in (1, 2)]
    found = rows_or_sentence(head + rows[0] + noise + b"\n" + rows[1], answers)
    if isinstance(found, str):
        assert found.startswith("x ")  # in no encoding
    else:
        texts = [row.get("message" if answers else "sharecommentary") for row in found]
        assert {"Post 1", "Post 2"} <= set(texts)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "header",
    [
        "\ufeff Date , Share Link , SHARE COMMENTARY ,Shared Url,Media URL, Visibility \n",
        "Notes:\nThis is your data.\n\n" + HEADER,
        "Datum,Link zum Beitrag,Kommentar,Geteilte URL,Medien-URL,Sichtbarkeit\n",
        "التاريخ,الرابط,النص,رابط,وسائط,الظهور\n",
    ],
)
def test_headers_of_other_programs_and_languages(tmp_path: Path, header: str, delimiter: str) -> None:
    row = f"2026-01-01 10:00:00,{SHARE}1,Hello,https://x.example/a,NULL,PUBLIC\n"
    (document,), _ = read(packed(tmp_path / "e.zip", {"Shares.csv": (header + row).replace(",", delimiter)}))
    assert document.text == "Hello"
    assert document.link.endswith("urn:li:share:1")
    assert document.metadata == {"visibility": "PUBLIC", "sharedurl": "https://x.example/a"}
    assert document.published_at == datetime(2026, 1, 1, 10, tzinfo=UTC)


def test_words_stand_as_they_were_written(tmp_path: Path) -> None:
    text = "𝗕𝗼𝗹𝗱 𝘪𝘵𝘢𝘭𝘪𝘤 👩🏽‍💻\n\n• één\n\n\n#tag @Ada {hashtag|\\#|x}\u200f\nمرحبا بالعالم\n機械と穿孔カード。"
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow(["2026-01-01 10:00:00", SHARE + "1", line_quoted(text), "", "", "PUBLIC"])
    (document,), _ = read(packed(tmp_path / "e.zip", {"Shares.csv": HEADER + buffer.getvalue()}))
    assert document.text == text


def test_damaged_letter_damages_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    row = f"2026-01-01 10:00:00,{SHARE}1,{'Grüße aus Köln ' * 20}".encode() + b"\xff,,,PUBLIC\n"
    (document,), _ = read(packed(tmp_path / "e.zip", {"Shares.csv": HEADER.encode() + row}))
    assert document.text == "Grüße aus Köln " * 20 + "\ufffd"
    assert "read as utf-8 with 1 broken characters" in caplog.text
