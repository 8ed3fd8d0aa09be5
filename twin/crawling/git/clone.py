"""Remote repositories: their newest commit, a clone that holds only that commit, and the capture of a clone.

Git opens its own connections, so the rules that `twin.crawling.web.fetcher` has for pages are applied here for git:
only https; the host is resolved once, checked by the same rules, and git is held to the checked address
(`http.curloptResolve`, git 2.37 or newer; an older git resolves again); no redirect, no proxy, no credentials; limits
on bytes and seconds.
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
"""Bytes of the largest clone that is kept: a capture is packed in memory. A replay clones larger ones again."""

CONTENT_TYPE = "application/x-tar"
_REMOTE = (
    "-c", "http.followRedirects=false", "-c", "http.proxy=", "-c", "http.sslVerify=true", "-c", "http.emptyAuth=false",
    "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30", "-c", "transfer.bundleURI=false",
    "-c", "transfer.fsckObjects=true",
    # Harmless slips of old programs, in commits that can no longer be changed; names and links are still checked.
    "-c", "fetch.fsck.zeroPaddedFilemode=ignore", "-c", "fetch.fsck.badTimezone=ignore",
    "-c", "fetch.fsck.missingSpaceBeforeDate=ignore", "-c", "fetch.fsck.missingSpaceBeforeEmail=ignore",
    "-c", "fetch.fsck.zeroPaddedDate=ignore",
)  # fmt: skip
_MEMBER = re.compile(r"HEAD|shallow|objects/pack/pack-(?:[0-9a-f]{40}|[0-9a-f]{64})\.(?:pack|idx)")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_GONE = ("not found", "could not read username", "does not appear to be", "does not exist", "authentication")

_one_at_a_time: defaultdict[str, Lock] = defaultdict(Lock)
"""One lock per host: as with pages, each host gets one connection at a time."""


class MovedError(CrawlError):
    """The server says that the repository has moved; git does not follow redirects here."""


class EmptyError(CrawlError):
    """The repository exists but has no commit."""


@dataclass(frozen=True)
class Remote:
    """A remote repository.

    Args:
        url: built by the caller from checked parts, never as the user typed it; its captures are stored under it.
        moved_to: the address to use instead, if the repository was renamed.
        protocols: protocols that git may use, colon-separated.
        allow_loopback: allow this machine's own addresses; for tests that run a server.
        ports: allowed ports; None: any.
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
            MovedError: it has moved.
            EmptyError: it has no commit.
            CrawlError: it does not exist or cannot be read.
        """
        # Version 2 of the protocol would need two requests, the first to learn what the server can do.
        arguments = ["-c", "protocol.version=0", "ls-remote", "--quiet", "--", self.address, "HEAD"]
        answer = self._ask(arguments, timeout_s=ASK_TIMEOUT_S)
        match = re.match(rb"([0-9a-f]{40,64})\tHEAD\n", answer)
        if not match:
            raise EmptyError(f"{self.url} is empty: it has no commit to read.")
        return match[1].decode()

    @contextmanager
    def cloned(self) -> Iterator[GitReader]:
        """A reader of the newest commit, without blobs larger than `MAX_BLOB`; always removed afterwards.

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
        # Without an account, a private repository and a missing one give the same answer.
        if any(mark in said for mark in _GONE) or (status and status[1] in ("401", "404", "410", "451")):
            return CrawlError(f"{self.url} does not exist or is private: correct the link, or clone it and declare the "
                              "folder with `repository:`.")  # fmt: skip
        final = any(mark in said for mark in ("fsck", "not allowed", "out of memory")) or "error: 403" in said
        return CrawlError(f"Git cannot read {self.url}: {detail}.", retryable=not final)

    def _pinned(self) -> list[str]:
        """The options that hold git to the address that was checked here.

        Raises:
            CrawlError: the host has no address, or a private one.
        """
        parts = urlsplit(self.address)
        if parts.scheme not in self.protocols.split(":"):
            raise CrawlError(f"{self.url} is not allowed: repositories are read over https only.")
        if parts.scheme not in ("http", "https"):
            return []
        import requests
        from requests_hardened.ip_filter import InvalidIPAddress

        host, port = parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme]
        if self.ports is not None and port not in self.ports:
            raise CrawlError(f"{self.url} uses port {port}: only {' and '.join(map(str, self.ports))} are allowed.")
        literal = _is_address(host)
        # curl and the resolver may read 0177.1 differently; then git would use an address that was not checked.
        if not literal and re.fullmatch(r"\d+|0x[0-9a-f]*", host.rsplit(".", 1)[-1], re.I):
            raise CrawlError(f"{self.url} uses a number as its host: write the host's name.")
        try:
            checked = checked_address(host, port, allow_loopback=self.allow_loopback)
        except InvalidIPAddress as error:
            raise CrawlError(
                f"{self.url} leads to a private address, which is never fetched: clone it and declare the folder with "
                "`repository:`."
            ) from error
        except requests.RequestException as error:
            raise CrawlError(
                f"{self.url} does not answer (its host name is unknown): check the address or try later.",
                retryable=True,
            ) from error
        return [] if literal else ["-c", f"http.curloptResolve={host}:{port}:{checked}"]

    def _forget_origin(self, target: Path) -> None:
        """Make blobs that the clone left out simply missing: with an origin, git before 2.45 would fetch them."""
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
    """The commit of the newest capture of a repository; None if there is none."""
    capture = tools.captures.newest(url) if tools.captures else None
    commit = capture.headers.get("commit", "") if capture else ""
    return commit if _COMMIT.fullmatch(commit) else None


@contextmanager
def opened(remote: Remote, commit: str, tools: Tools, *, offline: bool) -> Iterator[tuple[GitReader, str | None]]:
    """A reader of a remote repository at `commit` or a newer one, and the sha256 of its capture, if there is one.

    A captured commit is not cloned again. So a link's second category, and a new version of the rules, need no
    download.

    Raises:
        CrawlError: it cannot be cloned; or, if `offline`, its capture is missing or damaged.
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
    """The error for a repository that must be read offline but was never captured."""
    return CrawlError(f"{url} was never captured, so it cannot be read offline: crawl it first.")


def _kept(reader: GitReader, remote: Remote, tools: Tools) -> str | None:
    if tools.captures is None:
        return None
    commit = reader.head()
    content = packed(reader, commit)
    if content is None:
        logger.info("%s is too large to capture: a replay will clone it again", remote.url)
        return None
    return tools.captures.keep(
        remote.url, remote.address, content, content_type=CONTENT_TYPE, headers={"commit": commit}
    )


def packed(reader: GitReader, commit: str) -> bytes | None:
    """The files that a clone fetched, as a tar: its packs, the list of shallow commits, and HEAD as the commit id.

    It contains no configuration, hook or reference. The same files give the same bytes. None if it would be larger than
    `MAX_CAPTURE`.
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
    """Make a bare repository in an empty folder from the output of `packed`, and from nothing else.

    Raises:
        ConsistencyError: it is something else.
    """
    damaged = ConsistencyError(f"The capture of {url} is not a clone of a repository: crawl it again.")
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
            f"{url} cannot be read, because the temporary folder cannot be used ({error.strerror}): free up disk space "
            "there, or set TMPDIR.",
            retryable=True,
        ) from error
    with temporary as folder:
        yield Path(folder)
