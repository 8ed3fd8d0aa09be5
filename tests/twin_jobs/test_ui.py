"""`make ui`: a taken port ends it before anything starts; the real one answers its own pages and stops cleanly."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from tests.integration.installation import REPOSITORY, Installation
from twin_jobs.ui import LOCATION, MODULE, main, port_problem

PATIENCE_S = 240


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_taken_port_is_named_before_anything_starts(
    taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert main(["--port", str(taken)]) == 1
    said = capsys.readouterr()
    assert said.err.startswith(f"Port {taken} is taken by another program: end that program, or choose another one")
    assert "make ui PORT=" in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", ["x", "", "-1", "3000.5", "٣٠٠٠", "0", "65536", "99999"])
def test_what_is_no_port_is_one_sentence(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert main([f"--port={given}"]) != 0
    said = capsys.readouterr().err
    assert "is not a port" in said
    assert said.count("\n") == 1


def test_a_free_port_is_no_problem() -> None:
    assert port_problem(free_port()) is None


@pytest.mark.parametrize("home", ["", "data/dagster", "/does/not/exist"])
def test_a_missing_home_is_one_sentence(
    home: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)
    assert main(["--port", str(free_port())]) == 2
    assert capsys.readouterr().err == (
        "DAGSTER_HOME must be the absolute path of an existing folder; `make ui` sets it.\n"
    )


def test_it_serves_what_the_workspace_file_names() -> None:
    (loaded,) = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text())["load_from"]
    assert (loaded["python_module"]["module_name"], loaded["python_module"]["location_name"]) == (MODULE, LOCATION)


def test_containers_start_the_same_web_server() -> None:
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    assert compose["services"]["webserver"]["command"][:3] == ["python", "-m", "twin_jobs.webserver"]


def ask(port: int, method: str = "GET", path: str = "/server_info", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec_WebSocket_Protocol": "graphql-ws",
}


@pytest.mark.slow
def test_the_real_server_answers_its_own_pages_and_stops_cleanly(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "installation")
    port = free_port()
    log = installation.root / "ui.log"
    with log.open("wb") as output:
        ui = subprocess.Popen(
            [sys.executable, "-m", "twin_jobs.ui", "--port", str(port)],
            cwd=REPOSITORY,
            env=installation.environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + PATIENCE_S
            while f"The UI is at http://127.0.0.1:{port}" not in log.read_text():
                assert ui.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.5)
            assert ask(port)[0] == 200
            assert ask(port, Origin=f"http://127.0.0.1:{port}")[0] == 200
            assert ask(port, Host="evil.example")[0] == 403
            assert ask(port, Sec_Fetch_Site="cross-site")[0] == 403
            assert ask(port, path="/graphql?query=mutation%7B__typename%7D")[0] == 403
            report = "/report_asset_materialization/links?partition=ada"
            assert ask(port, "POST", report, Origin="http://evil.example")[0] == 403
            status, said = ask(port, path="/graphql", Origin="http://evil.example", **UPGRADE)
            assert (status, said.startswith("Refused: ")) == (403, True)
            family = psutil.Process(ui.pid).children(recursive=True)
            assert len(family) >= 3
        finally:
            os.kill(ui.pid, signal.SIGINT)
            ended = ui.wait(60)
    assert ended == 0
    assert [process for process in family if process.is_running()] == []
    said = log.read_text()
    assert "Stopping." in said
    assert "Traceback" not in said
    assert "Found a dagster instance configuration value" not in said
    assert port_problem(port) is None
