"""What is opened as a file, and what is not."""

import os
import socket
from pathlib import Path

import pytest

from twin.regular import NotRegularError, open_regular, read_regular, special_kind


def test_a_file_is_read_also_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"some bytes")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "file") == read_regular(tmp_path / "link") == b"some bytes"
    assert read_regular(tmp_path / "file", 4) == b"some"
    with open_regular(tmp_path / "file") as file:
        assert list(file) == [b"some bytes"]
    assert special_kind(tmp_path / "file") is special_kind(tmp_path) is special_kind(tmp_path / "nothing") is None


def test_what_is_not_a_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        (tmp_path / "device").symlink_to("/dev/zero")
        (tmp_path / "linked").symlink_to("pipe")
        kinds = {
            "pipe": "a named pipe",
            "linked": "a named pipe",
            "socket": "a socket",
            "device": "a device",
        }
        for name, kind in kinds.items():
            assert special_kind(tmp_path / name) == kind
            with pytest.raises(NotRegularError, match=f"it is {kind}, not a file"):
                open_regular(tmp_path / name)
    with pytest.raises(NotRegularError, match="it is a folder, not a file"):
        open_regular(tmp_path)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux has /proc")
def test_files_of_the_kernel_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "status").symlink_to("/proc/self/status")
    assert special_kind(tmp_path / "status") == "a file of the kernel"
    with pytest.raises(NotRegularError, match="it is a file of the kernel"):
        read_regular(tmp_path / "status")


def test_what_cannot_be_looked_at_has_no_kind(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for name in ("loop", "x" * 256, "a\0b"):
        assert special_kind(tmp_path / name) is None
    with pytest.raises(OSError, match="File name too long"):
        open_regular(tmp_path / ("x" * 256))
