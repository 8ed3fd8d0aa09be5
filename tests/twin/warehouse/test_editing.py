"""Raw documents by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from twin.errors import InputError
from twin.models import Author, Category, Document, State
from twin.transfer.handbook import import_export
from twin.warehouse import SqliteWarehouse
from twin.warehouse.editing import find_document, list_documents, remove_document, replace_text

REPOSITORY = "https://github.com/ada/engine"


def document(link: str, category: str = "articles", path: str | None = None) -> Document:
    fields = {"author": "ada", "category": category, "link": link, "path": path, "source": link, "platform": "web"}
    return Document.model_validate(fields | {"text": f"Text of {link} {path}"})


NOTE, OTHER = document("https://ada.example/note-one"), document("https://ada.example/note-two")
FILES = [document(REPOSITORY, "repositories", path) for path in ("src/engine.py", "README.md")]


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[SqliteWarehouse]:
    opened = SqliteWarehouse(tmp_path / "w.sqlite")
    opened.upsert_authors([Author(slug="ada", name="Ada")])
    opened.upsert_documents(State.RAW, [NOTE, OTHER, *FILES])
    yield opened
    opened.close()


def test_documents_are_listed_by_category(warehouse: SqliteWarehouse) -> None:
    assert {each.id for each in list_documents(warehouse, "ada")} == {each.id for each in (NOTE, OTHER, *FILES)}
    assert {each.link for each in list_documents(warehouse, "ada", Category.REPOSITORIES)} == {REPOSITORY}
    with pytest.raises(InputError, match="There is no author 'adam': did you mean 'ada'"):
        list_documents(warehouse, "adam")


@pytest.mark.parametrize("link", [NOTE.link, "HTTPS://ada.example/note-one/?utm_source=x#top", NOTE.id])
def test_a_document_is_found_by_any_spelling_of_its_link(warehouse: SqliteWarehouse, link: str) -> None:
    assert find_document(warehouse, "ada", link) == NOTE


def test_a_file_needs_its_path(warehouse: SqliteWarehouse) -> None:
    assert find_document(warehouse, "ada", REPOSITORY, "README.md") == FILES[1]
    with pytest.raises(InputError, match=r"has 2 documents: give --path too, such as README\.md"):
        find_document(warehouse, "ada", REPOSITORY)
    with pytest.raises(InputError, match=r"has no file 'src/engine\.pi': did you mean 'src/engine\.py'"):
        remove_document(warehouse, "ada", REPOSITORY, "src/engine.pi")


@pytest.mark.parametrize(
    ("typed", "found"),
    [("engine.py", FILES[0]), ("src/engine.py", FILES[0]), ("note-one", NOTE), ("ada.example/note-one", NOTE)],
)
def test_a_unique_end_of_a_link_or_path_is_enough(warehouse: SqliteWarehouse, typed: str, found: Document) -> None:
    assert find_document(warehouse, "ada", typed) == found
    for part in ("gine.py", "ote-one", "note", "/", " "):
        with pytest.raises(InputError, match="ada has no document"):
            find_document(warehouse, "ada", part)


def test_a_local_document_is_found_as_it_was_declared(warehouse: SqliteWarehouse) -> None:
    local = [
        NOTE.model_copy(update={"link": f"local:{path}", "title": title})
        for path, title in (("/home/jane/a.md", "On Wheels"), ("~/a.md", "Twice"), ("notes/b.md", "twice"))
    ]
    warehouse.upsert_documents(State.RAW, local)
    assert find_document(warehouse, "ada", "/home/jane/a.md") == local[0]
    assert find_document(warehouse, "ada", "local:/home/jane/a.md") == local[0]
    assert find_document(warehouse, "ada", str(Path.home() / "a.md")) == local[1]
    assert find_document(warehouse, "ada", "./notes/b.md") == local[2]
    assert find_document(warehouse, "ada", "on wheels") == local[0]
    with pytest.raises(InputError, match=r"a\.md may be 2 documents \(local:/home/jane/a\.md, local:~/a\.md\): give"):
        remove_document(warehouse, "ada", "a.md")
    with pytest.raises(InputError, match="TWICE may be 2 documents"):
        find_document(warehouse, "ada", "TWICE")


def test_an_unknown_link_names_near_ones(warehouse: SqliteWarehouse) -> None:
    with pytest.raises(
        InputError, match=r"ada has no document .*note-on: did you mean 'https://ada\.example/note-one'"
    ):
        find_document(warehouse, "ada", "https://ada.example/note-on")
    with pytest.raises(InputError, match="list them with `twin documents list ada`"):
        find_document(warehouse, "ada", "zzz")


def test_a_text_is_replaced_once_and_outlives_the_unchanged_source(warehouse: SqliteWarehouse) -> None:
    assert replace_text(warehouse, "ada", NOTE.link, "new")
    assert not replace_text(warehouse, "ada", NOTE.link, "new")
    assert find_document(warehouse, "ada", NOTE.link).text == "new"
    assert warehouse.upsert_documents(State.RAW, [NOTE]).unchanged == 1
    assert find_document(warehouse, "ada", NOTE.link).text == "new"
    assert find_document(warehouse, "ada", OTHER.link) == OTHER
    with pytest.raises(InputError, match="remove the document with `twin documents remove`"):
        replace_text(warehouse, "ada", NOTE.link, " \n")


def test_a_removed_document_is_gone(warehouse: SqliteWarehouse) -> None:
    assert remove_document(warehouse, "ada", NOTE.link) == NOTE
    with pytest.raises(InputError, match="has no document"):
        remove_document(warehouse, "ada", NOTE.link)
    assert find_document(warehouse, "ada", OTHER.link) == OTHER


def test_a_real_article_is_edited_and_removed_for_good(shared_data: Path, tmp_path: Path) -> None:
    warehouse = SqliteWarehouse(tmp_path / "real.sqlite")
    import_export(shared_data / "handbook", warehouse)
    link = "https://mlabonne.github.io/blog/posts/2024-07-29_Finetune_Llama31.html"
    before = warehouse.hashes(State.RAW, "maxime-labonne", Category.ARTICLES)
    assert replace_text(warehouse, "maxime-labonne", link, "Edited.")
    after = warehouse.hashes(State.RAW, "maxime-labonne", Category.ARTICLES)
    assert [key for key in before if before[key] != after[key]] == [find_document(warehouse, "maxime-labonne", link).id]
    assert import_export(shared_data / "handbook", warehouse).written == 0
    remove_document(warehouse, "maxime-labonne", link)
    assert len(list(list_documents(warehouse, "maxime-labonne"))) == 25
    warehouse.close()
