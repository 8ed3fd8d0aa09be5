"""A real run that fails leaves no secret in anything that Dagster stores or prints."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.secrets import leaks

SECRET = "S3cret.word~9"


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        {"MONGO_URI": f"mongodb://user:{SECRET}"},
        {"MONGO_URI": f"mongodb://user:{SECRET}@127.0.0.1:9/?serverSelectionTimeoutMS=100"},
    ],
)
def test_a_failed_run_stores_no_secret(repository: Path, tmp_path: Path, setting: dict[str, str]) -> None:
    (tmp_path / "dagster.yaml").write_text((repository / "dagster.yaml").read_text("utf-8"), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("dagster")), "job", "execute", "-m", "twin_jobs.definitions"]
    done = subprocess.run(
        [*command, "-j", "register_links"],
        cwd=repository,
        env={**os.environ, **setting, "DAGSTER_HOME": str(tmp_path), "TWIN_STORE": str(tmp_path / "store")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "MONGO_URI" in said
    assert not leaks(said, SECRET), said
    stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in stored)
    for path in stored:
        assert not leaks(path.read_bytes().decode("latin-1"), SECRET), path
