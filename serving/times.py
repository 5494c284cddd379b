"""Times as the database keeps them: whole microseconds since 1970 (UTC)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from features.rows import microseconds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

__all__ = ["microseconds", "now", "time_of"]


def time_of(value: int) -> datetime:
    """The time that a number of microseconds stands for.

    >>> time_of(1_000_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    return _EPOCH + timedelta(microseconds=value)


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)
