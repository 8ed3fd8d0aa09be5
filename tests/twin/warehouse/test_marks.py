"""Marks: nothing is read again while nothing changes, and every change is noticed, whoever made it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.kit.warehouses import document
from twin.cleaning import clean_documents
from twin.cleaning.checks import check_cleaned
from twin.errors import StoreError
from twin.models import Author, Category, Document, State
from twin.verdict import Verdict
from twin.warehouse.marks import Marks, kept_verdicts
from twin.warehouse.sqlite import SqliteWarehouse

ARTICLES, POSTS = Category.ARTICLES, Category.POSTS


class Counting(SqliteWarehouse):
    """Counts the documents that are read."""

    read = 0

    def documents(self, state: State, author: str, category: Category) -> Iterator[Document]:
        for each in super().documents(state, author, category):
            self.read += 1
            yield each


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Counting]:
    opened = Counting(tmp_path / "w.sqlite")
    opened.upsert_authors([Author(slug="ada", name="Ada")])
    opened.upsert_documents(State.RAW, [document(number, text=f"Text {number} of Ada.") for number in range(3)])
    clean_documents(opened, "ada", ARTICLES)
    check_cleaned(opened, "ada", ARTICLES)
    opened.read = 0
    yield opened
    opened.close()


def by_hand(warehouse: SqliteWarehouse, statement: str, *values: object) -> None:
    """Change the file with another program."""
    with closing(sqlite3.connect(warehouse.address)) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


def built(warehouse: Counting) -> int:
    """Build and check; how many documents were read for it."""
    warehouse.read = 0
    clean_documents(warehouse, "ada", ARTICLES)
    verdicts = check_cleaned(warehouse, "ada", ARTICLES)
    assert not any(verdict.problems for verdict in verdicts.values())
    return warehouse.read


def test_an_idle_build_reads_no_text_and_reports_the_same(warehouse: Counting) -> None:
    again = clean_documents(warehouse, "ada", ARTICLES)
    verdicts = check_cleaned(warehouse, "ada", ARTICLES)
    assert warehouse.read == 0
    by_hand(warehouse, "DELETE FROM marks")
    assert clean_documents(warehouse, "ada", ARTICLES) == again
    assert check_cleaned(warehouse, "ada", ARTICLES) == verdicts
    assert warehouse.read > 0
    assert (again.total, again.written, again.unchanged, again.new) == (3, 0, 3, 0)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE raw SET text = 'edited' WHERE link LIKE '%/1'",
        "UPDATE cleaned SET title = 'edited' WHERE link LIKE '%/1'",
        "UPDATE raw SET metadata = '{\"site\": \"x\"}' WHERE link LIKE '%/1'",
        "UPDATE raw SET removed_at = '2026-01-01' WHERE link LIKE '%/1'",
        "DELETE FROM raw WHERE link LIKE '%/1'",
        "DELETE FROM cleaned WHERE link LIKE '%/1'",
        "UPDATE raw SET category = 'posts' WHERE link LIKE '%/1'",
        "UPDATE raw SET content_hash = 'x' WHERE link LIKE '%/1'",
        "UPDATE raw SET language = char(0) WHERE link LIKE '%/1'",
        "UPDATE raw SET title = 'x' || char(31) || text, text = '' WHERE link LIKE '%/1'",
        "UPDATE cleaned SET content_hash = CAST(content_hash AS BLOB) WHERE link LIKE '%/1'",
        "UPDATE authors SET aliases = '[\"@countess\"]'",
    ],
)
def test_an_edit_by_another_program_is_noticed_once(warehouse: Counting, statement: str) -> None:
    assert built(warehouse) == 0
    by_hand(warehouse, statement)
    assert built(warehouse) > 0
    assert built(warehouse) == 0


def test_being_looked_at_is_no_change(warehouse: Counting) -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    source = document(0).source
    assert warehouse.check_documents(State.RAW, "ada", ARTICLES, source=source, moment=moment) == 3
    assert built(warehouse) == 0


def test_documents_of_others_are_no_change(warehouse: Counting) -> None:
    warehouse.upsert_documents(State.RAW, [document(7, author="bob"), document(8, category=Category.REPOSITORIES)])
    assert built(warehouse) == 0
    warehouse.upsert_documents(State.RAW, [document(9, category=POSTS)])  # compared with the articles
    assert built(warehouse) > 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"depends": 1}', '{"revisions": [1], "result": null}'])
def test_a_mark_that_somebody_edited_counts_as_none(warehouse: Counting, content: str) -> None:
    warehouse.put_mark("ada", "cleaning articles", content)
    assert built(warehouse) > 0
    assert built(warehouse) == 0


def test_a_store_that_cannot_be_written_is_checked(warehouse: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("read-only")

    by_hand(warehouse, "DELETE FROM marks")
    monkeypatch.setattr(warehouse, "put_mark", refuse)
    assert built(warehouse) > 0


def test_a_damaged_byte_is_noticed(warehouse: Counting) -> None:
    with closing(sqlite3.connect(warehouse.address)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = Path(warehouse.address)
    stored = path.read_bytes()
    assert stored.count(b"Text 1 of Ada.") == 2  # raw and cleaned
    warehouse.close()
    path.write_bytes(stored.replace(b"Text 1 of Ada.", b"Text 1 of Bda."))
    assert built(warehouse) > 0


def test_other_code_reads_everything_again(warehouse: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin.warehouse.marks._code", lambda: "an update")
    assert built(warehouse) > 0
    assert built(warehouse) == 0


def test_what_somebody_else_changed_meanwhile_is_not_marked_as_seen(warehouse: Counting) -> None:
    def marks() -> Marks:
        return Marks(warehouse, "ada", "mine", [(State.RAW, ARTICLES), (State.CLEANED, ARTICLES)], {})

    first = marks()
    first.keep({"seen": 1})
    assert marks().recall() == {"seen": 1}
    by_hand(warehouse, "UPDATE cleaned SET text = 'mine' WHERE link LIKE '%/1'")
    first.keep({"seen": 2})
    assert marks().recall() is None
    first.keep({"seen": 3}, wrote=True)
    assert marks().recall() == {"seen": 3}
    by_hand(warehouse, "UPDATE raw SET text = 'theirs' WHERE link LIKE '%/1'")
    first.keep({"seen": 4}, wrote=True)
    assert marks().recall() is None
    assert not marks().still((State.RAW, ARTICLES))
    assert marks().still((State.CLEANED, ARTICLES))


def test_what_did_not_pass_its_checks_is_cleaned_again(warehouse: Counting) -> None:
    by_hand(warehouse, "DELETE FROM marks WHERE name LIKE 'checks%'")
    warehouse.read = 0
    clean_documents(warehouse, "ada", ARTICLES)
    assert warehouse.read > 0


def test_a_problem_is_looked_for_again(warehouse: Counting) -> None:
    calls = []

    def check(problems: list[str]) -> Callable[[], dict[str, Verdict]]:
        def run() -> dict[str, Verdict]:
            calls.append(problems)
            return {"a": Verdict({"n": 1}, problems), "b": Verdict({}, [])}

        return run

    def marks() -> Marks:
        return Marks(warehouse, "ada", "a check", [(State.RAW, ARTICLES)], {})

    for problems in (["bad"], ["bad"], []):
        kept_verdicts(marks(), check(problems))
    assert kept_verdicts(marks(), check(["never asked"])) == {"a": Verdict({"n": 1}, []), "b": Verdict({}, [])}
    assert calls == [["bad"], ["bad"], []]


def test_marks_go_with_their_author(warehouse: Counting) -> None:
    assert warehouse.mark("ada", "cleaning articles")
    warehouse.remove_author("ada")
    with closing(sqlite3.connect(warehouse.address)) as connection:
        assert connection.execute("SELECT * FROM marks").fetchall() == []
