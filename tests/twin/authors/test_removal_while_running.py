"""An author is removed at every moment of every stage, by another process: nothing of theirs comes back."""

import itertools
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.kit.memory import WordEmbedder
from twin import layout
from twin.authors.files import AuthorFiles, load_authors
from twin.authors.leftovers import find_leftovers
from twin.authors.registration import sync_author
from twin.authors.removal import remove_author
from twin.chunking import chunk_documents
from twin.chunking.inspection import inspect_chunks
from twin.cleaning import clean_documents
from twin.crawling import crawl_author
from twin.dataset.stage import build_dataset
from twin.embedding import embed_chunks
from twin.embedding.inspection import inspect_embeddings
from twin.errors import InputError, RemovedError
from twin.models import Author, Category, Link
from twin.opening import Stores
from twin.settings import Settings
from twin.vectors import load_points
from twin.vectors.base import Point
from twin.warehouse.base import TABLES

ADA, ARTICLES, EMBEDDER = "ada", Category.ARTICLES, WordEmbedder()

FIRST = "# Looms\n\nThe engine weaves algebraical patterns as the loom weaves flowers and leaves, and numbers too.\n"
SECOND = "# Notes\n\nMusic could be composed by a machine if its harmony were written as a rule that it can follow.\n"

Stage = Callable[[Stores, AuthorFiles], object]

STAGES: dict[str, Stage] = {
    "links": lambda stores, files: sync_author(stores.warehouse, ADA, files),
    "raw": lambda stores, _: crawl_author(stores.warehouse, ADA, ARTICLES, tools=stores.crawl_tools(ADA)),
    "cleaned": lambda stores, _: clean_documents(stores.warehouse, ADA, ARTICLES),
    "chunks": lambda stores, _: chunk_documents(stores.warehouse, stores.artifacts, EMBEDDER, ADA, ARTICLES),
    "pictures of chunks": lambda stores, _: inspect_chunks(
        stores.warehouse, stores.artifacts, EMBEDDER, ADA, ARTICLES, cleaned={}
    ),
    "embeddings": lambda stores, _: embed_chunks(stores.artifacts, EMBEDDER, ADA, ARTICLES),
    "pictures of embeddings": lambda stores, _: inspect_embeddings(stores.artifacts, ADA, ARTICLES),
    "collection": lambda stores, _: load_points(stores.artifacts, stores.vectors, EMBEDDER, ADA, ARTICLES),
    "dataset": lambda stores, _: build_dataset(stores.warehouse, stores.artifacts, ADA),
}


class Removing:
    """Removes the author by stores of its own, when the watched stores have come to their `moment`-th write.

    Moments are before each transaction, around each file, and before points; within the lock of the points, where
    another process can only begin the removal and waits for the lock with the rest.
    """

    def __init__(self, root: Path, stores: Stores, moment: int) -> None:
        self.root, self.left, self.came = root, moment, False
        warehouse: Any = stores.warehouse
        artifacts: Any = stores.artifacts
        vectors: Any = stores.vectors
        transaction, written, apply, guard = (
            warehouse._file.transaction, artifacts._written, vectors.apply, vectors._guard,
        )  # fmt: skip

        def watched_transaction() -> AbstractContextManager[Any]:
            self.moment()
            return transaction()  # type: ignore[no-any-return]

        @contextmanager
        def watched_written(*parts: str) -> Iterator[Path]:
            self.moment()
            with written(*parts) as path:
                yield path
            self.moment()

        def during(points: Iterable[Point]) -> Iterator[Point]:
            for point in points:
                yield point
                self.moment(only_begin=True)

        def watched_apply(*arguments: Any, upserts: Iterable[Point], **named: Any) -> None:
            self.moment()
            apply(*arguments, upserts=during(upserts), **named)

        def watched_guard(author: str) -> None:
            self.moment(only_begin=True)
            guard(author)

        warehouse._file.transaction = watched_transaction
        artifacts._written = watched_written
        vectors.apply, vectors._guard = watched_apply, watched_guard

    def moment(self, *, only_begin: bool = False) -> None:
        self.left -= 1
        if self.left == 0:
            self.came = True
            shutil.rmtree(self.root / "authors")
            if only_begin:
                with opened(self.root) as others:
                    others.warehouse.begin_removal(ADA)
            else:
                self.remove()

    def remove(self) -> None:
        with opened(self.root) as others:
            remove_author(ADA, others.warehouse, others.artifacts, others.vectors, load_authors(self.root / "authors"))


