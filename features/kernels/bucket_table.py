"""Search of a table that is divided into buckets of eight keys: a key may stand in one bucket only.

Eight keys fill a cache line, so a search touches one line whatever the size of the table.
"""

from __future__ import annotations

import numpy as np

from features.arrays import Array
from features.kernels.compilation import unchecked

BUCKET = 8
"""Keys in a bucket; as many as a cache line holds."""


@unchecked
def bucket_start(keys: Array, key: int) -> int:
    """The first index of the bucket that a key belongs to.

    A table's length is BUCKET times a power of two.
    """
    return (key & (len(keys) // BUCKET - 1)) * BUCKET


@unchecked
def position_of(keys: Array, key: int) -> int:
    """The index of a key if the table holds it, else the first index of its bucket. A table holds no key twice.

    >>> import numpy as np
    >>> table = np.array([0, 7, 5, 0, 0, 0, 0, 0])
    >>> position_of(table, 5), position_of(table, 6)
    (2, 0)
    """
    start = bucket_start(keys, key)
    for position in range(start, start + BUCKET):
        if keys[position] == key:
            return position
    return start


@unchecked
def value_of(keys: Array, values: Array, key: int, otherwise: float) -> float:
    """The value beside a key, or `otherwise` where the table does not hold it.

    >>> import numpy as np
    >>> value_of(np.array([0, 7, 5, 0, 0, 0, 0, 0]), np.arange(8.0), 5, -1.0)
    2.0
    """
    position = position_of(keys, key)
    return float(values[position]) if keys[position] == key else otherwise


@unchecked
def position_of_smallest(values: Array, start: int) -> int:
    """The index of the smallest of a bucket's eight values, the first if there are several.

    >>> import numpy as np
    >>> position_of_smallest(np.array([9, 9, 9, 9, 9, 9, 9, 9, 7, 3, 5, 3, 8, 8, 8, 8]), 8)
    9
    """
    smallest = start
    for position in range(start + 1, start + BUCKET):
        if values[position] < values[smallest]:
            smallest = position
    return smallest


@unchecked
def contains(keys: Array, key: int) -> bool:
    """Whether a key is among the first eight of an array.

    >>> import numpy as np
    >>> contains(np.array([0, 7, 5, 0, 0, 0, 0, 0]), 5)
    True
    """
    for position in range(BUCKET):  # noqa: SIM110  (the JIT compiles no generator)
        if keys[position] == key:
            return True
    return False


def places_for(keys: Array, counts: Array, length: int) -> Array:
    """Where distinct keys stand in a new table, shape (n,): of each bucket's the eight with the highest counts, and of
    equal ones those with the smallest keys; -1 for the others.

    >>> places_for(np.array([16, 1, 3]), np.array([2.0, 1.0, 9.0]), 16)
    array([0, 9, 8])
    """
    bucket = keys & (length // BUCKET - 1)
    order = np.lexsort((keys, -counts, bucket))
    inner = bucket[order]
    rank = np.arange(len(keys)) - np.searchsorted(inner, inner)
    places = np.empty(len(keys), np.int64)
    places[order] = np.where(rank < BUCKET, inner * BUCKET + rank, -1)
    return places
