"""Moving in from, and out to, the Handbook's warehouse export."""

import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from twin.errors import InputError
from twin.models import IMPORT, Author, Category, Document, Link, State
from twin.transfer.handbook import ImportReport, export_warehouse, import_export, slugify
from twin.warehouse import SqliteWarehouse

Row = dict[str, Any]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[SqliteWarehouse]:
    opened = SqliteWarehouse(tmp_path / "other.sqlite")
    yield opened
    opened.close()


def article(number: int = 1, **fields: Any) -> Row:
    return {
        "content": {"Title": f"Note {number}", "Subtitle": None, "Content": f"Text {number}.\n", "language": "en"},
        "platform": "web",
        "author_id": "id-ada",
        "author_full_name": "Ada Lovelace",
        "link": f"https://ada.example/{number}",
        "_id": f"row-{number}",
    } | fields


def export(folder: Path, **files: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def rows_of(folder: Path, name: str) -> dict[str, Row]:
    return {row["_id"]: row for row in json.loads((folder / f"{name}.json").read_text())}


def raw(
    warehouse: SqliteWarehouse, category: Category = Category.ARTICLES, author: str = "ada-lovelace"
) -> list[Document]:
    return list(warehouse.documents(State.RAW, author, category))


# -- the real export -------------------------------------------------------------------------------------------------


def test_the_real_authors_move_in_once_and_out_again(
    shared_data: Path, warehouse: SqliteWarehouse, other: SqliteWarehouse, tmp_path: Path
) -> None:
    folder = shared_data / "handbook"
    first = import_export(folder, warehouse)
    assert first.errors == []
    assert first.by_author == {"maxime-labonne": 26, "paul-iusztin": 50}
    assert (first.total, first.authors) == (76, ["maxime-labonne", "paul-iusztin"])
    assert (first.authors_written, first.links_written, first.inserted) == (2, 76, 76)
    assert first.notes == ["known_bad_instruct_datasets.json is not a class of the export and was ignored."]
    assert [author.name for author in warehouse.authors()] == ["Maxime Labonne", "Paul Iusztin"]
    assert {link.kind for link in warehouse.links("paul-iusztin")} == {IMPORT}

    second = import_export(folder, warehouse)
    assert (second.written, second.unchanged) == (0, 76)

    source = rows_of(folder, "ArticleDocument")
    for author, count in first.by_author.items():
        documents = raw(warehouse, author=author)
        assert len(documents) == count
        for document in documents:
            row = source[document.metadata["handbook"]["row"]["_id"]]
            assert document.text == row["content"]["Content"]
            assert document.title == row["content"]["Title"]
            assert document.metadata.get("subtitle") == row["content"]["Subtitle"]
            assert "r=" not in document.link

    report = export_warehouse(tmp_path / "out", warehouse)
    assert report.rows == {
        "UserDocument.json": 2, "ArticleDocument.json": 76, "PostDocument.json": 0, "RepositoryDocument.json": 0,
    }  # fmt: skip
    assert rows_of(tmp_path / "out", "ArticleDocument") == source
    assert rows_of(tmp_path / "out", "UserDocument") == rows_of(folder, "UserDocument")
    assert import_export(tmp_path / "out", warehouse).written == 0
    assert import_export(tmp_path / "out", other).inserted == 76
    assert raw(other, author="paul-iusztin") == raw(warehouse, author="paul-iusztin")


# -- each class, and odd rows -----------------------------------------------------------------------------------------

POST = {
    "content": {"Post_0": "One 🚀", "Post_1": "Two"}, "platform": "linkedin", "author_id": "id-ada",
    "author_full_name": "Ada Lovelace", "image": None, "link": None, "_id": "post-1",
}  # fmt: skip
REPOSITORY = {
    "content": {"README.md": "#Engine", "src/a.py": "a=1", "empty.txt": ""}, "name": "engine",
    "link": "https://github.com/Ada/Engine.git", "platform": "github", "author_id": "id-ada",
    "author_full_name": "Ada Lovelace", "_id": "repo-1",
}  # fmt: skip
CLASSES = ("ArticleDocument", "PostDocument", "RepositoryDocument", "UserDocument")


def test_posts_and_repositories_move_in_and_out(
    warehouse: SqliteWarehouse, other: SqliteWarehouse, tmp_path: Path
) -> None:
    several = article(2, content={"Content": "A", "language": "en", "Extra": "B", "tags": ["x"], "Title": ""})
    folder = export(
        tmp_path / "in", ArticleDocument=[article(), several], PostDocument=[POST], RepositoryDocument=[REPOSITORY]
    )
    report = import_export(folder, warehouse)
    assert report.errors == []
    assert (report.rows, report.total, report.inserted) == (4, 5, 5)
    assert {document.text for document in raw(warehouse)} == {"Text 1.\n", "A\n\nB"}
    (post,) = raw(warehouse, Category.POSTS)
    assert (post.text, post.link, post.platform) == ("One 🚀\n\nTwo", "local:import/PostDocument/post-1", "linkedin")
    files = raw(warehouse, Category.REPOSITORIES)
    assert {(file.link, file.path, file.text) for file in files} == {
        ("https://github.com/ada/engine", "README.md", "#Engine"),
        ("https://github.com/ada/engine", "src/a.py", "a=1"),
    }
    out = tmp_path / "out"
    export_warehouse(out, warehouse)
    assert rows_of(out, "ArticleDocument") == {"row-1": article(), "row-2": several}
    assert rows_of(out, "PostDocument") == {"post-1": POST}
    without_empty = REPOSITORY["content"] | {}  # type: ignore[operator]
    del without_empty["empty.txt"]
    assert rows_of(out, "RepositoryDocument") == {"repo-1": REPOSITORY | {"content": without_empty}}
    assert import_export(out, warehouse).written == 0
    assert import_export(out, other).inserted == 5
    export_warehouse(tmp_path / "again", other)
    assert [(out / f"{n}.json").read_text() for n in CLASSES] == [
        (tmp_path / "again" / f"{n}.json").read_text() for n in CLASSES
    ]


def test_an_edited_text_moves_out(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    several = article(2, content={"Content": "A", "Extra": "B"})
    folder = export(tmp_path / "in", ArticleDocument=[article(), several])
    import_export(folder, warehouse)
    for document in raw(warehouse):
        warehouse.edit_document(State.RAW, document.id, "edited, and of another length")
    assert import_export(folder, warehouse).written == 0  # the export did not change, so the edit stays
    export_warehouse(tmp_path / "out", warehouse)
    rows = rows_of(tmp_path / "out", "ArticleDocument")
    assert rows["row-1"]["content"]["Content"] == "edited, and of another length"
    assert rows["row-2"]["content"] == {"Content": "edited, and of another length", "Extra": ""}


def test_what_was_crawled_moves_out_and_is_never_overwritten(
    warehouse: SqliteWarehouse, other: SqliteWarehouse, tmp_path: Path
) -> None:
    feed = Link(author="ada-lovelace", url="https://ada.example/feed", kind="feed", categories=(Category.ARTICLES,))
    base = {"author": "ada-lovelace", "platform": "web"}
    crawled = Document.model_validate(
        base
        | {"category": "articles", "link": "https://ada.example/9", "source": feed.url, "title": "T", "text": "Nine"}
    )
    repository = "https://github.com/ada/engine"
    file = Document.model_validate(
        base | {"category": "repositories", "link": repository, "source": repository, "path": "a.py", "text": "a = 1"}
    )
    warehouse.upsert_authors([Author(slug="ada-lovelace", name="Ada Lovelace", headline="counts")])
    warehouse.upsert_links([feed])
    warehouse.upsert_documents(State.RAW, [crawled, file])
    out = tmp_path / "out"
    assert export_warehouse(out, warehouse).total == 2
    assert rows_of(out, "ArticleDocument")[crawled.id]["content"] == {"Title": "T", "Subtitle": None, "Content": "Nine"}
    assert rows_of(out, "RepositoryDocument")[file.id]["name"] == "engine"
    report = import_export(out, warehouse)
    assert (report.written, report.errors) == (0, [])
    assert raw(warehouse) == [crawled]
    assert warehouse.links("ada-lovelace") == [feed]
    assert import_export(out, other).inserted == 2
    assert import_export(out, other).written == 0


def test_bad_rows_and_files_take_nothing_with_them(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    folder = export(
        tmp_path / "in",
        ArticleDocument=[
            article(1),
            "not a row",
            article(2, content="flat"),
            article(3, author_full_name=None, author_id="nobody"),
            article(4, content={"Title": "only a title", "Content": " "}),
            article(5, content={"Content": "half \ud83d"}),
            article(6, author_full_name=None),
        ],
        PostDocument="[{",
        RepositoryDocument={"a": 1},
        UserDocument=[{"first_name": "Ada", "last_name": "Lovelace", "_id": "id-ada"}, {"_id": "x"}],
        other={},
    )
    report = import_export(folder, warehouse)
    assert {document.link for document in raw(warehouse)} == {"https://ada.example/1", "https://ada.example/6"}
    assert [error.removeprefix(f"{folder}/").split(":")[0] for error in report.errors] == [
        "UserDocument.json row 1",
        "ArticleDocument.json row 1 is not a JSON object",
        "ArticleDocument.json row 2",
        "ArticleDocument.json row 3",
        "ArticleDocument.json row 4",
        "ArticleDocument.json row 5",
        "PostDocument.json line 1 is not JSON (Expecting property name enclosed in double quotes)",
        "RepositoryDocument.json is not a JSON array of rows",
    ]
    assert report.notes == ["other.json is not a class of the export and was ignored."]


def test_rows_that_repeat_are_one_document_and_different_texts_are_all_kept(
    warehouse: SqliteWarehouse, tmp_path: Path
) -> None:
    shared = "https://www.linkedin.com/in/ada"
    posts = [POST | {"_id": f"p{n}", "link": shared, "content": {"Post_0": f"Post {n}"}} for n in range(3)]
    again = article(1, link="https://ada.example/1/?utm_source=x", _id="other")
    folder = export(tmp_path / "in", ArticleDocument=[article(1), again], PostDocument=posts)
    report = import_export(folder, warehouse)
    assert (report.inserted, report.errors) == (4, [])
    assert report.notes == [f"{folder}/ArticleDocument.json row 1 repeats https://ada.example/1 with the same text."]
    assert sorted(post.text for post in raw(warehouse, Category.POSTS)) == ["Post 0", "Post 1", "Post 2"]
    export(folder, PostDocument=posts[::-1])
    assert import_export(folder, warehouse).written == 0


def test_a_declared_author_and_link_keep_what_they_say(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    declared = Author(slug="ada-lovelace", name="Ada L.", headline="counts")
    link = Link(author="ada-lovelace", url="https://ada.example/1", kind="article", categories=(Category.ARTICLES,))
    warehouse.upsert_authors([declared])
    warehouse.upsert_links([link])
    report = import_export(export(tmp_path / "in", ArticleDocument=[article(1), article(2)]), warehouse)
    assert warehouse.author("ada-lovelace") == declared
    assert warehouse.links("ada-lovelace")[0] == link
    assert report.inserted == 1
    assert report.notes == ["1 articles of ada-lovelace come from another link and stay as they are."]


def test_a_folder_without_an_export_is_refused(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", export(tmp_path / "in", something=[])):
        with pytest.raises(
            InputError, match=r"contains no warehouse export: give the folder with ArticleDocument\.json"
        ):
            import_export(folder, warehouse)


def test_credentials_in_a_link_are_not_kept(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    row = article(1, link="https://ada:s3cret@ada.example/1")
    import_export(export(tmp_path / "in", ArticleDocument=[row]), warehouse)
    assert "s3cret" not in repr(raw(warehouse))
    assert raw(warehouse)[0].link == "https://ada.example/1"


def test_an_export_that_fails_leaves_the_old_file(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    import_export(export(tmp_path / "in", ArticleDocument=[article(1)]), warehouse)
    out = tmp_path / "out"
    export_warehouse(out, warehouse)
    before = (out / "ArticleDocument.json").read_text()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) - 10, hard))  # as a disk that is full before the end
    try:
        with pytest.raises(InputError, match="cannot be written"):
            export_warehouse(out, warehouse)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (out / "ArticleDocument.json").read_text() == before
    assert sorted(path.suffix for path in out.iterdir()) == [".json"] * (len(Category) + 1)  # and the users


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Paul Iusztin", "paul-iusztin"),
        ("  José  Ñandú-O'Neill ", "jose-nandu-o-neill"),
        ("x" * 99, "x" * 63),
        ("李白", "author-" + "0" * 8),
    ],
)
def test_a_name_becomes_a_slug(name: str, slug: str) -> None:
    if slug.startswith("author-"):
        assert slugify(name).startswith("author-")
        assert slugify(name) != slugify("杜甫")
    else:
        assert slugify(name) == slug


def test_a_report_counts_what_was_written() -> None:
    assert ImportReport(authors_written=1, links_written=2, inserted=3, updated=4, unchanged=9).written == 10
