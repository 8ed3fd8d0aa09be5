"""Folders that are built by one process at a time."""

import fcntl
import logging
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from twin.errors import StoreError
from twin.training.folders import build_folder, locked

HOLDER = """
import sys, time
from pathlib import Path
from twin.training.folders import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    target = tmp_path / "adapter"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(target)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    entered = threading.Event()

    def wait() -> None:
        with locked(target):
            entered.set()

    with caplog.at_level(logging.INFO, "twin"):
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert not entered.wait(0.5)
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
        assert entered.wait(10)
        waiter.join()
    assert "another process is building adapter: waiting for it" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == [".adapter.lock"]


def test_it_is_the_lock_that_earlier_versions_hold(tmp_path: Path) -> None:
    target = tmp_path / "adapter"
    entered = threading.Event()

    def wait() -> None:
        with locked(target):
            entered.set()

    with (tmp_path / ".adapter.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert not entered.wait(0.3)
    assert entered.wait(10)
    waiter.join()


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"cannot be written .*TWIN_STORE"), locked(tmp_path / "file" / "adapter"):
        pass


def test_a_build_replaces_the_folder_and_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    target = tmp_path / "adapter"
    (tmp_path / ".adapter.0a0b0c0d.tmp").mkdir()
    for text in ("old", "new"):
        with locked(target):
            build_folder(target, lambda folder, text=text: (folder / text).write_text(text))
    assert [path.name for path in target.iterdir()] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".adapter.lock", "adapter"]


def test_a_leftover_of_another_file_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "8f2c561dfca46f88"
    note = tmp_path / f".{target.name}.base.12345678.tmp"
    note.write_text("of a killed writer")
    dead = tmp_path / f".{target.name}.0123abcd.tmp"
    dead.mkdir()
    build_folder(target, lambda folder: (folder / "weights").touch())
    assert (target / "weights").exists()
    assert note.exists()
    assert not dead.exists()
