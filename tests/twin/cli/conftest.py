"""Output of commands is compared as it is on a wide terminal, whatever the width of the one that runs the tests."""

import pytest


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
