"""Reading an export archive, zip or folder, in memory: nothing is ever unpacked, so no name in it can act as a path.

What a zip says of itself is not believed: its table of contents is bounded before it is read, members that share bytes
(as in the zip bomb of David Fifield, "A better zip bomb", WOOT 2019) are refused, and no more of a member is unpacked
than it announced, which may not be more than a real export holds.
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
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from twin.crawling.base import Crawl
from twin.errors import CrawlError

logger = logging.getLogger("twin")

MAX_MEMBER = 64 * 2**20
MAX_TOTAL = 256 * 2**20
MAX_MEMBERS = 50_000
MAX_DIRECTORY = 8 * 2**20
"""Bytes of a zip's table of contents; with the longest sensible names this is room for `MAX_MEMBERS`."""

_LOCAL_HEADER = 30
_ENCRYPTED = 0x1
_UTF8 = 0x800
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The other methods unpack without a bound, and no export uses them."""


class DamagedError(CrawlError):
    """One file of an archive cannot be read; the others may be whole."""


class Archive:
    """The files of an export by name; names are labels only.

    Args:
        label: how the user calls the archive, for messages.
        names: its files, "/"-separated, in order.
        read: gives at most the wished number of bytes of a file.
    """

    def __init__(self, label: str, names: list[str], read: Callable[[str, int], bytes]) -> None:
        self.label, self.names, self._read, self._total = label, names, read, 0

    def read(self, name: str) -> bytes:
        """The contents of one file.

        Raises:
            DamagedError: it cannot be read.
            CrawlError: it, or all that was read so far, is larger than any real export; or it is encrypted.
        """
        try:
            content = self._read(name, MAX_MEMBER + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
            raise DamagedError(f"{self.label}: {name} in it cannot be read ({error}): download it again.") from error
        self._total += len(content)
        if len(content) > MAX_MEMBER or self._total > MAX_TOTAL:
            raise _too_large(self.label, name)
        return content

    def contents(self, names: Iterable[str], crawl: Crawl) -> Iterator[tuple[str, bytes]]:
        """Each of some files with its contents; a damaged one takes no other with it.

        It is named in the log and counted in `crawl.skipped` under "damaged", and what it gave an earlier time stays.

        Raises:
            CrawlError: none of them can be read, or the archive is a bomb.
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
        """Hex sha256 over the names and contents of some of its files; a damaged one counts as such."""
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
        CrawlError: it does not exist, is neither, or is made to do harm.
    """
    with ExitStack() as stack:
        try:
            if location.is_dir():
                archive = _folder(location, label)
            else:
                archive = _zip(stack.enter_context(_File(location)), label)
        except FileNotFoundError as error:
            raise CrawlError(f"{label} does not exist: give the path of the archive that you were sent.") from error
        except OSError as error:
            raise CrawlError(f"{label} cannot be read ({error.strerror or error}): check the file.") from error
        yield archive


def names_in(path: Path) -> list[str]:
    """Names of the files of a zip or folder, for `Crawler.recognises`: none where it is neither or cannot be read.

    No file in it is opened.
    """
    try:
        with opened(path, str(path)) as archive:
            return archive.names
    except CrawlError:
        return []


def label_of(name: str) -> str:
    """A file's name as every machine writes it: NFC, with "/" and with nothing that is no Unicode text."""
    return unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8")).replace("\\", "/")


class _File(io.FileIO):
    """A file of which no more is read in one piece than `most` bytes.

    `zipfile` reads the table of contents as one piece, as long as the zip says it is, and makes an object of some 600
    bytes of each entry in it.
    """

    most = MAX_DIRECTORY

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > self.most:
            raise _TooLongError
        return super().read(-1 if size is None else size)


class _TooLongError(Exception):
    """More is asked of a file than an export holds."""


def _folder(location: Path, label: str) -> Archive:
    paths: dict[str, Path] = {}
    for folder, folders, files in os.walk(location):  # follows no symbolic link
        folders.sort()
        for path in (Path(folder, name) for name in sorted(files)):
            inside = path.relative_to(location)
            if not _junk(inside.as_posix()) and path.is_file() and not path.is_symlink():
                paths[label_of(inside.as_posix())] = path
        if len(paths) > MAX_MEMBERS:
            raise _too_many(label)

    def read(name: str, most: int) -> bytes:
        with paths[name].open("rb") as file:
            return file.read(most)

    return Archive(label, sorted(paths), read)


def _zip(file: _File, label: str) -> Archive:
    try:
        packed = zipfile.ZipFile(file)
    except _TooLongError as error:
        raise _too_many(label) from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, EOFError, OverflowError) as error:
        raise CrawlError(
            f"{label} is not a zip archive, or a damaged one: give the file as you downloaded it."
        ) from error
    file.most = MAX_MEMBER + 1
    infos = packed.infolist()
    if len(infos) > MAX_MEMBERS:
        raise _too_many(label)
    _check_overlap(infos, packed.start_dir, label)
    members = {
        label_of(_name(info)): info
        for info in infos
        if not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16) and not _junk(info.filename)
    }
    return Archive(label, sorted(members), _unpacker(packed, members, label))


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
            raise zipfile.BadZipFile(f"{len(content)} bytes and not the {info.file_size} it announces")
        return content

    return read


def _check_overlap(infos: list[zipfile.ZipInfo], directory: int, label: str) -> None:
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise CrawlError(f"{label} is a zip bomb, its members share their bytes: download your export again.")
        end = info.header_offset + _LOCAL_HEADER + info.compress_size
    if end > directory:
        raise CrawlError(f"{label} is damaged, its members are larger than itself: download it again.")


def _name(info: zipfile.ZipInfo) -> str:
    """The name of a member; where nothing says that it is UTF-8, but it is, the name is not read as code page 437."""
    if not info.flag_bits & _UTF8:
        try:
            return info.filename.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return info.filename


def _junk(name: str) -> bool:
    """What macOS puts beside the files of an archive."""
    pure = PurePosixPath(name)
    return "__MACOSX" in pure.parts or pure.name.startswith("._")


def _too_many(label: str) -> CrawlError:
    return CrawlError(f"{label} holds more than {MAX_MEMBERS} files, so it is no export: give the archive itself.")


def _too_large(label: str, name: str) -> CrawlError:
    return CrawlError(
        f"{label}: {name} in it unpacks to more than an export holds ({MAX_MEMBER // 2**20} MiB a file, "
        f"{MAX_TOTAL // 2**20} MiB in all): download it again."
    )
