"""The features of a whole log at once: the same compiled step, over events in time order.

Ties in time are broken by the event's id, or by its place in the input where it has none. Every event is read before
it is folded, by its logged outcome; an event never reads its own.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pyarrow as pa

from features.columns import conform, rows_of
from features.history import CREDENTIAL, IDENTITY, SESSION, empty
from features.measures import Array
from features.vector import FEATURES, step

CHUNK = 50_000

Progress = Callable[[int, int], None]
"""Called with how many events are done and how many there are."""


def time_order(rows: Array) -> Array:
    """The order in which rows are replayed: by time, then event id, then place."""
    return np.lexsort((rows["event_key"], rows["time"]))


def replay(table: pa.Table, population: Array, *, progress: Progress | None = None) -> Array:
    """The features of every event, shape (n, F) float64, in the table's own row order.

    Identities are told apart by their full ids; a session or credential only ever belongs to one identity, and an
    unknown one to nobody.
    """
    events = conform(table)
    rows = rows_of(events)
    order = time_order(rows)
    identity_of = _codes(events["identity.id"])[0]
    session_of, sessions = _codes_below(identity_of, events["session.id"])
    credential_of, credentials = _codes_below(identity_of, events["credential.id"])
    histories = (
        empty(IDENTITY, int(identity_of.max(initial=-1)) + 1),
        empty(SESSION, sessions),
        empty(CREDENTIAL, credentials),
    )
    values = np.empty((len(rows), len(FEATURES)))
    rows, places = rows[order], (identity_of[order], session_of[order], credential_of[order])
    for start, end in pairwise([*range(0, len(rows), CHUNK), len(rows)]):
        step().batch(
            rows[start:end], *(place[start:end] for place in places), *histories, population, values[start:end]
        )
        if progress:
            progress(end, len(rows))
    return values[np.argsort(order)]


def _codes(column: pa.ChunkedArray) -> tuple[Array, int]:
    """Each row's place among the distinct values, and how many there are; an unknown value gets a place of its own."""
    coded = column.combine_chunks().dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
    return _apart(codes, len(coded.dictionary))


def _codes_below(identity_of: Array, column: pa.ChunkedArray) -> tuple[Array, int]:
    coded = column.combine_chunks().dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
    pairs = np.where(codes < 0, -1, identity_of * (len(coded.dictionary) + 1) + codes)
    distinct, places = np.unique(pairs, return_inverse=True)
    unknown = int(len(distinct) > 0 and distinct[0] == -1)
    return _apart(places - unknown, len(distinct) - unknown)


def _apart(codes: Array, known: int) -> tuple[Array, int]:
    missing = codes < 0
    codes = codes.copy()
    codes[missing] = known + np.arange(int(missing.sum()))
    return codes, known + int(missing.sum())
