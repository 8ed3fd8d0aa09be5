"""Remote repositories: which commit they are at, a clone that holds that commit alone, and the capture of a clone.

Git connects by itself, so what `twin.crawling.web.fetcher` does for pages is done here for git: https alone, the host
resolved once, checked by the same rules, and git held to the address that was checked (`http.curloptResolve`, git 2.37
or newer; an older git resolves a second time); no redirect, no proxy, no credentials; bounds in bytes and seconds.
"""

import io
import ipaddress
import logging
import re
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from twin.crawling.git.reader import MAX_BLOB, READ_TIMEOUT_S, GitFailure, GitReader, run_git
from twin.crawling.tools import Tools
from twin.crawling.web.transport import checked_address
from twin.errors import ConsistencyError, CrawlError

logger = logging.getLogger("twin")

CLONE_TIMEOUT_S = 300.0
ASK_TIMEOUT_S = 60.0
MAX_CLONE = 512 * 2**20
MAX_CAPTURE = 128 * 2**20
"""Bytes of the largest clone that is kept: a capture is packed in memory. A larger one is cloned again on a replay."""

CONTENT_TYPE = "application/x-tar"
_REMOTE = (
    "-c", "http.followRedirects=false", "-c", "http.proxy=", "-c", "http.sslVerify=true", "-c", "http.emptyAuth=false",
    "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30", "-c", "transfer.bundleURI=false",
    "-c", "transfer.fsckObjects=true",
    # Harmless slips of old programs, in commits that nobody can change any more; names and links stay checked.
    "-c", "fetch.fsck.zeroPaddedFilemode=ignore", "-c", "fetch.fsck.badTimezone=ignore",
    "-c", "fetch.fsck.missingSpaceBeforeDate=ignore", "-c", "fetch.fsck.missingSpaceBeforeEmail=ignore",
    "-c", "fetch.fsck.zeroPaddedDate=ignore",
)  # fmt: skip
_MEMBER = re.compile(r"HEAD|shallow|objects/pack/pack-(?:[0-9a-f]{40}|[0-9a-f]{64})\.(?:pack|idx)")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_GONE = ("not found", "could not read username", "does not appear to be", "does not exist", "authentication")

_one_at_a_time: defaultdict[str, Lock] = defaultdict(Lock)
"""By host: as with pages, a host has one connection at a time."""


class MovedError(CrawlError):
    """The server answers that the repository is elsewhere; git follows nobody."""


class EmptyError(CrawlError):
    """The repository is there and has no commit."""


