"""From a key to the index of its record: an open-addressing hash table with linear probing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import from_dtype, types

from features.arrays import Array
from features.kernels.compilation import jit
from features.kernels.lowering import array_argument, lower
from features.kernels.numba_internals import cgutils
from features.kernels.prefetch import prefetch_record_at

UNKNOWN_KEY = -1
"""The position given to an unknown key."""
PREFETCH_DISTANCE = 8
"""How many rows ahead a row is prefetched."""
SPARE_RECORDS = 2
"""Records after those of known keys: one that stays empty, and one for events without a key."""


def reset_record(records: Array, position: int) -> None:
    """Copy the record before it over a record."""
    records[position] = records[position - 1]


def _lowered_reset_record(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    records, position = array_argument(context, builder, signature, arguments), arguments[1]
    one, before = (builder.gep(records.data, [builder.sub(position, position.type(n))]) for n in (0, 1))
    _copy_bytes(builder, one, before, position.type(1), signature.args[0].dtype.size)
    return context.get_dummy_value()


_copy_bytes: Any = cgutils.raw_memcpy
lower(reset_record, types.void, _lowered_reset_record)


def lower_record_view(function: Any, layout: Any) -> None:
    """Lower a function to a view of numbers as the record at an index, without a bounds check."""
    lower(function, from_dtype(layout), _lowered_record_view)


def _lowered_record_view(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    numbers, record = array_argument(context, builder, signature, arguments), signature.return_type
    start = builder.mul(arguments[1], arguments[1].type(8 * record.size // signature.args[0].dtype.bitwidth))
    return builder.bitcast(builder.gep(numbers.data, [start]), context.get_value_type(record))


@jit
def record_position(records: Array, position: int) -> int:
    """The index of a history. For an unknown key it is the last record, emptied first: such events share nothing."""
    if position != UNKNOWN_KEY:
        return position
    last = len(records) - 1
    reset_record(records, last)
    return last


@jit
def pair_key(identity: Any, key: Any) -> Any:
    """One key for an identity's key and the key of its session or credential; 0 where that is unknown.

    Called from Python, it takes arrays of keys as well.
    """
    pair = (np.uint64(identity) * _ODD) ^ np.uint64(key)
    return pair.view(np.int64) * (key != 0)


_ODD = np.uint64(0x9E37_79B9_7F4A_7C15)
"""An odd number without pattern (2^64 over the golden ratio), so that pairs of keys spread evenly."""


@jit
def slot_of(slots: Array, key: int) -> int:
    """The slot that holds a key, or the free one for it. Keys are hashes, so their low bits are as good as any."""
    last = len(slots) - 1
    slot = key & last
    while slots[slot, 0] != key and slots[slot, 0] != 0:
        slot = (slot + 1) & last
    return slot


@jit
def find_or_insert(slots: Array, key: int, known: Array, kind: int) -> int:
    """The index of a key's record, the next free one if it is new, UNKNOWN_KEY for an unknown key (0)."""
    if key == 0:
        return UNKNOWN_KEY
    slot = slot_of(slots, key)
    if slots[slot, 0] == 0:
        slots[slot, 0] = key
        slots[slot, 1] = known[kind]
        known[kind] += 1
    return slots[slot, 1]


@jit
def find_positions(
    rows: Array, order: Array, identities: Array, sessions: Array, credentials: Array, known: Array, positions: Array
) -> None:
    """Write the index of each row, in this order, and of its three histories into `positions`, shape (n, 4).

    The slots of each kind, shape (size, 2), hold a key and its index; their number is a power of two, and at least
    twice the keys known and given. `known` counts the keys of each kind, and is updated.
    """
    for i in range(len(order)):
        if i + PREFETCH_DISTANCE < len(order):
            prefetch_record_at(rows, order[i + PREFETCH_DISTANCE])
        event = rows[order[i]]
        identity = event.identity_key
        positions[i, 0] = order[i]
        positions[i, 1] = find_or_insert(identities, identity, known, 0)
        positions[i, 2] = find_or_insert(sessions, pair_key(identity, event.session_key), known, 1)
        positions[i, 3] = find_or_insert(credentials, pair_key(identity, event.credential_key), known, 2)


@jit
def rehash(slots: Array, wider: Array) -> None:
    """Copy all keys into a larger table."""
    for slot in range(len(slots)):
        if slots[slot, 0] != 0:
            target = slot_of(wider, slots[slot, 0])
            wider[target, 0] = slots[slot, 0]
            wider[target, 1] = slots[slot, 1]
