"""The command `twin` as a person types it: what cannot be used is one sentence on standard error and exit status 1."""

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.kit.authorfiles import write_broken_files
from tests.kit.warehouses import document, fill
from twin.cli.main import main
from twin.models import Category, CrawlRecord, State
from twin.warehouse import SqliteWarehouse

Twin = Callable[..., tuple[int, str, str]]

SETTINGS = ("MONGO_URI", "QDRANT_URL", "TWIN_PORTS", "TWIN_KEEP_CAPTURES", "TWIN_REQUESTS_PER_SECOND")
LINK = document(3).link


@pytest.fixture
def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Twin:
    """Runs `twin` with arguments on a warehouse that holds two authors; gives its exit status and what it said."""
    monkeypatch.setenv("TWIN_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TWIN_AUTHORS", str(tmp_path / "authors"))
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "authors").mkdir()
    monkeypatch.chdir(tmp_path)
    warehouse = SqliteWarehouse(tmp_path / "store" / "warehouse.sqlite")
    fill(warehouse)
    warehouse.close()

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["twin", *arguments])
        try:
            main()
        except SystemExit as end:
            return (int(end.code or 0), *capsys.readouterr())
        raise AssertionError("typer always ends with its exit status")

    return run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["links", "list", "adda"], "(existing: ada, ada-li): did you mean 'ada'?"),
        (["links", "add", "ada-lii", "https://a.example"], "no author 'ada-lii' yet: did you mean 'ada-li'?"),
        (["authors", "remove", "nobody", "--yes"], "There is no author 'nobody', and nothing is stored under this"),
        (["authors", "remove", "adaa", "--yes"], "under this name: did you mean 'ada'?"),
        (["replay", "ada", "--category", "article"], "There is no category 'article': did you mean 'articles'?"),
        (["replay", "ada", "--category", "x"], "category 'x': choose from posts, articles, repositories."),
        (["import", "nowhere"], "nowhere contains no warehouse export: give the folder with ArticleDocument.json"),
        (["export", "store"], "store contains other files: give a folder that is new or empty."),
        (["export", "new", "eve"], "There is no author 'eve' in "),
        (["authors", "remove", "../ada", "--yes"], "'../ada' is not an author slug: use "),
        (["links", "list", "eve"], "(existing: ada, ada-li): write "),
        (["links", "list", "Ada Lovelace"], "'Ada Lovelace' is not an author slug: use "),
        (["links", "add", "ada", "nowhere"], "'nowhere' is neither an http(s) address nor a file or folder in "),
        (["links", "add", "ada", "x", "--kind", "fax"], "A link has no field 'fax': it has "),
        (["links", "remove", "ada", "https://example.org/"], "ada has no link https://example.org/"),
        (["documents", "show", "ada", "nothing"], "ada has no document nothing: list them with "),
        (["documents", "remove", "ada", LINK + "x"], f"ada has no document {LINK}x: did you mean '{LINK}'"),
        (["documents", "edit", "ada", LINK, "--file", "nowhere"], "nowhere cannot be read (No such file or directory)"),
        (
            ["documents", "edit", "ada", LINK, "--file", "store"],
            "store cannot be read (it is a folder, not a file): give a ",
        ),
        (["documents", "edit", "ada", LINK, "--file", "latin1"], "latin1 is not UTF-8 text (byte 3): save it as "),
        (["documents", "edit", "ada", LINK, "--file", "blank"], "The new text is empty: give a text, or remove "),
        (["replay", "eve"], "There is no author 'eve' in "),
    ],
)
def test_what_cannot_be_used_is_one_sentence(twin: Twin, tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "latin1").write_bytes(b"f\xc3\xbc\xfc")
    (tmp_path / "blank").write_text("\n")
    code, out, error = twin(*arguments)
    assert (code, out, error.count("\n")) == (1, "", 1)
    assert error.startswith("twin: ")
    assert said in error


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TWIN_PORTS", "80,http", "TWIN_PORTS is not valid ("),
        ("TWIN_KEEP_CAPTURES", "-1", "TWIN_KEEP_CAPTURES is not valid ("),
        ("TWIN_REQUESTS_PER_SECOND", "0", "TWIN_REQUESTS_PER_SECOND is not valid ("),
        ("MONGO_URI", "localhost", "MONGO_URI is not a MongoDB address: write mongodb://HOST:27017."),
        ("TWIN_STORE", "s3://bucket/twin", "TWIN_STORE is s3://bucket/twin, but the SQLite warehouse needs a"),
        ("TWIN_STORE", "/dev/null/store", "The folder of the warehouse, /dev/null/store, cannot be created ("),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence(
    twin: Twin, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    code, out, error = twin("authors")
    assert (code, out, error.count("\n")) == (1, "", 1)
    assert error.startswith(f"twin: {said}")


def test_documents_are_listed_shown_edited_and_removed(
    twin: Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = twin("documents", "list", "ada")
    assert code == 0
    header, *rows = out.splitlines()
    assert header.split() == ["category", "date", "length", "title", "document"]
    (row,) = [each.split() for each in rows if "Note 5" in each]
    assert row[:2] + row[2:3] == ["articles", row[1], str(len(document(5).text))]
    assert row[3:] == ["Note", "5", document(5).link.rsplit("/", 1)[1]]
    (listed,) = [
        each
        for each in map(json.loads, twin("documents", "list", "ada", "--json")[1].splitlines())
        if each["link"] == document(5).link
    ]
    assert (listed["id"], listed["title"], listed["path"]) == (document(5).id, "Note 5", None)
    text = "نص جديد\r\n  وشيفرة\t\n"
    (tmp_path / "new.md").write_bytes(text.encode())
    assert twin("documents", "edit", "ada", document(5).link, "--file", "new.md") == (
        0, "changed. To update the twin: `make demo AUTHOR=ada`\n", "",
    )  # fmt: skip
    assert twin("documents", "show", "ada", document(5).link) == (0, text, "")
    assert twin("documents", "show", "ada", row[-1]) == (0, text, "")
    assert twin("documents", "show", "ada", "note 5") == (0, text, "")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    again = twin("documents", "edit", "ada", document(5).link, "--file", "-")
    assert again == (0, "unchanged: it already has that text\n", "")
    code, out, _ = twin("documents", "remove", "ada", document(5).link)
    assert (code, out.splitlines()[0]) == (0, f"removed {document(5).link}")
    assert "It will come back the next time https://ada.example/feed is read or replayed" in out
    warehouse = SqliteWarehouse(tmp_path / "store" / "warehouse.sqlite")
    assert document(5).id not in {each.id for each in warehouse.documents(State.RAW, "ada", Category.ARTICLES)}
    warehouse.close()


def test_lists_are_one_line_a_document_and_show_no_number_for_a_failure(twin: Twin, tmp_path: Path) -> None:
    warehouse = SqliteWarehouse(tmp_path / "store" / "warehouse.sqlite")
    hostile = document(5).model_copy(update={"title": "For\nreaders\t\x1b]0;x\x07 عنوان", "path": "a\r\nb.py"})
    warehouse.upsert_documents(State.RAW, [hostile])
    (link, *_) = warehouse.links("ada")
    record = {"author": "ada", "url": link.url, "category": link.categories[0], "checked_at": datetime.now(UTC)}
    said = f"{link.url} does not answer: try later."
    warehouse.log_crawl([CrawlRecord.model_validate(record | {"status": "failed", "message": said})])
    warehouse.close()
    code, out, _ = twin("documents", "list", "ada")
    assert (code, "\x1b" in out) == (0, False)
    (line,) = [each for each in out.splitlines() if "readers" in each]
    assert "For\\nreaders\\t\\x1b]0;x\\x07 عنوان" in line
    assert line.endswith(" a\\r\\nb.py")
    code, out, _ = twin("links", "list", "ada")
    assert code == 0
    assert "failed: see below" in out
    assert out.splitlines()[-1] == said
    assert "0 documents" not in out


def test_an_author_file_that_is_missing_is_named_after_the_list(twin: Twin, tmp_path: Path) -> None:
    (tmp_path / "authors" / "ada-li.yaml").write_text("name: 李白")
    code, out, error = twin("authors")
    assert (code, [line.split()[0] for line in out.splitlines()]) == (0, ["author", "ada", "ada-li"])
    assert error.startswith(f"twin: {tmp_path / 'authors' / 'ada.yaml'} is missing, and ")
    assert error.endswith("run `twin authors remove ada`. If not, put the file back.\n")
    (tmp_path / "authors" / "ada.yaml").write_text("name: Ada")
    assert twin("authors")[2] == ""


def test_an_author_file_that_cannot_be_used_is_named_after_the_list(twin: Twin, tmp_path: Path) -> None:
    (tmp_path / "authors" / "bob.yaml").write_text("name: [")
    code, out, error = twin("authors", "list")
    assert twin("authors") == (code, out, error)
    assert (code, [line.split()[0] for line in out.splitlines()]) == (1, ["author", "ada", "ada-li"])
    assert error.startswith("twin: ")
    assert "bob.yaml" in error


def test_help_and_version_name_what_there_is(twin: Twin) -> None:
    code, out, _ = twin("--help")
    assert code == 0
    for command in ("import", "export", "replay", "search", "authors", "links", "documents"):
        assert command in out
    assert twin("--version")[1].startswith("llm-twin ")


def test_broken_author_files_do_not_keep_an_author_from_being_removed(twin: Twin, tmp_path: Path) -> None:
    slugs = write_broken_files(tmp_path / "authors")
    code, out, said = twin("authors", "remove", "ada", "--yes")
    assert (code, out.split(":")[0]) == (0, "removed ada")
    code, out, said = twin("authors")
    assert code == 1
    assert "ada" not in [line.split()[0] for line in out.splitlines()]
    named = {line.removeprefix(f"twin: {tmp_path}/authors/").partition(".yaml")[0] for line in said.splitlines()}
    assert sorted(named - {"ada-li"}) == slugs  # whose links say that a file declares them, and there is none
    code, _, said = twin("authors", "remove", "tag", "--yes")
    assert (code, "still declares tag" in said) == (1, True)
