"""The files around the code agree with each other and with what is installed."""

import os
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
import yaml
from dagster import DagsterInstance
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.ref import InstanceRef
from dagster._serdes import ConfigurableClass
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from twin.settings import Settings

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11.0", "3.12.0", "3.13.0")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def direct(project: dict[str, Any]) -> list[Requirement]:
    extras = project["project"]["optional-dependencies"].values()
    return [
        Requirement(text) for text in (*project["project"]["dependencies"], *(line for more in extras for line in more))
    ]


def pinned(pins: list[Requirement], name: str, python: str) -> list[str]:
    """Versions that apply on Linux with this Python."""
    environment = {"python_version": python.rsplit(".", 1)[0], "python_full_version": python, "sys_platform": "linux"}
    found = [pin for pin in pins if canonicalize_name(pin.name) == canonicalize_name(name)]
    applicable = [pin for pin in found if pin.marker is None or pin.marker.evaluate(environment)]
    return [str(pin.specifier).removeprefix("==") for pin in applicable]


@pytest.mark.parametrize("python", PYTHONS)
def test_every_direct_dependency_has_one_pin_that_satisfies_it(
    project: dict[str, Any], pins: list[Requirement], python: str
) -> None:
    for requirement in direct(project):
        (only,) = pinned(pins, requirement.name, python)
        assert requirement.specifier.contains(only), f"{requirement} is pinned to {only}"


def test_pins_are_exact_and_come_from_no_private_place(pins: list[Requirement]) -> None:
    for pin in pins:
        assert pin.url is None
        assert not pin.extras, f"{pin}: pip refuses extras in a constraints file"
        assert re.fullmatch(r"==[0-9][0-9A-Za-z.]*", str(pin.specifier)), f"{pin} is not one public version"


def test_what_is_installed_is_what_is_pinned(project: dict[str, Any], pins: list[Requirement]) -> None:
    here = ".".join(map(str, sys.version_info[:3]))
    compared = 0
    for requirement in direct(project):
        try:
            installed = version(requirement.name).partition("+")[0]
        except PackageNotFoundError:
            continue  # an extra that this environment does without
        assert pinned(pins, requirement.name, here) == [installed], f"{requirement.name}: run `make setup`"
        compared += 1
    assert compared >= len(project["project"]["dependencies"])


def test_the_versions_that_were_decided_on(pins: list[Requirement]) -> None:
    decided = {"torch": "2.13.0", "dagster": "1.13.27", "dagster-docker": "0.29.27", "qdrant-edge-py": "0.9.0"}
    assert {name: pinned(pins, name, "3.12.0") for name in decided} == {name: [own] for name, own in decided.items()}


def test_licence_and_code_location(project: dict[str, Any]) -> None:
    assert project["project"]["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n\nCopyright (c) 2026 LLM Twin contributors\n")
    dg = project["tool"]["dg"]["project"]
    (loaded,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert loaded["python_module"]["module_name"] == dg["code_location_target_module"] == "twin_jobs.definitions"
    assert loaded["python_module"]["location_name"] == dg["code_location_name"] == "llm-twin"
    (served,) = yaml.safe_load((ROOT / "deploy" / "workspace.yaml").read_text())["load_from"]
    assert served["grpc_server"]["location_name"] == dg["code_location_name"]


def test_make_lists_its_targets() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20).stdout
    for target in ("demo", "ui", "test", "lint", "setup", "env", "containers", "lock", "clean"):
        assert f"  make {target} " in listed


def test_ci_script_runs_by_itself() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text()
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=20)