@dataclass(frozen=True)
class Remote:
    """A remote repository.

    Args:
        url: made by the caller from checked parts, never as the user typed it; its captures are kept under it.
        moved_to: the address to ask instead, where the repository was renamed.
        protocols: what git may speak, colon-separated.
        allow_loopback: let this machine's own addresses be asked; for tests that run a server.
        ports: that may be asked; None: any.
    """

    url: str
    moved_to: str | None = None
    protocols: str = "https"
    allow_loopback: bool = False
    ports: tuple[int, ...] | None = (80, 443)

    @property
    def address(self) -> str:
        return self.moved_to or self.url

    def head(self) -> str:
        """Id of the commit that HEAD names; one request.

        Raises:
            MovedError: it is elsewhere.
            EmptyError: it has no commit.
            CrawlError: it is not there, or cannot be asked.
        """
        # Version 2 of the protocol would ask twice, first for what the server can do.
        arguments = ["-c", "protocol.version=0", "ls-remote", "--quiet", "--", self.address, "HEAD"]
        answer = self._ask(arguments, timeout_s=ASK_TIMEOUT_S)
        match = re.match(rb"([0-9a-f]{40,64})\tHEAD\n", answer)
        if not match:
            raise EmptyError(f"{self.url} has no commit to read: it is empty.")
        return match[1].decode()

    @contextmanager
    def cloned(self) -> Iterator[GitReader]:
        """A reader of the newest commit, without its blobs over `MAX_BLOB`; gone afterwards, whatever happens.

        Raises:
            CrawlError: it cannot be cloned, or is larger than `MAX_CLONE`.
        """
        with _temporary_folder(self.url) as folder:
            target = folder / "clone.git"
            arguments = [
                "clone", "--quiet", "--bare", "--depth", "1", "--single-branch", "--no-tags",
                "--no-recurse-submodules", f"--filter=blob:limit={MAX_BLOB + 1}", "--template=", "--", self.address,
                str(target),
            ]  # fmt: skip
            logger.info("cloning %s", self.url)
            self._ask(arguments, timeout_s=CLONE_TIMEOUT_S, folder=folder)
            self._forget_origin(target)
            yield GitReader(target, self.url, filtered=True)

    def _ask(self, arguments: list[str], *, timeout_s: float, folder: Path | None = None) -> bytes:
        config = [*_REMOTE, *self._pinned()]
        try:
            with _one_at_a_time[urlsplit(self.address).netloc]:
                return run_git(
                    [*config, *arguments], label=self.url, protocols=self.protocols, timeout_s=timeout_s,
                    folder=folder, max_folder=MAX_CLONE, max_output=2**20,
                )  # fmt: skip
        except GitFailure as error:
            raise self._refusal(error.detail) from error

    def _refusal(self, detail: str) -> CrawlError:
        said = detail.lower()
        status = re.search(r"returned error: (\d{3})", said)
        if status and status[1].startswith("3"):
            return MovedError(f"{self.url} has moved: declare its new address.")
        # Without an account, a private repository and none at all give the same answer.
        if any(mark in said for mark in _GONE) or (status and status[1] in ("401", "404", "410", "451")):
            return CrawlError(f"{self.url} does not exist or is private: correct the link, or clone it and declare the "
                              "folder with `repository:`.")  # fmt: skip
        final = any(mark in said for mark in ("fsck", "not allowed", "out of memory")) or "error: 403" in said
        return CrawlError(f"{self.url} cannot be read by git: {detail}.", retryable=not final)

    def _pinned(self) -> list[str]:
        """The options that hold git to the address that was checked here.

        Raises:
            CrawlError: the host has no address, or a private one.
        """
        parts = urlsplit(self.address)
        if parts.scheme not in self.protocols.split(":"):
            raise CrawlError(f"{self.url} is not allowed: a repository is asked over https alone.")
        if parts.scheme not in ("http", "https"):
            return []
        import requests
        from requests_hardened.ip_filter import InvalidIPAddress

        host, port = parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme]
        if self.ports is not None and port not in self.ports:
            raise CrawlError(f"{self.url} uses port {port}: only {' and '.join(map(str, self.ports))} are asked.")
        literal = _is_address(host)
        # curl and the resolver may read 0177.1 differently, so what was checked would not be what is asked.
        if not literal and re.fullmatch(r"\d+|0x[0-9a-f]*", host.rsplit(".", 1)[-1], re.I):
            raise CrawlError(f"{self.url} names its host by a number: write the name of the host.")
        try:
            checked = checked_address(host, port, allow_loopback=self.allow_loopback)
        except InvalidIPAddress as error:
            raise CrawlError(
                f"{self.url} leads to a private address, which is never asked: clone it and declare the folder with "
                "`repository:`."
            ) from error
        except requests.RequestException as error:
            raise CrawlError(
                f"{self.url} does not answer (its host name is unknown): check the address or try later.",
                retryable=True,
            ) from error
        return [] if literal else ["-c", f"http.curloptResolve={host}:{port}:{checked}"]

    def _forget_origin(self, target: Path) -> None:
        """Make blobs that the clone left out merely missing: with an origin, git before 2.45 would fetch them."""
        config = ["--git-dir", str(target), "config"]
        for change in (["--remove-section", "remote.origin"], ["--unset-all", "extensions.partialClone"]):
            with suppress(GitFailure):  # not every version of git writes both
                run_git([*config, *change], label=self.url, protocols="", timeout_s=READ_TIMEOUT_S)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def captured_commit(tools: Tools, url: str) -> str | None:
    """The commit of the newest capture of a repository; None where there is none."""
    capture = tools.captures.newest(url) if tools.captures else None
    commit = capture.headers.get("commit", "") if capture else ""
    return commit if _COMMIT.fullmatch(commit) else None


