"""Histories kept from one batch of a stream to the next: how a log, a file's parts and a cluster's partitions are all
replayed.

A session or credential belongs to one identity. An event without one gets an empty history that is dropped after the
event. Memory grows with identities, sessions and credentials, never with events.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.engine.fused_step import POSITIONS
from features.engine.online import step
from features.history.layout import CREDENTIAL, IDENTITY, SESSION, blank, empty
from features.kernels.hash_table import SPARE_RECORDS

CHUNK = 32_768
"""Events handled at once, so that the hash table's part of the work stays in the processor's cache."""


def in_chunks(order: Array) -> Iterator[Array]:
    """An order cut into chunks."""
    return (order[start : start + CHUNK] for start in range(0, len(order), CHUNK))


class BatchState:
    """The histories of a stream's identities, sessions and credentials, and the population they are compared with."""

    def __init__(self, population: Array) -> None:
        self._population = population
        self._kinds = Histories(IDENTITY), Histories(SESSION), Histories(CREDENTIAL)

    @property
    def counts(self) -> tuple[int, int, int]:
        """The number of identities, sessions and credentials with a history."""
        identities, sessions, credentials = map(len, self._kinds)
        return identities, sessions, credentials

    def read_and_update(self, rows: Array) -> Array:
        """Features of rows in time order that follow those before, shape (n, F); then their histories are updated."""
        values = np.empty((len(rows), len(FEATURES)))
        for order in in_chunks(np.arange(len(rows))):
            self.read_and_update_into(values, rows, order)
        return values

    def read_and_update_into(self, values: Array, rows: Array, order: Array) -> None:
        """The same for the rows that `order` names, each into the same row of `values`."""
        positions = self.positions(rows, order)
        identities, sessions, credentials = (kind.records for kind in self._kinds)
        step().run(rows, positions, (identities, sessions, credentials), self._population, values)

    def positions(self, rows: Array, order: Array) -> Array:
        """The index of each row, in this order, and of its histories, made where there were none: (n, POSITIONS)."""
        slots, known = [kind.slots_for(len(order)) for kind in self._kinds], np.array(self.counts)
        positions = np.empty((len(order), POSITIONS), np.int64)
        step().find_positions(rows, order, *slots, known, positions)
        for kind, now in zip(self._kinds, known.tolist(), strict=True):
            kind.make_room(now)
        return positions

    def empty_histories(self) -> tuple[Array, Array, Array]:
        """As many histories as there are now, all without events."""
        who, session, credential = (known + SPARE_RECORDS for known in self.counts)
        return empty(IDENTITY, who), empty(SESSION, session), empty(CREDENTIAL, credential)


class Histories:
    """Records of one kind, found by key; the last two serve events without a key, see `record_position`."""

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self.records = empty(dtype, SPARE_RECORDS)
        self._known = 0
        self._slots = _slots(0)

    def __len__(self) -> int:
        return self._known

    def slots_for(self, more: int) -> Array:
        """The hash table, with room for the known keys and so many more."""
        if 2 * (self._known + more) > len(self._slots):
            wider = _slots(self._known + more)
            step().rehash(self._slots, wider)
            self._slots = wider
        return self._slots

    def make_room(self, known: int) -> None:
        """Make room for `known` records, and reset the new ones.

        Room doubles, so that growing costs little a record; memory that is not needed yet stays untouched.
        """
        before, self._known = self._known, known
        if known + SPARE_RECORDS > len(self.records):
            grown = np.empty(2 * known + SPARE_RECORDS, self.records.dtype)
            size = before * grown.dtype.itemsize
            grown.view(np.uint8)[:size] = self.records.view(np.uint8)[:size]
            blank(grown[-SPARE_RECORDS:])
            self.records = grown
        blank(self.records[before:known])


def _slots(keys: int) -> Array:
    """An empty hash table for so many keys, and as many again before it must grow."""
    return np.zeros((1 << (4 * keys).bit_length(), 2), np.int64)
