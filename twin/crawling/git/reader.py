"""Git, used only to read objects: there is no work tree, so no checkout, hook, filter, submodule or symlink ever acts.

See gitsecurityboundary(7): inspecting an untrusted clone with git is meant to be safe, but a configuration or hook that
came with a repository is not. A bare clone has neither, and the commands run here read neither.
`twin.crawling.git.clone` fetches a repository; `twin.crawling.sources.repository` decides which of its files are read.
"""

import hashlib
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from threading import Event, Thread
from types import TracebackType
from typing import IO, Any

from twin.crawling.git.places import checked_folder
from twin.errors import CrawlError

MAX_BLOB = 2**20
READ_TIMEOUT_S = 120.0
_MAX_LISTING = 64 * 2**20
"""Limit in bytes of one listing of paths. A tree that repeats itself a few levels deep lists more than memory holds."""

_BATCH_BYTES = 16 * 2**20
_BATCH_BLOBS = 1000
_MAX_ERRORS = 64 * 1024
_HARDENED = (
    "-c", "core.hooksPath=/dev/null", "-c", "core.symlinks=false", "-c", "core.fsmonitor=false",
    # Larger blobs are never read, so a pack with such blobs is checked without holding one in memory.
    "-c", f"core.bigFileThreshold={MAX_BLOB}",
    # A pack may be larger than the memory that git is given, so it is read through small windows.
    "-c", "core.packedGitWindowSize=64m", "-c", "core.packedGitLimit=512m",
    "-c", "core.askPass=", "-c", "credential.helper=", "-c", "submodule.recurse=false", "-c", "gc.auto=0",
)  # fmt: skip
_MAX_MEMORY = 4 * 2**20
_BOUNDED = f'ulimit -v {_MAX_MEMORY} 2>/dev/null; exec git "$@"'
"""Git with limited memory (in KiB), where the system supports it: a few bytes of a pack can be a delta that expands to
gigabytes, and git has no setting that limits it."""

# Not settings of ours, but what any program needs to be found and to run; git gets nothing else of this process.
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_ENVIRONMENT = {
    "LC_ALL": "C",
    # No home folder: neither the user's configuration nor the passwords of a .netrc are found.
    "HOME": os.devnull,
    "XDG_CONFIG_HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
}


@dataclass(frozen=True)
class Entry:
    """One path of a commit: `mode` as git writes it ("100644", "120000", "160000"), `oid` the id of its object."""

    mode: str
    oid: str
    path: bytes

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file: git writes the first two modes, and old programs wrote the third."""
        return self.mode in ("100644", "100755", "100664")


class GitReader:
    """Reads one repository through its git directory.

    Args:
        git_dir: a bare repository, or the `.git` of a work tree.
        label: the user's name for the repository, for messages.
        filtered: whether missing objects were left out for their size.
    """

    def __init__(self, git_dir: Path, label: str, *, filtered: bool = False) -> None:
        self.git_dir, self.filtered, self._label = git_dir.absolute(), filtered, label

    def head(self) -> str:
        """Id of the commit at HEAD."""
        try:
            return self._run("rev-parse", "--verify", "--end-of-options", "HEAD^{commit}").decode().strip()
        except GitFailure as error:
            if "single revision" not in error.detail:
                raise
            raise CrawlError(f"{self._label} has no commit to read: commit something first.") from error

    def entries(self, commit: str) -> list[Entry]:
        """Every file, symlink and submodule of `commit`, sorted by path.

        Raises:
            CrawlError: they cannot be listed, or are more than a person writes.
        """
        listing = self._run("ls-tree", "-r", "-z", "--full-tree", commit, max_output=_MAX_LISTING)
        entries = []
        for line in listing.split(b"\0"):
            if line:
                described, path = line.split(b"\t", 1)
                mode, _, oid = described.decode("ascii").split(" ")
                entries.append(Entry(mode, oid, path))
        return entries

    def sizes(self, oids: Sequence[str]) -> dict[str, int | None]:
        """Bytes of each blob; None for a missing one, which a size-filtered clone left out."""
        if not oids:
            return {}
        answers = self._run("cat-file", "--batch-check", given=oids).decode("ascii").splitlines()
        return {
            oid: int(answer.rsplit(" ", 1)[1]) if answer.split(" ")[1] == "blob" else None
            for oid, answer in zip(oids, answers, strict=True)
        }

    def blobs(self, sizes: dict[str, int]) -> Iterator[tuple[str, bytes]]:
        """Contents of the blobs whose sizes are given, a few megabytes at a time."""
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
            start, size = end + 1, int(header[2]) if len(header) == 3 else 0
            content = answer[start : start + size]
            if len(header) != 3 or _oid(content, oid) != oid:
                raise CrawlError(f"{self._label} lacks object {oid}: run `git fsck` in it, or clone it again.")
            yield oid, content
            position = start + size + 1  # git writes one newline after each object

    def _run(self, *arguments: str, given: Sequence[str] = (), max_output: int | None = None) -> bytes:
        # Reading must never use the network, not even for a blob that the clone left out.
        command = ["--git-dir", str(self.git_dir), "-c", "protocol.allow=never", *arguments]
        stdin = "".join(f"{oid}\n" for oid in given).encode("ascii")
        return run_git(
            command, label=self._label, stdin=stdin, protocols="", timeout_s=READ_TIMEOUT_S, max_output=max_output
        )


def _oid(content: bytes, like: str) -> str:
    """The id of a blob; git itself checks it only in `fsck`."""
    algorithm = hashlib.sha1 if len(like) == 40 else hashlib.sha256
    return algorithm(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class GitFailure(CrawlError):
    """Git exited with an error; `detail` is the reason, in git's words."""

    def __init__(self, label: str, detail: str) -> None:
        super().__init__(f"Git cannot read {label}: {detail}.")
        self.detail = detail


