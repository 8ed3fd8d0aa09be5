"""Targets of the Makefile end in one sentence if something that they need is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def make(target: str, path: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make") or pytest.skip("make is not installed")
    return subprocess.run(
        [program, target], cwd=ROOT, env={"PATH": path}, capture_output=True, text=True, check=False, timeout=60
    )


def programs(folder: Path, **scripts: str) -> str:
    """A PATH with a shell and the named programs only."""
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    for name in ("sh", "echo"):
        (folder / name).symlink_to(os.path.realpath(shutil.which(name) or ""))
    return str(folder)


@pytest.mark.parametrize("docker", ["", "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1"])
def test_without_compose_make_containers_says_what_is_missing(tmp_path: Path, docker: str) -> None:
    done = make("containers", programs(tmp_path, **({"docker": docker} if docker else {})))
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    said += [line for line in done.stderr.splitlines() if line.startswith("make containers")]
    assert said == ["make containers needs Docker Compose: see https://docs.docker.com/compose/install/."]
    assert done.stdout == ""


def test_either_form_of_compose_checks_the_file(tmp_path: Path) -> None:
    for name, script in (("docker-compose", 'echo "$@"'), ("docker", '[ "$2" = version ] || echo "$@"')):
        folder = tmp_path / f"path of {name}"
        folder.mkdir()
        done = make("containers", programs(folder, **{name: script}))
        assert done.returncode == 0, done.stderr
        given = ("compose " if name == "docker" else "") + "--env-file .env.example config --quiet"
        assert done.stdout.splitlines() == [given, "docker-compose.yml is valid."]
