"""Times as sources write them, in UTC; one without a zone is taken to be there already."""

from datetime import UTC, datetime


def iso_moment(text: object) -> datetime | None:
    """The time that a text in ISO 8601 says, in UTC; None where it says none, or is no text."""
    try:
        return in_utc(datetime.fromisoformat(text.strip())) if isinstance(text, str) else None
    except (ValueError, OverflowError):  # of a year that another zone puts before 1 or after 9999
        return None


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC.

    Raises:
        OverflowError: UTC puts it before the year 1 or after 9999.
    """
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
