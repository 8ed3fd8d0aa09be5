"""Read an export archive, zip or folder, in memory: nothing is unpacked to disk, so no name in it can act as a path.

What a zip says about itself is not trusted. The size of its table of contents is limited before it is read. Members
that share bytes (as in the zip bomb of David Fifield, "A better zip bomb", WOOT 2019) are refused. No more of a member
is unpacked than it announced, and that may not be more than a real export contains.
"""

import hashlib
import io
import logging
import os
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from twin.crawling.base import Crawl
from twin.errors import CrawlError
from twin.regular import read_regular, regular_descriptor

logger = logging.getLogger("twin")

MAX_MEMBER = 64 * 2**20
MAX_TOTAL = 256 * 2**20
MAX_MEMBERS = 50_000
MAX_DIRECTORY = 8 * 2**20
"""Limit in bytes of a zip's table of contents; enough for `MAX_MEMBERS` with the longest sensible names."""

_LOCAL_HEADER = 30
_ENCRYPTED = 0x1
_UTF8 = 0x800
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The other methods unpack without a limit, and no export uses them."""


class DamagedError(CrawlError):
    """One file of an archive cannot be read; the others may be fine."""


class Archive:
    """The files of an export by name; names are only labels.

    Args:
        label: the user's name for the archive, for messages.
        names: its files, "/"-separated; a name that several files have counts as one file that cannot be read.
        read: returns at most the given number of bytes of a file.
    """

    def __init__(self, label: str, names: Iterable[str], read: Callable[[str, int], bytes]) -> None:
        counted = Counter(names)
        self.label, self.names, self._read, self._total = label, sorted(counted), read, 0
        self._repeated = {name: count for name, count in counted.items() if count > 1}

    def read(self, name: str) -> bytes:
        """The contents of one file.

        Raises:
            DamagedError: it cannot be read, or several files have its name.
            CrawlError: it is encrypted, or it or everything read so far is larger than any real export.
        """
        if count := self._repeated.get(name):
            raise DamagedError(
                f"{self.label}: {name} is in it {count} times, and it is not known which is right: download it again, "
                "or unpack it, keep the right one and declare the folder."
            )
        try:
            content = self._read(name, MAX_MEMBER + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
            raise DamagedError(f"{self.label}: {name} in it cannot be read ({error}): download it again.") from error
        self._total += len(content)
        if len(content) > MAX_MEMBER or self._total > MAX_TOTAL:
            raise _too_large(self.label, name)
        return content

    def contents(self, names: Iterable[str], crawl: Crawl) -> Iterator[tuple[str, bytes]]:
        """Each of some files with its contents; a damaged one does not affect the others.

        A damaged file is logged and counted in `crawl.skipped` as "damaged"; what it gave earlier stays.

        Raises:
            CrawlError: none of them can be read, or the archive is a zip bomb.
        """
        given, first = 0, None
        for name in names:
            try:
                content = self.read(name)
            except DamagedError as error:
                logger.warning("%s", error)
                crawl.skipped["damaged"] += 1
                crawl.complete = False
                first = first or error
                continue
            given += 1
            yield name, content
        if first and not given:
            raise first

    def digest(self, names: Iterable[str]) -> str:
        """Hex sha256 over the names and contents of some of its files; a damaged one counts as damaged."""
        digest = hashlib.sha256()
        for name in sorted(names):
            try:
                content = self.read(name)
            except DamagedError:
                digest.update(f"{name}\0damaged\0".encode())
                continue
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        self._total = 0
        return digest.hexdigest()


@contextmanager
def opened(location: Path, label: str) -> Iterator[Archive]:
    """The archive at `location`, a zip file or an unpacked folder.

    Raises:
        CrawlError: it does not exist, is neither of them, or is made to do harm.
    """
    with ExitStack() as stack:
        try:
            if location.is_dir():
                archive = _folder(location, label)
            else:
                archive = _zip(stack.enter_context(_File(regular_descriptor(location))), label)
        except FileNotFoundError as error:
            raise CrawlError(f"{label} does not exist: give the path of the archive that you received.") from error
        except OSError as error:
            raise CrawlError(f"{label} cannot be read ({error.strerror or error}): check the file.") from error
        yield archive


def names_in(path: Path) -> list[str]:
    """Names of the files of a zip or folder, for `Crawler.recognises`: empty if it is neither or cannot be read.

    No file in it is opened.
    """
    try:
        with opened(path, str(path)) as archive:
            return archive.names
    except CrawlError:
        return []


def label_of(name: str) -> str:
    """A file's name as every machine writes it: NFC, with "/", and without anything that is not Unicode text."""
    return unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8")).replace("\\", "/")


