"""Times of every source: in UTC, so that a document is the same in every store, and None rather than a crash."""

from datetime import UTC, datetime

import pytest

from twin.text.moments import iso_moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-24", datetime(2026, 2, 24, tzinfo=UTC)),
        (" 2026-02-24 00:09:12\n", datetime(2026, 2, 24, 0, 9, 12, tzinfo=UTC)),
        ("2026-02-24T00:09:12Z", datetime(2026, 2, 24, 0, 9, 12, tzinfo=UTC)),
        ("2026-02-24T01:09:12+02:00", datetime(2026, 2, 23, 23, 9, 12, tzinfo=UTC)),
        ("0001-01-01T00:00+05:00", None), ("9999-12-31T23:59-05:00", None),
        ("", None), ("yesterday", None), ("٢٠٢٦-٠٢-٢٤", None), (None, None), (1771891752, None), (["2026-02-24"], None),
    ],
)  # fmt: skip
def test_a_time_is_in_utc_or_none(text: object, expected: datetime | None) -> None:
    found = iso_moment(text)
    assert found == expected
    assert found is None or found.tzinfo is UTC
