"""Which events belong to the same session: by the keys that histories use, so training and serving agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from features.arrays import DAY
from features.hashing import key_of
from features.kernels.hash_table import pair_key

Keys = np.ndarray[Any, np.dtype[np.int64]]


def session_keys(events: pa.Table) -> Keys:
    """The key of each event's identity and session, shape (n,); 0 where the session is unknown."""
    keys: Keys = pair_key(_keys(events["identity.id"]), _keys(events["session.id"]))
    return keys


def visit_keys(events: pa.Table) -> Keys:
    """The same, but the events of an identity without any session belong to its days: some logs of sign-ins or of a
    shell name no session."""
    keys, identity = session_keys(events), _keys(events["identity.id"])
    days = events["time"].cast(pa.int64()).to_numpy() // DAY
    alone = ~np.isin(identity, np.unique(identity[keys != 0]))
    keys[alone] = pair_key(identity[alone], -1 - days[alone])
    return keys


def count_sessions(events: pa.Table) -> int:
    """The number of distinct known sessions."""
    keys = session_keys(events)
    return len(np.unique(keys[keys != 0]))


def _keys(column: pa.ChunkedArray) -> Keys:
    """The key of each text, shape (n,); 0 where it is unknown."""
    coded = column.combine_chunks().dictionary_encode()
    keys = np.array([*map(key_of, coded.dictionary.to_pylist()), 0], np.int64)
    by_row: Keys = keys[coded.indices.fill_null(len(keys) - 1).to_numpy()]
    return by_row
