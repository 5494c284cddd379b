"""The features of many events: the same compiled step, over events in time order.

Ties in time are broken by the event's id, or by its place in the input where it has none. Every event is read before
it is folded, by its logged outcome; an event never reads its own.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.engine.batch_state import Carrier, in_chunks
from features.engine.online import step
from features.event.numpy_row import rows_of

Progress = Callable[[int, int], None]
"""Called with how many events are done and how many there are."""


def time_order(rows: Array) -> Array:
    """The places of rows in the order in which they are replayed: by time, then event id, then place.

    Sorted by one number that holds the time and as much of the id as there is room for: what is nearly in order, as
    logs are, then costs little.
    """
    time, event = (_above_least(rows[name]) for name in ("time", "event_key"))
    room = 64 - int(time.max(initial=0)).bit_length()
    rough = (time << np.uint64(room)) | (event >> np.uint64(64 - room))
    if (rough[1:] > rough[:-1]).all():
        return np.arange(len(rows))  # as most logs are
    order = np.argsort(rough, kind="stable")
    _settle(order, rough[order], event[order])
    return order


def _above_least(values: Array) -> Array:
    return (values - values.min(initial=2**63 - 1)).view(np.uint64)


def _settle(order: Array, rough: Array, event: Array) -> None:
    """Sort by the whole id what the part of it in `rough` left undecided; that is little, or nothing."""
    same = rough[1:] == rough[:-1]
    wrong = same & (event[1:] < event[:-1])
    if wrong.any():
        run = np.append(0, np.cumsum(~same))
        undecided = np.flatnonzero(np.isin(run, run[1:][wrong]))
        order[undecided] = order[undecided][np.lexsort((event[undecided], run[undecided]))]


def replay(table: pa.Table, population: Array, *, threads: int = 1, progress: Progress | None = None) -> Array:
    """The features of every event, shape (n, F) float64, in the table's own row order.

    Threads share the identities among them, and give the same bits in any number.
    """
    return replay_rows(rows_of(table), population, threads=threads, progress=progress)


def replay_rows(rows: Array, population: Array, *, threads: int = 1, progress: Progress | None = None) -> Array:
    """The same of rows, shape (n,) of ROW."""
    values = np.empty((len(rows), len(FEATURES)))
    done = Count(len(rows), progress)

    def run(theirs: Array) -> None:
        carrier = Carrier(population)
        for places in in_chunks(theirs):
            carrier.take_into(values, rows, places)
            done.add(len(places))

    step()  # once, before threads ask for it
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, _by_identity(rows, 1 + len(rows) // PART)))
    return values


PART = 16_384
"""About how many events are replayed at a time, with all others of their identities: few enough that what is remembered
of these stays in the cache, and that threads have an even share."""


def _by_identity(rows: Array, parts: int) -> list[Array]:
    """The places of rows in so many parts, each with all rows of its identities in time order."""
    order = time_order(rows)
    part = (rows["identity_key"] % parts).astype(np.min_scalar_type(parts))[order]
    together = order[np.argsort(part, kind="stable")]
    return np.split(together, np.cumsum(np.bincount(part, minlength=parts))[:-1])


def by_column(values: Array) -> Array:
    """The same by column, shape (F, n), as tables want it."""
    columns = np.empty(values.shape[::-1])
    for start in range(0, len(values), _TURNED):
        some = slice(start, start + _TURNED)
        columns[:, some] = values[some].T
    return columns


_TURNED = 1_024
"""Events turned at a time, so that what is read for the first column is in the cache for the others."""


class Count:
    """Tells how many events are done, of how many there are."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def add(self, events: int) -> None:
        self._done += events
        if self._progress:
            self._progress(self._done, self._total)
