"""Declared links reach the warehouse, and only they are removed by a file."""

from pathlib import Path

import pytest

from twin.authors.checks import check_links
from twin.authors.files import AuthorFiles, load_authors
from twin.authors.registration import (
    LinksReport,
    PendingLinks,
    add_link,
    category_versions,
    drop_link,
    pending_links,
    register_author,
    sync_author,
)
from twin.errors import InputError
from twin.models import IMPORT, Author, Category, Link
from twin.settings import Settings
from twin.warehouse import SqliteWarehouse

IMPORTED = Link(
    author="ada",
    url="https://ada.example/imported",
    kind=IMPORT,
    categories=(Category.ARTICLES,),
    origin="import",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "authors").mkdir()
    return tmp_path / "authors"


def declare(folder: Path, *links: str, slug: str = "ada", head: str = "name: Ada") -> AuthorFiles:
    (folder / f"{slug}.yaml").write_text("\n".join([head, "links:", *(f"- {link}" for link in links)]))
    return load_authors(folder)


def urls(warehouse: SqliteWarehouse, slug: str = "ada") -> list[str]:
    return [link.url for link in warehouse.links(slug)]


def test_the_warehouse_follows_the_file(warehouse: SqliteWarehouse, folder: Path) -> None:
    files = declare(folder, "https://github.com/ada/engine", "https://ada.example/a", "https://ada.example/b")
    first = sync_author(warehouse, "ada", files)
    assert first == LinksReport(
        author="ada",
        data_version=first.data_version,
        total=3,
        written=4,
        added=3,
        changed=0,
        removed=0,
        categories=["articles", "repositories"],
        kinds={"article": 2, "github": 1},
    )
    again = sync_author(warehouse, "ada", load_authors(folder))
    assert (again.written, again.categories, again.data_version) == (0, [], first.data_version)

    files = declare(
        folder, "https://github.com/ada/engine", "https://ada.example/b", "{url: https://linkedin.com/in/ada}"
    )
    second = sync_author(warehouse, "ada", files)
    assert (second.added, second.removed, second.categories) == (1, 1, ["posts", "articles"])
    assert second.data_version != first.data_version
    assert urls(warehouse) == [
        "https://ada.example/b",
        "https://github.com/ada/engine",
        "https://www.linkedin.com/in/ada",
    ]

    back = declare(folder, "https://github.com/ada/engine", "https://ada.example/a", "https://ada.example/b")
    assert sync_author(warehouse, "ada", back).data_version == first.data_version


def test_a_changed_link_touches_its_old_and_new_categories(warehouse: SqliteWarehouse, folder: Path) -> None:
    sync_author(warehouse, "ada", declare(folder, "{files: notes}"))
    report = sync_author(warehouse, "ada", declare(folder, "{files: notes, category: posts}"))
    assert (report.added, report.changed, report.categories) == (0, 1, ["posts", "articles"])


def test_links_of_other_origins_stay(warehouse: SqliteWarehouse, folder: Path) -> None:
    warehouse.upsert_links([IMPORTED])
    sync_author(warehouse, "ada", declare(folder, "https://ada.example/a"))
    added = add_link(warehouse, "ada", "https://ada.example/added?utm_source=x", folder)
    assert added.origin == "added"
    report = sync_author(warehouse, "ada", declare(folder, "https://ada.example/c"))
    assert report.kinds == {"article": 2, "import": 1}
    assert urls(warehouse) == ["https://ada.example/added", "https://ada.example/c", "https://ada.example/imported"]


