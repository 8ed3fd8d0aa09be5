"""`twin vectors`: what it says of a store."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.kit.vectorstores import MODEL, POSTS, point, put
from twin.cli.main import app
from twin.vectors.edge.store import EdgeVectorStore


def test_status_says_what_searches_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = CliRunner().invoke
    for name in ("MONGO_URI", "QDRANT_URL", "TWIN_QUANTIZATION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TWIN_STORE", str(tmp_path))
    store = EdgeVectorStore(tmp_path / "vectors")
    put(store, point(1), point(2))
    put(store, point(1, "bob", POSTS))
    said = run(app, ["vectors", "status"]).stdout
    header, *rows = said.splitlines()
    assert header.split()[:3] == ["category", "author", "points"]
    assert [row.split()[:3] for row in rows[:2]] == [["posts", "bob", "1"], ["articles", "ada", "2"]]
    assert said.count("segments 1") == said.count(MODEL) == said.count("ef_construct") == 1
    assert max(map(len, said.splitlines()[:-1])) <= 100
    assert said.splitlines()[-1] == f"3 points in {tmp_path / 'vectors'}"
    rows = json.loads(run(app, ["vectors", "status", "--json"]).stdout)
    assert [(row["category"], row["author"], row["points"]) for row in rows] == [
        ("posts", "bob", 1),
        ("articles", "ada", 2),
    ]
    assert rows[0]["index"]["m"] > 0
