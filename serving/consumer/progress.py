"""What a consumer has done, as metrics and as a line every few seconds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge

REGISTRY = CollectorRegistry()
RECORDS = Counter(
    "session_trust_consumed_records",
    "Records read: they are events, left out (no act of a known identity), or rejected",
    ["result"],
    registry=REGISTRY,
)
EVENTS = Counter(
    "session_trust_consumed_events",
    "Events shipped: stored, duplicates of stored ones, or refused by the service",
    ["result"],
    registry=REGISTRY,
)
RETRIES = Counter(
    "session_trust_consume_retries", "Attempts after which the service had not taken a batch", registry=REGISTRY
)
LAG_RECORDS = Gauge(
    "session_trust_consume_lag_records",
    "Records of a Kafka partition that are not yet stored",
    ["partition"],
    registry=REGISTRY,
)
LAG_SECONDS = Gauge(
    "session_trust_consume_lag_seconds",
    "How old the newest event of the last batch was when it was stored, in seconds",
    registry=REGISTRY,
)
WINDOW_SECONDS = 30.0
"""Over which rates are measured."""


class ConsumerProgress:
    """Counts of one run."""

    def __init__(self) -> None:
        self.events = self.left_out = self.rejected = 0
        self.stored = self.duplicates = self.refused = 0
        self.behind: int | None = None
        """Records that are not yet stored; None where nobody can know."""
        self.lag_seconds: float | None = None
        self._past: deque[tuple[float, int, int]] = deque([(time.monotonic(), 0, 0)])

    @property
    def records(self) -> int:
        """All records that were read."""
        return self.events + self.left_out + self.rejected

    def count_record(self, result: str) -> None:
        """Count a record as `event`, `left_out` or `rejected`."""
        RECORDS.labels(result).inc()
        name = "events" if result == "event" else result
        setattr(self, name, getattr(self, name) + 1)

    def count_delivery(
        self, stored: int, duplicates: int, refused: int, newest: datetime | None, now: datetime
    ) -> None:
        """Count a batch that the service has taken, and when its newest event was that is not in the future."""
        self.stored, self.duplicates, self.refused = (
            self.stored + stored,
            self.duplicates + duplicates,
            self.refused + refused,
        )
        for result, count in (("stored", stored), ("duplicate", duplicates), ("refused", refused)):
            EVENTS.labels(result).inc(count)
        if newest is not None:
            self.lag_seconds = (now - newest).total_seconds()
            LAG_SECONDS.set(self.lag_seconds)

    def set_lag(self, lag: Mapping[str, int]) -> None:
        """How far each partition is behind; of one that another member reads nothing is said any more."""
        LAG_RECORDS.clear()
        for partition, records in lag.items():
            LAG_RECORDS.labels(partition).set(records)
        self.behind = sum(lag.values()) if lag else None

    def rates(self) -> tuple[float, float]:
        """Records read and events stored a second, over the last WINDOW_SECONDS."""
        now = time.monotonic()
        self._past.append((now, self.records, self.stored))
        while len(self._past) > 2 and now - self._past[0][0] > WINDOW_SECONDS:
            self._past.popleft()
        then, records, stored = self._past[0]
        seconds = max(now - then, 1e-3)
        return (self.records - records) / seconds, (self.stored - stored) / seconds

    def line(self) -> str:
        """All of it in one line."""
        read, stored = self.rates()
        parts = [
            f"{self.records:,} records read ({read:,.0f}/s)",
            f"{self.stored:,} events stored ({stored:,.0f}/s)",
            f"{self.duplicates:,} duplicates",
            f"{self.left_out:,} left out",
            f"{self.rejected + self.refused:,} rejected",
        ]
        if self.behind is not None:
            parts.append(f"{self.behind:,} records behind")
        if self.lag_seconds is not None:
            parts.append(f"newest event {self.lag_seconds:,.0f} s old when stored")
        return ", ".join(parts)
