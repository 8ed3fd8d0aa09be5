"""Dagster's UI, its daemon and the code server, on this host: `python -m twin_jobs.ui --port 3000`, as `make ui` does.

`dagster dev` would do the same with a web server that answers every web page; this one answers only its own (see
`twin_jobs.webserver`). It also stops before anything starts if the port is taken, and ends everything that it started.
"""

import errno
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil
import yaml
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient

HOST = "127.0.0.1"
MODULE = "twin_jobs.definitions"
LOCATION = "llm-twin"
CODE = "code server"

START_S = 300
"""Longest wait for the code server to load the definitions, in seconds; a busy laptop needs one minute."""

STOP_S = 15
"""Longest wait for the web server and the daemon to end by themselves, in seconds; then they are killed."""

STOP_CODE_S = 5
"""The same for the code server. Its runs are then killed without a word, which a build survives."""

ORPHANED_S = 120
"""Without this process the code server ends itself after so many seconds, when its runs are over."""


class Stopped(Exception):
    """Somebody pressed Ctrl-C or sent a signal that asks this process to end."""


def say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def port_problem(port: int) -> str | None:
    """Why the web server cannot use a port of this host, as one sentence; None if it can."""
    if not 1 <= port <= 65535:
        return f"{port} is not a port: choose one from 1024 to 65535, such as `make ui PORT=3001`."
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the web server itself does, so that connections of a UI that just ended are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            other = f"choose another one, such as `make ui PORT={port + 1 if 1024 <= port < 65535 else 3001}`"
            match error.errno:
                case errno.EADDRINUSE:
                    return f"Port {port} is taken by another program: end that program, or {other}."
                case errno.EACCES:
                    return f"Port {port} may only be used by the administrator: {other}."
                case _:
                    return f"Port {port} cannot be used ({error.strerror}): {other}."
    return None


def services(port: int, code_socket: Path, workspace: Path) -> Mapping[str, list[str]]:
    """The commands of the three processes by their names; the code server, which the others need, is the first."""
    scripts = Path(sys.executable).parent
    return {
        CODE: [
            *(str(scripts / "dagster"), "code-server", "start", "--socket", str(code_socket)),
            *("--module-name", MODULE, "--location-name", LOCATION, "--log-level", "warning"),
            *("--heartbeat", "--heartbeat-timeout", str(ORPHANED_S)),
            "--inject-env-vars-from-instance",  # reads .env
        ],
        "web server": [
            *(sys.executable, "-m", "twin_jobs.webserver", "--host", HOST, "--port", str(port)),
            *("--workspace", str(workspace), "--dagster-log-level", "warning"),
        ],
        "daemon": [str(scripts / "dagster-daemon"), "run", "--workspace", str(workspace), "--log-level", "warning"],
    }


def run(port: int) -> int:
    """Run the UI until somebody stops it (0) or a part of it ends by itself (1)."""
    started: dict[str, subprocess.Popen[bytes]] = {}
    with tempfile.TemporaryDirectory(prefix="twin-ui-") as folder:
        code_socket, workspace = Path(folder, "code.sock"), Path(folder, "workspace.yaml")
        served = {"socket": str(code_socket), "host": "localhost", "location_name": LOCATION}
        workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": served}]}), encoding="utf-8")
        try:
            say("Dagster is starting ...")
            for name, command in services(port, code_socket, workspace).items():
                # A terminal sends Ctrl-C to a whole group; runs would answer with their stack traces.
                group = 0 if name == CODE else None
                started[name] = subprocess.Popen(command, process_group=group)  # noqa: S603 - our own commands
                if name == CODE:
                    _wait(started, lambda: _answers(socket.AF_UNIX, str(code_socket)))
            client = DagsterGrpcClient(socket=str(code_socket))
            _wait(started, lambda: _beat(client) and _answers(socket.AF_INET, (HOST, port)))
            say(f"The UI is at http://{HOST}:{port}; Ctrl-C stops it.")
            while (ended := _ended(started)) is None:
                _beat(client)
                time.sleep(1)
            say(f"The {ended} ended unexpectedly (see its messages above), so the others are stopped too.")
            return 1
        except Stopped:
            say("\nStopping. A run that is under way starts again with the next `make ui`.")
            return 0
        except RuntimeError as error:
            say(str(error))
            return 1
        finally:
            code = started.pop(CODE, None)
            stop([process.pid for process in started.values()], STOP_S)
            stop([code.pid] if code else [], STOP_CODE_S)


def _wait(started: Mapping[str, "subprocess.Popen[bytes]"], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while not ready():
        if (ended := _ended(started)) is not None:
            raise RuntimeError(f"The {ended} could not start: see its messages above.")
        if time.monotonic() > deadline:
            raise RuntimeError(f"Dagster did not start within {START_S} seconds: see the messages above.")
        time.sleep(0.2)


def _answers(family: socket.AddressFamily, address: "str | tuple[str, int]") -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        return probe.connect_ex(address) == 0


def _ended(started: Mapping[str, "subprocess.Popen[bytes]"]) -> str | None:
    return next((name for name, process in started.items() if process.poll() is not None), None)


def _beat(client: DagsterGrpcClient) -> bool:
    """Tell the code server that this process is alive."""
    with suppress(DagsterUserCodeUnreachableError):
        client.heartbeat("ping")
    return True


def stop(pids: list[int], patience_s: float) -> None:
    """Ask processes to end; after `patience_s` seconds kill what is left of them and their children."""
    roots = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            roots.append(psutil.Process(pid))
    family = []
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            family += [*root.children(recursive=True), root]
            root.send_signal(signal.SIGINT)
    _, left = psutil.wait_procs(family, timeout=patience_s)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=5)


def _stopped(number: int, _: FrameType | None) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # a second Ctrl-C must not leave processes behind
    raise Stopped(number)


def main(arguments: list[str]) -> int:
    parser = ArgumentParser(prog="python -m twin_jobs.ui", description=__doc__.splitlines()[0])
    parser.add_argument("--port", default="3000", help="port of the web server")
    given = parser.parse_args(arguments).port
    if not (given.isascii() and given.isdecimal()):
        say(f"{given!r} is not a port: choose a number, such as `make ui PORT=3001`.")
        return 2
    home = os.environ.get("DAGSTER_HOME", "")
    if not Path(home).is_absolute() or not Path(home).is_dir():
        say("DAGSTER_HOME must be the absolute path of an existing folder; `make ui` sets it.")
        return 2
    if problem := port_problem(int(given)):
        say(problem)
        return 1
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _stopped)
    return run(int(given))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
