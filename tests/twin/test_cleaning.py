"""Cleaning takes out what is not the author's and nothing else, and does it once."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.cleaning import clean_documents
from twin.cleaning.rules import clean_post, clean_prose
from twin.cleaning.stage import clean
from twin.models import Category, Document, State
from twin.warehouse.sqlite import SqliteWarehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[SqliteWarehouse]:
    opened = SqliteWarehouse(tmp_path / "warehouse.db")
    yield opened
    opened.close()


def document(text: str, category: Category = Category.ARTICLES, name: str = "x", platform: str = "web") -> Document:
    link = f"https://ada.example/{name}"
    return Document(author="ada", category=category, link=link, source=link, platform=platform, text=text)


def store(warehouse: SqliteWarehouse, *documents: Document) -> None:
    warehouse.upsert_documents(State.RAW, documents)


def cleaned(warehouse: SqliteWarehouse, category: Category = Category.ARTICLES) -> dict[str, str]:
    return {each.link: each.text for each in warehouse.documents(State.CLEANED, "ada", category)}


def test_prose_keeps_everything_that_was_written() -> None:
    text = (
        "# Title: it’s “here” — really…\n\n1. one\n2. two\n   - nested\n\n> quote\n\n| a | b |\n|---|---|\n\n"
        "Ünïcode, 漢字, العربية, 👩‍👩‍👧 and x² ≠ ﬁ; tab\there. [a](https://b.example) `code  x`\n\n    indented code\n"
    )
    assert clean_prose(text) == (text.rstrip("\n"), {})


def test_prose_loses_what_nobody_sees() -> None:
    text = "\ufeffa\u200bb\x00c  \r\ne\u0301 \x85x\u2028y\n\n\n\n\n\nlast\u00a0\n\n"
    assert clean_prose(text)[0] == "abc\né  x y\n\n\nlast"


def test_chrome_goes_as_whole_lines_with_its_reason() -> None:
    text = (
        "# Engines\n\nShare this post\n\n[Subscribe now](https://a.example)\n\nSubscribe now, or don't: it is free.\n\n"
        "#### Discussion about this post\n\nSubscribe\n\nShare\n\n## Status\n\n© 2024 Ada Lovelace\n\nThe end."
    )
    plain, removed = clean_prose(text)
    assert plain.count("\n\n\n\n") == 0
    assert "Share this post" not in plain
    assert "Subscribe now, or don't: it is free." in plain
    assert "\nSubscribe\n" in plain
    assert removed == {"share": 1, "subscribe": 1, "comments": 1}
    hosted, removed = clean_prose(text, platform="substack")
    assert "\nSubscribe\n" not in hosted
    assert "## Status" in hosted
    assert removed == {"share": 2, "subscribe": 2, "comments": 1, "legal": 1}


@pytest.mark.parametrize("fence", ["```", "~~~", "````python", "  ```"])
def test_fenced_code_keeps_every_character(fence: str) -> None:
    code = "Subscribe\nShare this post\n\n\n\n\nx = 1   \n\ty = e\u0301\u200b \u2028\n``"
    text = f"a\n{fence}\n{code}\n{fence.rstrip('python')}\nShare this post\nb"
    plain, removed = clean_prose(text, platform="substack")
    assert code in plain
    assert removed == {"share": 1}


def test_fence_that_is_never_closed_puts_nothing_out_of_reach() -> None:
    assert clean_prose("```\nx\n\nShare this post\nend  ")[0] == "```\nx\n\nend"


def test_posts_keep_their_line_breaks_and_emoji() -> None:
    text = "First line 🚀\r\n\r\n→ a\u2028→ b\n\nSubscribe\n\n#tag #other  "
    assert clean_post(text) == "First line 🚀\n\n→ a\n→ b\n\nSubscribe\n\n#tag #other"


LINES = st.sampled_from([
    "", " ", "a", "```", "```py", "~~~", "# x", "Share", "Subscribe now", "\u200b```", "e\u0301", "`\u1fef`",
    "\t", "\x00",
])  # fmt: skip
ANY_TEXT = st.one_of(st.text(), st.lists(st.one_of(LINES, st.text(max_size=8)), max_size=12).map("\n".join))


@given(text=ANY_TEXT, platform=st.sampled_from(["web", "substack"]))
def test_cleaning_twice_changes_nothing_more(text: str, platform: str) -> None:
    once, _ = clean_prose(text, platform=platform)
    assert clean_prose(once, platform=platform) == (once, {})
    post = clean_post(text)
    assert clean_post(post) == post


@given(st.text(st.characters(categories=("L", "M", "N", "P", "S"))))
def test_no_letter_digit_or_mark_is_ever_lost(word: str) -> None:
    import unicodedata

    assert clean_prose(f"x {word} x")[0] == unicodedata.normalize("NFC", f"x {word} x")


def test_code_is_byte_identical() -> None:
    text = "\ufeffif x:\r\n\tpass  \r\n\n\n\n\n\n# Share this post\n\x00e\u0301\n\n"
    assert clean(document(text, Category.REPOSITORIES)).text == text


def test_second_cleaning_writes_nothing_and_a_change_writes_one(warehouse: SqliteWarehouse) -> None:
    store(warehouse, document("One  \n\nShare this post", name="1"), document("Two", name="2"), document(" ", name="3"))
    store(warehouse, document("Share this post\n", name="4"))
    first = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (first.total, first.new, first.written) == (2, 2, 2)
    assert first.dropped == {"empty": 1, "only_page_chrome": 1}
    assert first.removed_lines == {"share": 1}
    assert cleaned(warehouse) == {"https://ada.example/1": "One", "https://ada.example/2": "Two"}
    assert (first.chars_raw, first.chars_cleaned) == (42, 6)
    second = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert second == first.model_copy(update={"written": 0, "new": 0, "unchanged": 2})
    store(warehouse, document("Two, changed", name="2"))
    third = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (third.written, third.changed, third.unchanged) == (1, 1, 1)
    assert third.data_version != first.data_version
    store(warehouse, document("Two", name="2"))
    assert clean_documents(warehouse, "ada", Category.ARTICLES).data_version == first.data_version


def test_what_is_gone_or_became_empty_is_tombstoned(warehouse: SqliteWarehouse) -> None:
    one, two = document("One", name="1"), document("Two", name="2")
    store(warehouse, one, two, document("Three", name="3"))
    clean_documents(warehouse, "ada", Category.ARTICLES)
    warehouse.remove_documents(State.RAW, [one.id])
    store(warehouse, document("", name="2"))
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (report.total, report.removed, report.dropped) == (1, 2, {"empty": 1})
    assert list(cleaned(warehouse)) == ["https://ada.example/3"]


def test_edit_made_in_the_store_itself_flows_through(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    import sqlite3

    store(warehouse, document("One", name="1"), document("Two", name="2"))
    first = clean_documents(warehouse, "ada", Category.ARTICLES)
    with sqlite3.connect(tmp_path / "warehouse.db") as connection:
        connection.execute("UPDATE raw SET text = 'One, mended' WHERE link LIKE '%/1'")
    connection.close()
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (report.changed, report.unchanged) == (1, 1)
    assert report.data_version != first.data_version
    assert cleaned(warehouse)["https://ada.example/1"] == "One, mended"


def test_other_rules_clean_everything_again(warehouse: SqliteWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    store(warehouse, document("One", name="1"))
    before = clean_documents(warehouse, "ada", Category.ARTICLES)
    monkeypatch.setattr("twin.cleaning.stage.VERSION", "other")
    after = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert after.changed == 1
    assert after.data_version != before.data_version


def test_handbook_articles_lose_chrome_and_no_code(shared_data: Path, warehouse: SqliteWarehouse) -> None:
    """76 real articles: none dropped, no platform chrome lines left, every character inside fences still there."""
    articles = json.loads((shared_data / "handbook" / "ArticleDocument.json").read_text())
    store(warehouse, *(
        Document(
            author="ada", category=Category.ARTICLES, link=article["link"], source=article["link"],
            platform=article["platform"], title=article["content"]["Title"], text=article["content"]["Content"],
        )
        for article in articles
    ))  # fmt: skip
    report = clean_documents(warehouse, "ada", Category.ARTICLES)
    assert (report.total, report.dropped) == (76, {})
    # 5.3 % of these pages are the share and comment boxes of the platform, trailing spaces and blank lines.
    assert 0.94 * report.chars_raw < report.chars_cleaned < report.chars_raw
    chrome = re.compile(r"^(Subscribe|Share this post|Copy link|Ready for more\?|SubscribeSign in|Share)$", re.M)
    fences = re.compile(r"^```.*?^```\s*$", re.M | re.S)
    for raw in warehouse.documents(State.RAW, "ada", Category.ARTICLES):
        done = warehouse.document(State.CLEANED, raw.id)
        assert done is not None
        assert not chrome.search(fences.sub("", done.text)), raw.link
        for block in fences.findall(raw.text):
            assert block.strip() in done.text, raw.link
        kept = set(done.text.split("\n"))
        for line in fences.sub("", raw.text).split("\n"):
            # The longest line of the platforms has 76 characters, so no longer one may be missing.
            assert len(line.strip()) <= 80 or clean_post(line) in kept, raw.link
    assert clean_documents(warehouse, "ada", Category.ARTICLES).written == 0
