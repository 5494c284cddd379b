"""Recognises an event that was read before, in eight bytes an event."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Array
from features.event.schema import Event
from features.hashing import keys_of

_SAME = ("id", "time", "identity.id", "action.name", "action.outcome", "resource.id")
"""Equal in all of them, two events are one. The id alone is not enough: logs are redacted, and an id can be forged."""


def is_same_event(first: Event, second: Event) -> bool:
    """Whether two events are one that was read twice."""
    return all(_field(first, name) == _field(second, name) for name in _SAME)


def _field(event: Event, name: str) -> object:
    return reduce(getattr, name.split("."), event)


class SeenEvents:
    """The events read so far, as hashes. Two different events are mistaken for one with a probability of n² / 2⁶⁴."""

    def __init__(self) -> None:
        self._levels: list[Array] = []

    def without_repeats(self, table: pa.Table) -> pa.Table:
        """The events of a table that were not seen before; one without an id always counts as such."""
        if table["id"].null_count == table.num_rows:
            return table
        keys = _keys(table)
        distinct, places = np.unique(keys, return_index=True)
        new = np.ones(len(distinct), bool)
        for level in self._levels:
            position = np.minimum(np.searchsorted(level, distinct), len(level) - 1)
            new &= level[position] != distinct
        self._add(distinct[new])
        keep = table["id"].is_null().to_numpy()
        keep[places[new]] = True
        return table if keep.all() else table.filter(pa.array(keep))

    def _add(self, keys: Array) -> None:
        """Add sorted keys. Levels of similar size are merged, so that there are few and each key is moved seldom."""
        if not len(keys):
            return
        while self._levels and len(self._levels[-1]) < 2 * len(keys):
            keys = np.sort(np.concatenate([self._levels.pop(), keys]), kind="stable")
        self._levels.append(keys)


def _keys(table: pa.Table) -> Array:
    columns = [table[name].cast(pa.int64()) if name == "time" else table[name] for name in _SAME]
    texts = [pc.fill_null(column.cast(pa.string()), "") for column in columns]
    return keys_of(pc.binary_join_element_wise(*texts, "\x1f").cast(pa.binary()).to_pylist())
