"""Splits rows by identity and time: population snapshot, fitting, early stopping, calibration and test.

Every identity belongs to one part, and all test rows lie after all fitting rows in time, so a model can learn neither
an identity nor a season by heart. Calibration has identities of its own and extends to the end of the data, because
recent rows say best how often attacks happen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.hashing import key_of

Shares = tuple[tuple[str, float], ...]
"""By part: its share of the identities."""
POPULATION_UNTIL, FITTING_UNTIL = 0.15, 0.65
"""Shares of the time span: the population snapshot ends at the first; the test follows fitting at the second."""
OUTSIDERS = 0.05
"""Share of the identities that stay out of the population, as if they came from outside; they donate sessions."""
TRAINING_SHARES: Shares = (("fit", 0.6), ("stop", 0.07), ("calibrate", 0.13), ("test", 0.2))
"""The usual split of identities."""
COMPARISON_SHARES: Shares = (("fit", 0.15), ("stop", 0.05), ("calibrate", 0.0), ("test", 0.8))
"""For data that a finished model never saw: nearly everything tests it, and the rest fits the baselines beside it."""


@dataclass(frozen=True)
class Split:
    """Boolean masks over the rows, each of shape (n,)."""

    population: Array
    fit: Array
    stop: Array
    calibrate: Array
    test: Array
    end: int
    """The time of the last event, in microseconds."""


def split_rows(events: pa.Table, seed: int, shares: Shares = TRAINING_SHARES) -> Split:
    """Split a table of events; an identity's part depends on its id, the shares and the seed alone."""
    times = events["time"].cast(pa.int64()).to_numpy()
    first, end = int(times.min()), int(times.max())
    population_until = first + POPULATION_UNTIL * (end - first)
    fitting_until = first + FITTING_UNTIL * (end - first)
    part = _part_by_row(events, seed, shares)
    fitting, late = (times >= population_until) & (times < fitting_until), times >= population_until
    names = [name for name, _ in shares]
    periods = {"fit": fitting, "stop": fitting, "calibrate": late}
    masks = {name: (part == names.index(name)) & period for name, period in periods.items()}
    test = (part == names.index("test")) & (times >= fitting_until)
    window = (times < population_until) & (_draws_by_row(events, f"{seed}/outside") >= OUTSIDERS)
    return Split(population=window, **masks, test=test, end=end)


def _part_by_row(events: pa.Table, seed: int, shares: Shares) -> Array:
    """The number of each row's part, shape (n,)."""
    bounds = np.cumsum([share for _, share in shares])
    draws = _draws_by_row(events, str(seed))
    parts: Array = np.minimum(np.searchsorted(bounds, draws, side="right"), len(shares) - 1)
    return parts


def _draws_by_row(events: pa.Table, salt: str) -> Array:
    """A number from 0 to 1 for each row, shape (n,), that depends on its identity and the salt alone."""
    coded = events["identity.id"].combine_chunks().dictionary_encode()
    draws = np.array([key_of(f"{salt}/{name}") % 10_000 for name in coded.dictionary.to_pylist()]) / 10_000
    by_row: Array = draws[coded.indices.to_numpy()]
    return by_row
