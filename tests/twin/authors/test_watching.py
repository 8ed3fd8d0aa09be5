"""What a look at the author files finds, what it says once, and that it reads nothing again that did not change."""

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit.repositories import commit
from twin.authors import files as author_files
from twin.authors.registration import add_link, drop_link
from twin.authors.watching import Look, look
from twin.errors import InputError
from twin.models import Author, Category, Link
from twin.warehouse import SqliteWarehouse, Warehouse


class Watched:
    """A folder of author files and a warehouse, looked at again and again, as the sensor does."""

    def __init__(self, root: Path, warehouse: Warehouse) -> None:
        self.folder, self.warehouse = root / "authors", warehouse
        self.folder.mkdir()
        self.memory = "{}"

    def write(self, slug: str, *links: str) -> Path:
        path = self.folder / f"{slug}.yaml"
        path.write_text("\n".join(["name: Somebody", "links:", *(f"- {link}" for link in links)]))
        return path

    def look(self, **options: Any) -> Look:
        seen = look(self.warehouse, self.folder, json.loads(self.memory), **options)
        self.memory = json.dumps(seen.memory, sort_keys=True)
        return seen

    def changed(self) -> dict[str, list[str]]:
        return {changed.slug: changed.categories for changed in self.look().changed}


@pytest.fixture
def watched(tmp_path: Path, warehouse: SqliteWarehouse) -> Watched:
    return Watched(tmp_path, warehouse)


EVERY = [category.value for category in Category]


