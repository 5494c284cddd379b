"""Converts times to and from whole microseconds since 1970 (UTC), as the database stores them; durations in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from features.event.row_fields import microseconds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

__all__ = ["duration", "microseconds", "now", "time_of"]


def time_of(value: int) -> datetime:
    """The time of a number of microseconds since 1970.

    >>> time_of(1_000_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    return _EPOCH + timedelta(microseconds=value)


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


def duration(seconds: int) -> str:
    """A duration in words, in its largest whole unit; of hours that are not whole, with their minutes.

    >>> duration(900), duration(86_400), duration(2_592_000), duration(90), duration(42_122)
    ('15 min', '24 h', '30 days', '90 s', '11 h 42 min')
    """
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds % size == 0 and (seconds // size > 1 or unit != "days"):
            return f"{seconds // size} {unit}"
    if seconds >= 7_200:
        return f"{seconds // 3_600} h {seconds % 3_600 // 60} min"
    return f"{seconds} s"
