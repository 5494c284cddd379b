"""Histories carried through a stream of events that comes in batches: how one log, a file's parts and a cluster's
partitions are all replayed.

A session or credential only ever belongs to one identity, and an unknown one to nobody: it gets an empty history of its
own, forgotten after its event. What is remembered grows with identities, sessions and credentials, never with events.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from features.compiled import AS_LOGGED
from features.history import CREDENTIAL, IDENTITY, SESSION, empty
from features.measures import Array
from features.vector import FEATURES, step

_ODD = np.uint64(0x9E37_79B9_7F4A_7C15)
"""An odd number without pattern (2^64 over the golden ratio), so that pairs of keys spread evenly."""


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
        who = rows["identity_key"]
        places = (
            self._identities.places(who),
            self._sessions.places(below(who, rows["session_key"])),
            self._credentials.places(below(who, rows["credential_key"])),
        )
        records = self._identities.records, self._sessions.records, self._credentials.records
        values = np.empty((len(rows), len(FEATURES)))
        step().run(rows, *places, *records, self._population, values, AS_LOGGED)
        return values


def below(who: Array, keys: Array) -> Array:
    """One key for each pair of an identity's key and a key of something that is theirs; 0 where that is unknown."""
    pairs = (who.astype(np.uint64) * _ODD) ^ keys.astype(np.uint64)
    return np.where(keys == 0, 0, pairs.view(np.int64))


class Histories:
    """Records of one kind, found by key. Unknown keys (0) each get an empty record behind the known ones."""

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self.records = empty(dtype, 0)
        self._dtype = dtype
        self._place_of: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._place_of)

    def places(self, keys: Array) -> Array:
        """Where the record of each key is, made where there was none."""
        known_before = len(self._place_of)
        coded = pa.array(keys).dictionary_encode()
        distinct = coded.dictionary.to_pylist()
        found = [-1 if key == 0 else self._place_of.setdefault(key, len(self._place_of)) for key in distinct]
        places = np.array(found, np.int64)[coded.indices.to_numpy()]
        nobody = np.flatnonzero(places < 0)
        places[nobody] = len(self._place_of) + np.arange(len(nobody))
        self._blank(known_before, len(self._place_of) + len(nobody))
        return places

    def _blank(self, start: int, end: int) -> None:
        """Blank the records from one place to another, growing by doubling, so that growing costs little a record."""
        if end > len(self.records):
            grown = empty(self._dtype, 2 * end)
            _bytes(grown, 0, start)[:] = _bytes(self.records, 0, start)
            self.records = grown
        else:
            _bytes(self.records, start, end)[:] = _bytes(empty(self._dtype, end - start), 0, end - start)


def _bytes(records: Array, start: int, end: int) -> Array:
    """Records as bytes: numpy copies structured ones field by field."""
    size = records.dtype.itemsize
    return records.view(np.uint8)[start * size : end * size]
