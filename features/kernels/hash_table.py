"""Which record belongs to which key: a table of slots, looked through from the one the key's low bits name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import from_dtype, types

from features.arrays import Array
from features.kernels.compilation import jit
from features.kernels.numba_internals import cgutils
from features.kernels.prefetch import fetch
from features.kernels.simd_lookup import array_of, tell

NOBODY = -1
"""The place of an unknown key."""
AHEAD = 8
"""How many rows before it is looked at a row is asked for."""
SPARE = 2
"""How many records stand behind those of known keys: an empty one, and one that is nobody's."""


def renew(records: Array, place: int) -> None:
    """Make one record what the one before it is."""
    records[place] = records[place - 1]


def _compiled_renew(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    records, place = array_of(context, builder, signature, arguments), arguments[1]
    one, before = (builder.gep(records.data, [builder.sub(place, place.type(n))]) for n in (0, 1))
    _copy(builder, one, before, place.type(1), signature.args[0].dtype.size)
    return context.get_dummy_value()


_copy: Any = cgutils.raw_memcpy
tell(renew, types.void, _compiled_renew)


def tell_record(function: Any, layout: Any) -> None:
    """Tell the JIT that a function gives the record at a place of numbers that lie as it does; unchecked."""
    tell(function, from_dtype(layout), _compiled_record)


def _compiled_record(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    numbers, record = array_of(context, builder, signature, arguments), signature.return_type
    start = builder.mul(arguments[1], arguments[1].type(8 * record.size // signature.args[0].dtype.bitwidth))
    return builder.bitcast(builder.gep(numbers.data, [start]), context.get_value_type(record))


@jit
def own(records: Array, place: int) -> int:
    """The place of a history. Nobody's is emptied first, so that each event of nobody's has a history of its own."""
    if place != NOBODY:
        return place
    last = len(records) - 1
    renew(records, last)
    return last


@jit
def below(who: Any, key: Any) -> Any:
    """One key for a pair of an identity's key and a key of something that is theirs; 0 where that is unknown.

    Of whole arrays of keys as well, when called from Python.
    """
    pair = (np.uint64(who) * _ODD) ^ np.uint64(key)
    return pair.view(np.int64) * (key != 0)


_ODD = np.uint64(0x9E37_79B9_7F4A_7C15)
"""An odd number without pattern (2^64 over the golden ratio), so that pairs of keys spread evenly."""


@jit
def slot_of(slots: Array, key: int) -> int:
    """The slot that holds a key, or that is free for it. Keys are hashes, so their low bits are as good as any."""
    last = len(slots) - 1
    slot = key & last
    while slots[slot, 0] != key and slots[slot, 0] != 0:
        slot = (slot + 1) & last
    return slot


@jit
def placed(slots: Array, key: int, known: Array, kind: int) -> int:
    """The place of a key among the known of its kind, the next one if it is new; an unknown key (0) has none."""
    if key == 0:
        return NOBODY
    slot = slot_of(slots, key)
    if slots[slot, 0] == 0:
        slots[slot, 0] = key
        slots[slot, 1] = known[kind]
        known[kind] += 1
    return slots[slot, 1]


@jit
def find(
    rows: Array, order: Array, identities: Array, sessions: Array, credentials: Array, known: Array, places: Array
) -> None:
    """Write down the places of rows, in this order, and of their histories, shape (n, 4).

    Slots, of each kind shape (size, 2), hold a key and its place; their number is a power of two, and at least twice as
    many as keys known and given. How many are known of each kind is counted on in `known`.
    """
    for i in range(len(order)):
        if i + AHEAD < len(order):
            fetch(rows, order[i + AHEAD])
        event = rows[order[i]]
        who = event.identity_key
        places[i, 0] = order[i]
        places[i, 1] = placed(identities, who, known, 0)
        places[i, 2] = placed(sessions, below(who, event.session_key), known, 1)
        places[i, 3] = placed(credentials, below(who, event.credential_key), known, 2)


@jit
def spread(slots: Array, wider: Array) -> None:
    """Put what is known into more slots."""
    for slot in range(len(slots)):
        if slots[slot, 0] != 0:
            there = slot_of(wider, slots[slot, 0])
            wider[there, 0] = slots[slot, 0]
            wider[there, 1] = slots[slot, 1]
