"""Histories carried through a stream of events that comes in batches: how one log, a file's parts and a cluster's
partitions are all replayed.

A session or credential only ever belongs to one identity, and an unknown one to nobody: it gets an empty history of its
own, forgotten after its event. What is remembered grows with identities, sessions and credentials, never with events.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.engine.fused_step import PLACES
from features.engine.online import step
from features.history.layout import CREDENTIAL, IDENTITY, SESSION, blank, empty
from features.kernels.hash_table import SPARE

CHUNK = 32_768
"""Events taken at once, so that what finding their histories needs stays in the cache."""


def in_chunks(order: Array) -> Iterator[Array]:
    """An order cut into chunks."""
    return (order[start : start + CHUNK] for start in range(0, len(order), CHUNK))


class Carrier:
    """The histories of a stream's identities, sessions and credentials."""

    def __init__(self, population: Array) -> None:
        self._population = population
        self._kinds = Histories(IDENTITY), Histories(SESSION), Histories(CREDENTIAL)

    @property
    def remembered(self) -> tuple[int, int, int]:
        """How many identities, sessions and credentials are remembered."""
        identities, sessions, credentials = map(len, self._kinds)
        return identities, sessions, credentials

    def take(self, rows: Array) -> Array:
        """Read and fold rows that are in time order and follow those before; their features, shape (n, F)."""
        values = np.empty((len(rows), len(FEATURES)))
        for order in in_chunks(np.arange(len(rows))):
            self.take_into(values, rows, order)
        return values

    def take_into(self, values: Array, rows: Array, order: Array) -> None:
        """The same of the rows that `order` names, each into its own place of `values`."""
        places = self.places(rows, order)
        identities, sessions, credentials = (kind.records for kind in self._kinds)
        step().run(rows, places, (identities, sessions, credentials), self._population, values)

    def places(self, rows: Array, order: Array) -> Array:
        """Where the rows are, in this order, and their histories, made where there were none; shape (n, PLACES)."""
        slots, known = [kind.slots_for(len(order)) for kind in self._kinds], np.array(self.remembered)
        places = np.empty((len(order), PLACES), np.int64)
        step().find(rows, order, *slots, known, places)
        for kind, now in zip(self._kinds, known.tolist(), strict=True):
            kind.make_room(now)
        return places

    def blank(self) -> tuple[Array, Array, Array]:
        """As many histories as are remembered, of which nothing is known."""
        who, session, credential = (known + SPARE for known in self.remembered)
        return empty(IDENTITY, who), empty(SESSION, session), empty(CREDENTIAL, credential)


class Histories:
    """Records of one kind, found by key; behind them an empty one and one for unknown keys (0), see `places.own`."""

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self.records = empty(dtype, SPARE)
        self._known = 0
        self._slots = _slots(0)

    def __len__(self) -> int:
        return self._known

    def slots_for(self, more: int) -> Array:
        """Slots with room for what is known and so many more."""
        if 2 * (self._known + more) > len(self._slots):
            wider = _slots(self._known + more)
            step().spread(self._slots, wider)
            self._slots = wider
        return self._slots

    def make_room(self, known: int) -> None:
        """Room for as many as are known now, and empty records where there are new ones.

        Growth is by doubling, so that it costs little a record; memory not needed yet stays untouched.
        """
        before, self._known = self._known, known
        if known + SPARE > len(self.records):
            grown = np.empty(2 * known + SPARE, self.records.dtype)
            size = before * grown.dtype.itemsize
            grown.view(np.uint8)[:size] = self.records.view(np.uint8)[:size]
            blank(grown[-SPARE:])
            self.records = grown
        blank(self.records[before:known])


def _slots(keys: int) -> Array:
    """Room for so many keys, and for as many again before they have to be spread anew."""
    return np.zeros((1 << (4 * keys).bit_length(), 2), np.int64)
