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
        ("name: !!python/object/apply:os.system [ls]\n", "it has the tag !!python/object/apply:os.system: "),
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
    (tmp_path / "carl.yaml").symlink_to("ada.yaml")
    (tmp_path / "dora.yaml").symlink_to("/dev/zero")
    (tmp_path / "emil.yaml").symlink_to("/proc/kmsg")
    (tmp_path / "grace.yaml").mkdir()
    (tmp_path / "hugo.yaml").symlink_to("nowhere")
    (tmp_path / "ida.yaml").symlink_to("ida.yaml")
    files = folder_with(tmp_path, bob="name: Bob")
    assert [declared.author.slug for declared in files.authors] == ["bob"]
    said = {
        "ada": "it is a named pipe, not a file: move it away",
        "carl": "it is a named pipe, not a file: move it away",
        "dora": "it is a device, not a file: move it away",
        "emil": "it is a file of the kernel, not a file: move it away",
        "grace": "it is a folder, not a file: move it away",
        "hugo": "it cannot be read (No such file or directory): make it a readable file",
        "ida": "it cannot be read (Too many levels of symbolic links): make it a readable file",
    }
    assert [str(error) for error in files.errors] == [f"{tmp_path / slug}.yaml: {said[slug]}." for slug in said]


LONG = "x" * 256


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name: Ada\nlinks:\n- files: ~nosuchuser/notes/*.md\n", " line 3, field 'links[1]': '~nosuchuser' names"),
        ("name: Ada\nlinks:\n- ~nosuchuser/notes\n", " line 3, field 'links[1]': '~nosuchuser' names a user"),
        ('name: Ada\nlinks:\n- files: "a\\ud800"\n', " line 3, field 'links[1].files': it contains \\ud800, which"),
        ('name: "A\\udcffda"\n', " line 1, field 'name': it contains \\udcff, which is not text: remove it"),
        ('name: "A\\0da"\n', " line 1, field 'name': it contains \\x00, which is not text: remove it"),
        (f"name: Ada\nlinks:\n- {LONG}\n", " line 3, field 'links[1]': 'xxx"),
        (f"name: Ada\n{LONG}: x\n", " line 2, field 'xxx"),
        ("name: !!bool x\n", " line 1, field 'name': it has the tag !!bool: remove the tag, and put the"),
        ('name: !!int ""\n', " line 1, field 'name': it has the tag !!int: remove"),
        ('name: !!float ""\n', " line 1, field 'name': it has the tag !!float: remove"),
        ("name: !!timestamp x\n", " line 1, field 'name': it has the tag !!timestamp: remove"),
        ("name: !x Ada\n", " line 1, field 'name': it has the tag !x: remove"),
        ("name: ! Ada\n", " line 1, field 'name': it has the tag !: remove"),
        ("!!map\nname: Ada\n", " line 1: it has the tag !!map: remove"),
        ("!!str name: Ada\n", " line 1, field 'name': it has the tag !!str: remove"),
        ("%TAG !e! tag:e.example,2000:\n---\nname: !e!x Ada\n", "field 'name': it has the tag tag:e.example,2000:x"),
        ("name: Ada\nlinks: !!set {a}\n", " line 2, field 'links': it has the tag !!set: remove"),
        ("name: Ada\nlinks:\n- files: a\n- files: !!binary YQ==\n", " line 4, field 'links[2].files': it has the tag"),
        ("name: 1" + ":59" * 3000 + "\n", " line 1, field 'name': it must be the author's name, such as Ada Lovelace"),
        ("name: 1" + ":59" * 3000 + ".5\n", " line 1, field 'name'"),
        ("name: 0x" + "f" * 9000 + "\n", "not a number of thousands of digits"),
        ("name: " + "9" * 9000 + "\n", " line 1, field 'name': its value cannot be read"),
        ("name: Ada\nlinks: [1" + ":59" * 3000 + "]\n", " line 2, field 'links[1]': A link is an address, a path or a"),
        ("name: &a {x: y}\nlinks:\n- <<: *a\n", " line 3, field 'links[1]': it has the merge key <<: write the fields"),
        ("<<: {name: Ada}\n", " line 1: it has the merge key <<: write the fields"),
        ("? [name]\n: Ada\n", " line 1: it has a list or a mapping as a key: write the name of a field"),
        ("name: Ada\n" + "# comment\n" * 110_000, ": it is larger than 1 MiB, so it is not an author file"),
    ],
)  # fmt: skip
def test_whatever_is_in_a_file_is_its_own_mistake(tmp_path: Path, content: str, said: str) -> None:
    files = folder_with(tmp_path, a=content, b="name: Bob")
    assert [each.author.name for each in files.authors] == ["Bob"]
    assert files.broken == {"a": files.errors[0]}
    assert said in str(files.errors[0])
    for error in files.errors:
        assert str(error).isprintable()
        assert len(str(error)) < len(str(tmp_path)) + 1200


def test_merge_keys_cannot_grow(tmp_path: Path) -> None:
    levels = "".join(f"k{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}\n" for n in range(1, 10))
    files = folder_with(tmp_path, ada=f"k0: &m0 {{a: b}}\n{levels}", bob="name: Bob")
    assert [declared.author.slug for declared in files.authors] == ["bob"]
    assert "line 2, field 'k1': it has the merge key <<" in str(files.broken["ada"])


def test_a_key_made_of_aliases_cannot_grow(tmp_path: Path) -> None:
    levels = "".join(f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    files = folder_with(tmp_path, ada=f"k0: &a0 [x]\n{levels}? *a11\n: x\n", bob="name: Bob")
    assert [declared.author.slug for declared in files.authors] == ["bob"]
    assert "has a list or a mapping as a key" in str(files.broken["ada"])


def test_aliases_and_quoted_keys_that_look_like_merges_are_allowed(tmp_path: Path) -> None:
    files = folder_with(tmp_path, ada="name: &n Ada\naliases: [*n, 'b']\n", bob="name: Bob\n'<<': x\n")
    assert files.authors[0].author.aliases == ("Ada", "b")
    assert "field '<<': an author file has no such field" in str(files.broken["bob"])


def test_a_file_with_very_many_mistakes_names_some(tmp_path: Path) -> None:
    files = folder_with(tmp_path, ada="name: Ada\nlinks:\n" + "- ftp://a.example\n" * 1000)
    assert len(files.errors) == 51
    assert str(files.errors[-1]) == f"{tmp_path}/ada.yaml: it has 950 more mistakes: correct these first."


def test_a_path_to_a_pipe_or_a_device_is_a_mistake_and_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    (tmp_path / "zero").symlink_to("/dev/zero")
    files = folder_with(tmp_path, ada="name: Ada\nlinks:\n- pipe.zip\n- zero\n", bob="name: Bob")
    assert [declared.author.slug for declared in files.authors] == ["bob"]
    assert [str(error).partition("]': ")[2] for error in files.errors] == [
        "'pipe.zip' is a named pipe, not a file or folder: give the path of a file or folder.",
        "'zero' is a device, not a file or folder: give the path of a file or folder.",
    ]
