"""Removing an author: nothing of theirs is left anywhere, and everybody else's is as it was."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from tests.kit.vectorstores import ARTICLES, MODEL, OTHER, POSTS, point, put
from tests.kit.warehouses import contents, fill
from twin import layout
from twin.artifacts import ArtifactStore
from twin.authors.files import AuthorFiles, load_authors
from twin.authors.removal import RemovalReport, remove_author
from twin.cli.main import app
from twin.errors import InputError, RemovedError, StoreError
from twin.models import Category
from twin.vectors import VectorStore
from twin.vectors.edge.store import EdgeVectorStore
from twin.vectors.qdrant.store import QdrantVectorStore
from twin.warehouse import SqliteWarehouse, Warehouse
from twin.warehouse.base import TABLES

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect")


class Stores(NamedTuple):
    warehouse: Warehouse
    artifacts: ArtifactStore
    vectors: VectorStore
    root: Path

    def remove(self, slug: str, files: AuthorFiles | None = None) -> RemovalReport:
        nobody = load_authors(self.root / "authors")
        return remove_author(slug, self.warehouse, self.artifacts, self.vectors, files or nobody)

    def left(self, slug: str) -> tuple[object, ...]:
        """All that is there of an author."""
        rows = {table: list(self.warehouse.dump(table, slug)) for table in TABLES}
        folders = sorted(path for path in self.root.rglob(slug) if path.is_dir())
        files = {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.suffix in PLANTED}
        points = {
            (category, model): self.vectors.hashes(category, slug, model)
            for category in (ARTICLES, POSTS)
            for model in (MODEL, OTHER)
        }
        return rows, folders, files, points


PLANTED = (".parquet", ".safetensors")
NO_POINTS: dict[tuple[Category, str], dict[str, str]] = {(c, m): {} for c in (ARTICLES, POSTS) for m in (MODEL, OTHER)}
NOTHING: tuple[object, ...] = ({table: [] for table in TABLES}, [], {}, NO_POINTS)


def fill_stores(stores: Stores) -> None:
    fill(stores.warehouse)
    for slug in ("ada", "ada-li"):
        for folder in layout.PER_AUTHOR:
            stores.artifacts.write_bytes(folder, slug, "articles.parquet", content=slug.encode())
        stores.artifacts.write_bytes("adapters", slug, "f00", "adapter.safetensors", content=b"weights")
        put(stores.vectors, *(point(number, slug) for number in range(5)))
        put(stores.vectors, point(1, slug, POSTS))


@pytest.fixture(params=["edge", "qdrant"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    if request.param == "edge":
        vectors: VectorStore = EdgeVectorStore(tmp_path / "vectors")
    else:
        from qdrant_client import QdrantClient

        vectors = QdrantVectorStore("http://memory", client=QdrantClient(":memory:"))
    warehouse = SqliteWarehouse(tmp_path / "warehouse.sqlite")
    made = Stores(warehouse, ArtifactStore(str(tmp_path)), vectors, tmp_path)
    fill_stores(made)
    yield made
    warehouse.close()
    vectors.close()


def test_everything_of_an_author_goes_and_all_else_stays(stores: Stores) -> None:
    theirs = stores.left("ada-li")
    assert all(theirs)
    report = stores.remove("ada")
    assert report == RemovalReport(points=6, files=dict.fromkeys(layout.PER_AUTHOR, 1) | {"adapters": 2}, rows=21)
    assert report.removed == 34
    assert stores.left("ada") == NOTHING
    assert stores.left("ada-li") == theirs
    assert stores.remove("ada") == RemovalReport()
    assert stores.remove("nobody").removed == 0
    fill_stores(stores)  # whoever is added again begins anew
    assert stores.vectors.count(ARTICLES, "ada") == 5


def test_points_of_a_model_that_is_not_served_yet_go_as_well(tmp_path: Path) -> None:
    from qdrant_client import QdrantClient

    client = QdrantClient(":memory:")
    vectors = QdrantVectorStore("http://memory", client=client)
    for slug in ("ada", "bob"):
        put(vectors, *(point(number, slug) for number in range(3)))
    put(vectors, *(point(number, "ada") for number in range(2)), model=OTHER)  # bob's are still to come
    assert not vectors.serves(ARTICLES, "ada", OTHER)
    client.create_collection("articles_of_somebody_else", {})
    assert vectors.remove_author("ada") == 5
    assert vectors.remove_author("ada") == 0
    names = [each.name for each in client.get_collections().collections]
    assert {name: client.count(name).count for name in names if name.startswith("articles__")} == {
        "articles__tiny-abc-8": 3, "articles__other-def-8": 0,
    }  # fmt: skip
    put(vectors, *(point(number, "bob") for number in range(3)), model=OTHER)
    assert vectors.serves(ARTICLES, "bob", OTHER)  # it waits for no author who is gone


@pytest.mark.parametrize("content", ["name: Ada\n", "name: [", ""])
def test_an_author_whom_a_file_declares_stays(stores: Stores, content: str) -> None:
    before = stores.left("ada")
    folder = stores.root / "declared"
    folder.mkdir()
    (folder / "ada.yaml").write_text(content)
    with pytest.raises(
        InputError, match=r"declared/ada\.yaml still declares ada, so they would come back: remove that"
    ):
        stores.remove("ada", load_authors(folder))
    assert stores.left("ada") == before
    assert stores.remove("ada-li", load_authors(folder)).rows == 6


def test_an_author_stays_where_the_files_cannot_be_read(stores: Stores) -> None:
    (stores.root / "file").write_text("")
    with pytest.raises(InputError, match=r"Cannot tell whether .*file/ada\.yaml declares ada: The folder"):
        stores.remove("ada", load_authors(stores.root / "file"))
    with pytest.raises(InputError, match="slug"):
        stores.remove("../ada")
    assert stores.left("ada") != NOTHING


@pytest.mark.parametrize("step", [0, 3, 7])  # before the points, in the middle of the folders, before the rows
def test_a_removal_killed_anywhere_is_ended_by_the_next(tmp_path: Path, step: int) -> None:
    def opened() -> Stores:
        vectors = EdgeVectorStore(tmp_path / "vectors")
        return Stores(SqliteWarehouse(tmp_path / "w.sqlite"), ArtifactStore(str(tmp_path)), vectors, tmp_path)

    fill_stores(opened())
    child = os.fork()
    if child == 0:
        steps = 0

        def dies(real: Callable[..., object]) -> Callable[..., object]:
            def called(*arguments: object) -> object:
                nonlocal steps
                if steps == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                steps += 1
                return real(*arguments)

            return called

        ArtifactStore.remove_tree = dies(ArtifactStore.remove_tree)  # type: ignore[assignment,method-assign]
        SqliteWarehouse.remove_author = dies(SqliteWarehouse.remove_author)  # type: ignore[assignment,method-assign]
        EdgeVectorStore.remove_author = dies(EdgeVectorStore.remove_author)  # type: ignore[assignment,method-assign]
        opened().remove("ada")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    stores = opened()
    assert stores.warehouse.author("ada") is not None  # so that it shows
    assert stores.remove("ada").rows == 21
    assert stores.left("ada") == NOTHING
    stores.vectors.close()


def test_a_folder_that_may_not_be_removed_is_one_sentence(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(type(stores.artifacts.root.fs), "rm", refuses)
        with pytest.raises(StoreError, match="Permission denied"):
            stores.remove("ada")
    assert stores.warehouse.author("ada") is not None
    assert stores.remove("ada").rows == 21


def test_the_command_asks_first_and_says_what_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_STORE", str(tmp_path))
    monkeypatch.setenv("TWIN_AUTHORS", str(tmp_path / "authors"))
    for name in ("MONGO_URI", "QDRANT_URL"):
        monkeypatch.delenv(name, raising=False)
    vectors = EdgeVectorStore(tmp_path / "vectors")
    warehouse = SqliteWarehouse(tmp_path / "warehouse.sqlite")
    fill_stores(Stores(warehouse, ArtifactStore(str(tmp_path)), vectors, tmp_path))
    vectors.close()
    run = CliRunner().invoke
    listed = run(app, ["authors"])
    assert (listed.exit_code, [line.split()[0] for line in listed.stdout.splitlines()]) == (
        0,
        ["author", "ada", "ada-li"],
    )
    before = contents(warehouse)
    for answer in ("n\n", ""):
        assert run(app, ["authors", "remove", "ada"], input=answer).exit_code == 1
        assert contents(warehouse) == before
    done = run(app, ["authors", "remove", "ada"], input="y\n")
    assert done.exit_code == 0
    assert done.stdout.endswith(
        "removed ada: 21 rows, 6 points, 2 files of adapters, 1 file of base_models, 1 file of datasets, "
        "1 file of embeddings, 1 file of chunks, 1 file of captures\n"
    )
    again = run(app, ["authors", "remove", "ada", "--yes"])
    assert again.exit_code == 1
    assert str(again.exception).startswith("There is no author 'ada', and nothing is stored under this name: ")
    assert [line.split()[0] for line in run(app, ["authors"]).stdout.splitlines()] == ["author", "ada-li"]
    warehouse.close()


@pytest.mark.parametrize("moment", [1, 2, 3])  # before the points, with them, and after them
def test_points_of_an_author_who_is_removed_meanwhile_do_not_stay_on_a_server(moment: int) -> None:
    from qdrant_client import QdrantClient

    asked = 0

    def guard(author: str) -> None:
        nonlocal asked
        asked += 1
        if asked >= moment:
            raise RemovedError(author)

    client = QdrantClient(":memory:")
    before = QdrantVectorStore("http://memory", client=client)
    for slug in ("ada", "bob"):
        put(before, *(point(number, slug) for number in range(3)))
    running = QdrantVectorStore("http://memory", client=client, guard=guard)
    with pytest.raises(RemovedError, match="ada was removed"):
        put(running, *(point(number, "ada") for number in range(5)))
    assert (before.count(ARTICLES, "ada"), before.count(ARTICLES, "bob")) == (0, 3)
