"""Which record belongs to which key: a table of slots, looked through from the one the key's low bits name."""

from __future__ import annotations

from features.measures import Array, jit

NOBODY = -1
"""The place of an unknown key."""


@jit
def number(keys: Array, slot_key: Array, slot_place: Array, known: int, places: Array) -> int:
    """Give each key its place, new ones the next; returns how many are known then. Unknown keys (0) have none.

    Keys are hashes, so their low bits are as good as any. The length of the slots is a power of two, and at least
    twice as many as keys known and given.
    """
    last = slot_key.shape[0] - 1
    for i in range(keys.shape[0]):
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