@contextmanager
def opened(remote: Remote, commit: str, tools: Tools, *, offline: bool) -> Iterator[tuple[GitReader, str | None]]:
    """A reader of a remote repository at `commit` or a newer one, and the sha256 of its capture, where there is one.

    A commit that was captured is not cloned again: the second category of a link, and another version of the rules,
    cost no transfer.

    Raises:
        CrawlError: it cannot be cloned; or, where `offline`, there is no capture of it, or a damaged one.
    """
    if captured_commit(tools, remote.url) == commit:
        try:
            with _from_capture(remote.url, commit, tools) as found:
                yield found
                return
        except ConsistencyError as error:
            if offline:
                raise CrawlError(str(error)) from error
            logger.warning("%s", error)
    if offline:
        raise never_captured(remote.url)
    with remote.cloned() as reader:
        yield reader, _kept(reader, remote, tools)


def never_captured(url: str) -> CrawlError:
    """The error for a repository that is to be read without a request and cannot be."""
    return CrawlError(f"{url} was never captured, so it is not read again without a request: crawl it.")


def _kept(reader: GitReader, remote: Remote, tools: Tools) -> str | None:
    if tools.captures is None:
        return None
    commit = reader.head()
    content = packed(reader, commit)
    if content is None:
        logger.info("%s is too large to be captured: a replay will clone it again", remote.url)
        return None
    return tools.captures.keep(
        remote.url, remote.address, content, content_type=CONTENT_TYPE, headers={"commit": commit}
    )


def packed(reader: GitReader, commit: str) -> bytes | None:
    """What a clone fetched, as a tar: its packs, what is shallow, and HEAD as the commit itself.

    No configuration, no hook and no reference comes along. The same files give the same bytes. None where it would be
    larger than `MAX_CAPTURE`.
    """
    packs = sorted(each for each in (reader.git_dir / "objects" / "pack").iterdir() if each.suffix in (".pack", ".idx"))
    if sum(each.stat().st_size for each in packs) > MAX_CAPTURE:
        return None
    shallow = reader.git_dir / "shallow"
    members = {"HEAD": f"{commit}\n".encode()}
    if shallow.exists():
        members["shallow"] = shallow.read_bytes()
    members |= {f"objects/pack/{each.name}": each.read_bytes() for each in packs}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@contextmanager
def _from_capture(url: str, commit: str, tools: Tools) -> Iterator[tuple[GitReader, str]]:
    capture = tools.captures.newest(url) if tools.captures else None
    if tools.captures is None or capture is None:
        raise never_captured(url)
    with _temporary_folder(url) as folder:
        unpack(tools.captures.read(capture.sha256), folder, url)
        reader = GitReader(folder, url, filtered=True)
        if reader.head() != commit:
            raise ConsistencyError(f"The capture of {url} is not of commit {commit}: crawl it again.")
        yield reader, capture.sha256


def unpack(content: bytes, folder: Path, url: str) -> None:
    """Make a bare repository of what `packed` made, in an empty folder, and of nothing else.

    Raises:
        ConsistencyError: it is something else.
    """
    damaged = ConsistencyError(f"The capture of {url} is no clone of a repository: crawl it again.")
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            members = archive.getmembers()
            names = [member.name for member in members]
            sound = all(member.isreg() and _MEMBER.fullmatch(member.name) for member in members)
            if not sound or len(set(names)) != len(names) or "HEAD" not in names:
                raise damaged
            if sum(member.size for member in members) > len(content):  # a sparse file would be
                raise damaged
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, ValueError) as error:
        raise damaged from error
    (folder / "refs").mkdir()
    (folder / "objects").mkdir(exist_ok=True)
    long = len((folder / "HEAD").read_bytes().strip()) == 64
    kind = "\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n" if long else ""
    (folder / "config").write_text(f"[core]\n\tbare = true\n{kind}", encoding="ascii")


@contextmanager
def _temporary_folder(url: str) -> Iterator[Path]:
    try:
        temporary = tempfile.TemporaryDirectory(prefix="twin-git-", ignore_cleanup_errors=True)
    except OSError as error:
        raise CrawlError(
            f"{url} cannot be read, because the temporary folder cannot be used ({error.strerror}): make room there, "
            "or set TMPDIR.",
            retryable=True,
        ) from error
    with temporary as folder:
        yield Path(folder)
