"""Which record belongs to which key: a table of slots, looked through from the one the key's low bits name."""

from __future__ import annotations

from typing import Any

from numba import from_dtype, types
from numba.core import cgutils

from features.measures import Array, jit
from features.ways import array_of, tell

NOBODY = -1
"""The place of an unknown key."""
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
def number(keys: Array, slot_key: Array, slot_place: Array, known: int, places: Array) -> int:
    """Give each key its place, new ones the next; returns how many are known then. Unknown keys (0) have none.

    Keys are hashes, so their low bits are as good as any. The length of the slots is a power of two, and at least
    twice as many as keys known and given.
    """
    last = len(slot_key) - 1
    for i in range(len(keys)):
        if keys[i] == 0:
            places[i] = NOBODY
            continue
        slot = keys[i] & last
        while slot_key[slot] != keys[i] and slot_key[slot] != 0:
            slot = (slot + 1) & last
        if slot_key[slot] == 0:
            slot_key[slot] = keys[i]
            slot_place[slot] = known
            known += 1
        places[i] = slot_place[slot]
    return known
