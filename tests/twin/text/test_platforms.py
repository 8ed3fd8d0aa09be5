"""The table of platforms: one row serves the crawlers and the questions."""

from datetime import date

import pytest

from twin.retrieval.question.asked import asked
from twin.text.platforms import NAMED, PLATFORMS, platform_at


@pytest.mark.parametrize("key", PLATFORMS)
def test_every_name_of_a_platform_is_understood_in_a_question(key: str) -> None:
    for name in PLATFORMS[key].names:
        assert NAMED[name.lower()] == key
        assert asked(f"articles about locks published on {name}", [], date(2026, 11, 1)).where.platforms == (key,)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://medium.com/@ada/locks", "medium"),
        ("https://ada.substack.com/p/locks", "substack"),
        ("https://dev.to/ada/locks", "devto"),
        ("https://notmedium.com/ada", "web"),
        ("https://medium.com.example.org/ada", "web"),
    ],
)
def test_the_host_of_a_page_says_its_platform(url: str, expected: str) -> None:
    assert platform_at(url) == expected
