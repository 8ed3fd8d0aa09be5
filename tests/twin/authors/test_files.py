"""Author files: what loads, and what each mistake says."""

import os
from pathlib import Path

import pytest

from twin.authors.files import AuthorFiles, load_authors
from twin.models import Author, Category

GOOD = """\
name: Ada Lovelace
headline: writes about engines
language: en
aliases: [ada.l, "@countess", ada.l]
links:
  - https://github.com/Ada/Engine
  - files: notes/*.md
    category: posts
    exclude: [draft*]
  - linkedin_export: ada.zip
"""


def folder_with(tmp_path: Path, **files: str | bytes) -> AuthorFiles:
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / f"{name.replace('_', '-')}.yaml").write_bytes(data)
    return load_authors(tmp_path)


def test_a_file_becomes_an_author_and_links(tmp_path: Path) -> None:
    files = folder_with(tmp_path, ada_lovelace=GOOD)
    assert files.errors == []
    (loaded,) = files.authors
    assert loaded.author == Author(
        slug="ada-lovelace",
        name="Ada Lovelace",
        headline="writes about engines",
        language="en",
        aliases=("ada.l", "@countess"),
    )
    assert [(link.kind, link.url) for link in loaded.links] == [
        ("github", "https://github.com/ada/engine"),
        ("files", "local:notes/*.md"),
        ("linkedin_export", "local:ada.zip"),
    ]
    assert loaded.links[1].categories == (Category.POSTS,)
    assert loaded.links[1].exclude == ("draft*",)
    assert loaded.links[2].location == str(tmp_path.resolve() / "ada.zip")
    assert {link.author for link in loaded.links} == {"ada-lovelace"}
    assert {link.origin for link in loaded.links} == {"file"}
    assert files.get("ada-lovelace") == loaded
    assert files.get("bob") is None


@pytest.mark.parametrize("links", ["", "links:", "links: []"])
def test_links_may_be_missing(tmp_path: Path, links: str) -> None:
    files = folder_with(tmp_path, ada=f"\ufeffname: Ada\nheadline:\n{links}\n")
    assert files.errors == []
    assert files.authors[0].links == ()


def test_a_folder_that_is_not_there_holds_no_authors(tmp_path: Path) -> None:
    files = load_authors(tmp_path / "nowhere")
    assert (files.authors, files.errors) == ([], [])


