"""Progress: a bar with the time left where the total is known, a count where it is not, nothing where it is quick."""

import logging

import pytest

from twin import progress as module
from twin.progress import Progress, progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_bar_shows_count_rate_and_time_left(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "twin")
    reporter = Progress("reading articles of ada", 200)
    clock[0] = 4.0
    reporter.advance(50)
    clock[0] = 5.0
    reporter.advance(1)  # too soon for another line
    clock[0] = 100.0
    reporter.advance(149, "a note")
    assert caplog.messages == [
        "reading articles of ada: █████░░░░░░░░░░░░░░░ 50/200, 12.5/s, 12 s left",
        "reading articles of ada: ████████████████████ 200/200, 2.0/s, 0 s left, a note",
    ]


def test_minutes_are_minutes_and_more_than_expected_is_not_an_error(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "twin")
    reporter = Progress("cloning", 1000)
    clock[0] = 10.0
    reporter.advance(10)
    clock[0] = 20.0
    reporter.advance(5000)
    assert "10/1000, 1.0/s, 16 min 30 s left" in caplog.messages[0]
    assert "5010/1000, 250.5/s, 0 s left" in caplog.messages[1]


def test_items_pass_unchanged_and_an_unknown_total_is_counted(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "twin")
    given = []
    for item in progress(iter("abc"), "reading"):
        clock[0] += 4
        given.append(item)
    assert given == ["a", "b", "c"]
    assert caplog.messages == ["reading: 1, 0.2/s", "reading: 2, 0.2/s", "reading: 3, 0.2/s"]
