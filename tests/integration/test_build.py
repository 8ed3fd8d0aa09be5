"""The whole pipeline through `dagster job execute`, as CI runs it."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import dagster as dg
import pytest

from tests.integration.conftest import ADA, commit, write_sources
from tests.integration.installation import Installation
from twin.models import Category, State
from twin.warehouse import open_warehouse
from twin_assets.showing import ROW_COUNT
from twin_jobs.summary import Materialized, materializations, newest_build


def facts(installation: Installation, author: str) -> dict[str, Materialized]:
    """What the newest build recorded."""
    with dg.DagsterInstance.from_config(str(installation.home)) as instance:
        run = newest_build(instance, author)
        assert run is not None
        return materializations(instance, run)


def test_a_build_fills_every_stage(built: Installation) -> None:
    state = built.state("ada")
    assert len(state["raw/articles"]) == 2
    assert len(state["raw/repositories"]) == 3
    assert len(state["raw/posts"]) == 2
    for category in Category:
        assert state[f"cleaned/{category}"].keys() == state[f"raw/{category}"].keys()
        assert state[f"chunks/{category}"]
        assert state[f"embeddings/{category}"] == set(state[f"chunks/{category}"])
        assert state[f"collections/{category}"] == state[f"chunks/{category}"]
    assert state["samples"]
    assert any(name.endswith("adapter_model.safetensors") for name in state["adapter"])


def test_every_asset_records_row_count_and_data_version(built: Installation) -> None:
    made = facts(built, "ada")
    assert len(made) == 19
    for name, materialized in made.items():
        assert len(materialized.data_version) == 64, name
        table = name.endswith(("/chunks", "/embeddings")) or name == "instruction_dataset"
        assert materialized.metadata.keys() & {"total", ROW_COUNT} == {ROW_COUNT if table else "total"}, name
        assert "written" in materialized.metadata, name
        assert Path(materialized.metadata["path"]).exists(), name
    picture = made["lora_adapter"].metadata["loss_curve"]
    assert picture.startswith("![Curve of the training loss over ")
    assert "](data:image/png;base64,iVBORw0KGgo" in picture


def test_a_second_build_does_nothing_and_ends_with_the_same_versions(built: Installation) -> None:
    before, state = facts(built, "ada"), built.state("ada")
    built.build("ada")
    after = facts(built, "ada")
    assert {name: made.data_version for name, made in after.items()} == {
        name: made.data_version for name, made in before.items()
    }
    assert {name: made.metadata["written"] for name, made in after.items()} == dict.fromkeys(after, 0)
    assert sum(after[f"{category}/embeddings"].metadata["texts_embedded"] for category in Category) == 0
    assert after["lora_adapter"].metadata["reused"] is True
    assert built.state("ada") == state


def test_search_finds_the_authors_own_words(built: Installation) -> None:
    done = built.twin("search", "ada", "what is the difference between an id and a hash?", "--json", "-k", "3")
    assert done.returncode == 0, done.stderr
    hits = json.loads(done.stdout)
    assert len(hits) == 3
    assert hits[0]["score"] >= hits[1]["score"] >= hits[2]["score"]
    with_text = {document.id: document.text for document in _cleaned(built, "ada")}
    for hit in hits:
        assert with_text[hit["document_id"]][hit["start"] : hit["end"]] == hit["text"]
    posts = json.loads(built.twin("search", "ada", "a test that cannot fail", "--category", "posts", "--json").stdout)
    assert {hit["category"] for hit in posts} == {"posts"}
    assert "cannot fail" in posts[0]["text"]


def test_the_summary_shows_the_newest_build(built: Installation) -> None:
    done = built.run(sys.executable, "-m", "twin_jobs.summary", "ada")
    assert done.returncode == 0, done.stderr
    assert "held-out loss" in done.stdout
    assert "→" in done.stdout
    commands = [line.split("   #")[0].strip() for line in done.stdout.splitlines() if "   # " in line]
    assert commands[2] == "make ui"
    for command in commands[:2]:
        tried = built.run(*shlex.split(command))
        assert tried.returncode == 0, tried.stderr
        assert len(tried.stdout.splitlines()) > 3


def test_an_edit_in_the_warehouse_changes_exactly_its_chunks_and_a_removal_takes_its_points(
    tmp_path: Path, built: Installation
) -> None:
    installation = _copy(built, tmp_path)
    before = installation.state("ada")
    edited, removed = sorted(_raw(installation, "ada", Category.ARTICLES), key=lambda document: document.id)
    changed = tmp_path / "edited.md"
    changed.write_text(edited.text + "\n\nOne more paragraph, which nobody has embedded before.\n", encoding="utf-8")
    assert installation.twin("documents", "edit", "ada", edited.link, "--file", str(changed)).returncode == 0
    installation.job("update_columns", "ada")
    after = installation.state("ada")
    difference = {
        chunk
        for chunk in before["chunks/articles"].keys() | after["chunks/articles"].keys()
        if before["chunks/articles"].get(chunk) != after["chunks/articles"].get(chunk)
    }
    assert difference
    assert {chunk for chunk in difference if chunk in after["chunks/articles"]} <= _chunks_of(installation, edited.id)
    assert {chunk for chunk in difference if chunk in before["chunks/articles"]} <= _chunks_of(built, edited.id)
    assert after["collections/articles"] == after["chunks/articles"]
    assert after["collections/posts"] == before["collections/posts"]

    (installation.root / "sources" / Path(removed.metadata["file"]).name).unlink()
    installation.job("update_columns", "ada")
    gone = installation.state("ada")
    assert removed.id not in gone["cleaned/articles"]
    assert gone["collections/articles"].keys() == _chunks_of(installation, edited.id)


def test_a_new_commit_changes_only_what_it_touched(tmp_path: Path, built: Installation) -> None:
    installation = _copy(built, tmp_path)
    before = installation.state("ada")
    code = installation.root / "sources" / "code"
    (code / "errors.py").unlink()
    (code / "fresh.py").write_text('"""A module that is new."""\n\nANSWER = 42\n', encoding="utf-8")
    commit(code)
    installation.job("update_columns", "ada")
    after = installation.state("ada")
    assert len(after["raw/repositories"]) == 3
    assert len(before["raw/repositories"].keys() & after["raw/repositories"].keys()) == 2
    assert after["collections/repositories"] == after["chunks/repositories"]
    assert after["raw/articles"] == before["raw/articles"]


def test_a_link_that_leaves_the_author_file_takes_its_documents_with_it(tmp_path: Path, built: Installation) -> None:
    installation = _copy(built, tmp_path)
    installation.declare("ada", ADA.replace("  - files: ../sources/*.html\n", ""))
    installation.job("update_columns", "ada")
    after = installation.state("ada")
    assert after["raw/articles"] == after["cleaned/articles"] == after["collections/articles"] == {}
    assert after["raw/posts"]


STAGES = [
    ("links", 0.0),
    ("repositories/raw", 0.05),
    ("articles/raw", 0.2),
    ("articles/cleaned", 0.02),
    ("articles/chunks", 0.05),
    ("articles/embeddings", 4.0),
    ("articles/collection", 0.03),
    ("instruction_dataset", 0.05),
    ("lora_adapter", 7.0),
    ("twin_evaluation", 0.0),
]


@pytest.mark.slow
def test_killed_in_every_stage_it_ends_as_if_it_had_not_been(tmp_path: Path, built: Installation) -> None:
    """One installation is killed in each stage in turn, in the middle of that stage's first real work, so the last run
    meets what all the kills left behind."""
    installation = Installation(tmp_path / "killed")
    write_sources(installation.root / "sources")
    shutil.rmtree(installation.root / "sources" / "code")
    shutil.copytree(built.root / "sources" / "code", installation.root / "sources" / "code")
    installation.declare("ada", ADA)
    installation.register()
    for stage, delay in STAGES:
        installation.kill_in("ada", stage, delay)
    installation.build("ada")
    assert installation.state("ada") == built.state("ada")
    assert installation.leftovers() == []


def _copy(built: Installation, folder: Path) -> Installation:
    """The same installation in another folder; nothing in it may depend on its place."""
    shutil.copytree(built.root, folder / "copy")
    return Installation(folder / "copy")


def _raw(installation: Installation, author: str, category: Category) -> list:
    warehouse = open_warehouse(installation.settings)
    try:
        return list(warehouse.documents(State.RAW, author, category))
    finally:
        warehouse.close()


def _cleaned(installation: Installation, author: str) -> list:
    warehouse = open_warehouse(installation.settings)
    try:
        return [found for category in Category for found in warehouse.documents(State.CLEANED, author, category)]
    finally:
        warehouse.close()


def _chunks_of(installation: Installation, document: str) -> set[str]:
    from twin.artifacts import ArtifactStore
    from twin.chunking import read_chunks

    artifacts = ArtifactStore(installation.settings.store_path)
    return {
        chunk.id
        for category in Category
        for chunk in read_chunks(artifacts, "ada", category)
        if chunk.document_id == document
    }
