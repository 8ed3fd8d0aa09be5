"""Loading the definitions: fast and light, without a service, an environment variable or a network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from twin.models import Category
from twin_assets.columns import Stage
from twin_jobs.definitions import build_defs, defs

HEAVY = [
    "torch",
    "transformers",
    "trl",
    "peft",
    "sentence_transformers",
    "openvino",
    "datasets",
    "accelerate",
    "matplotlib",
]

LOAD = """
import json, socket, sys

def refuse(*args, **kwargs):
    raise AssertionError(f"the definitions opened a connection: {args}")

socket.socket.connect = refuse
socket.getaddrinfo = refuse
import twin_jobs.definitions
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


@pytest.fixture(scope="module")
def loaded_modules(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> set[str]:
    """Top-level modules after loading the definitions in an empty process: no variable, no home, no network."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        env={"PYTHONPATH": str(repository)},
        cwd=tmp_path_factory.mktemp("empty"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", HEAVY)
def test_loading_imports_nothing_heavy(loaded_modules: set[str], module: str) -> None:
    assert module not in loaded_modules


def test_loading_imports_few_of_our_own_dependencies(loaded_modules: set[str]) -> None:
    """Slow imports happen where they are used; unlike a measured time, this does not depend on the machine."""
    assert not loaded_modules & {"pymongo", "qdrant_client", "qdrant_edge", "trafilatura", "git", "bs4", "pandas"}


def test_the_graph_has_exactly_its_keys() -> None:
    columns = {
        f"{category}/{stage}"
        for stage in ("raw", "cleaned", "chunks", "embeddings", "collection")
        for category in Category
    }
    rest = {"links", "instruction_dataset", "lora_adapter", "twin_evaluation"}
    graph = defs.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == columns | rest


def test_every_asset_is_described_owned_grouped_versioned_and_partitioned_by_author() -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.owners == ["team:twin"], key
        assert node.kinds, key
        assert node.group_name != "default", key
        assert node.code_version, key
        assert isinstance(node.partitions_def, dg.DynamicPartitionsDefinition), key
        assert node.partitions_def.name == "author"


def test_a_column_is_the_group_of_its_category_and_the_rest_is_the_twin() -> None:
    graph = defs.resolve_asset_graph()
    groups = {key.to_user_string(): graph.get(key).group_name for key in graph.get_all_asset_keys()}
    columns = {f"{category}/{stage}": category.value for category in Category for stage in Stage}
    rest = dict.fromkeys(("instruction_dataset", "lora_adapter", "twin_evaluation"), "twin")
    assert groups == {"links": "links", **columns, **rest}


@pytest.mark.slow
def test_a_version_that_the_domain_raises_is_the_code_version_of_its_assets(repository: Path) -> None:
    """In a separate process, because each constant is changed before the graph is imported."""
    changes = {
        "twin.authors.registration.LINKS_VERSION": ["links"],
        "twin.cleaning.stage.VERSION": [f"{category}/cleaned" for category in Category],
        "twin.chunking.chunker.CHUNKER_VERSION": [f"{category}/chunks" for category in Category],
        "twin.embedding.stage.EMBEDDING_VERSION": [f"{category}/embeddings" for category in Category],
        "twin.terms.bm25.BM25_VERSION": [f"{category}/collection" for category in Category],
        "twin.dataset.stage.CODE_VERSION": ["instruction_dataset"],
        "twin.training.plan.CODE_VERSION": ["lora_adapter"],
        "twin.training.plan.NANO_VERSION": ["lora_adapter"],
        "twin.training.heldout.CODE_VERSION": ["twin_evaluation"],
        "twin.crawling.sources.feed.FeedCrawler.version": ["articles/raw"],
        "twin.crawling.sources.medium.MediumExport.version": ["posts/raw", "articles/raw"],
    }
    script = """
import json, pkgutil, sys
for name in json.loads(sys.argv[1]):
    place, _, constant = name.rpartition(".")
    setattr(pkgutil.resolve_name(place), constant, f"<{name}>")
from twin_jobs.definitions import defs
graph = defs.resolve_asset_graph()
print(json.dumps({key.to_user_string(): graph.get(key).code_version for key in graph.get_all_asset_keys()}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps([*changes])],
        env={"PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    versions = json.loads(done.stdout)
    assert {
        name: sorted(asset for asset, version in versions.items() if f"<{name}>" in version) for name in changes
    } == {name: sorted(assets) for name, assets in changes.items()}
    assert {name for assets in changes.values() for name in assets} == versions.keys() - {"repositories/raw"}


def test_every_stage_has_a_blocking_check() -> None:
    graph = defs.resolve_asset_graph()
    checked = {
        check.asset_key.to_user_string()
        for definition in defs.assets or []
        if isinstance(definition, dg.AssetsDefinition)
        for check in definition.check_specs
        if check.blocking
    }
    everything = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert everything - checked == {"links", "twin_evaluation"}


def test_build_defs_gives_fresh_loadable_definitions() -> None:
    dg.Definitions.validate_loadable(build_defs())
    assert build_defs() is not defs


def test_the_snapshot_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The UI and the event log see this snapshot."""
    secrets = {"MONGO_URI": "mongodb://root:correct-horse@mongo", "QDRANT_API_KEY": "battery-staple"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    snapshot = dg.serialize_value(RepositorySnap.from_def(build_defs().get_repository_def()))
    assert "correct-horse" not in snapshot
    assert "battery-staple" not in snapshot


@pytest.mark.slow
def test_the_workspace_validates(repository: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dagster")), "definitions", "validate", "-w", "workspace.yaml"],
        cwd=repository,
        env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@pytest.mark.slow
def test_dg_finds_the_project(repository: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dg")), "list", "defs", "--json"],
        cwd=repository,
        env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "posts/raw" in done.stdout
