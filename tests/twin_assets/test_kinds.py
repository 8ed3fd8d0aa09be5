"""The kinds of the assets are what the settings use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from twin.settings import Settings
from twin_assets.kinds import engine_kinds, loaded_settings, warehouse_kind


@pytest.mark.parametrize(
    ("variables", "kinds"),
    [
        ({}, {"openvino", "pytorch"}),
        ({"TWIN_EMBEDDING_BACKEND": "torch"}, {"pytorch"}),
        ({"TWIN_EMBEDDING_BACKEND": "openvino-int8"}, {"openvino"}),
        ({"TWIN_EMBEDDING_BACKEND": "torch", "TWIN_EMBEDDING_URL": "http://127.0.0.1/v1"}, {"openai"}),
    ],
)
def test_what_embeds_on_a_machine_without_a_gpu(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], kinds: set[str]
) -> None:
    monkeypatch.setattr("twin.embedding.opening.cuda_is_there", lambda: False)
    assert engine_kinds(Settings.from_env(variables)) == kinds


def test_a_gpu_embeds_with_pytorch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin.embedding.opening.cuda_is_there", lambda: True)
    assert engine_kinds(Settings()) == {"pytorch"}


def test_the_warehouse_is_mongodb_only_if_it_is_set() -> None:
    assert warehouse_kind(Settings()) == "sqlite"
    assert warehouse_kind(Settings.from_env({"MONGO_URI": "mongodb://127.0.0.1"})) == "mongodb"


def test_settings_that_cannot_be_used_do_not_keep_the_graph_from_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGO_URI", "mongodb://127.0.0.1")
    assert warehouse_kind(loaded_settings()) == "mongodb"
    monkeypatch.setenv("TWIN_PORTS", "none")
    assert warehouse_kind(loaded_settings()) == "sqlite"


SCRIPT = """
import json
from twin_jobs.definitions import defs
graph = defs.resolve_asset_graph()
print(json.dumps({key.to_user_string(): sorted(graph.get(key).kinds) for key in graph.get_all_asset_keys()}))
"""


def loaded_kinds(repository: Path, **variables: str) -> dict[str, list[str]]:
    """The kinds in a process with these settings and no others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TWIN_", "MONGO_", "QDRANT_"))}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**clean, "PYTHONPATH": str(repository), "TWIN_EMBEDDING_BACKEND": "openvino-f32", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_the_graph_of_a_laptop_and_of_a_server(repository: Path) -> None:
    laptop = loaded_kinds(repository)
    assert laptop == {
        "links": ["sqlite", "yaml"],
        "posts/raw": ["linkedin", "sqlite"],
        "articles/raw": ["html", "sqlite"],
        "repositories/raw": ["git", "sqlite"],
        **{f"{category}/cleaned": ["sqlite"] for category in ("posts", "articles", "repositories")},
        **{f"{category}/chunks": ["parquet"] for category in ("posts", "articles", "repositories")},
        **{f"{category}/embeddings": ["openvino", "parquet"] for category in ("posts", "articles", "repositories")},
        **{f"{category}/collection": ["qdrant"] for category in ("posts", "articles", "repositories")},
        "instruction_dataset": ["json", "parquet"],
        "lora_adapter": ["huggingface", "pytorch"],
        "twin_evaluation": ["json", "pytorch"],
    }
    server = loaded_kinds(repository, MONGO_URI="mongodb://user:pass@127.0.0.1")
    assert {name for name, kinds in server.items() if "mongodb" in kinds} == {
        name for name, kinds in laptop.items() if "sqlite" in kinds
    }