def test_other_files_are_not_authors(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("about authors")
    (tmp_path / ".hidden.yaml").write_text(": broken")
    (tmp_path / "exports").mkdir()
    files = folder_with(tmp_path, ada="name: Ada")
    assert [each.author.slug for each in files.authors] == ["ada"]
    assert files.errors == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", ": it is empty: start with a line 'name: '"),
        ("- a\n- b\n", " line 1: it is not a mapping"),
        ("name: Ada\nlinks: [\n", " line 3: it is not valid YAML (expected the node content"),
        ("name: Ada\nheadline: a: b\n", " line 2: it is not valid YAML (mapping values are not allowed here)"),
        ("name: Ada\x07\n", "it is not valid YAML"),
        (b"name: Ad\xe9\n", "it is not UTF-8 text (byte 8): save it as UTF-8"),
        ("headline: x\n", ", field 'name': it is missing"),
        ("name:\n", " line 1, field 'name': it must be the author's name, such as Ada Lovelace, not empty"),
        ("name: No\n", " line 1, field 'name': it must be the author's name, such as Ada Lovelace in quotes"),
        ("name: 2024-01-02\n", "in quotes, not a date (2024-01-02)"),
        ("name: [Ada]\n", " line 1, field 'name': it must be"),
        ("name: !!python/object/apply:os.system [ls]\n", "its value cannot be read (could not determine a constructor"),
        ("name: Ada\n\nheadlin: x\n", ", field 'headlin': an author file has no such field: did you mean 'headline'?"),
        (
            "name: Ada\nlinks:\n  - https://github.com/x/y\n    also: [readme]\n",
            "a link with 'also' needs the name of a field before its address: write '- url: https://github.com/x/y'.",
        ),
        ("name: Ada\nzzz: x\n", "no such field: it has name, headline, language, aliases, links"),
        ("name: Ada\nname: Eve\n", " line 2, field 'name': it is already on line 1: remove one of the two"),
        ("name: Ada\nlanguage: English\n", " line 2, field 'language': it must be an ISO 639 code such as en"),
        ("name: Ada\naliases: {a: b}\n", " line 2, field 'aliases': it must be a list of names in quotes, not a"),
        ("name: Ada\naliases: [ada, 7]\n", " line 2, field 'aliases': it must be a list of names in quotes"),
        ("name: Ada\nlinks: https://a.example\n", " line 2, field 'links': it must be a list"),
        ("name: Ada\nlinks:\n- https://a.example/x\n- ftp://a.example\n", " line 4, field 'links[2]': 'ftp://a.example'"),
        ("name: Ada\nlinks:\n- 7\n", " line 3, field 'links[1]': A link is an address, a path or a mapping, not a"),
        ("name: Ada\nlinks:\n- https://a.example/x/\n- https://A.example/x?utm_a=b\n",
         " line 4, field 'links[2]': https://a.example/x is already on line 3"),
        ("name: Ada\nlinks:\n- files: a\n  files: b\n", " line 4, field 'links[1].files': it is already on line 3"),
        ("name: Ada\nlinks:\n- file: a\n", "field 'links[1]': A link has no field 'file': did you mean 'files'?"),
        ("name: Ada\nlinks:\n- url: 2024-99-99T99:99:99\n", "links[1]"),
        ("name: " + "[" * 5000 + "\n", "a.yaml"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_and_the_others_load(tmp_path: Path, content: str | bytes, said: str) -> None:
    files = folder_with(tmp_path, a=content, b="name: Bob")
    assert [each.author.name for each in files.authors] == ["Bob"]
    (error,) = files.errors
    assert str(tmp_path / "a.yaml") in str(error)
    assert said in str(error)
    assert "\n" not in str(error)
    assert files.broken == {"a": error}


def test_every_mistake_of_a_file_is_told(tmp_path: Path) -> None:
    files = folder_with(tmp_path, ada="nam: Ada\nlanguage: 7\nlinks:\n- ftp://x\n- nothing-there.md\n")
    assert [str(error).split(": ")[0].removeprefix(f"{tmp_path}/ada.yaml") for error in files.errors] == [
        " line 1, field 'nam'",
        " line 2, field 'language'",
        ", field 'name'",
        " line 4, field 'links[1]'",
        " line 5, field 'links[2]'",
    ]
    assert files.broken["ada"] is files.errors[0]


@pytest.mark.parametrize("name", ["Ada Lovelace.yaml", "-ada.yaml", "ada.yml", "a" * 64 + ".yaml"])
def test_a_file_name_that_is_not_a_slug_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("name: Ada")
    files = load_authors(tmp_path)
    assert files.authors == []
    assert "rename it" in str(files.errors[0])


def test_an_alias_bomb_does_no_harm(tmp_path: Path) -> None:
    bomb = "name: Ada\nk0: &a0 [x]\n" + "".join(
        f"k{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 12)
    )
    bomb += "language: *a11\nlinks: [*a11, {files: *a11}, {files: a, include: *a11}, {files: a, category: *a11}]\n"
    files = folder_with(tmp_path, ada=bomb, bob="name: Bob")
    assert files.broken.keys() == {"ada"}
    assert all(len(str(error)) < 500 for error in files.errors)


def test_what_is_not_a_file_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ada.yaml")
    (tmp_path / "grace.yaml").mkdir()
    files = folder_with(tmp_path, bob="name: Bob")
    assert [declared.author.slug for declared in files.authors] == ["bob"]
    assert [str(error) for error in files.errors] == [
        f"{tmp_path / name}.yaml: it is not a regular file but a folder, a pipe or a device: move it away."
        for name in ("ada", "grace")
    ]
