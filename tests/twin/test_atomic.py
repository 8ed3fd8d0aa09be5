"""Files that appear whole or not at all, whatever happens to their writer."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from twin.atomic import publish, replacing

WRITER = """
import sys, time
from pathlib import Path
from twin.atomic import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def started(target: Path) -> "subprocess.Popen[str]":
    """A process that has written half of a file."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    return writer


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file"
    for text in ("one", "two"):
        with replacing(target) as temporary:
            temporary.write_text(text)
            assert not target.exists() or target.read_text() != text
        assert target.read_text() == text
    assert names(target.parent) == ["file"]


@pytest.mark.parametrize("fails", [True, False])
def test_a_block_that_fails_or_removes_its_file_changes_nothing(tmp_path: Path, fails: bool) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def write() -> None:
        with replacing(target) as temporary:
            temporary.write_text("new")
            if fails:
                raise ZeroDivisionError
            temporary.unlink()

    if fails:
        with pytest.raises(ZeroDivisionError):
            write()
    else:
        write()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_killed_writer_leaves_the_old_and_the_next_one_tidies_up(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    writer = started(target)
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert target.read_text() == "old"
    assert len(names(tmp_path)) == 2, "what a killed writer wrote lies beside the target"
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert names(tmp_path) == ["file"]


def test_two_writers_do_not_touch_each_other(tmp_path: Path) -> None:
    target = tmp_path / "file"
    writer = started(target)
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert len(names(tmp_path)) == 2, "a living writer's file was removed"
    writer.kill()
    writer.communicate()


def test_many_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "file"

    def write(number: int) -> None:
        for _ in range(30):
            with replacing(target) as temporary:
                temporary.write_text(str(number) * 5000)
            assert len(set(target.read_text())) == 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert len(target.read_text()) == 5000
    assert names(tmp_path) == ["file"]


def test_a_finished_file_takes_its_last_name(tmp_path: Path) -> None:
    (tmp_path / "part").write_text("new")
    (tmp_path / "file").write_text("old")
    publish(tmp_path / "part", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "new"
    assert names(tmp_path) == ["file"]


def test_what_is_not_a_leftover_of_ours_is_left_alone(tmp_path: Path) -> None:
    """A folder and a pipe have the names of temporary files; a name with brackets is not a pattern."""
    target = tmp_path / "file[1]"
    (tmp_path / ".file[1].folder.tmp").mkdir()
    os.mkfifo(tmp_path / ".file[1].pipe.tmp")
    (tmp_path / ".file1.dead.tmp").touch()
    (tmp_path / ".file[1].dead.tmp").touch()
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert {".file[1].folder.tmp", ".file1.dead.tmp", "file[1]"} <= set(names(tmp_path))
    assert ".file[1].dead.tmp" not in names(tmp_path)


def test_a_file_keeps_its_permissions_and_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "file", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("new", 0o600)
    assert names(tmp_path / "elsewhere") == ["file"]
