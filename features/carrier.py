"""Histories carried through a stream of events that comes in batches: how one log, a file's parts and a cluster's
partitions are all replayed.

A session or credential only ever belongs to one identity, and an unknown one to nobody: it gets an empty history of its
own, forgotten after its event. What is remembered grows with identities, sessions and credentials, never with events.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from features.compiled import PLACES
from features.history import CREDENTIAL, IDENTITY, SESSION, blank, empty
from features.measures import Array
from features.places import SPARE
from features.vector import FEATURES, step

_ODD = np.uint64(0x9E37_79B9_7F4A_7C15)
"""An odd number without pattern (2^64 over the golden ratio), so that pairs of keys spread evenly."""


CHUNK = 32_768
"""Events taken at once, so that what finding their histories needs stays in the cache."""


def in_chunks(order: Array) -> Iterator[Array]:
    """An order cut into chunks."""
    return (order[start : start + CHUNK] for start in range(0, len(order), CHUNK))


class Carrier:
    """The histories of a stream's identities, sessions and credentials."""

    def __init__(self, population: Array) -> None:
        self._population = population
        self._identities, self._sessions, self._credentials = (Histories(d) for d in (IDENTITY, SESSION, CREDENTIAL))

    @property
    def remembered(self) -> tuple[int, int, int]:
        """How many identities, sessions and credentials are remembered."""
        return len(self._identities), len(self._sessions), len(self._credentials)

    def take(self, rows: Array) -> Array:
        """Read and fold rows that are in time order and follow those before; their features, shape (n, F)."""
        values = np.empty((len(rows), len(FEATURES)))
        for order in in_chunks(np.arange(len(rows))):
            self.take_into(values, rows, order)
        return values

    def take_into(self, values: Array, rows: Array, order: Array) -> None:
        """The same of the rows that `order` names, each into its own place of `values`."""
        places = self.places(rows, order)
        records = self._identities.records, self._sessions.records, self._credentials.records
        step().run(rows, places, records, self._population, values)

    def places(self, rows: Array, order: Array) -> Array:
        """Where the rows are, in this order, and their histories, made where there were none; shape (n, PLACES)."""
        who, session, credential = (rows[f"{name}_key"][order] for name in ("identity", "session", "credential"))
        places = np.empty((len(order), PLACES), np.int64)
        places[:, 0] = order
        self._identities.find(who, places[:, 1])
        self._sessions.find(below(who, session), places[:, 2])
        self._credentials.find(below(who, credential), places[:, 3])
        return places

    def blank(self) -> tuple[Array, Array, Array]:
        """As many histories as are remembered, of which nothing is known."""
        who, session, credential = (known + SPARE for known in self.remembered)
        return empty(IDENTITY, who), empty(SESSION, session), empty(CREDENTIAL, credential)


def below(who: Array, keys: Array) -> Array:
    """One key for each pair of an identity's key and a key of something that is theirs; 0 where that is unknown."""
    pairs = (who.astype(np.uint64) * _ODD) ^ keys.astype(np.uint64)
    return np.where(keys == 0, 0, pairs.view(np.int64))


class Histories:
    """Records of one kind, found by key; behind them an empty one and one for unknown keys (0), see `places.own`."""

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self.records = empty(dtype, SPARE)
        self._known = 0
        self._slots = _slots(0)

    def __len__(self) -> int:
        return self._known

    def find(self, keys: Array, places: Array) -> None:
        """Write down where the record of each key is, made where there was none."""
        if 2 * (self._known + len(keys)) > len(self._slots[0]):
            self._spread(self._known + len(keys))
        before = self._known
        self._known = step().number(keys, *self._slots, before, places)
        self._make_room(before)

    def _spread(self, keys: int) -> None:
        """Put the known keys into more slots, each with the place it has."""
        slot_key, slot_place = self._slots
        taken = np.flatnonzero(slot_key)
        in_order = slot_key[taken[np.argsort(slot_place[taken])]]
        self._slots = _slots(keys)
        step().number(in_order, *self._slots, 0, np.empty((len(in_order), PLACES), np.int64)[:, 0])

    def _make_room(self, before: int) -> None:
        """Room for what is known now, and empty records where there are new ones.

        Growth is by doubling, so that it costs little a record; memory not needed yet stays untouched.
        """
        if self._known + SPARE > len(self.records):
            grown = np.empty(2 * self._known + SPARE, self.records.dtype)
            size = before * grown.dtype.itemsize
            grown.view(np.uint8)[:size] = self.records.view(np.uint8)[:size]
            blank(grown[-SPARE:])
            self.records = grown
        blank(self.records[before : self._known])


def _slots(keys: int) -> tuple[Array, Array]:
    """Room for so many keys, and for as many again before they have to be spread anew."""
    size = 1 << (4 * keys).bit_length()
    return np.zeros(size, np.int64), np.zeros(size, np.int64)