def test_another_checkout_is_not_a_change_but_its_place_is_kept(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here = sync_author(warehouse, "ada", declare(tmp_path / "here", "{files: notes}"))
    files = declare(tmp_path / "there", "{files: notes}")
    assert pending_links(warehouse, files) == {}
    there = sync_author(warehouse, "ada", files)
    assert (there.changed, there.categories, there.data_version) == (0, [], here.data_version)
    assert warehouse.links("ada")[0].location == str((tmp_path / "there" / "notes").resolve())


def test_pending_says_what_would_happen_and_writes_nothing(warehouse: SqliteWarehouse, folder: Path) -> None:
    declare(folder, slug="bob", head="name: Bob")
    files = declare(folder, "https://ada.example/a", "https://ada.example/b")
    assert pending_links(warehouse, files) == {
        "ada": PendingLinks(
            new_author=True, added=("https://ada.example/a", "https://ada.example/b"), categories=(Category.ARTICLES,)
        ),
        "bob": PendingLinks(new_author=True),
    }
    assert warehouse.authors() == []
    for author_file in files.authors:
        register_author(warehouse, author_file)
    assert pending_links(warehouse, files) == {}
    files = declare(folder, "https://ada.example/b", "https://github.com/ada/engine")
    assert pending_links(warehouse, files) == {
        "ada": PendingLinks(
            added=("https://github.com/ada/engine",),
            removed=("https://ada.example/a",),
            categories=(Category.ARTICLES, Category.REPOSITORIES),
        )
    }
    assert urls(warehouse) == ["https://ada.example/a", "https://ada.example/b"]
    assert list(pending_links(warehouse, declare(folder, "https://ada.example/b", head="name: Ada L."))) == ["ada"]


def test_versions_tell_of_every_change_before_and_after_it_is_written(warehouse: SqliteWarehouse, folder: Path) -> None:
    files = declare(folder, "https://ada.example/a")
    before = category_versions(warehouse, "ada", files.get("ada"))
    sync_author(warehouse, "ada", files)
    assert category_versions(warehouse, "ada", files.get("ada")) == before
    add_link(warehouse, "ada", "https://github.com/ada/engine", folder)
    after = category_versions(warehouse, "ada", files.get("ada"))
    assert {category for category in after if after[category] != before[category]} == {"repositories"}
    dropped = category_versions(warehouse, "ada", declare(folder).get("ada"))
    assert {category for category in after if after[category] != dropped[category]} == {"articles"}


def test_an_author_without_a_file_keeps_the_links(warehouse: SqliteWarehouse, folder: Path) -> None:
    sync_author(warehouse, "ada", declare(folder, "https://ada.example/a"))
    (folder / "ada.yaml").unlink()
    report = sync_author(warehouse, "ada", load_authors(folder))
    assert (report.total, report.written, report.removed) == (1, 0, 0)
    assert report.missing_file is not None
    assert report.missing_file.startswith(f"{folder / 'ada.yaml'} is missing")
    verdict = check_links(warehouse, Settings(authors=str(folder)), "ada")["author_file_is_there"]
    assert verdict.problems == [report.missing_file]
    (folder / "ada.yml").write_text("")  # it is there, and refused for its name
    assert check_links(warehouse, Settings(authors=str(folder)), "ada")["author_file_is_there"].problems == []


def test_an_unknown_author_says_what_to_do(warehouse: SqliteWarehouse, folder: Path) -> None:
    with pytest.raises(InputError, match=r"run `make demo AUTHOR=eve`, or .*`twin import DIR`") as caught:
        sync_author(warehouse, "eve", load_authors(folder))
    assert str(folder / "eve.yaml") in str(caught.value)
    with pytest.raises(InputError, match=r"nowhere does not exist"):
        sync_author(warehouse, "eve", load_authors(folder / "nowhere"))
    with pytest.raises(InputError, match="is not an author slug"):
        sync_author(warehouse, "../eve", load_authors(folder))


def test_a_broken_file_is_the_error_of_its_author_only(warehouse: SqliteWarehouse, folder: Path) -> None:
    sync_author(warehouse, "ada", declare(folder, "https://ada.example/a"))
    declare(folder, slug="bob", head="name: Bob")
    files = declare(folder, "ftp://ada.example")
    with pytest.raises(InputError, match=r"ada\.yaml line 3, field 'links\[1\]'"):
        sync_author(warehouse, "ada", files)
    assert urls(warehouse) == ["https://ada.example/a"]
    assert sync_author(warehouse, "bob", files).total == 0
    assert pending_links(warehouse, files) == {}


def test_a_link_is_added_by_hand_once(warehouse: SqliteWarehouse, folder: Path) -> None:
    with pytest.raises(InputError, match="There is no author 'ada' yet: to create one, give --name"):
        add_link(warehouse, "ada", "https://ada.example/a", folder)
    link = add_link(warehouse, "ada", "https://ada.example/a/", folder, name=" Ada ")
    assert add_link(warehouse, "ada", "https://ADA.example/a", folder, name="Eve") == link
    assert warehouse.links("ada") == [link]
    assert warehouse.author("ada") == Author(slug="ada", name="Ada")
    sync_author(warehouse, "ada", declare(folder, "https://ada.example/b"))
    assert add_link(warehouse, "ada", "https://ada.example/b", folder).origin == "file"


@pytest.mark.parametrize("spelling", ["https://github.com/ada/engine", "http://www.github.com/Ada/Engine.git/"])
def test_a_link_is_dropped_in_any_spelling(warehouse: SqliteWarehouse, folder: Path, spelling: str) -> None:
    add_link(warehouse, "ada", "https://github.com/ada/engine", folder, name="Ada")
    add_link(warehouse, "ada", {"files": "notes"}, folder)
    assert drop_link(warehouse, "ada", spelling) == "https://github.com/ada/engine"
    with pytest.raises(InputError, match="ada has no link"):
        drop_link(warehouse, "ada", spelling)
    assert drop_link(warehouse, "ada", "notes") == "local:notes"
    assert warehouse.links("ada") == []


def test_a_declared_link_is_dropped_in_its_file_only(warehouse: SqliteWarehouse, folder: Path) -> None:
    sync_author(warehouse, "ada", declare(folder, "https://ada.example/a"))
    with pytest.raises(InputError, match="is in the author file of ada: remove it there"):
        drop_link(warehouse, "ada", "https://ada.example/a")
    with pytest.raises(InputError, match=r"did you mean 'https://ada\.example/a'\?"):
        drop_link(warehouse, "ada", "https://ada.example/b")


def test_a_link_is_dropped_by_its_end_or_as_it_was_declared(warehouse: SqliteWarehouse, folder: Path) -> None:
    add_link(warehouse, "ada", {"files": "~/notes/a.md"}, folder, name="Ada")
    for name in ("one/notes.md", "two/notes.md", "three.md"):
        add_link(warehouse, "ada", {"files": name}, folder)
    with pytest.raises(InputError, match=r"notes\.md may be local:one/notes\.md, local:two/notes\.md: give the whole"):
        drop_link(warehouse, "ada", "notes.md")
    with pytest.raises(InputError, match=r"has no link otes\.md"):
        drop_link(warehouse, "ada", "otes.md")
    assert drop_link(warehouse, "ada", str(Path.home() / "notes/a.md")) == "local:~/notes/a.md"
    assert drop_link(warehouse, "ada", "one/notes.md") == "local:one/notes.md"
    assert drop_link(warehouse, "ada", "notes.md") == "local:two/notes.md"
    assert [each.url for each in warehouse.links("ada")] == ["local:three.md"]


def test_two_sources_of_one_name_are_not_mixed_up(warehouse: SqliteWarehouse, tmp_path: Path) -> None:
    first = add_link(warehouse, "ada", {"files": "notes"}, tmp_path / "one", name="Ada")
    assert add_link(warehouse, "ada", {"files": "notes"}, tmp_path / "one") == first
    with pytest.raises(InputError, match=r"has another source of that name, at .*one/notes: give the whole path"):
        add_link(warehouse, "ada", {"files": "notes"}, tmp_path / "two")
    add_link(warehouse, "ada", {"files": str(tmp_path / "two" / "notes")}, tmp_path)
    assert len(warehouse.links("ada")) == 2
