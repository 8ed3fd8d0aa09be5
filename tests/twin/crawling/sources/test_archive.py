"""Archives that mean harm, archives that are broken, and what is read of them all the same."""

import io
import os
import stat
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.crawling.base import Crawl
from twin.crawling.sources import archive
from twin.crawling.sources.archive import DamagedError, names_in, opened
from twin.errors import CrawlError

LABEL = "local:export.zip"


def packed(path: Path, files: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return path


def contents(path: Path) -> dict[str, bytes]:
    with opened(path, LABEL) as found:
        return {name: found.read(name) for name in found.names}


def refused(path: Path) -> str:
    """The sentence with which an archive, or the reading of all it holds, is refused."""
    with pytest.raises(CrawlError) as caught:
        contents(path)
    sentence = str(caught.value)
    assert sentence.startswith(LABEL)
    assert "\n" not in sentence
    return sentence


def overlapping(path: Path, count: int = 50) -> Path:
    """A zip whose members all unpack the same bytes, as David Fifield's does."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"0" * 2**20
    squeezed = kernel.compress(body) + kernel.flush()
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, zlib.crc32(body), len(squeezed), len(body), 1, 0)
    directory = b"".join(
        struct.pack(
            "<4s6H3L5H2L",
            b"PK\1\2",
            20,
            20,
            0,
            8,
            0,
            33,
            zlib.crc32(body),
            len(squeezed),
            len(body),
            1,
            0,
            0,
            0,
            0,
            0,
            0,
        )
        + b"a"
        for _ in range(count)
    )
    start = len(local) + 1 + len(squeezed)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), start, 0)
    path.write_bytes(local + b"a" + squeezed + directory + end)
    return path


def patched(path: Path, *changes: tuple[bytes, int, str, int]) -> Path:
    """Overwrite a field of the last record with a signature, each as (signature, offset, format, value)."""
    content = bytearray(path.read_bytes())
    for signature, offset, form, value in changes:
        struct.pack_into(form, content, content.rfind(signature) + offset, value)
    path.write_bytes(content)
    return path


def test_names_are_labels_and_nothing_is_unpacked(tmp_path: Path) -> None:
    names = ["../../up.html", "/etc/passwd", "C:/Windows/win.html", "..\\..\\back.html", "a/./b/../c.html"]
    path = packed(tmp_path / "e.zip", dict.fromkeys(names, "x"))
    assert contents(path) == {name.replace("\\", "/"): b"x" for name in names}
    assert [each.name for each in tmp_path.iterdir()] == ["e.zip"]


def test_symbolic_links_and_leftovers_of_macos_are_not_files(tmp_path: Path) -> None:
    path = packed(tmp_path / "e.zip", {"a.html": "a", "__MACOSX/a.html": "no", "deep/._a.html": "no", "empty/": ""})
    with zipfile.ZipFile(path, "a") as target:
        link = zipfile.ZipInfo("link.html")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        target.writestr(link, "/etc/passwd")
    assert contents(path) == {"a.html": b"a"}
    folder = tmp_path / "folder"
    (folder / "__MACOSX").mkdir(parents=True)
    (folder / "a.html").write_text("a")
    (folder / "__MACOSX" / "a.html").write_text("no")
    (folder / "._a.html").write_text("no")
    (folder / "link.html").symlink_to("/etc/passwd")
    (folder / "out").symlink_to("/etc", target_is_directory=True)
    assert contents(folder) == {"a.html": b"a"}


@pytest.mark.parametrize(
    ("flag", "raw", "name"),
    [
        (0x800, "Écrits/مقالة.html".encode(), "Écrits/مقالة.html"),
        (0, "Écrits/文章.html".encode(), "Écrits/文章.html"),  # UTF-8 that no flag announces, as many programs write it
        (0, "Écrits/ä.html".encode("cp437"), "Écrits/ä.html"),
        (0x800, "E\u0301crits/a.html".encode(), "Écrits/a.html"),  # as macOS takes names apart
    ],
)
def test_names_are_the_same_whoever_packed_them(tmp_path: Path, flag: int, raw: bytes, name: str) -> None:
    path = packed(tmp_path / "e.zip", {"x" * len(raw): "words"})
    content = path.read_bytes().replace(b"x" * len(raw), raw)
    path.write_bytes(content)
    patched(path, (b"PK\1\2", 8, "<H", flag), (b"PK\3\4", 6, "<H", flag))
    assert contents(path) == {name: b"words"}


def test_nested_bomb_of_high_ratio_is_refused_and_what_it_nests_is_never_opened(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("0", b"\0" * (archive.MAX_MEMBER + 1))
    bomb = packed(tmp_path / "42.zip", {"lib 0.zip": inner.getvalue(), "Shares.csv": b"\0" * (archive.MAX_MEMBER + 1)})
    assert bomb.stat().st_size < 200_000
    tracemalloc.start()
    with opened(bomb, LABEL) as found:
        assert found.names == ["Shares.csv", "lib 0.zip"]  # a zip within it is a file like any other
        with pytest.raises(CrawlError, match=r"Shares\.csv in it unpacks to more than an export contains"):
            found.read("Shares.csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20  # refused by what it announces, before a byte is unpacked


def test_many_members_of_the_allowed_size_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_TOTAL", 5 * 2**20)
    path = packed(tmp_path / "e.zip", {f"{number}.html": b"\0" * 2**20 for number in range(9)})
    assert "unpacks to more" in refused(path)
    with opened(path, LABEL) as found, pytest.raises(CrawlError, match="unpacks to more"):
        found.digest(found.names)


def test_overlapping_members_are_refused_before_any_is_read(tmp_path: Path) -> None:
    assert "zip bomb" in refused(overlapping(tmp_path / "f.zip"))
    assert names_in(tmp_path / "f.zip") == []
    assert contents(overlapping(tmp_path / "one.zip", count=1)) == {"a": b"0" * 2**20}


def test_sizes_that_lie_give_no_more_than_they_announce(tmp_path: Path) -> None:
    words = b"many words " * 10_000
    less = patched(packed(tmp_path / "less.zip", {"a.csv": words}), (b"PK\1\2", 24, "<L", 10))
    with opened(less, LABEL) as found, pytest.raises(DamagedError, match=r"a\.csv in it cannot be read"):
        found.read("a.csv")
    more = patched(packed(tmp_path / "more.zip", {"a.csv": words}), (b"PK\1\2", 24, "<L", len(words) + 5))
    with opened(more, LABEL) as found, pytest.raises(DamagedError, match="instead of the 110005 that it announces"):
        found.read("a.csv")
    huge = patched(packed(tmp_path / "huge.zip", {"a.csv": words}), (b"PK\1\2", 20, "<L", 2**31))
    assert "its members are larger than the file" in refused(huge)


def test_encrypted_member_is_said_to_be_one(tmp_path: Path) -> None:
    path = patched(packed(tmp_path / "e.zip", {"Shares.csv": "x"}), (b"PK\1\2", 8, "<H", 1), (b"PK\3\4", 6, "<H", 1))
    assert "Shares.csv in it is encrypted: unpack it yourself" in refused(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_without_a_bound_are_not_unpacked(tmp_path: Path, method: int) -> None:
    path = packed(tmp_path / "e.zip", {"a.csv": b"\0" * 2**24}, method)
    assert f"compressed by method {method}" in refused(path)


def test_zip64_is_read(tmp_path: Path) -> None:
    path = tmp_path / "e.zip"
    with zipfile.ZipFile(path, "w") as target, target.open("Shares.csv", "w", force_zip64=True) as file:
        file.write(b"words")
    assert contents(path) == {"Shares.csv": b"words"}


def test_too_many_names_are_refused_in_bounded_memory(tmp_path: Path) -> None:
    form = struct.Struct("<4s6H3L5H2L")
    directory = b"".join(
        form.pack(b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 6, 0, 0, 0, 0, 0, 30 * number) + b"%06d" % number
        for number in range(100_000)
    )
    local = bytes(30 * 100_000)
    # More names than the end record can count: zip64 counts them.
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 100_000, 100_000, len(directory), len(local))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(local) + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65_535, 65_535, 2**32 - 1, 2**32 - 1, 0)
    (tmp_path / "many.zip").write_bytes(local + directory + wide + locator + end)
    assert "contains more than 50000 files" in refused(tmp_path / "many.zip")
    # A table of contents that is longer than any real one is not even read; here it is one of long names.
    entry = form.pack(b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 2**16 - 1, 0, 0, 0, 0, 0, 0)
    directory = (entry + b"n" * (2**16 - 1)) * 200
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 200, 200, len(directory), 0, 0)
    (tmp_path / "long.zip").write_bytes(directory + end)
    tracemalloc.start()
    assert "contains more than 50000 files" in refused(tmp_path / "long.zip")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_damaged_member_takes_no_other_with_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = packed(tmp_path / "e.zip", {f"{name}.html": f"words of {name} " * 200 for name in "abc"})
    with zipfile.ZipFile(path) as whole:
        offset = whole.getinfo("b.html").header_offset
    content = bytearray(path.read_bytes())
    content[offset + 45] ^= 0xFF
    path.write_bytes(content)
    crawl = Crawl()
    with opened(path, LABEL) as found:
        assert found.digest(found.names) == found.digest(found.names)
        assert [name for name, _ in found.contents(found.names, crawl)] == ["a.html", "c.html"]
        with pytest.raises(DamagedError, match=r"b\.html in it cannot be read .*: download it again"):
            list(found.contents(["b.html"], Crawl()))
    assert crawl.skipped == {"damaged": 1}
    assert not crawl.complete  # what it gave while it was whole is not taken for removed
    assert "b.html in it cannot be read" in caplog.text


def test_what_is_not_an_archive_gives_one_sentence(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "none.zip")
    (tmp_path / "page.zip").write_text("<html>")
    assert "is not a zip archive, or it is damaged" in refused(tmp_path / "page.zip")
    whole = packed(tmp_path / "whole.zip", {"a": "words " * 500}).read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    assert "is not a zip archive, or it is damaged" in refused(tmp_path / "half.zip")
    assert [names_in(tmp_path / name) for name in ("none.zip", "page.zip", "half.zip", "whole.zip")] == [
        [],
        [],
        [],
        ["a"],
    ]


def test_errors_of_the_reader_are_not_taken_for_the_archives(tmp_path: Path) -> None:
    path = packed(tmp_path / "e.zip", {"a": "x"})
    with pytest.raises(ValueError, match="mine"), opened(path, LABEL):
        raise ValueError("mine")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=5),
    lost=st.sampled_from([0, 0, 0, 1, 30]),
)
def test_no_damage_gives_anything_but_a_sentence(tmp_path: Path, changes: list[tuple[int, int]], lost: int) -> None:
    path = packed(tmp_path / "e.zip", {"Shares.csv": "words " * 20, "ä/b.html": "more " * 20, "stored": b"\0\1"})
    content = bytearray(path.read_bytes())
    for position, value in changes:
        content[position % len(content)] = value
    path.write_bytes(content[lost:])
    sentence, found = "", {}
    try:
        found = contents(path)
    except CrawlError as error:
        sentence = str(error)
    assert sentence.startswith(LABEL) or (not sentence and all(len(each) <= 120 for each in found.values()))


def with_two_of_one_name(path: Path, **others: str) -> Path:
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("Shares.csv", "first")
        for name, content in others.items():
            target.writestr(f"{name}.csv", content)
        with pytest.warns(UserWarning, match="Duplicate name"):
            target.writestr("Shares.csv", "second")
    return path


def test_two_files_of_one_name_are_never_one_of_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sentence = (
        f"{LABEL}: Shares.csv is in it 2 times, and it is not known which is right: download it again, or unpack it, "
        "keep the right one and declare the folder."
    )
    assert refused(with_two_of_one_name(tmp_path / "alone.zip")) == sentence
    with opened(with_two_of_one_name(tmp_path / "more.zip", Comments="other"), LABEL) as found:
        crawl = Crawl()
        assert found.names == ["Comments.csv", "Shares.csv"]
        assert list(found.contents(found.names, crawl)) == [("Comments.csv", b"other")]
        assert (crawl.skipped, crawl.complete) == ({"damaged": 1}, False)
        assert caplog.messages == [sentence]
        assert found.digest(found.names)


def test_two_names_that_differ_only_in_their_unicode_form_are_one_name(tmp_path: Path) -> None:
    (tmp_path / "\u00e9.csv").write_text("composed")
    (tmp_path / "e\u0301.csv").write_text("decomposed")
    assert "\u00e9.csv is in it 2 times" in refused(tmp_path)


def test_what_is_not_a_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    (tmp_path / "device.zip").symlink_to("/dev/zero")
    assert refused(tmp_path / "pipe.zip") == f"{LABEL} cannot be read (it is a named pipe, not a file): check the file."
    assert refused(tmp_path / "device.zip").startswith(f"{LABEL} cannot be read (it is a device, not a file)")
    assert names_in(tmp_path / "pipe.zip") == []


def test_a_file_without_a_name_is_damage(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"x": b"text"})
    path.write_bytes(path.read_bytes().replace(b"x", b"\0"))
    assert refused(path) == f"{LABEL} is damaged (a file in it has no name): download it again."
