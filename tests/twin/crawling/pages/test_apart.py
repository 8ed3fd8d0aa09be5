"""Large documents are read in another process, which ends when its computing time is over."""

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from twin.crawling.pages import apart as module
from twin.crawling.pages.apart import SMALL, apart, close
from twin.crawling.pages.extract import extract_page
from twin.crawling.pages.fragment import fragment_markdown
from twin.crawling.pages.markup import Markup, read_markup
from twin.errors import CrawlError

LARGE = "x" * SMALL
PROSE = "<p>The mill computes what the store holds, and the cards tell both of them what to do next.</p>"
PAGE = f"<html><title>Mills</title><body><article><h1>Mills</h1>{PROSE * 1500}</article></body></html>"


@apart
def process(document: str | bytes, label: str = "") -> int:
    return os.getpid()


@apart
def outer(document: str) -> tuple[int, int]:
    return os.getpid(), process(document)


@apart
def endless(document: str, label: str) -> None:
    while True:
        pass


@apart
def ended(document: str, label: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@apart
def refusing(document: str, label: str) -> None:
    raise CrawlError(f"{label} is refused.", retryable=True)


@apart
def printing(document: str) -> int:
    print("this would stand between two answers")
    os.write(1, b"and so would this")
    return len(document)


@apart
def environment(document: str) -> dict[str, str]:
    return dict(os.environ)


@apart
def sized(document: str, label: str) -> int:
    return int(label)


def test_only_large_documents_are_read_apart() -> None:
    assert process("small") == process(b"small") == os.getpid()
    there = process(LARGE)
    assert there != os.getpid()
    assert process(LARGE.encode()) == there  # one process reads all
    assert outer(LARGE) == (there, there)


def test_a_document_that_takes_too_long_is_refused_and_the_next_one_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.1)
    with pytest.raises(
        CrawlError, match=r"^https://a\.example/ takes more than 0\.\d s of computing, far more"
    ) as caught:
        endless(LARGE, "https://a.example/")
    assert not caught.value.retryable
    monkeypatch.undo()
    assert process(LARGE) != os.getpid()


def test_a_process_that_ends_takes_only_its_own_document_with_it() -> None:
    with pytest.raises(CrawlError, match=r"^the page ends the process that reads it \(signal 9\): remove the link"):
        ended(LARGE, "")
    assert process(LARGE) != os.getpid()


def test_a_refusal_is_the_same_from_there() -> None:
    with pytest.raises(CrawlError, match=r"^a is refused\.$") as caught:
        refusing(LARGE, "a")
    assert caught.value.retryable


def test_what_a_library_prints_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    close()  # so that the process is started with the captured output
    assert printing(LARGE) == SMALL
    assert printing(LARGE + "y") == SMALL + 1
    assert capfd.readouterr().out == ""
    close()


def test_no_secret_goes_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "S3cret")
    close()
    there = environment(LARGE)
    assert "S3cret" not in str(there)
    assert set(there) <= {*module._ENVIRONMENT, "PYTHONPATH", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"}


def test_threads_get_their_own_answers() -> None:
    with ThreadPoolExecutor(8) as workers:
        assert list(workers.map(lambda n: sized(LARGE, str(n)), range(64))) == list(range(64))


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_fork_starts_its_own() -> None:
    there = process(LARGE)
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(sending, str(process(LARGE)).encode())
        close()
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(receiving, 100)) != there
    assert process(LARGE) == there


def test_what_is_read_there_is_what_would_be_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    page, markup, fragment = extract_page(PAGE), read_markup(PAGE), fragment_markdown(PAGE, "https://a.example/")
    assert page is not None
    assert markup._tree is None
    monkeypatch.setattr(module, "SMALL", len(PAGE) + 1)
    assert extract_page(PAGE) == page
    assert fragment_markdown(PAGE, "https://a.example/") == fragment
    assert Markup(PAGE).__getstate__() == markup.__getstate__()