def local_repository(location: Path, label: str) -> GitReader:
    """Read the repository whose root (or bare directory) is `location`, in place.

    Only `location` itself is checked: a plain folder inside a repository is not a repository.

    Raises:
        CrawlError: it does not exist or is not a git repository.
    """
    if (location / ".git").exists():
        return GitReader(checked_folder(location / ".git", label), label)
    if all((location / name).exists() for name in ("HEAD", "objects", "refs")):
        return GitReader(checked_folder(location, label), label)
    problem = "is not a git repository" if location.is_dir() else "does not exist"
    raise CrawlError(f"{label} {problem}: give the path of a repository's root folder.")


def run_git(
    arguments: Sequence[str],
    *,
    label: str,
    protocols: str,
    timeout_s: float,
    stdin: bytes = b"",
    max_output: int | None = None,
    folder: Path | None = None,
    max_folder: int = 0,
) -> bytes:
    """Run git without the user's configuration, credentials or prompts; return what it printed.

    Args:
        arguments: the arguments after `git`.
        label: the user's name for the repository, for messages.
        protocols: protocols that it may use, colon-separated; empty for none.
        timeout_s: seconds until it is killed, with all processes that it started.
        stdin: its standard input.
        max_output: limit in bytes of its output.
        folder: where it writes; it is killed as soon as the folder holds more than `max_folder` bytes.

    Raises:
        GitFailure: it exited with an error.
        CrawlError: git is not installed, or it exceeded one of its limits.
    """
    guard = _started(arguments, label, protocols)  # GitPython ends the process once nothing refers to this
    process = guard.proc
    errors: list[bytes] = []
    helpers = [
        Thread(target=_feed, args=(process.stdin, stdin), daemon=True),
        Thread(target=_drain, args=(process.stderr, errors), daemon=True),
    ]
    for helper in helpers:
        helper.start()
    output, size = [], 0
    with _Watch(process, label, timeout_s, folder, max_folder) as watch:
        while piece := process.stdout.read1(2**20):
            size += len(piece)
            if max_output is not None and size > max_output:
                watch.end(f"{label} lists more files than a person writes: remove the link.", retryable=False)
                break
            output.append(piece)
        process.wait()
        watch.look()  # it may have exited between two looks
    for helper in helpers:
        helper.join()
    for stream in (process.stdin, process.stdout, process.stderr):
        with suppress(OSError):
            stream.close()
    if watch.ended is not None:
        raise watch.ended
    if process.returncode == 127:  # from env: the program does not exist
        raise _not_installed(label)
    if process.returncode != 0:
        raise GitFailure(label, _complaint(b"".join(errors).decode("utf-8", "replace")))
    return b"".join(output)


