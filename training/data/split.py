"""Who and when: rows for the population snapshot, for fitting, for stopping, for calibrating and for testing.

Every identity has one part to play, and testing lies after all fitting in time, so that neither a person's habits nor a
season can be learnt by heart. Calibration, a line on identities of its own, goes up to the end: how often abuse
happens is best known of late.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.hashing import key_of

Parts = tuple[tuple[str, float], ...]
POPULATION_UNTIL, FITTING_UNTIL = 0.15, 0.65
"""Shares of the time span: the population is measured before the first, fitted between the two, tested after."""
PARTS = (("fit", 0.6), ("stop", 0.07), ("calibrate", 0.13), ("test", 0.2))
"""Shares of identities by what they are for."""
JUDGED = (("fit", 0.15), ("stop", 0.05), ("calibrate", 0.0), ("test", 0.8))
"""The same of data that a finished model is judged on, which saw none of it: what is fitted here are its rivals."""


@dataclass(frozen=True)
class Split:
    """Masks over the rows, each of shape (n,)."""

    population: Array
    fit: Array
    stop: Array
    calibrate: Array
    test: Array
    end: int
    """The last moment of the data, in µs: nothing is known beyond."""


def split(events: pa.Table, seed: int, parts: Parts = PARTS) -> Split:
    """Split a table; an identity's part depends on its id, the shares and the seed alone."""
    times = events["time"].cast(pa.int64()).to_numpy()
    first, end = int(times.min()), int(times.max())
    population_until = first + POPULATION_UNTIL * (end - first)
    fitting_until = first + FITTING_UNTIL * (end - first)
    part = _parts(events, seed, parts)
    fitting, late = (times >= population_until) & (times < fitting_until), times >= population_until
    names = [name for name, _ in parts]
    when = {"fit": fitting, "stop": fitting, "calibrate": late}
    masks = {name: (part == names.index(name)) & moment for name, moment in when.items()}
    test = part == names.index("test")
    return Split(population=(times < population_until) & ~test, **masks, test=test & (times >= fitting_until), end=end)


def _parts(events: pa.Table, seed: int, shares: Parts) -> Array:
    """Each row's part, by its identity."""
    coded = events["identity.id"].combine_chunks().dictionary_encode()
    draws = np.array([key_of(f"{seed}/{name}") % 10_000 for name in coded.dictionary.to_pylist()]) / 10_000
    bounds = np.cumsum([share for _, share in shares])
    parts = np.minimum(np.searchsorted(bounds, draws, side="right"), len(shares) - 1)
    of_rows: Array = parts[coded.indices.to_numpy()]
    return of_rows