def opened(root: Path) -> Stores:
    return Stores(Settings(store=str(root / "store"), authors=str(root / "authors")))


@pytest.fixture
def made(tmp_path: Path) -> Path:
    root = tmp_path / "made"
    (root / "authors").mkdir(parents=True)
    (root / "authors" / "ada.yaml").write_text("name: Ada\nlinks:\n  - files: '*.md'\n    category: articles\n")
    (root / "authors" / "first.md").write_text(FIRST)
    with opened(root) as stores:
        for stage in STAGES.values():
            stage(stores, load_authors(root / "authors"))
    (root / "authors" / "second.md").write_text(SECOND)  # every stage has something to write again
    return root


@pytest.mark.parametrize("name", STAGES)
def test_a_removal_during_a_stage_is_final(made: Path, tmp_path: Path, name: str) -> None:
    before = list(itertools.takewhile(lambda each: each != name, STAGES))
    with opened(made) as stores:
        for each in before:
            STAGES[each](stores, load_authors(made / "authors"))
    moments = 0
    for moment in itertools.count(1):
        root = tmp_path / "copy"
        shutil.copytree(made, root)
        with opened(root) as stores:
            files = load_authors(root / "authors")
            removing = Removing(root, stores, moment)
            with suppress(InputError):  # the sentence of a removed author
                STAGES[name](stores, files)
        if not removing.came:
            break
        with opened(root) as stores:
            assert stores.vectors.count(ARTICLES, ADA) == 0
        moments += 1
        removing.remove()  # what waited for a lock; nothing else may be left for it
        with opened(root) as stores:
            assert find_leftovers(stores.warehouse, stores.artifacts, stores.vectors) == {}
            assert [row for table in TABLES for row in stores.warehouse.dump(table)] == []
            assert [path for folder in layout.PER_AUTHOR for path in (root / "store" / folder).rglob("*.*")] == []
            assert stores.vectors.count(ARTICLES, ADA) == 0
        shutil.rmtree(root)
    assert moments >= 1


def test_a_run_that_writes_files_itself_removes_them_again(made: Path) -> None:
    """The training process writes its folder by its own means; its asset asks when it comes back."""
    with opened(made) as stores:
        target = Path(str(stores.artifacts.path("adapters", ADA, "f00")))
        stores.artifacts.refuse_removed(ADA)
        stores.warehouse.begin_removal(ADA)
        target.mkdir(parents=True)
        (target / "weights").touch()
        with pytest.raises(RemovedError, match="ada was removed, so nothing of theirs is stored: register"):
            stores.artifacts.refuse_removed(ADA)
        assert not target.exists()


def test_who_is_registered_again_is_written_again(made: Path) -> None:
    with opened(made) as stores:
        text = (made / "authors" / "ada.yaml").read_text()
        (made / "authors" / "ada.yaml").unlink()
        files = load_authors(made / "authors")
        remove_author(ADA, stores.warehouse, stores.artifacts, stores.vectors, files)
        with pytest.raises(RemovedError):
            stores.warehouse.upsert_links(
                [Link(author=ADA, url="https://x.example", kind="page", categories=(ARTICLES,))]
            )
        (made / "authors" / "ada.yaml").write_text(text)
        for stage in STAGES.values():
            stage(stores, load_authors(made / "authors"))
        assert stores.vectors.count(ARTICLES, ADA) > 0
        stores.warehouse.upsert_authors([Author(slug="bob", name="Bob")])
        assert find_leftovers(stores.warehouse, stores.artifacts, stores.vectors) == {}


def test_leftovers_of_unknown_authors_are_found_and_can_be_removed(made: Path) -> None:
    with opened(made) as stores:
        with sqlite3.connect(stores.warehouse.address) as connection:
            connection.execute("DELETE FROM authors")  # somebody, by hand
        connection.close()
        (found,) = find_leftovers(stores.warehouse, stores.artifacts, stores.vectors).items()
        assert found[0] == ADA
        assert found[1].rows > 0
        assert found[1].points > 0
        assert found[1].files.keys() >= {"chunks", "embeddings", "datasets"}
        (made / "authors" / "ada.yaml").unlink()
        files = load_authors(made / "authors")
        remove_author(ADA, stores.warehouse, stores.artifacts, stores.vectors, files)
        assert find_leftovers(stores.warehouse, stores.artifacts, stores.vectors) == {}