class _File(io.FileIO):
    """A file that never reads more than `most` bytes at once.

    `zipfile` reads the table of contents in one piece, as long as the zip says it is, and makes an object of about 600
    bytes for each entry in it.
    """

    most = MAX_DIRECTORY

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > self.most:
            raise _TooLongError
        return super().read(-1 if size is None else size)


class _TooLongError(Exception):
    """More of a file was requested than an export contains."""


def _folder(location: Path, label: str) -> Archive:
    paths: list[tuple[str, Path]] = []
    for folder, folders, files in os.walk(location):  # does not follow symbolic links
        folders.sort()
        for path in (Path(folder, name) for name in sorted(files)):
            inside = path.relative_to(location)
            if not _junk(inside.as_posix()) and path.is_file() and not path.is_symlink():
                paths.append((label_of(inside.as_posix()), path))
        if len(paths) > MAX_MEMBERS:
            raise _too_many(label)

    named = dict(paths)

    def read(name: str, most: int) -> bytes:
        return read_regular(named[name], most)

    return Archive(label, (name for name, _ in paths), read)


def _zip(file: _File, label: str) -> Archive:
    try:
        packed = zipfile.ZipFile(file)
    except _TooLongError as error:
        raise _too_many(label) from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, EOFError, OverflowError) as error:
        raise CrawlError(
            f"{label} is not a zip archive, or it is damaged: give the file as you downloaded it."
        ) from error
    file.most = MAX_MEMBER + 1
    infos = packed.infolist()
    if len(infos) > MAX_MEMBERS:
        raise _too_many(label)
    _check_overlap(infos, packed.start_dir, label)
    if not all(info.filename for info in infos):
        raise CrawlError(f"{label} is damaged (a file in it has no name): download it again.")
    members = [
        (label_of(_name(info)), info)
        for info in infos
        if not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16) and not _junk(info.filename)
    ]
    return Archive(label, (name for name, _ in members), _unpacker(packed, dict(members), label))


def _unpacker(
    packed: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], label: str
) -> Callable[[str, int], bytes]:
    def read(name: str, most: int) -> bytes:
        info = members[name]
        if info.flag_bits & _ENCRYPTED:
            raise CrawlError(f"{label}: {name} in it is encrypted: unpack it yourself and declare the folder.")
        if info.compress_type not in _METHODS:
            raise NotImplementedError(f"compressed by method {info.compress_type}")
        if info.file_size >= most:
            raise _too_large(label, name)
        with packed.open(info) as file:
            content = file.read(most)
        if len(content) != info.file_size:
            raise zipfile.BadZipFile(f"{len(content)} bytes instead of the {info.file_size} that it announces")
        return content

    return read


def _check_overlap(infos: list[zipfile.ZipInfo], directory: int, label: str) -> None:
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise CrawlError(f"{label} is a zip bomb (its members share bytes): download your export again.")
        end = info.header_offset + _LOCAL_HEADER + info.compress_size
    if end > directory:
        raise CrawlError(f"{label} is damaged (its members are larger than the file): download it again.")


def _name(info: zipfile.ZipInfo) -> str:
    """The name of a member; valid UTF-8 without the UTF-8 flag is not read as code page 437."""
    if not info.flag_bits & _UTF8:
        try:
            return info.filename.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return info.filename


def _junk(name: str) -> bool:
    """Whether it is a file that macOS adds to archives."""
    pure = PurePosixPath(name)
    return "__MACOSX" in pure.parts or pure.name.startswith("._")


def _too_many(label: str) -> CrawlError:
    return CrawlError(f"{label} contains more than {MAX_MEMBERS} files, so it is not an export: give the archive.")


def _too_large(label: str, name: str) -> CrawlError:
    return CrawlError(
        f"{label}: {name} in it unpacks to more than an export contains ({MAX_MEMBER // 2**20} MiB per file, "
        f"{MAX_TOTAL // 2**20} MiB in total): download it again."
    )