def test_make_gives_dagster_a_home_and_leaves_an_edited_one_alone(tmp_path: Path) -> None:
    home = tmp_path / "a home"  # a blank in the path is part of the test

    def make_home() -> None:
        subprocess.run(
            ["make", "home"], cwd=ROOT, env={**os.environ, "DAGSTER_HOME": str(home)}, check=True, timeout=20
        )

    make_home()
    assert (home / "dagster.yaml").read_text() == (ROOT / "dagster.yaml").read_text()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    make_home()
    assert (home / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
    os.utime(home / "dagster.yaml", (0, 0))
    make_home()
    assert (home / "dagster.yaml").read_text() == (ROOT / "dagster.yaml").read_text()


def test_make_refuses_a_relative_dagster_home() -> None:
    env = {**os.environ, "DAGSTER_HOME": "data/dagster"}
    done = subprocess.run(["make", "home"], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode != 0
    assert "must be an absolute path" in done.stderr


def test_env_example_lists_what_is_read_and_nothing_else() -> None:
    read = {*Settings.variables(), "DAGSTER_HOME"}
    compose = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE)) == read | compose
    blocks = [block.splitlines() for block in example.split("\n\n")]
    assert all(block[0].startswith("# ") for block in blocks), "every group of variables has a comment"


def test_laptop_instance(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        assert "Sqlite" in type(instance.event_log_storage).__name__
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] == 120
        assert instance.managed_python_loggers == ["twin"]
        assert instance.python_log_level == "INFO"
        assert not instance.telemetry_enabled
        queue = instance.get_concurrency_config().run_queue_config
        assert queue
        assert queue.max_concurrent_runs == 2
        (limit,) = queue.tag_concurrency_limits
        assert (limit["key"], limit["limit"]) == ("dagster/partition", 1)
        assert limit["value"] == {"applyLimitPerUniqueValue": True}


def test_laptop_pools_never_hold_a_step(tmp_path: Path) -> None:
    """A slot held by a killed `dagster job execute` would make the next one wait forever."""
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        pools = instance.get_concurrency_config().pool_config
        assert pools.pool_granularity is not None
        assert pools.pool_granularity.value == "run"
        assert pools.default_pool_limit is None


def test_container_instance(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    reference = InstanceRef.from_dir(str(tmp_path))
    assert reference.settings["run_monitoring"]["free_slots_after_run_end_seconds"] == 120
    assert reference.settings["concurrency"]["runs"]["tag_concurrency_limits"][0]["key"] == "dagster/partition"
    assert reference.settings["telemetry"]["enabled"] is False
    folders = (reference.compute_logs_data, reference.local_artifact_storage_data)
    for part in folders:
        assert yaml.safe_load(part.config_yaml)["base_dir"].startswith("/var/lib/dagster/"), "the volume that is shared"
    # Dagster loads these classes when a run needs them, which is late to learn of a mistyped one.
    for part in folders:
        assert part._replace(config_yaml=f"base_dir: {tmp_path}").rehydrate(as_type=ConfigurableClass)
    assert reference.run_launcher_data
    assert reference.run_launcher_data.rehydrate(as_type=ConfigurableClass)


def test_container_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is complete, its driver is installed, and the password comes only from the environment."""
    dagster_postgres = pytest.importorskip("dagster_postgres")
    (tmp_path / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    for name in ("HOST", "USER", "PASSWORD", "DB"):
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{name}", f"the-{name.lower()}")
    storage = InstanceRef.from_dir(str(tmp_path)).storage_data
    assert storage
    assert storage.class_name == "DagsterPostgresStorage"
    assert "the-password" not in storage.config_yaml
    config_type = resolve_to_config_type(dagster_postgres.DagsterPostgresStorage.config_type())
    checked = process_config(config_type, yaml.safe_load(storage.config_yaml))
    assert checked.success, checked.errors
    from dagster_postgres.utils import pg_url_from_config

    url = pg_url_from_config(checked.value)
    assert url == "postgresql+psycopg2://the-user:the-password@the-host:5432/the-db"
    sqlalchemy.create_engine(url)  # imports the driver and connects to nothing


def test_graph_picture_shows_every_asset() -> None:
    picture = ET.parse(ROOT / "docs" / "graph.svg").getroot()  # noqa: S314 - our own file
    texts = {element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")}
    from twin_jobs.definitions import build_defs

    graph = build_defs().resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} <= texts
