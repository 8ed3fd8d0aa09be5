"""One "did you mean" for every name."""

import pytest

from twin.nearest import did_you_mean, listed, nearest

KNOWN = ["jane-doe", "john-doe", "llm-twin", "Ada"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("jan-doe", ["jane-doe", "john-doe"]),  # the more alike first
        ("jane", ["jane-doe"]),
        ("ADA", ["Ada"]),
        ("twin", ["llm-twin"]),
        ("lm", []),
        ("grace", []),
        ("", []),
    ],
)
def test_similar_names_and_those_that_contain_it(typed: str, found: list[str]) -> None:
    assert nearest(typed, KNOWN) == found


def test_the_sentence_ends_with_names_or_with_what_to_do() -> None:
    assert did_you_mean("llm-twn", KNOWN, "write one") == ": did you mean 'llm-twin'?"
    assert did_you_mean("grace", KNOWN, "write one") == ": write one."
    assert did_you_mean("grace", [], "write one") == ": write one."


def test_long_lists_are_cut() -> None:
    assert listed(map(str, range(12))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    assert listed(["a", "b"]) == "a, b"
