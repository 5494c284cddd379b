"""The few formulas that features and history updates share.

They work on tables (parallel arrays of keys and decayed counts), times in µs and plain numbers, and know no event or
history. Every domain error is guarded, so that the JIT and plain Python agree to the last bit.
"""

from __future__ import annotations

import math

from features.arrays import NAN, NEVER, SECOND, Array
from features.kernels.bucket_table import position_of, position_of_smallest, value_of
from features.kernels.compilation import jit

EARTH_DIAMETER_KM = 12_742.0
SMALLEST_SHARE = 0.01
RAREST = -math.log(SMALLEST_SHARE)
"""How rare anything can be in a population, in nats: below one in a hundred, a snapshot of a few hundred identities
cannot tell the rare from the never seen, and neither is odd."""


@jit
def count_of(keys: Array, counts: Array, key: int) -> float:
    """The decayed count of a key in a table, 0 when the table does not hold it."""
    return value_of(keys, counts, key, 0.0)


HELD, NEW, REPLACING = range(3)
"""What counting a key did: the table held it, it was new, or it was new and another had to go."""


@jit
def add(keys: Array, counts: Array, key: int, amount: float) -> int:
    """Count a key. A new key replaces the key with the smallest decayed count in its bucket. Returns what it did.

    So a flood of keys seen once replaces each other and keys that are hardly used: to replace a key with count c, each
    of the other seven must reach c first.
    """
    position = position_of(keys, key)
    if keys[position] == key:
        counts[position] += amount
        return HELD
    position = position_of_smallest(counts, position)
    did = REPLACING if counts[position] > 0.0 else NEW
    keys[position] = key
    counts[position] = amount
    return did


@jit
def novelty(keys: Array, counts: Array, key: int, known_events: int) -> float:
    """1 if the table lacks the key, 0 if it holds it; unknown without a key or without any history."""
    new = 1.0 if value_of(keys, counts, key, 0.0) == 0.0 else 0.0
    return NAN if (key == 0) | (known_events == 0) else new


@jit
def surprise(count: float, mass: float, weight: float) -> float:
    """-log of the smoothed share `count` has of `mass`, one event of now weighing `weight`; unknown without mass."""
    if mass <= 0.0:
        return NAN
    return -math.log((count + 0.5 * weight) / (mass + weight))


@jit
def rarity(keys: Array, counts: Array, key: int, mass: float, weight: float) -> float:
    """-log of the smoothed share a key has of the habit; unknown without a key or a habit."""
    count = value_of(keys, counts, key, 0.0)
    if key == 0:
        return NAN
    return surprise(count, mass, weight)


@jit
def changed(now: int, before: int) -> float:
    """1 if a key differs from the earlier one, 0 if equal; unknown if either is unknown."""
    different = 1.0 if now != before else 0.0
    return NAN if (now == 0) | (before == 0) else different


@jit
def population_rarity(keys: Array, rarities: Array, key: int, people: float) -> float:
    """How rare a key is in a population, RAREST if the population lacks it; unknown without a key or a population."""
    rare = value_of(keys, rarities, key, RAREST)
    return NAN if (key == 0) | (people <= 0.0) else rare


@jit
def log_of_one_more(amount: float) -> float:
    """log(1 + amount) of an amount that is not negative. Written out, since the compiler does not know `log1p`."""
    return math.log(1.0 + amount)


@jit
def log2(ratio: float) -> float:
    """The logarithm to base 2 of a positive number; the compiler knows another, with other last bits."""
    return math.log(ratio) / 0.6931471805599453


@jit
def log2_of_one_more(amount: float) -> float:
    """log2(1 + amount) of an amount that is not negative; most are 0."""
    return 0.0 if amount == 0.0 else log2(1.0 + amount)


@jit
def above_usual(now: float, total: float, mass: float) -> float:
    """How far a value lies above its decayed mean; unknown without the value or a mean."""
    if math.isnan(now) or mass <= 0.0:
        return NAN
    return now - total / mass


@jit
def per_request(total: float, requests: int) -> float:
    """The average over a session's requests; unknown before the first."""
    if requests == 0:
        return NAN
    return total / requests


@jit
def above_zero(amount: float) -> float:
    """The amount, or 0 where it is negative; NaN stays NaN, which `max` does not ensure."""
    return 0.0 if amount <= 0.0 else amount


@jit
def seconds_between(later: int, earlier: int) -> float:
    """Seconds from one time to a later one, never below zero; unknown if either is unknown."""
    if later == NEVER or earlier == NEVER:  # noqa: PLR1714  (testing membership of a tuple takes long to compile)
        return NAN
    return max(later - earlier, 0) / SECOND


@jit
def decay_factor(seconds: float, half_life_seconds: float) -> float:
    """The share of a count that remains after so many seconds."""
    return math.exp(-math.log(2.0) * seconds / half_life_seconds)


@jit
def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Great-circle distance in km between two points in degrees; unknown if any is unknown."""
    if math.isnan(latitude + longitude + other_latitude + other_longitude):
        return NAN
    if latitude == other_latitude and longitude == other_longitude:
        return 0.0  # the formula's own result, and the most common case
    radians = math.pi / 180.0
    half_north = math.sin((other_latitude - latitude) * radians / 2.0)
    half_east = math.sin((other_longitude - longitude) * radians / 2.0)
    chord = half_north * half_north
    chord += math.cos(latitude * radians) * math.cos(other_latitude * radians) * half_east * half_east
    return EARTH_DIAMETER_KM * math.asin(math.sqrt(min(1.0, chord)))
