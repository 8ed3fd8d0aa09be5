"""The checks of cleaning: every raw document has a fate, nothing private and no page chrome is left."""

from typing import Any

import pytest

from tests.kit.staged import ADA, ARTICLES
from twin.cleaning import clean_documents
from twin.cleaning.checks import verify_chrome, verify_cleaned, verify_private
from twin.models import Author, Category, Document, State
from twin.warehouse.sqlite import SqliteWarehouse


@pytest.fixture
def warehouse(warehouse: SqliteWarehouse) -> SqliteWarehouse:
    """One whose raw documents are of every fate, cleaned."""
    warehouse.upsert_authors([Author(slug=ADA, name="Ada", aliases=("ada@lovelace.org",))])
    words = " ".join(f"word{number}" for number in range(60))
    again = "This paragraph stands in every document of hers, and in some alone."
    texts = {
        "1": f"{words}\n\nada@lovelace.org\n\n{again}",
        "2": "Write to bob@company.co.uk about engines.",
        "copy": f"{words}\n\n{again}",
        "empty": " \n",
        "chrome": "Share this post",
        "frame": again,
        "other": f"Something of its own about looms.\n\n{again}",
    }
    warehouse.upsert_documents(State.RAW, (raw(name, text) for name, text in texts.items()))
    clean_documents(warehouse, ADA, ARTICLES)
    return warehouse


def raw(name: str, text: str, category: Category = ARTICLES, **fields: Any) -> Document:
    link = f"https://ada.example/{name}"
    return Document(
        author=ADA, category=category, link=link, source=link, text=text, **({"platform": "substack"} | fields)
    )


def test_every_raw_document_is_cleaned_or_dropped_for_a_reason(warehouse: SqliteWarehouse) -> None:
    verdict = verify_cleaned(warehouse, ADA, ARTICLES)
    dropped = {"duplicate": 1, "empty": 1, "only_page_chrome": 1, "only_repeated": 1}
    assert verdict == ({"raw": 7, "cleaned": 3, "dropped": dropped}, [])
    assert verify_cleaned(warehouse, "nobody", ARTICLES) == ({"raw": 0, "cleaned": 0, "dropped": {}}, [])


def test_a_cleaned_document_that_got_lost_is_named(warehouse: SqliteWarehouse) -> None:
    warehouse.remove_documents(State.CLEANED, [raw("2", "").id])
    assert verify_cleaned(warehouse, ADA, ARTICLES).problems == [
        "https://ada.example/2 has no cleaned document, and no reason is known"
    ]


def test_a_raw_document_that_changed_since_is_named(warehouse: SqliteWarehouse) -> None:
    warehouse.edit_document(State.RAW, raw("2", "").id, "Other words.")
    assert verify_cleaned(warehouse, ADA, ARTICLES).problems == ["https://ada.example/2 changed after it was cleaned"]
    clean_documents(warehouse, ADA, ARTICLES)
    assert verify_cleaned(warehouse, ADA, ARTICLES).problems == []


def test_what_must_not_be_passed_on_is_counted_and_never_said(warehouse: SqliteWarehouse) -> None:
    assert verify_private(warehouse, ADA, ARTICLES) == ({"documents": 3, "documents_private": 0}, [])
    key = "AKIA" + "Z7QW3RTY5PLM2KJH"
    warehouse.edit_document(State.CLEANED, raw("2", "").id, f"{key} of bob@company.co.uk and ada@lovelace.org")
    (problem,) = verify_private(warehouse, ADA, ARTICLES).problems
    assert problem.startswith("https://ada.example/2 contains private data: 1 EMAIL, 1 SECRET:")
    assert key not in problem
    assert "bob" not in problem


@pytest.mark.parametrize(
    ("category", "fields"),
    [
        (ARTICLES, {"title": "Mail bob@company.co.uk"}),
        (Category.POSTS, {"metadata": {"summary": "Mail bob@company.co.uk"}}),
        (Category.REPOSITORIES, {"path": "a.py", "metadata": {"description": "Mail bob@company.co.uk"}}),
    ],
)
def test_titles_and_summaries_are_read_as_well(
    warehouse: SqliteWarehouse, category: Category, fields: dict[str, Any]
) -> None:
    document = raw("new", "x = 1", category, **fields)
    warehouse.upsert_documents(State.CLEANED, [document])
    name = "https://ada.example/new a.py" if "path" in fields else "https://ada.example/new"
    assert verify_private(warehouse, ADA, category).problems == [f"{name} contains private data: 1 EMAIL"]
    warehouse.upsert_documents(State.RAW, [document])
    clean_documents(warehouse, ADA, category)
    assert verify_private(warehouse, ADA, category).problems == []


@pytest.mark.parametrize("chrome", ["Share this post", "#### Discussion about this post", "x\n\nSubscribe\n\ny"])
def test_page_chrome_that_is_left_is_named(warehouse: SqliteWarehouse, chrome: str) -> None:
    assert verify_chrome(warehouse, ADA, ARTICLES) == ({"documents": 3, "documents_with_chrome": 0}, [])
    warehouse.edit_document(State.CLEANED, raw("2", "").id, f"Words.\n\n{chrome}")
    (problem,) = verify_chrome(warehouse, ADA, ARTICLES).problems
    assert problem.startswith("https://ada.example/2 contains page chrome in 1 places: “")


@pytest.mark.parametrize(
    "text", ["```\nShare this post\n```", "    Share this post", "I share this post, and subscribe."]
)
def test_code_and_sentences_are_no_chrome(warehouse: SqliteWarehouse, text: str) -> None:
    warehouse.edit_document(State.CLEANED, raw("2", "").id, f"Words.\n\n{text}")
    assert verify_chrome(warehouse, ADA, ARTICLES).problems == []
