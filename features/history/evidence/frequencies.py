"""How often values occur among the events of a type, and how much of that is an identity's own.

An identity is compared with the others of its type, so its own events must not count among theirs. A snapshot therefore
keeps, beside each value's count, the identities that used it most, and the totals of the busiest identities. Of a value
that more identities share, none beyond those has more than a fifth. No identity counts for more than LARGEST_SHARE of
its type, or one busy service account would be what everybody does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from features.arrays import SECOND, Array, Record
from features.history.event_values import combine_keys
from features.history.evidence.fields import ACTION, COMPARED, COUNTED, FIRST, START, STEP
from features.kernels.bucket_table import places_for, position_of
from features.kernels.compilation import jit
from features.kernels.decayed_counts import above_zero
from features.kernels.hash_table import pair_key

LARGEST_SHARE = 0.25
"""The largest share of its type's counts that an identity has, where there are four or more."""
FEWEST = 20.0
"""With fewer events of others than this, nothing can be said of them."""
IDLE = 1_800 * SECOND
"""Events that name no session belong to one until their identity has done nothing for half an hour."""
VALUES, MEMBERS, OWNERS = 32_768, 1_024, 4
TAGS = 16
"""A value's tag is its type times this, plus its field."""
_MOST = dict(zip((*COMPARED, "start"), (1_024, 256, 2_048, 1_024, 256, 1_024, 256, 4_096, 1), strict=True))
"""How many of a type's most common values of each field are kept."""


def fields_of_frequencies(types: int) -> list[tuple[Any, ...]]:
    """The part of a population record that holds frequencies."""
    return [
        ("counted", "f8", (types, COUNTED)),
        ("distinct", "f8", (types, COUNTED)),
        ("usual_bits", "f8", (types, COUNTED)),
        ("value_key", "i8", (VALUES,)),
        ("value_amount", "f8", (VALUES,)),
        ("value_tag", "i8", (VALUES,)),
        ("value_owner", "i8", (VALUES, OWNERS)),
        ("value_owned", "f8", (VALUES, OWNERS)),
        ("member_key", "i8", (MEMBERS,)),
        ("member_counted", "f8", (MEMBERS, COUNTED)),
    ]


@jit
def value_key_of(kind: Any, field: int, value: Any) -> Any:
    """The key of a field's value among events of a type. Called from Python, it takes arrays as well."""
    return pair_key(value, kind * TAGS + field + 1)


@jit
def member_of(population: Record, kind: int, identity: int) -> int:
    """Where a population keeps the totals of an identity, -1 if nowhere."""
    key = pair_key(identity, kind + 1)
    position = position_of(population.member_key, key)
    return position if population.member_key[position] == key else -1


@jit
def count_of_others(population: Record, kind: int, field: int, value: int, identity: int) -> float:
    """How often identities of a type other than this one had a value."""
    key = value_key_of(kind, field, value)
    position = position_of(population.value_key, key)
    if population.value_key[position] != key:
        return 0.0
    count = population.value_amount[position]
    for place in range(OWNERS):
        if population.value_owner[position, place] == identity:
            count -= population.value_owned[position, place]
    return above_zero(count)


@jit
def total_of_others(population: Record, kind: int, field: int, member: int) -> float:
    """In how many events of other identities a field was known; `member` as from `member_of`."""
    total = population.counted[kind, field]
    return total if member < 0 else above_zero(total - population.member_counted[member, field])


class Values(NamedTuple):
    """Values with their counts, n of them: what a population keeps of each."""

    key: Array
    tag: Array
    amount: Array
    owner: Array
    owned: Array


def measure_frequencies(population: Record, kind: int, rows: Array) -> Values:
    """Measure successful events of a type in one record of POPULATION; the values are for `keep_values`."""
    identities, who = np.unique(rows["identity_key"], return_inverse=True)
    own = np.bincount(who)
    weight = np.minimum(1.0, max(LARGEST_SHARE, 1.0 / len(own)) * len(rows) / own)
    totals = np.zeros((len(own), COUNTED))
    found = []
    previous = previous_actions(rows)
    for field in range(COUNTED):
        values = _column(rows, previous, field)
        known = np.flatnonzero(values)
        totals[:, field] = np.bincount(who[known], minlength=len(own)) * weight
        found.append(_count(population, kind, field, values[known], who[known], identities, weight, totals[:, field]))
    _keep_members(population, pair_key(identities, np.int64(kind + 1)), totals)
    return joined(found)


