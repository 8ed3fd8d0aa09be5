"""Times as sources write them, in UTC; a time without a time zone counts as UTC."""

from datetime import UTC, datetime


def iso_moment(text: object) -> datetime | None:
    """The time given by a text in ISO 8601, in UTC; None if it is not such a text."""
    try:
        return in_utc(datetime.fromisoformat(text.strip())) if isinstance(text, str) else None
    except (ValueError, OverflowError):  # also a year that UTC moves before 1 or after 9999
        return None


def in_utc(moment: datetime) -> datetime:
    """The same time in UTC.

    Raises:
        OverflowError: in UTC it is before the year 1 or after 9999.
    """
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
