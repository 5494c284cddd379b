"""Everything the engine remembers of an identity, a session and a credential: three records of fixed size.

Only `fold` changes them. A table is a pair of arrays, keys and decayed counts; see `measures.add` for what a full one
gives up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.hashing import digest_of
from features.measures import NEVER, Array

SMALL, LARGE = 12, 28
"""How many values a table keeps; two sizes only, since every size is compiled for."""
SESSION_RESOURCES = 16
RECENT = 8
"""How many recent instances and networks are kept for a credential; the oldest gives way."""
HOUR_BINS = 48
"""Hours of the day, weekdays and weekends apart."""


def _table(name: str, size: int) -> list[tuple[Any, ...]]:
    return [(f"{name}_key", "i8", (size,)), (f"{name}_count", "f8", (size,))]


def _recent(name: str) -> list[tuple[Any, ...]]:
    return [(f"{name}_key", "i8", (RECENT,)), (f"{name}_time", "i8", (RECENT,))]


IDENTITY = np.dtype(
    [
        ("events", "i8"),
        ("clock", "i8"),
        ("last_success", "i8"),
        ("mass", "f8"),
        *_table("network", SMALL),
        *_table("asn", SMALL),
        *_table("country", SMALL),
        *_table("instance", SMALL),
        *_table("agent", SMALL),
        *_table("system", SMALL),
        *_table("action", LARGE),
        *_table("step", LARGE),
        *_table("intended", LARGE),
        *_table("resource", LARGE),
        *_table("credential", SMALL),
        ("category_count", "f8", (16,)),
        ("hour_count", "f8", (HOUR_BINS,)),
        ("writes", "f8"),
        ("hosting_seen", "f8"),
        ("hosting_known", "f8"),
        ("context_sum", "f8"),
        ("sensitivity_sum", "f8"),
        ("sensitivity_known", "f8"),
        ("privilege_max", "f8"),
        ("rate", "f8"),
        ("pace", "f8"),
        ("failures", "f8"),
        ("sign_in_failures", "f8"),
        ("gap_mean", "f8"),
        ("gap_variance", "f8"),
        ("latitude", "f8"),
        ("longitude", "f8"),
        ("located_at", "i8"),
    ],
    align=True,
)
"""What is remembered of an identity."""

SESSION = np.dtype(
    [
        ("events", "i8"),
        ("started", "i8"),
        ("network", "i8"),
        ("asn", "i8"),
        ("country", "i8"),
        ("instance", "i8"),
        ("agent", "i8"),
        ("system", "i8"),
        ("last_action", "i8"),
        ("writes", "f8"),
        ("privilege_max", "f8"),
        ("compliant", "f8"),
        ("failures", "f8"),
        ("resources", "i8"),
        ("resource_key", "i8", (SESSION_RESOURCES,)),
    ],
    align=True,
)
"""What is remembered of a session: how it began, and what it reached; distinct resources are counted up to 16."""

CREDENTIAL = np.dtype(
    [("events", "i8"), ("environment", "i8"), ("exposed", "f8"), *_recent("instance"), *_recent("network")],
    align=True,
)
"""What is remembered of a credential in its identity's hands."""

LAYOUT = digest_of(repr([dtype.descr for dtype in (IDENTITY, SESSION, CREDENTIAL)]).encode())
"""Digest of the three layouts; a stored history of another layout is recomputed, never reinterpreted."""

_UNKNOWN_AT_FIRST: dict[str, float | int] = {
    "clock": NEVER,
    "last_success": NEVER,
    "located_at": NEVER,
    "started": NEVER,
    "latitude": math.nan,
    "longitude": math.nan,
    "compliant": math.nan,
    "privilege_max": 0.0,
    "instance_time": NEVER,
    "network_time": NEVER,
}


def empty(dtype: np.dtype[np.void], size: int = 1) -> Array:
    """Histories of which nothing is known, shape (size,)."""
    records = np.zeros(size, dtype)
    for name, value in _UNKNOWN_AT_FIRST.items():
        if name in (dtype.names or ()):
            records[name] = value
    return records


def copied(record: Array) -> Array:
    """A copy of records, as bytes: numpy copies structured ones field by field, which is 20 times slower."""
    copy: Array = record.view(np.uint8).copy().view(record.dtype)
    return copy


@dataclass(frozen=True)
class History:
    """What is remembered of one identity, one of its sessions and one of its credentials, each of shape (1,)."""

    identity: Array
    session: Array
    credential: Array

    @classmethod
    def empty(cls) -> History:
        """The history of somebody never seen."""
        return cls(empty(IDENTITY), empty(SESSION), empty(CREDENTIAL))

    def copy(self) -> History:
        """A copy that can be folded into without touching this one."""
        return History(copied(self.identity), copied(self.session), copied(self.credential))