@pytest.mark.parametrize("kind", ["sqlite", "mongo"])
def test_every_change_is_found_once(tmp_path: Path, new_warehouse: Callable[[str], Warehouse], kind: str) -> None:
    watched = Watched(tmp_path, new_warehouse(kind))
    ada = watched.write("ada", "https://ada.example/a")
    for number in range(9):
        watched.write(f"other-{number}", f"https://other.example/{number}")
    assert watched.changed() == dict.fromkeys(["ada", *(f"other-{number}" for number in range(9))], EVERY)
    assert watched.changed() == {}
    watched.write("ada", "https://ada.example/a", "https://github.com/ada/engine")
    assert watched.changed() == {"ada": ["repositories"]}
    assert watched.changed() == {}
    add_link(watched.warehouse, "other-8", "https://other.example/added", tmp_path)
    assert watched.changed() == {"other-8": ["articles"]}
    drop_link(watched.warehouse, "other-8", "https://other.example/added")
    assert watched.changed() == {"other-8": ["articles"]}
    before, times = ada.read_text(), ada.stat()
    ada.write_text(before.replace("/a\n", "/b\n"))  # the same length, and the same times
    os.utime(ada, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert watched.changed() == {"ada": ["articles"]}
    ada.write_text(before + "\n# a comment\n")
    assert watched.changed() == {"ada": ["articles"]}
    ada.write_text(before)
    assert watched.changed() == {}


def test_what_somebody_changes_with_the_tools_of_the_database_is_found(watched: Watched) -> None:
    for number in range(30):
        watched.write(f"ada-{number}", f"https://ada.example/{number}", f"https://ada.example/{number}/b")
        add_link(watched.warehouse, f"ada-{number}", "https://ada.example/added", watched.folder, name="Ada")
    watched.look()
    for number, (statement, found) in enumerate(
        (
            ("UPDATE links SET kind = 'feed' WHERE author = 'ada-{}' AND origin = 'added'", ["articles"]),
            ("DELETE FROM links WHERE author = 'ada-{}' AND origin = 'added'", ["articles"]),
            ("UPDATE links SET removed_at = 'now' WHERE author = 'ada-{}' AND origin = 'added'", ["articles"]),
        ),
        start=10,
    ):
        with sqlite3.connect(watched.warehouse.address) as connection:
            assert connection.execute(statement.format(number)).rowcount == 1
        seen = watched.look()
        assert [(each.slug, each.categories) for each in seen.changed] == [(f"ada-{number}", found)]
        assert watched.look().changed == []


def counted(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """How many files one look parses, and how many statements it sends."""
    assert isinstance(watched.warehouse, SqliteWarehouse)
    parsed, asked = list[str](), list[str]()
    real = author_files.read_regular
    with monkeypatch.context() as patched:
        patched.setattr(author_files, "read_regular", lambda path, most: parsed.append(str(path)) or real(path, most))
        watched.warehouse._file._connected().set_trace_callback(asked.append)
        assert watched.look().changed == []
        watched.warehouse._file._connected().set_trace_callback(None)
    return len(parsed), len(asked)


def test_a_look_without_changes_costs_the_same_for_any_number_of_authors(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for many in (range(10), range(10, 60)):
        for number in many:
            watched.write(f"ada-{number}", f"https://ada.example/{number}", f"https://github.com/ada/{number}")
        assert len(watched.look().changed) == len(many)
        costs.append([counted(watched, monkeypatch) for _ in range(5)])
    assert costs[0] == costs[1]
    assert {parsed for parsed, _ in costs[0]} == {3}  # a few are read again in turns


def test_many_changes_are_found_over_several_looks(watched: Watched) -> None:
    slugs = [f"ada-{number}" for number in range(50)]
    for slug in slugs:
        watched.write(slug, "https://ada.example/a")
    found = list[str]()
    looks = [watched.look(most_s=0) for _ in range(4)]
    for seen in looks:
        found += [changed.slug for changed in seen.changed]
    assert [seen.left for seen in looks] == [30, 10, 0, 0]
    assert sorted(found) == sorted(slugs)
    assert watched.look().changed == []


def test_a_look_that_was_killed_before_its_result_was_kept_is_repeated(watched: Watched) -> None:
    watched.write("ada", "https://ada.example/a")
    look(watched.warehouse, watched.folder, {})
    assert watched.changed() == {"ada": EVERY}


def test_what_a_path_is_may_change_although_the_file_does_not(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "notes.md").write_text("# Notes\n\nOn engines.\n")
    slugs = [f"ada-{number}" for number in range(10)]
    for slug in slugs:
        watched.write(slug, "../engine")
    assert len(watched.look().changed) == 10
    commit(tmp_path / "engine", {"main.py": b"print(1)\n"})
    found = {changed.slug for _ in range(4) for changed in watched.look().changed}
    assert found == set(slugs)


def test_mistakes_are_said_once_and_again_when_they_change(watched: Watched, tmp_path: Path) -> None:
    for number in range(10):
        watched.write(f"fine-{number}", "https://fine.example/a")
    broken = watched.write("ada", "ftp://one.example", "ftp://two.example")
    seen = watched.look()
    assert len(seen.changed) == 10
    (said,) = seen.new_problems
    assert said.count("\n") == 1  # both mistakes
    assert "ada.yaml line 3" in said
    assert "ada.yaml line 4" in said
    for _ in range(5):
        seen = watched.look()
        assert (seen.new_problems, len(seen.problems)) == ([], 1)
        assert seen.problems[0].endswith("(1 more in this file.)")
    watched.write("ada", "../missing")
    assert "missing" in watched.look().new_problems[0]
    (tmp_path / "missing").mkdir()  # the file is the same
    seen = watched.look()
    assert [changed.slug for changed in seen.changed] == ["ada"]
    assert (seen.problems, seen.new_problems) == ([], [])
    broken.write_text("name: [\n" * 2000)
    watched.look()
    assert len(watched.memory) < 11 * 500


def test_a_file_that_is_gone_is_said_once(watched: Watched) -> None:
    ada = watched.write("ada", "https://ada.example/a")
    watched.write("bob", "https://bob.example/a")
    add_link(watched.warehouse, "cyd", "https://cyd.example", watched.folder, name="Cyd")  # needs no file
    watched.look()
    text = ada.read_text()
    ada.unlink()
    seen = watched.look()
    (said,) = seen.new_problems
    assert said == (
        f"{ada} is missing, but ada and everything of theirs is still there: put the file back, or run `twin authors "
        "remove ada` to remove the author for good."
    )
    assert seen.changed == []
    for _ in range(3):
        seen = watched.look()
        assert (seen.problems, seen.new_problems) == ([said], [])
    ada.write_text(text)
    seen = watched.look()
    assert (seen.changed, seen.problems) == ([], [])
    ada.unlink()
    assert watched.look().new_problems == [said]
    watched.warehouse.remove_author("ada")
    assert watched.look().problems == []
    assert "ada" not in json.loads(watched.memory)


@pytest.mark.parametrize("in_one_look", [True, False])
def test_a_file_that_was_renamed_is_said_as_that(watched: Watched, in_one_look: bool) -> None:
    old = watched.write("carl", "https://carl.example/a", "https://carl.example/b")
    watched.write("dora", "https://carl.example/a")
    watched.look()
    if in_one_look:
        new = old.rename(watched.folder / "carla.yaml")
        seen = watched.look()
    else:
        old.rename(watched.folder.parent / "away")
        assert "put the file back" in watched.look().new_problems[0]
        new = (watched.folder.parent / "away").rename(watched.folder / "carla.yaml")
        seen = watched.look()
    assert [changed.slug for changed in seen.changed] == ["carla"]
    assert seen.new_problems == [
        f"{old} is missing, and {new} declares the same links. If it was renamed, everything of carl is there twice: "
        "run `twin authors remove carl`. If not, put the file back."
    ]
    assert watched.look().new_problems == []
    new.rename(watched.folder / "carla.yml")  # still there, but with another mistake
    (said,) = watched.look().new_problems
    assert "rename it to carla.yaml" in said


def test_a_folder_that_is_gone_or_cannot_be_read_forgets_nobody(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.write("ada", "https://ada.example/a")
    watched.look()
    away = watched.folder.rename(watched.folder.parent / "away")
    seen = watched.look()
    assert (len(seen.new_problems), seen.changed) == (1, [])
    assert f"the folder {watched.folder} does not exist: create it or set TWIN_AUTHORS" in seen.new_problems[0]
    watched.folder.write_text("a file")
    seen = watched.look()
    assert "cannot be read" in seen.new_problems[0]
    assert watched.look().new_problems == []
    watched.folder.unlink()
    away.rename(watched.folder)
    assert watched.look().problems == []
    assert watched.look().changed == []
    assert watched.warehouse.authors() != []


def test_a_pipe_a_folder_and_a_huge_file_are_marked_without_being_read(watched: Watched) -> None:
    os.mkfifo(watched.folder / "pipe.yaml")
    (watched.folder / "folder.yaml").mkdir()
    (watched.folder / "gone.yaml").symlink_to("nowhere")
    watched.write("ada", "https://ada.example/a")
    seen = watched.look()
    assert [changed.slug for changed in seen.changed] == ["ada"]
    assert len(seen.problems) == 3
    assert watched.look().new_problems == []


def test_an_author_who_is_removed_meanwhile_is_no_error(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.warehouse.upsert_authors([Author(slug="ada", name="Ada")])
    link = Link(
        author="ada", url="https://ada.example", kind="article", categories=(Category.ARTICLES,), origin="added"
    )
    watched.warehouse.upsert_links([link])

    def removed(*_: object) -> None:
        raise InputError("There is no author 'ada'.")

    with monkeypatch.context() as patched:
        patched.setattr("twin.authors.watching.sync_author", removed)
        seen = watched.look()
    assert (seen.changed, seen.problems) == ([], ["There is no author 'ada'."])
    assert watched.changed() == {"ada": EVERY}
