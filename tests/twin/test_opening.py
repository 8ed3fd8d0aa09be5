"""All stores of the settings: opened when used, closed whatever happens."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.memory import ADA, WordEmbedder, chunks_of, fill_store
from twin.errors import InputError
from twin.opening import Stores
from twin.settings import Settings
from twin.vectors.edge.store import EdgeVectorStore
from twin.warehouse import SqliteWarehouse

EMBEDDER = WordEmbedder()


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stores that were closed, in order."""
    seen: list[str] = []
    for kind in (SqliteWarehouse, EdgeVectorStore):

        def close(self: object, real: object = kind.close, name: str = kind.__name__) -> None:
            seen.append(name)
            real(self)  # type: ignore[operator]

        monkeypatch.setattr(kind, "close", close)
    return seen


def test_each_is_opened_once_and_all_are_closed_in_reverse(tmp_path: Path, closed: list[str]) -> None:
    with Stores(Settings(store=str(tmp_path))) as stores:
        assert stores.warehouse is stores.warehouse
        stores.warehouse.upsert_authors([ADA])
        assert stores.people() == [ADA]
        assert stores.vectors is stores.vectors
        assert stores.artifacts.root == stores.settings.store_path
        assert stores.crawl_tools("ada").captures is not None
        assert stores.crawl_tools("ada", keep=0).captures is None
        assert closed == []
    assert closed == ["EdgeVectorStore", "SqliteWarehouse"]


def test_they_are_closed_after_an_error_too(tmp_path: Path, closed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: object) -> None:
        raise OSError("the disk is gone")

    def interrupted(error: Exception | None) -> None:
        with Stores(Settings(store=str(tmp_path))) as stores:
            assert stores.warehouse.address != stores.vectors.address
            if error:
                raise error

    with pytest.raises(ZeroDivisionError):
        interrupted(ZeroDivisionError())
    assert closed == ["EdgeVectorStore", "SqliteWarehouse"]
    monkeypatch.setattr(EdgeVectorStore, "close", fails)
    with pytest.raises(OSError, match="the disk is gone"):
        interrupted(None)
    assert closed == ["EdgeVectorStore", "SqliteWarehouse", "SqliteWarehouse"]


def test_what_is_not_used_is_not_opened(tmp_path: Path, closed: list[str]) -> None:
    with Stores(Settings(store="s3://bucket/twin", qdrant_url="http://localhost:1", mongo_uri=None)) as stores:
        assert stores.vectors.address
        with pytest.raises(InputError, match="set MONGO_URI as well"):
            print(stores.warehouse)
    with Stores(Settings(store=str(tmp_path / "new"))):
        pass
    assert not (tmp_path / "new").exists()
    assert closed == []


def test_nothing_heavy_is_loaded_for_it() -> None:
    program = (
        "import sys, twin.opening\n"
        "print([name for name in ('torch', 'transformers', 'trafilatura', 'qdrant_client', 'twin.crawling') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_example_of_the_documentation_runs(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    memory = chunks_of(["Chunks are cut by exact tokens."], name="chunks", author="llm-twin")
    fill_store(tmp_path / "vectors", EMBEDDER, memory).close()
    monkeypatch.setattr("twin.embedding.open_embedder", lambda *_: EMBEDDER)
    monkeypatch.setenv("TWIN_STORE", str(tmp_path))
    for name in ("MONGO_URI", "QDRANT_URL", "TWIN_RERANKER", "TWIN_LANGUAGE_MODEL_URL"):
        monkeypatch.delenv(name, raising=False)
    (example,) = re.findall(
        r"```python\n(.*?)```", (repository / "docs" / "commands.md").read_text(encoding="utf-8"), re.DOTALL
    )
    exec(example, {})  # noqa: S102 - it is ours
    assert "Chunks are cut by exact tokens." in capsys.readouterr().out
