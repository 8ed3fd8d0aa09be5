"""Sample rows: few, short, in one line, and without secrets."""

from pathlib import Path

import pyarrow as pa
import pytest

from twin.artifacts import ArtifactStore
from twin.inspection.preview import ROWS, cell, document_rows, table_rows
from twin.models import Category, Document

TOKEN = "ghp_" + "h1mZ9wQb7RkT2xVc8LsN4yGf6DpJ0aEu3XoB"  # no real one
NAME = ("chunks", "ada", "posts.parquet")


def document(number: int, **fields: object) -> Document:
    usual = {
        "author": "ada",
        "category": Category.ARTICLES,
        "link": f"https://ada.example/{number}",
        "source": "https://ada.example",
        "platform": "web",
        "text": f"Essay {number}.",
    }
    return Document.model_validate({**usual, **fields})


def test_documents_give_five_rows_and_no_more_are_read() -> None:
    read = []

    def documents() -> object:
        for number in range(100):
            read.append(number)
            yield document(number)

    rows = document_rows(documents(), text=True)  # type: ignore[arg-type]
    assert [row["text"] for row in rows] == [f"Essay {number}." for number in range(ROWS)]
    assert len(read) == ROWS == 5


def test_raw_texts_are_not_shown() -> None:
    (row,) = document_rows([document(1, text="Call me: 0171 2345678.")], text=False)
    assert "text" not in row
    assert row["characters"] == 22


def test_a_title_or_an_address_with_a_secret_shows_no_secret() -> None:
    found = document(1, title=f"My key {TOKEN}", link=f"https://ada.example/?token={TOKEN}", path=f"a/{TOKEN}.md")
    for text in (True, False):
        assert TOKEN not in repr(document_rows([found], text=text))


def test_a_long_text_is_cut_and_has_one_line() -> None:
    shown = cell("word\n\n" * 400)
    assert shown.endswith("…")
    assert "\n" not in shown
    assert len(shown) == 70
    assert cell("short\n text") == "short text"
    assert cell(7) == 7
    assert cell(None) is None


@pytest.mark.parametrize(("total", "positions"), [(0, []), (1, [0]), (3, [0, 1, 2]), (10, [1, 3, 5, 7, 9])])
def test_rows_of_a_table_are_spaced(tmp_path: Path, total: int, positions: list[int]) -> None:
    artifacts = ArtifactStore(str(tmp_path))
    schema = pa.schema([("number", pa.int64()), ("text", pa.string())])
    rows = [{"number": number, "text": f"text {number}"} for number in range(total)]
    batch = pa.RecordBatch.from_pylist(rows, schema=schema)
    artifacts.write_table(*NAME, schema=schema, batches=[batch], metadata={})
    assert table_rows(artifacts, *NAME, columns=["text"]) == [{"text": f"text {each}"} for each in positions]


def test_a_column_of_a_table_that_may_hold_a_secret_shows_none(tmp_path: Path) -> None:
    artifacts = ArtifactStore(str(tmp_path))
    schema = pa.schema([("context", pa.string())])
    batch = pa.RecordBatch.from_pylist([{"context": f"a/{TOKEN}.md"}], schema=schema)
    artifacts.write_table(*NAME, schema=schema, batches=[batch], metadata={})
    assert table_rows(artifacts, *NAME, columns=["context"]) == [{"context": f"a/{TOKEN}.md"}]
    assert TOKEN not in repr(table_rows(artifacts, *NAME, columns=["context"], private=["context"]))


def test_a_missing_table_has_no_rows(tmp_path: Path) -> None:
    assert table_rows(ArtifactStore(str(tmp_path)), *NAME, columns=["text"]) == []