def _started(arguments: Sequence[str], label: str, protocols: str) -> Any:
    """GitPython's guard of the running process.

    GitPython starts git, and ends it when the guard is released. Its objects (Repo, Commit, Tree) would be shorter to
    use, but they start `git cat-file` with the whole environment of this process, and without the limits on memory,
    time and output that a stranger's repository needs; they accept no such limits. `env -i` has the same reason:
    GitPython can add to the environment but not remove from it, and GIT_SSL_NO_VERIFY, GIT_OBJECT_DIRECTORY, http_proxy
    and similar variables must never reach git.
    """
    try:
        from git import Git
        from git.exc import GitCommandNotFound
    except ImportError as error:
        raise _not_installed(label) from error
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= _ENVIRONMENT | {"GIT_ALLOW_PROTOCOL": protocols or "none"}
    variables = [f"{name}={value}" for name, value in environment.items()]
    try:
        return Git(os.sep).execute(
            ["env", "-i", *variables, "sh", "-c", _BOUNDED, "git", *_HARDENED, *arguments],
            istream=PIPE, as_process=True, start_new_session=True,
        )  # fmt: skip
    except GitCommandNotFound as error:
        raise _not_installed(label) from error


def _not_installed(label: str) -> CrawlError:
    return CrawlError(f"{label} needs the program git, which is not installed: install git.")


def _feed(stream: IO[bytes], content: bytes) -> None:
    with suppress(OSError, ValueError):  # git exited before it read everything; its exit status says why
        stream.write(content)
        stream.close()


def _drain(stream: IO[bytes], kept: list[bytes]) -> None:
    """Read git's error output to the end, so that git never blocks on it, and keep the beginning."""
    room = _MAX_ERRORS
    while piece := stream.read(4096):
        if room > 0:
            kept.append(piece)
            room -= len(piece)


class _Watch:
    """Kills a process and everything it started, once it takes too long or writes too much; `ended` says why."""

    def __init__(self, process: Any, label: str, timeout_s: float, folder: Path | None, max_folder: int) -> None:
        self.ended: CrawlError | None = None
        self._process, self._label, self._timeout_s = process, label, timeout_s
        self._folder, self._max_folder = folder, max_folder
        self._done = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        if kind is not None:  # interrupted: nothing may go on in the background
            self._kill()

    def end(self, why: str, *, retryable: bool) -> None:
        self.ended = CrawlError(why, retryable=retryable)
        self._kill()

    def _watch(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        while not self._done.wait(min(0.2, max(deadline - time.monotonic(), 0.01))):
            if time.monotonic() >= deadline:
                self.end(f"{self._label} took git more than {self._timeout_s:.0f} s: try again later.", retryable=True)
                return
            self.look()

    def look(self) -> None:
        """Kill it if it has written too much."""
        if self.ended is None and self._folder is not None and bytes_in(self._folder) > self._max_folder:
            self.end(
                f"{self._label} is larger than {self._max_folder / 2**20:.0f} MiB even without its history and large "
                "files: clone it, and declare the folder with `repository:`.",
                retryable=False,
            )

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def bytes_in(folder: Path) -> int:
    """Bytes of the files below `folder`, which may change while they are counted."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(root) / name).lstat().st_size
    return total


def _complaint(errors: str) -> str:
    """Why git gave up, in its own words and without this machine's paths; the lines after it are consequences."""
    lines = [line.strip() for line in errors.splitlines() if line.startswith(("fatal:", "error:", "remote:"))]
    said = next((line for line in lines if line.startswith("fatal:")), lines[0] if lines else "it gave no reason")
    said = re.sub(r"^(fatal|error|remote): (ERROR: )?", "", said).rstrip(".")
    said = "".join(character for character in said if character.isprintable())[:300]
    return re.sub(rf"{re.escape(tempfile.gettempdir())}[^\s']*", "the clone", said)
