"""The few small formulas that the features and the fold share, compiled once.

Nothing here knows an event or a history; they work on tables (parallel arrays of keys and decayed counts), times in
µs and plain numbers. Every domain error is guarded, so that the JIT and plain Python agree to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

OPTIONS: dict[str, Any] = {"error_model": "numpy", "boundscheck": True, "nogil": True}
"""How everything is compiled: numpy's results for domain errors, checked indices, no fastmath (it changes bits)."""

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a function at its first call, the same way everywhere."""
    compiled: Function = numba.njit(**OPTIONS)(function)
    return compiled


Array = np.ndarray[Any, Any]
Record = Any
"""One record of ROW, IDENTITY, SESSION, CREDENTIAL or POPULATION, as the JIT sees it."""

NAN = math.nan
NEVER = -(2**63)
SECOND = 1_000_000
EARTH_DIAMETER_KM = 12_742.0
SMALLEST_SHARE = 0.01


@jit
def count_of(keys: Array, counts: Array, key: int) -> float:
    """The decayed count of a key in a table, 0 when the table does not hold it."""
    for i in range(keys.shape[0]):
        if keys[i] == key and counts[i] > 0.0:
            return float(counts[i])
    return 0.0


@jit
def add(keys: Array, counts: Array, key: int, amount: float) -> None:
    """Count a key. A full table gives up the key with the smallest decayed count, so a flood of keys seen once
    can only push out each other and what its owner hardly uses."""
    smallest = 0
    for i in range(keys.shape[0]):
        if keys[i] == key and counts[i] > 0.0:
            counts[i] += amount
            return
        if counts[i] < counts[smallest]:
            smallest = i
    keys[smallest] = key
    counts[smallest] = amount


@jit
def scale(counts: Array, factor: float) -> None:
    """Multiply all counts of a table."""
    for i in range(counts.shape[0]):
        counts[i] *= factor


@jit
def novelty(keys: Array, counts: Array, key: int, known_events: int) -> float:
    """1 if the table lacks the key, 0 if it holds it; unknown without a key or without any history."""
    if key == 0 or known_events == 0:
        return NAN
    return 1.0 if count_of(keys, counts, key) == 0.0 else 0.0


@jit
def rarity(keys: Array, counts: Array, key: int, mass: float) -> float:
    """-log of the smoothed share a key has of the habit; unknown without a key or a habit."""
    if key == 0 or mass <= 0.0:
        return NAN
    return -math.log((count_of(keys, counts, key) + 0.5) / (mass + 1.0))


@jit
def changed(now: int, before: int) -> float:
    """1 if a key differs from the earlier one, 0 if equal; unknown if either is unknown."""
    if now == 0 or before == 0:
        return NAN
    return 1.0 if now != before else 0.0


@jit
def population_rarity(keys: Array, shares: Array, key: int) -> float:
    """-log of the share of a population that a key has, no share counted below 1 in 100; keys are sorted.

    Below that a snapshot of a few hundred identities cannot tell the rare from the never seen, and neither is odd.
    """
    if key == 0 or shares[shares.shape[0] - 1] < 0.0:
        return NAN
    low = np.searchsorted(keys, key)
    if low < keys.shape[0] and keys[low] == key:
        return -math.log(max(shares[low], SMALLEST_SHARE))
    return -math.log(SMALLEST_SHARE)


@jit
def seconds_between(later: int, earlier: int) -> float:
    """Seconds from one time to a later one, never below zero; unknown if either is unknown."""
    if NEVER in (later, earlier):
        return NAN
    return max(later - earlier, 0) / SECOND


@jit
def faded(seconds: float, half_life_seconds: float) -> float:
    """What is left of 1 after so many seconds."""
    return math.exp(-math.log(2.0) * seconds / half_life_seconds)


@jit
def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Great-circle distance in km between two points in degrees; unknown if any is unknown."""
    radians = math.pi / 180.0
    half_north = math.sin((other_latitude - latitude) * radians / 2.0)
    half_east = math.sin((other_longitude - longitude) * radians / 2.0)
    chord = half_north * half_north
    chord += math.cos(latitude * radians) * math.cos(other_latitude * radians) * half_east * half_east
    if math.isnan(chord):
        return NAN
    return EARTH_DIAMETER_KM * math.asin(math.sqrt(min(1.0, chord)))
