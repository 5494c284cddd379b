"""The history of an identity, a session and a credential: three numpy records of fixed size.

Only `features/history/update.py` changes them. A table is a pair of arrays, keys and decayed counts; see
`decayed_counts.add` for which key a full table drops. Counts are in units of `weight`, the count of an event at the
current time: instead of every count decaying, the weight grows, so an event changes only the counts it concerns. The
weight starts so small that it cannot overflow within the 130 years that an event's time may span.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.arrays import NEVER, Array
from features.hashing import digest_of
from features.history.evidence.fields import COMPARED, SUMS
from features.kernels.bucket_table import BUCKET

SMALL, MIDDLE, LARGE = BUCKET, 2 * BUCKET, 4 * BUCKET
"""Table sizes, in values. There are few, because each size is compiled separately."""
ACTIONS, STEPS = 128, 256
"""Actions and steps of an identity: a shell's user knows some two hundred commands, a service account a dozen calls."""
SESSION_RESOURCES = 16
RECENT = BUCKET
"""Recent values kept with their times; a new one replaces the least recently seen."""
LONGEST_LOOP = BUCKET
"""The longest cycle of requests that counts as a loop; a power of two."""
LIGHTEST = 2.0**-1000
"""The weight of an identity's first event."""
CATEGORIES = 16
HOUR_BINS = 48
"""Hours of the day, separately for weekdays and weekends."""


def _table(name: str, size: int) -> list[tuple[Any, ...]]:
    return [(f"{name}_key", "i8", (size,)), (f"{name}_count", "f8", (size,))]


def _recent(name: str) -> list[tuple[Any, ...]]:
    return [(f"{name}_key", "i8", (RECENT,)), (f"{name}_time", "i8", (RECENT,))]


def _mean(name: str) -> list[tuple[Any, ...]]:
    return [(f"{name}_sum", "f8"), (f"{name}_known", "f8")]


IDENTITY = np.dtype(
    [
        ("events", "i8"),
        ("clock", "i8"),
        ("last_success", "i8"),
        ("weight", "f8"),
        ("mass", "f8"),
        ("writes", "f8"),
        ("rate", "f8"),
        ("pace", "f8"),
        ("failures", "f8"),
        ("sign_in_failures", "f8"),
        ("prompts", "f8"),
        ("step_ups", "f8"),
        ("failure_streak", "f8"),
        ("recent_failures", "f8"),
        ("guesses", "f8"),
        ("attempts", "f8"),
        ("failed_attempts", "f8"),
        ("exposures", "f8"),
        ("privilege_max", "f8"),
        ("gap_mean", "f8"),
        ("gap_variance", "f8"),
        ("session_gap_variance", "f8"),
        ("context_sum", "f8"),
        ("session_events_sum", "f8"),
        ("session_resources_sum", "f8"),
        ("loop_sum", "f8"),
        *_mean("hosting"),
        *_mean("reputation"),
        *_mean("sensitivity"),
        *_mean("breadth"),
        ("latitude", "f8"),
        ("longitude", "f8"),
        ("accuracy", "f8"),
        ("located_country", "i8"),
        ("located_at", "i8"),
        ("person_client", "i8"),
        ("person_day", "i8"),
        ("person_today", "f8"),
        ("person_before", "f8"),
        ("strong_at", "i8"),
        ("last_issued", "i8"),
        ("rotation", "f8"),
        ("rotations", "i8"),
        *_table("network", MIDDLE),
        *_table("asn", SMALL),
        *_table("country", SMALL),
        *_table("instance", SMALL),
        *_table("agent", SMALL),
        *_table("credential", SMALL),
        *_table("verb", LARGE),
        *_table("intended", LARGE),
        *_table("resource", LARGE),
        ("category_count", "f8", (CATEGORIES,)),
        ("hour_count", "f8", (HOUR_BINS,)),
        ("compared_count", "f8", (len(COMPARED),)),
        ("first_count", "f8", (len(COMPARED),)),
        ("starts", "f8"),
        ("forgotten", "f8"),
        ("step_cusum_sum", "f8"),
        ("total_cusum_sum", "f8"),
        ("loose_at", "i8"),
        ("loose_action", "i8"),
        ("loose_sum", "f8", (SUMS,)),
        *_table("action", ACTIONS),
        *_table("step", STEPS),
    ],
    align=True,
)
"""The history of an identity. Of each compared field it counts the events in which the field was known, and in how many
of them its value was new. What is `loose` is the session of events that name none, see `evidence.frequencies.IDLE`."""

