"""The last distinct values a credential was used with, each with its time."""

from __future__ import annotations

from features.arrays import NAN, SECOND, Array
from features.history.layout import RECENT
from features.kernels.bucket_table import position_of, position_of_smallest
from features.kernels.compilation import jit

HOUR_OF_US = 3_600 * SECOND


@jit
def seen_within_an_hour(keys: Array, times: Array, key: int, time: int) -> float:
    """The number of distinct keys seen within the last hour, including the current one; NaN if that is unknown."""
    if key == 0:
        return NAN
    seen = 1
    for i in range(RECENT):
        other = (keys[i] != 0) & (keys[i] != key) & (times[i] >= time - HOUR_OF_US)
        seen += 1 if other else 0
    return float(seen)


@jit
def remember(keys: Array, times: Array, key: int, time: int) -> None:
    """Record when a key was last seen; a new key replaces the least recently seen."""
    if key == 0:
        return
    place = position_of(keys, key)
    if keys[place] == key:
        times[place] = max(times[place], time)
        return
    oldest = position_of_smallest(times, 0)
    keys[oldest] = key
    times[oldest] = time
