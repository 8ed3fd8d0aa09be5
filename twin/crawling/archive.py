"""Reading an export archive, zip or folder, in memory: nothing is ever unpacked, so no name in it can act as a path."""

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from twin.errors import CrawlError

MAX_MEMBER = 64 * 2**20
MAX_TOTAL = 256 * 2**20
MAX_MEMBERS = 50_000


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
            CrawlError: it, or all that was read so far, is larger than any real export; or it is damaged.
        """
        try:
            content = self._read(name, MAX_MEMBER + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            # zipfile raises RuntimeError for an encrypted member and NotImplementedError for an unknown compression.
            raise CrawlError(f"{self.label}: {name} in it cannot be read ({error}): download it again.") from error
        self._total += len(content)
        if len(content) > MAX_MEMBER or self._total > MAX_TOTAL:
            raise CrawlError(
                f"{self.label}: {name} in it unpacks to more than an export holds ({MAX_MEMBER // 2**20} MiB a file, "
                f"{MAX_TOTAL // 2**20} MiB in all): download it again."
            )
        return content

    def digest(self, names: list[str]) -> str:
        """Hex sha256 over the names and contents of some of its files."""
        digest = hashlib.sha256()
        for name in sorted(names):
            content = self.read(name)
            digest.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogatepass"))
            digest.update(content)
        self._total = 0
        return digest.hexdigest()


@contextmanager
def opened(location: Path, label: str) -> Iterator[Archive]:
    """The archive at `location`, a zip file or an unpacked folder.

    Raises:
        CrawlError: it does not exist or is neither.
    """
    if location.is_dir():
        yield _folder(location, label)
        return
    if not location.is_file():
        raise CrawlError(f"{label} does not exist: give the path of the zip that LinkedIn sent you.")
    try:
        with zipfile.ZipFile(location) as packed:
            yield _zip(packed, label)
    except zipfile.BadZipFile as error:
        raise CrawlError(f"{label} is not a zip archive: give the file as you downloaded it.") from error
    except OSError as error:
        raise CrawlError(f"{label} cannot be read ({error.strerror}): check the file.") from error


def _folder(location: Path, label: str) -> Archive:
    def read(name: str, most: int) -> bytes:
        with (location / name).open("rb") as file:
            return file.read(most)

    names = [
        path.relative_to(location).as_posix()
        for path in sorted(location.rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]
    return Archive(label, _bounded(names, label), read)


def _zip(packed: zipfile.ZipFile, label: str) -> Archive:
    infos = {
        info.filename: info
        for info in packed.infolist()
        if not info.is_dir()
        and not stat.S_ISLNK(info.external_attr >> 16)
        and "__MACOSX" not in PurePosixPath(info.filename).parts
    }

    def read(name: str, most: int) -> bytes:
        with packed.open(infos[name]) as file:
            return file.read(most)

    return Archive(label, _bounded(sorted(infos), label), read)


def _bounded(names: list[str], label: str) -> list[str]:
    if len(names) > MAX_MEMBERS:
        raise CrawlError(f"{label} holds {len(names)} files, more than an export does: give the archive itself.")
    return names