SESSION = np.dtype(
    [
        ("events", "i8"),
        ("last", "i8"),
        ("network", "i8"),
        ("asn", "i8"),
        ("country", "i8"),
        ("instance", "i8"),
        ("agent", "i8"),
        ("system", "i8"),
        ("credential", "i8"),
        ("last_action", "i8"),
        ("writes", "f8"),
        ("privilege_max", "f8"),
        ("compliant", "f8"),
        ("proved_at", "i8"),
        ("step_up_at", "i8"),
        ("gaps", "i8"),
        ("gap_mean", "f8"),
        ("gap_variance", "f8"),
        ("resources", "i8"),
        ("resource_key", "i8", (SESSION_RESOURCES,)),
        ("category_count", "f8", (CATEGORIES,)),
        ("request_key", "i8", (LONGEST_LOOP,)),
        ("repeats", "i8", (LONGEST_LOOP,)),
        ("noted", "i8"),
        ("action_rarity_sum", "f8"),
        ("action_rarity_max", "f8"),
        ("step_rarity_sum", "f8"),
        ("new_actions", "f8"),
        ("new_resources", "f8"),
        ("network_rarity_max", "f8"),
        ("agent_rarity_max", "f8"),
        ("hour_rarity_max", "f8"),
        ("gap_unlike_usual_max", "f8"),
        ("privilege_above_max", "f8"),
        ("evidence_sum", "f8", (SUMS,)),
    ],
    align=True,
)
"""The history of a session: how it began, what it reached, and how rare its requests were when they were made. Distinct
resources are counted up to 16."""

CREDENTIAL = np.dtype(
    [
        ("environment", "i8"),
        ("exposed", "f8"),
        *_recent("instance"),
        *_recent("network"),
        *_recent("agent"),
    ],
    align=True,
)
"""The history of a credential, as used by one identity."""

LAYOUT = digest_of(repr([dtype.descr for dtype in (IDENTITY, SESSION, CREDENTIAL)]).encode())
"""Digest of the three layouts; a stored history of another layout is recomputed, never reinterpreted."""

_INITIAL_VALUES: dict[str, float | int] = {
    "clock": NEVER,
    "last_success": NEVER,
    "weight": LIGHTEST,
    "located_at": NEVER,
    "strong_at": NEVER,
    "last_issued": NEVER,
    "loose_at": NEVER,
    "last": NEVER,
    "proved_at": NEVER,
    "step_up_at": NEVER,
    "latitude": math.nan,
    "longitude": math.nan,
    "accuracy": math.nan,
    "compliant": math.nan,
    "instance_time": NEVER,
    "network_time": NEVER,
    "agent_time": NEVER,
}


def empty(dtype: np.dtype[np.void], size: int = 1) -> Array:
    """New histories without events, shape (size,).

    Many records use numpy's own memory, which is allocated in large pages; one alone is twice as fast as a bytearray.
    """
    if size == 1:
        return np.frombuffer(bytearray(_blank(dtype)), dtype)
    records = np.empty(size, dtype)
    blank(records)
    return records


def blank(records: Array) -> None:
    """Reset records to histories without events, in place."""
    as_bytes = np.dtype((np.void, records.dtype.itemsize))
    records.view(as_bytes)[:] = np.frombuffer(_blank(records.dtype), as_bytes)


_BLANK: dict[np.dtype[np.void], bytes] = {}


def _blank(dtype: np.dtype[np.void]) -> bytes:
    if dtype not in _BLANK:
        record = np.zeros(1, dtype)
        for name, value in _INITIAL_VALUES.items():
            if name in (dtype.names or ()):
                record[name] = value
        _BLANK[dtype] = record.tobytes()
    return _BLANK[dtype]


OF_A_POPULATION = ("step_cusum_sum", "total_cusum_sum", "loose_sum", "evidence_sum")
"""The fields that depend on the population an event was compared with; all others follow from the events alone."""


def without_sums(record: Array) -> Array:
    """A copy of a record without what depends on a population."""
    bare = copied(record)
    for name in OF_A_POPULATION:
        if name in (bare.dtype.names or ()):
            bare[name] = 0.0
    return bare


def copied(record: Array) -> Array:
    """A copy of records, made bytewise: numpy copies structured arrays field by field, which is slower."""
    return np.ndarray(record.shape, record.dtype, bytearray(record.tobytes()))


@dataclass(frozen=True)
class History:
    """The histories of one identity, one of its sessions and one of its credentials, each of shape (1,)."""

    identity: Array
    session: Array
    credential: Array

    @classmethod
    def empty(cls) -> History:
        """The history of an identity without events."""
        return cls(empty(IDENTITY), empty(SESSION), empty(CREDENTIAL))

    def copy(self) -> History:
        """A copy that can be updated independently."""
        return History(copied(self.identity), copied(self.session), copied(self.credential))
