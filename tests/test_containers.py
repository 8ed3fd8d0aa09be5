"""The containers: what docker-compose.yml and the Dockerfile promise, and that Docker Compose accepts them."""

import fnmatch
import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import twin
from twin.settings import Settings

ROOT = Path(__file__).parents[1]
ONCE = {"preflight", "init"}
SECRETS = {"MONGO_PASSWORD", "QDRANT_API_KEY", "DAGSTER_POSTGRES_PASSWORD"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


@pytest.fixture(scope="module")
def program() -> list[str]:
    """The command of Docker Compose on this machine."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker"):
        asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False, timeout=60)
        if asked.returncode == 0:
            return ["docker", "compose"]
    pytest.skip("neither `docker compose` nor docker-compose is installed")


def config(program: list[str], env_file: Path) -> subprocess.CompletedProcess[str]:
    """`config` with the variables of `env_file` and none from this shell."""
    env = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    command = [*program, "--env-file", str(env_file), "config"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_compose_accepts_the_example(program: list[str]) -> None:
    done = config(program, ROOT / ".env.example")
    assert done.returncode == 0, done.stderr
    assert "mongodb://twin:change-me@mongo:27017/?replicaSet=rs0&authSource=admin" in done.stdout


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_compose_refuses_a_missing_secret_by_name(program: list[str], tmp_path: Path, missing: str) -> None:
    env_file = tmp_path / "env"
    env_file.write_text((ROOT / ".env.example").read_text().replace(f"{missing}=change-me", f"{missing}="))
    done = config(program, env_file)
    assert done.returncode != 0
    assert missing in done.stderr
    assert "make env" in done.stderr


@pytest.mark.parametrize("left", [None, *sorted(SECRETS)])
def test_preflight_refuses_a_password_of_the_example(compose: dict[str, Any], left: str | None) -> None:
    shell, flag, script = compose["services"]["preflight"]["entrypoint"]
    values = ["change-me" if name == left else secrets.token_hex(24) for name in sorted(SECRETS)]
    env = {"PATH": os.environ["PATH"], "SECRETS": " ".join(values)}
    command = [shell, flag, script.replace("$$", "$")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode == 0) == (left is None)
    assert ("change-me" in done.stderr) == (left is not None)


def test_mongo_gets_a_key_once_that_nobody_else_may_read(compose: dict[str, Any], tmp_path: Path) -> None:
    shell, flags, script = compose["services"]["mongo"]["entrypoint"]
    for name in ("docker-entrypoint.sh", "chown"):  # this machine has no user mongodb
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $@"\n')
        (tmp_path / name).chmod(0o755)
    key = tmp_path / "keyfile"
    (tmp_path / "keyfile.part").write_text("half a key of a start that was killed")
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [shell, flags, script.replace("$$", "$").replace("/data/configdb", str(tmp_path))]
    seen = set()
    for _ in range(2):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=20)
        assert done.stdout.splitlines() == [
            f"chown mongodb:mongodb {key}",
            f"docker-entrypoint.sh mongod --replSet rs0 --keyFile {key} --bind_ip_all",
        ]
        assert key.stat().st_mode & 0o777 == 0o400
        assert re.fullmatch(r"[A-Za-z0-9+/=]{6,1024}", key.read_text())  # what mongod takes as a key
        seen.add(key.read_text())
    assert len(seen) == 1
    assert not (tmp_path / "keyfile.part").exists()


HELLO = {"primary": '{setName: "rs0", isWritablePrimary: true}', "standalone": "{isWritablePrimary: true}"}


@pytest.mark.parametrize(
    ("hello", "status", "initiated", "code"),
    [
        (HELLO["primary"], "{ok: 1}", False, 0),
        ('{setName: "rs0", isWritablePrimary: false}', "{ok: 1}", False, 1),
        (HELLO["standalone"], "NoReplicationEnabled", False, 1),  # the server that only makes the user
        ("{isWritablePrimary: false}", "NotYetInitialized", True, 1),
    ],
)
def test_the_health_check_makes_the_replica_set_once_and_waits_for_a_primary(
    tmp_path: Path, hello: str, status: str, initiated: bool, code: int
) -> None:
    """The script of the health check against a server's answers, run as mongosh would: as JavaScript, by Node."""
    node = shutil.which("node") or pytest.skip("node is not installed")
    said = f"return {status}" if status[0] == "{" else f'throw Object.assign(new Error(), {{codeName: "{status}"}})'
    shell = f"""
        const signIn = (user, password) => console.log(user, password);
        const db = {{getSiblingDB: () => ({{auth: signIn}}), hello: () => ({hello})}};
        const rs = {{status: () => {{ {said} }}, initiate: (config) => console.log(JSON.stringify(config))}};
        const quit = process.exit;
    """
    script = tmp_path / "check.js"
    script.write_text(shell + (ROOT / "deploy" / "replica_set.js").read_text())
    env = {"MONGO_INITDB_ROOT_USERNAME": "twin", "MONGO_INITDB_ROOT_PASSWORD": "s3cret"}
    done = subprocess.run([node, script], env=env, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stderr) == (code, "")
    config = '{"_id":"rs0","members":[{"_id":0,"host":"mongo:27017"}]}'
    assert done.stdout.splitlines() == ["twin s3cret", *([config] if initiated else [])]


def test_the_replica_set_is_one_name_everywhere(compose: dict[str, Any]) -> None:
    mongo = compose["services"]["mongo"]
    assert "--replSet rs0" in mongo["entrypoint"][-1]
    assert '_id: "rs0"' in (ROOT / "deploy" / "replica_set.js").read_text()
    assert "replicaSet=rs0&" in compose["services"]["code"]["environment"]["MONGO_URI"]
    assert "./deploy/replica_set.js:/opt/twin/replica_set.js:ro" in mongo["volumes"]
    assert mongo["healthcheck"]["test"][-1] == "/opt/twin/replica_set.js"


def test_every_setting_reaches_the_code_server_and_stands_in_the_example(compose: dict[str, Any]) -> None:
    read = set(Settings.variables())
    assert {"TWIN_CONTACT", "TWIN_PORTS", "TWIN_REQUESTS_PER_SECOND", "TWIN_KEEP_CAPTURES", "GITHUB_TOKEN"} < read
    assert read <= compose["services"]["code"]["environment"].keys()
    example = (ROOT / ".env.example").read_text()
    assert read == {name for name in read if re.search(rf"^(# )?{name}=", example, re.MULTILINE)}
    given = compose["services"]["code"]["environment"]
    unset = {name: "" for name in read if given[name].endswith(":-}")}
    assert Settings.from_env(unset) == Settings.from_env({})  # what is left out of .env is the default


def test_make_env_makes_different_passwords(tmp_path: Path) -> None:
    for name in ("Makefile", ".env.example"):
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run(["make", "env"], cwd=tmp_path, check=True, capture_output=True, timeout=20)
    written = dict(re.findall(r"^([A-Z_]+)=(.*)$", (tmp_path / ".env").read_text(), re.MULTILINE))
    assert len({written[name] for name in SECRETS}) == len(SECRETS)
    assert all(re.fullmatch(r"[0-9a-f]{48}", written[name]) for name in SECRETS)
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    again = subprocess.run(["make", "env"], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=20)
    assert again.returncode != 0
    assert "already exists" in again.stderr


def test_images_are_pinned(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z]+)?$", service["image"]), f"{name}: {service['image']}"
    for base in re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE):
        assert re.fullmatch(r"python:3\.12\.\d+-slim-[a-z]+", base)


