"""Read large documents in another process, whose computing time is limited.

HTML that somebody made for the purpose costs parsers and extractors the square of its size: unclosed tags, attributes,
deep trees, text that regular expressions go over again and again. Most of this happens in libraries, much of it in C
code that no thread can stop. A small document cannot cost much even so; a large one is read by a child process, which
the system ends when its time is over. The child is started once and reads one document after another.

What a child reads needs no secret, so it gets none: of the environment it sees only what Python needs.
"""

import atexit
import importlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import IO, Any, Concatenate, ParamSpec, TypeVar, cast

from twin.errors import CrawlError

SMALL = 16_000
"""A document with fewer characters or bytes is read here: even the square of its size costs at most about a second.
Of 95 kB, nested tables take 34 seconds."""

SECONDS, SECONDS_PER_MB = 2.5, 1.5
"""Limit of CPU time for all readings of one document. Of ordinary articles, a megabyte takes about one second."""

_LEAST_SECONDS = 0.25
_REMEMBERED = 64
"""Number of documents whose time is known: several functions read the same document one after another."""

_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

D = TypeVar("D", bound=bytes | str)
P = ParamSpec("P")
R = TypeVar("R")


def apart(function: Callable[Concatenate[D, P], R]) -> Callable[Concatenate[D, P], R]:
    """A decorator for a function of a module that reads a document, its first argument.

    A large document is read in another process, so arguments and result must be picklable, and a change of an argument
    is lost. A function that is called there by another one is not sent to a further process.

    The function then also raises:
        CrawlError: the document takes too long, or ends the process that reads it.
    """

    @wraps(function)
    def read(document: D, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if len(document) < SMALL or _CHILD.serving:
            return function(document, *args, **kwargs)
        label = args[0] if args and isinstance(args[0], str) and args[0] else "the page"
        name = f"{function.__module__}:{function.__qualname__}"
        answer: R = _CHILD.ask(name, (document, *args), kwargs, label)
        return answer

    return read


class _Child:
    """The process that reads large documents; it is started when it is first needed, and again after it was ended."""

    def __init__(self) -> None:
        self.serving = False  # whether this process is the child
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0  # process that started it: a fork must not use the same pipes
        self._spent: dict[int, float] = {}  # hash of a document -> CPU seconds of its readings

    def ask(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], label: str) -> Any:
        document = hash(args[0])
        limit_s = SECONDS + SECONDS_PER_MB * len(args[0]) / 1e6
        with self._lock:
            left_s = max(limit_s - self._spent.get(document, 0.0), _LEAST_SECONDS)
            packed = pickle.dumps((name, args, kwargs, left_s))
            process = self._started()
            try:
                asking, answers = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
                asking.write(packed)
                asking.flush()
                is_good, answer, spent_s = pickle.load(answers)  # noqa: S301 - our own process
            except (EOFError, OSError, pickle.UnpicklingError) as error:
                status = self._ended(process)
                raise CrawlError(_reason(label, status, limit_s)) from error
            except BaseException:  # interrupted: its answer would be taken for that of the next document
                self._ended(process)
                raise
            self._spent[document] = self._spent.pop(document, 0.0) + spent_s
            if len(self._spent) > _REMEMBERED:
                del self._spent[next(iter(self._spent))]
        result = pickle.loads(answer)  # noqa: S301 - our own process
        if not is_good:
            raise result
        return result

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
            environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
            command = [sys.executable, "-P", "-c", f"from {__name__} import serve; serve()"]
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
            self._owner = os.getpid()
        return self._process

    def _ended(self, process: "subprocess.Popen[bytes]") -> int:
        """End it if it has not ended by itself; return its status as `Popen.returncode`."""
        self._process = None
        try:
            return process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    try:
                        pipe.close()
                    except OSError:
                        continue

    def close(self) -> None:
        process = self._process
        if process is not None and self._owner == os.getpid():
            process.kill()
            self._ended(process)


def serve() -> None:
    """The child's work: answer every question from standard input until it ends."""
    _CHILD.serving = True
    # Whatever a library prints must not stand between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the pipe
    # The default action ends the process even in the middle of C code; a handler of Python's would wait.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    import trafilatura  # noqa: F401 - loading the libraries does not count as reading

    while True:
        try:
            name, args, kwargs, limit_s = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the parent
        except EOFError:
            return
        module, _, function = name.partition(":")
        asked = getattr(importlib.import_module(module), function)
        before = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, limit_s)
        try:
            packed = pickle.dumps(asked(*args, **kwargs))
            is_good = True
        except Exception as error:
            packed = pickle.dumps(error)
            is_good = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        pickle.dump((is_good, packed, time.process_time() - before), answers)
        answers.flush()


def close() -> None:
    """End the child, if there is one; it is started again when it is needed."""
    _CHILD.close()


def _reason(label: str, status: int, limit_s: float) -> str:
    instead = "remove the link, or save its text as .md or .txt and declare that file with `files:`"
    if status == -signal.SIGPROF:
        return f"{label} takes more than {limit_s:.1f} s of computing, far more than a page for readers: {instead}."
    ended = f"signal {-status}" if status < 0 else f"status {status}"
    return f"{label} ends the process that reads it ({ended}): {instead}."


_CHILD = _Child()
atexit.register(close)
