"""The answer to bad input: one sentence that names it and how to fix it, and no effect on anything else."""

import sys
import zipfile
from pathlib import Path

import pytest

from tests.integration.conftest import SHARES
from tests.integration.installation import Installation
from twin.models import Category

pytestmark = pytest.mark.slow

ADA = "name: Ada\nlinks:\n  - files: ../sources/*.md\n"
TEXT = "# Machines\n\nA machine repeats what it was told, and that is its whole virtue.\n"


@pytest.fixture
def declared(installation: Installation) -> Installation:
    """Ada, with one small document."""
    (installation.root / "sources").mkdir()
    (installation.root / "sources" / "machines.md").write_text(TEXT, encoding="utf-8")
    installation.declare("ada", ADA)
    return installation


def test_a_build_without_a_partition_says_what_to_run(declared: Installation) -> None:
    done = declared.run(*declared.command("build_twin"))
    assert done.returncode != 0
    assert "No author was chosen: choose one as the partition, or run `make demo AUTHOR=" in done.stderr


@pytest.mark.slow
def test_a_build_of_an_unknown_author_names_the_known_ones_and_what_to_run(declared: Installation) -> None:
    declared.register()
    done = declared.run(*declared.command("build_twin", "grace"))
    assert done.returncode != 0
    assert "The author 'grace' is not registered (registered: ada)" in done.stderr
    assert "run `make demo AUTHOR=grace`" in done.stderr


def test_a_broken_author_file_is_named_with_its_line_and_the_others_register(declared: Installation) -> None:
    declared.declare("bob", "name: Bob\nlinks:\n  - https://example.org/a\n linsk: [\n")
    done = declared.run(*declared.command("register_links"))
    assert done.returncode != 0
    assert "bob.yaml" in done.stderr
    assert "line 4" in done.stderr
    assert "ada" in declared.twin("authors").stdout


def test_an_empty_folder_of_authors_is_not_a_success(installation: Installation) -> None:
    done = installation.run(*installation.command("register_links"))
    assert done.returncode != 0
    assert "There is no author file in" in done.stderr


@pytest.mark.slow
def test_bad_links_are_recorded_and_harm_nobody_and_a_source_that_breaks_later_keeps_its_documents(
    declared: Installation,
) -> None:
    (declared.root / "sources" / "broken.zip").write_bytes(b"not a zip at all")
    export = declared.root / "sources" / "export.zip"
    with zipfile.ZipFile(export, "w") as archive:
        archive.writestr("Shares.csv", SHARES)
    declared.declare(
        "ada",
        ADA
        + "  - linkedin_export: ../sources/broken.zip\n  - repository: ../sources/nowhere\n"
        + "  - https://www.linkedin.com/in/ada\n  - linkedin_export: ../sources/export.zip\n",
    )
    declared.register()
    declared.job("update_columns", "ada")
    before = declared.state("ada")
    assert len(before["collections/articles"]) == 1
    assert len(before["collections/posts"]) == 2
    listed = declared.twin("links", "list", "ada").stdout
    assert "broken.zip" in listed
    assert "nowhere" in listed
    assert listed.count("failed") >= 2
    assert "export" in listed

    export.write_bytes(b"truncated")
    declared.job("update_columns", "ada")
    assert declared.state("ada") == before
    assert declared.twin("links", "list", "ada").stdout.count("failed") > listed.count("failed")


@pytest.mark.slow
def test_an_author_without_anything_goes_as_far_as_there_is_anything_to_do(installation: Installation) -> None:
    installation.declare("empty", "name: Nobody Yet\nlinks: []\n")
    installation.register()
    done = installation.run(*installation.command("build_twin", "empty", {"loggers": {"twin": {}}}))
    assert done.returncode != 0
    assert "lora_adapter" in done.stderr
    sentence = [line for line in done.stderr.splitlines() if "✗ lora_adapter" in line]
    assert len(sentence) == 1
    state = installation.state("empty")
    assert all(state[f"collections/{category}"] == {} for category in Category)


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_the_old_state_stays(declared: Installation) -> None:
    """A file is in the place of a required folder, which refuses a write like a full or read-only disk."""
    declared.register()
    store = Path(declared.settings.store)
    (store / "chunks").write_text("in the way", encoding="utf-8")
    done = declared.run(*declared.command("update_columns", "ada", {"loggers": {"twin": {}}}))
    assert done.returncode != 0
    failures = [line for line in done.stderr.splitlines() if "✗ articles/chunks" in line]
    assert len(failures) >= 1
    assert "cannot be written" in failures[-1]
    (store / "chunks").unlink()
    declared.job("update_columns", "ada")
    assert len(declared.state("ada")["collections/articles"]) == 1


@pytest.mark.slow
def test_a_locked_warehouse_is_one_sentence(declared: Installation) -> None:
    import sqlite3

    declared.register()
    connection = sqlite3.connect(Path(declared.settings.store) / "warehouse.sqlite")
    connection.execute("BEGIN EXCLUSIVE")
    try:
        done = declared.twin("documents", "remove", "ada", "x")
        listed = declared.twin("links", "add", "ada", "https://example.org/new")
    finally:
        connection.rollback()
        connection.close()
    assert done.returncode != 0
    assert listed.returncode != 0
    assert len(listed.stderr.strip().splitlines()) == 1
    assert "warehouse" in listed.stderr


def test_search_before_a_build_says_what_to_run(declared: Installation) -> None:
    declared.register()
    done = declared.twin("search", "ada", "machines")
    assert done.returncode != 0
    assert "build the twin first (`make demo AUTHOR=ada`)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_column_of_an_unknown_author_is_not_an_empty_success(
    declared: Installation,
) -> None:
    """The partition exists, from another store; "0 documents" would be wrong."""
    declared.register()
    elsewhere = Installation(declared.root / "elsewhere")
    declared.environment["TWIN_STORE"] = elsewhere.environment["TWIN_STORE"]
    script = "import dagster as dg; from twin_jobs.definitions import defs; import sys; " + (
        "sys.exit(not dg.materialize([*defs.assets], selection='key:\"articles/raw\"', partition_key='ada', "
        "instance=dg.DagsterInstance.get(), resources=defs.resources, raise_on_error=False).success)"
    )
    done = declared.run(sys.executable, "-c", script)
    assert done.returncode == 1
    assert "The author 'ada' is not registered (registered: nobody yet)" in done.stderr