def test_our_image_has_the_version_of_the_package(compose: dict[str, Any]) -> None:
    built = {service["image"] for service in compose["services"].values() if "build" in service}
    assert built == {f"llm-twin:{twin.__version__}"}


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name, rest in re.findall(r"\$\{([A-Z_]*(?:PASSWORD|KEY|SECRET)[A-Z_]*)([^}]*)\}", text):
        # A key of another party's service may be left out; one of our own services may not.
        assert rest.startswith(":?") or (rest == ":-" and name.endswith("_API_KEY") and name != "QDRANT_API_KEY"), name
    assert not re.search(r"^ +\w*(?:PASSWORD|API_KEY): *[^$ ]", text, re.MULTILINE)


def test_only_this_host_sees_the_web_server_and_nobody_the_databases(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert set(published) == {"webserver"}
    assert all(port.startswith("127.0.0.1:") for port in published["webserver"])


def test_everything_that_stays_up_is_watched(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name in ONCE:
            assert service["restart"] == "no"
        else:
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_everything_waits_for_what_it_needs(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for other, how in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert how["condition"] == expected, f"{name} waits for {other}"
    assert "preflight" in compose["services"]["mongo"]["depends_on"]
    assert set(compose["services"]["code"]["depends_on"]) == {"init", "mongo", "qdrant"}


def test_data_lives_in_named_volumes(compose: dict[str, Any]) -> None:
    used = set()
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source, _, rest = volume.partition(":")
            if source.startswith("./"):
                assert rest.endswith(":ro"), f"{volume}: a folder of the checkout is only read"
            else:
                used.add(source)
    assert used == set(compose["volumes"]) == {"store", "models", "mongo", "mongo_key", "qdrant", "postgres", "dagster"}


def test_web_server_and_daemon_hold_no_secret_of_the_stores(compose: dict[str, Any]) -> None:
    for name in ("webserver", "daemon", "init"):
        assert not {"MONGO_URI", "QDRANT_API_KEY"} & set(compose["services"][name]["environment"])


def test_pools_that_are_limited_are_the_pools_of_the_assets(compose: dict[str, Any]) -> None:
    from twin_jobs.definitions import build_defs

    script = compose["services"]["init"]["command"][-1]
    limited = set(re.findall(r"concurrency set (\S+) \d+", script))
    nodes = build_defs().get_repository_def().get_job("build_twin").all_node_defs
    assert limited == {pool for node in nodes for pool in node.pools}


def test_dockerfile_copies_what_exists_and_runs_as_nobody_special() -> None:
    text = (ROOT / "Dockerfile").read_text()
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for sources in re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", text, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), f"the Dockerfile copies {source}, which is not there"
            assert any(fnmatch.fnmatch(source.split("/")[0], pattern) for pattern in allowed), f"{source} is ignored"
    final = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER twin$", final, re.MULTILINE)
    assert "--constraint constraints.txt" in text
