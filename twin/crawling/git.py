"""Git, as a reader of objects only: no work tree, so no checkout, hook, filter, submodule or symlink ever acts.

See gitsecurityboundary(7): inspecting an untrusted clone with git is meant to be safe, a configuration or hook that
came with a repository is not; a bare clone has neither.
"""

import logging
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from twin.errors import CrawlError

logger = logging.getLogger("twin")

MAX_BLOB = 2**20
CLONE_TIMEOUT_S = 300.0
READ_TIMEOUT_S = 120.0
_BATCH_BYTES = 16 * 2**20
_BATCH_BLOBS = 1000
_HARDENED = (
    "-c", "core.hooksPath=/dev/null", "-c", "core.symlinks=false", "-c", "core.fsmonitor=false",
    "-c", "core.askPass=", "-c", "credential.helper=", "-c", "transfer.fsckObjects=true",
    "-c", "http.followRedirects=initial", "-c", "submodule.recurse=false", "-c", "gc.auto=0",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One path of a commit: `mode` as git writes it ("100644", "120000", "160000"), `oid` of its object."""

    mode: str
    oid: str
    path: bytes


class GitReader:
    """Reads one repository through its git directory.

    Args:
        git_dir: a bare repository, or the `.git` of a work tree.
        label: how the user calls the repository, for messages.
    """

    def __init__(self, git_dir: Path, label: str) -> None:
        self._git_dir, self._label = git_dir.absolute(), label

    def head(self) -> str:
        """Id of the commit at HEAD."""
        try:
            return self._run("rev-parse", "--verify", "--end-of-options", "HEAD^{commit}").decode().strip()
        except GitFailure as error:
            raise CrawlError(f"{self._label} has no commit to read: commit something first.") from error

    def entries(self, commit: str) -> list[Entry]:
        """Every file, symlink and submodule of `commit`, by path."""
        listing = self._run("ls-tree", "-r", "-z", "--full-tree", commit)
        entries = []
        for line in listing.split(b"\0"):
            if line:
                described, path = line.split(b"\t", 1)
                mode, _, oid = described.decode("ascii").split(" ")
                entries.append(Entry(mode, oid, path))
        return entries

    def sizes(self, oids: Sequence[str]) -> dict[str, int | None]:
        """Bytes of each blob; None for one that is not here, which a size-filtered clone has left out."""
        answers = self._run("cat-file", "--batch-check", given=oids).decode("ascii").splitlines()
        return {
            oid: int(answer.rsplit(" ", 1)[1]) if answer.split(" ")[1] == "blob" else None
            for oid, answer in zip(oids, answers, strict=True)
        }

    def blobs(self, sizes: dict[str, int]) -> Iterator[tuple[str, bytes]]:
        """Contents of the blobs whose sizes are given, some megabytes at a time."""
        batch: list[str] = []
        pending = 0
        for oid, size in sizes.items():
            if batch and (pending + size > _BATCH_BYTES or len(batch) == _BATCH_BLOBS):
                yield from self._contents(batch)
                batch, pending = [], 0
            batch.append(oid)
            pending += size
        if batch:
            yield from self._contents(batch)

    def _contents(self, oids: list[str]) -> Iterator[tuple[str, bytes]]:
        answer = self._run("cat-file", "--batch", given=oids)
        position = 0
        for oid in oids:
            end = answer.index(b"\n", position)
            header = answer[position:end].split(b" ")
            if len(header) != 3:
                raise CrawlError(f"{self._label} lacks object {oid}: run `git fsck` in it, or clone it again.")
            start, size = end + 1, int(header[2])
            yield oid, answer[start : start + size]
            position = start + size + 1  # git writes one newline after each object

    def _run(self, *arguments: str, given: Sequence[str] = ()) -> bytes:
        # Reading must never reach the network, not even for a blob that the clone left out.
        command = ["--git-dir", str(self._git_dir), "-c", "protocol.allow=never", *arguments]
        stdin = "".join(f"{oid}\n" for oid in given).encode("ascii")
        return run_git(command, label=self._label, stdin=stdin, protocols="", timeout_s=READ_TIMEOUT_S)


class GitFailure(CrawlError):
    """Git ended with an error; `detail` is why, in its words."""

    def __init__(self, label: str, detail: str) -> None:
        super().__init__(f"{label} cannot be read by git: {detail}.")
        self.detail = detail


def local_repository(location: Path, label: str) -> GitReader:
    """Read the repository whose root (or bare directory) is `location`, in place.

    Only `location` itself is looked at: a plain folder inside a repository is not that repository.

    Raises:
        CrawlError: it is not there or not a git repository.
    """
    if (location / ".git").exists():
        return GitReader(location / ".git", label)
    if all((location / name).exists() for name in ("HEAD", "objects", "refs")):
        return GitReader(location, label)
    problem = "is not a git repository" if location.is_dir() else "does not exist"
    raise CrawlError(f"{label} {problem}: give the path of a repository's root folder.")


def remote_head(url: str, *, protocols: str = "https") -> str:
    """Id of the commit that HEAD of a remote repository names; one request."""
    answer = _remote(["ls-remote", "--quiet", "--", url, "HEAD"], url, protocols, timeout_s=60.0)
    match = re.match(rb"([0-9a-f]{40,64})\tHEAD\n", answer)
    if not match:
        raise CrawlError(f"{url} has no commit to read: it is empty.")
    return match[1].decode()


@contextmanager
def cloned(url: str, *, protocols: str = "https") -> Iterator[GitReader]:
    """A reader of the newest commit of a remote repository, without its blobs over `MAX_BLOB`; gone afterwards.

    Args:
        url: made by the caller from checked parts, never as the user typed it.
        protocols: what git may speak, colon-separated.
    """
    try:
        temporary = tempfile.TemporaryDirectory(prefix="twin-git-")
    except OSError as error:
        raise CrawlError(
            f"{url} cannot be cloned, because the temporary folder cannot be used ({error.strerror}): make room "
            "there, or set TMPDIR.",
            retryable=True,
        ) from error
    with temporary as folder:
        target = Path(folder) / "clone.git"
        arguments = [
            "clone", "--quiet", "--bare", "--depth", "1", "--single-branch", "--no-tags", "--no-recurse-submodules",
            f"--filter=blob:limit={MAX_BLOB + 1}", "--template=", "--", url, str(target),
        ]  # fmt: skip
        logger.info("cloning %s", url)
        _remote(arguments, url, protocols, timeout_s=CLONE_TIMEOUT_S)
        _forget_origin(target, url)
        yield GitReader(target, url)


def _forget_origin(target: Path, url: str) -> None:
    """Make blobs that the clone left out merely missing: with an origin, git before 2.45 would go and fetch them."""
    config = ["--git-dir", str(target), "config"]
    run_git([*config, "--remove-section", "remote.origin"], label=url, protocols="", timeout_s=READ_TIMEOUT_S)
    with suppress(GitFailure):  # newer versions of git do not write it
        run_git([*config, "--unset-all", "extensions.partialClone"], label=url, protocols="", timeout_s=READ_TIMEOUT_S)


def _remote(arguments: list[str], url: str, protocols: str, *, timeout_s: float) -> bytes:
    try:
        return run_git(arguments, label=url, protocols=protocols, timeout_s=timeout_s)
    except GitFailure as error:
        # Without an account, a private repository and none at all give the same answer.
        gone = ("not found", "could not read username", "does not appear to be", "does not exist", "authentication")
        if any(mark in error.detail.lower() for mark in gone):
            raise CrawlError(f"{url} does not exist or is private: correct the link, or clone it and declare the "
                             "folder with `repository:`.") from error  # fmt: skip
        raise CrawlError(str(error), retryable=True) from error


def run_git(arguments: Sequence[str], *, label: str, protocols: str, timeout_s: float, stdin: bytes = b"") -> bytes:
    """Run git with nothing of the user's configuration, credentials or prompts; return what it printed.

    Raises:
        GitFailure: it ended with an error.
        CrawlError: git is not installed, or it took longer than `timeout_s`.
    """
    try:
        from git import Git
        from git.exc import GitCommandNotFound
    except ImportError as error:
        raise CrawlError(f"{label} needs the program git, which is not installed: install git.") from error

    environment = {
        # No home: neither the user's configuration nor the passwords of a .netrc are found.
        "HOME": os.devnull,
        "XDG_CONFIG_HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "0",
        "GIT_CONFIG_PARAMETERS": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_ALLOW_PROTOCOL": protocols or "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }
    try:
        process = Git(os.sep).execute(
            ["git", *_HARDENED, *arguments],
            istream=subprocess.PIPE, as_process=True, env=environment, start_new_session=True,
        )  # fmt: skip
    except GitCommandNotFound as error:
        raise CrawlError(f"{label} needs the program git, which is not installed: install git.") from error
    try:
        output, errors = process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.proc.pid, signal.SIGKILL)
        process.communicate()
        raise CrawlError(f"{label} took git more than {timeout_s:.0f} s: try again later.", retryable=True) from error
    if process.returncode != 0:
        raise GitFailure(label, _complaint(errors.decode("utf-8", "replace")))
    return bytes(output)


def _complaint(errors: str) -> str:
    """Why git gave up, in its own words and without the paths of this machine; what follows it is consequences."""
    lines = [line.strip() for line in errors.splitlines() if line.startswith(("fatal:", "error:", "remote:"))]
    said = next((line for line in lines if line.startswith("fatal:")), lines[0] if lines else "it gave no reason")
    said = re.sub(r"^(fatal|error|remote): (ERROR: )?", "", said).rstrip(".")
    return re.sub(rf"{re.escape(tempfile.gettempdir())}[^\s']*", "the clone", said)
