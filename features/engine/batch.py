"""The features of many events: the same compiled step, over events in time order.

Ties in time are broken by the event's id, or by its position in the input where it has none. An event's features are
computed before its histories are updated with its logged outcome: they never depend on that outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.engine.batch_state import BatchState, in_chunks
from features.engine.online import step
from features.event.numpy_row import rows_of

Progress = Callable[[int, int], None]
"""Called with how many events are done and how many there are."""


def time_order(rows: Array) -> Array:
    """The indices of rows in replay order: by time, then event id, then position.

    They are sorted by one number that holds the time and as many bits of the id as fit: logs are nearly in order, and
    then that costs little.
    """
    time, event = (_above_least(rows[name]) for name in ("time", "event_key"))
    room = 64 - int(time.max(initial=0)).bit_length()
    sort_key = (time << np.uint64(room)) | (event >> np.uint64(64 - room))
    if (sort_key[1:] > sort_key[:-1]).all():
        return np.arange(len(rows))  # as most logs are
    order = np.argsort(sort_key, kind="stable")
    _sort_ties(order, sort_key[order], event[order])
    return order


def _above_least(values: Array) -> Array:
    return (values - values.min(initial=2**63 - 1)).view(np.uint64)


def _sort_ties(order: Array, sort_key: Array, event: Array) -> None:
    """Sort rows of equal `sort_key` by the whole id; there are few, or none."""
    same = sort_key[1:] == sort_key[:-1]
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
    """The same for rows, shape (n,) of ROW."""
    values = np.empty((len(rows), len(FEATURES)))
    done = Count(len(rows), progress)

    def run(order: Array) -> None:
        state = BatchState(population)
        for chunk in in_chunks(order):
            state.read_and_update_into(values, rows, chunk)
            done.add(len(chunk))

    step()  # once, before threads ask for it
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, _by_identity(rows, 1 + len(rows) // PART)))
    return values


PART = 16_384
"""About how many events a part holds: few enough that its histories stay in the processor's cache and that threads get
even shares."""


def _by_identity(rows: Array, parts: int) -> list[Array]:
    """The indices of rows in so many parts, each with all rows of its identities in time order."""
    order = time_order(rows)
    part = (rows["identity_key"] % parts).astype(np.min_scalar_type(parts))[order]
    together = order[np.argsort(part, kind="stable")]
    return np.split(together, np.cumsum(np.bincount(part, minlength=parts))[:-1])


def by_column(values: Array) -> Array:
    """The same by column, shape (F, n), as tables need it."""
    columns = np.empty(values.shape[::-1])
    for start in range(0, len(values), _BLOCK):
        some = slice(start, start + _BLOCK)
        columns[:, some] = values[some].T
    return columns


_BLOCK = 1_024
"""Events transposed at a time, so that a block stays in the processor's cache for all its columns."""


class Count:
    """Counts events done, and reports each addition to `progress`."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def add(self, events: int) -> None:
        self._done += events
        if self._progress:
            self._progress(self._done, self._total)
