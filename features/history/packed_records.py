"""Histories in few bytes: most tables are nearly empty, so a record is stored as its words that are not zero."""

from __future__ import annotations

import numpy as np

from features.arrays import Array

WORD = 8
"""Bytes in a field's number: every field is an int64, a float64 or an array of them."""


def pack_record(record: Array) -> bytes:
    """A record of shape (1,) as a bit for each of its words, whether it is set, and then the words that are.

    >>> from features.history.layout import SESSION, empty
    >>> packed = pack_record(empty(SESSION))
    >>> len(packed) < SESSION.itemsize / 8, unpack_record(packed, SESSION).tobytes() == empty(SESSION).tobytes()
    (True, True)
    """
    words = np.frombuffer(record.tobytes(), np.int64)
    used = words != 0
    return np.packbits(used).tobytes() + words[used].tobytes()


def unpack_record(packed: bytes, dtype: np.dtype[np.void]) -> Array:
    """The record again, shape (1,), writable. Raises ValueError for bytes that are no record of this layout."""
    count = dtype.itemsize // WORD
    bits = (count + 7) // 8
    used = np.unpackbits(np.frombuffer(packed[:bits], np.uint8), count=count).astype(bool)
    if len(packed) != bits + WORD * int(used.sum()):
        raise ValueError("these bytes are no history of this build: session-trust rebuild --write")
    words = np.zeros(count, np.int64)
    words[used] = np.frombuffer(packed, np.int64, offset=bits)
    return words.view(dtype)