def joined(parts: list[Values]) -> Values:
    """Several values as one."""
    return Values(*map(np.concatenate, zip(*parts, strict=True)))


def keep_values(population: Record, values: Values) -> None:
    """Write the values of all types into the table of one record of POPULATION, the most common where it is full."""
    places = places_for(values.key, values.amount, VALUES)
    kept = places >= 0
    for name in Values._fields:
        population[f"value_{name}"] = 0
        population[f"value_{name}"][places[kept]] = getattr(values, name)[kept]


def kept_values(population: Record) -> Values:
    """The values in the table of one record of POPULATION."""
    held = population["value_key"] != 0
    return Values(*(population[f"value_{name}"][held] for name in Values._fields))


def previous_actions(rows: Array) -> Array:
    """For each of a window's successful rows the action before it in its session, FIRST where there is none."""
    identity, session, time = (rows[name] for name in ("identity_key", "session_key", "time"))
    order = np.lexsort((rows["event_key"], time, session, identity))
    same = np.zeros(len(rows), bool)
    here, before = order[1:], order[:-1]
    same[1:] = (identity[here] == identity[before]) & (session[here] == session[before])
    same[1:] &= (session[here] != 0) | (time[here] - time[before] <= IDLE)
    previous = np.empty(len(rows), np.int64)
    previous[order] = np.where(same, np.roll(rows["action"][order], 1), FIRST)
    return previous


def _column(rows: Array, previous: Array, field: int) -> Array:
    if field == START:
        return (previous == FIRST).astype(np.int64)
    if field == STEP:
        steps: Array = combine_keys(previous, rows["action"])
        return steps
    column: Array = rows[COMPARED[field]]
    return column


def _count(
    population: Record,
    kind: int,
    field: int,
    values: Array,
    who: Array,
    identities: Array,
    weight: Array,
    totals: Array,
) -> Values:
    """Count the values of a field, and keep the most common."""
    distinct, value = np.unique(values, return_inverse=True)
    pairs, times = np.unique(who * max(len(distinct), 1) + value, return_counts=True)
    user, used = pairs // max(len(distinct), 1), pairs % max(len(distinct), 1)
    amount = times * weight[user]
    count = np.bincount(used, amount, len(distinct))
    population["counted"][kind, field] = count.sum()
    population["distinct"][kind, field] = len(distinct)
    population["usual_bits"][kind, field] = _usual_bits(count, amount, used, totals[user], len(distinct))
    owner, owned = np.zeros((len(distinct), OWNERS), np.int64), np.zeros((len(distinct), OWNERS))
    order = np.lexsort((identities[user], -amount, used))
    rank = np.arange(len(order)) - np.searchsorted(used[order], used[order])
    top = order[rank < OWNERS]
    owner[used[top], rank[rank < OWNERS]], owned[used[top], rank[rank < OWNERS]] = identities[user[top]], amount[top]
    kept = np.lexsort((distinct, -count))[: _MOST["start" if field == START else COMPARED[field]]]
    key = value_key_of(np.int64(kind), field, distinct[kept])
    return Values(key, np.full(len(kept), kind * TAGS + field), count[kept], owner[kept], owned[kept])


def _usual_bits(count: Array, amount: Array, used: Array, own: Array, distinct: int) -> float:
    """The mean bits of a value of this field among the events of the others."""
    others = count.sum() - own
    measured = others >= FEWEST
    if not measured.any():
        return 0.0
    share = (count[used] - amount + 0.5) / (others + 0.5 * distinct + 1.0)
    return float(np.average(-np.log2(share[measured]), weights=amount[measured]))


def _keep_members(population: Record, keys: Array, totals: Array) -> None:
    """Add the identities of a type to the table of members: those with the most events, where it is full."""
    held = population["member_key"] != 0
    every = np.concatenate([population["member_key"][held], keys])
    counted = np.concatenate([population["member_counted"][held], totals])
    population["member_key"], population["member_counted"] = 0, 0.0
    places = places_for(every, counted[:, ACTION], MEMBERS)
    kept = places >= 0
    population["member_key"][places[kept]], population["member_counted"][places[kept]] = every[kept], counted[kept]
