"""Measures a population on a window of events: how common values are, and what is usual of sums of evidence.

Training measures it on an early window of each simulated deployment, and a deployment on its own recent events, without
labels. What is usual can be read only from features, which need the frequencies: so the window is replayed once with
these, and the sums are measured on its later part, where identities have a past.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.catalogue.all import feature_names
from features.engine.batch import Progress, replay_rows, time_order
from features.event.numpy_row import rows_of
from features.history.category_codes import IDENTITY_TYPES
from features.history.evidence.usual_units import HIGH
from features.history.population import measure_rows

SCALED_FEATURES = (
    "step_evidence_in_session",
    "action_evidence_in_session",
    "resource_evidence_in_session",
    "device_evidence_in_session",
    "network_evidence_in_session",
    "evidence_in_session",
    "rare_values_in_session",
    "recent_step_evidence",
    "recent_resource_evidence",
    "recent_evidence",
    "recent_rare_values",
    "highest_evidence_in_session",
    "largest_evidence_in_session",
    "step_evidence_above_usual",
    "evidence_above_usual",
)
"""The features in usual units, in the order of the places in a population's scales."""
DEFAULT_CENTER = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.4, -1.0, -3.0, -0.1, 0.0, 0.0, 0.0, 0.0)
DEFAULT_SPREAD = (17.0, 1.4, 1.0, 2.5, 1.0, 3.8, 8.0, 1.9, 1.1, 3.3, 1.4, 8.8, 18.6, 3.3, 1.2)
"""Medians and distances to the 98th percentile in a simulated world, at least 1: used where nothing is known."""
LEAST_SPREAD = 0.5
"""No unit is smaller than this share of the default: a window in which nothing happens would make anything extreme."""
TOO_YOUNG = 1 / 3
"""The part of a window whose identities have no past yet."""
ENOUGH_ROWS, ROWS_OF_ANY = 150, 30
"""Rows of a type from which its scales are measured; with fewer those of all types are, and with few rows none."""


def measure_window(table: pa.Table, progress: Progress | None = None) -> Array:
    """The population of a table of events without labels, shape (1,) of POPULATION."""
    return measure_window_rows(rows_of(table), progress)


def measure_window_rows(rows: Array, progress: Progress | None = None) -> Array:
    """The same for rows, shape (n,) of ROW."""
    population = measure_rows(rows)
    columns = [feature_names().index(name) for name in SCALED_FEATURES]
    sums = replay_rows(rows, population, progress=progress)[:, columns]
    mature = time_order(rows)[int(len(rows) * TOO_YOUNG) :]
    for kind in range(IDENTITY_TYPES + 1):
        of_type = mature[rows["identity_type"][mature] == kind]
        center, spread = _scale(sums[of_type] if len(of_type) >= ENOUGH_ROWS else sums[mature])
        population["scale_center"][0, kind], population["scale_spread"][0, kind] = center, spread
    return population


def _scale(sums: Array) -> tuple[Array, Array]:
    """Median and unit of each sum."""
    default = np.array(DEFAULT_CENTER), np.array(DEFAULT_SPREAD)
    if len(sums) < ROWS_OF_ANY:
        return default
    center = np.median(sums, axis=0)
    return center, np.maximum(np.quantile(sums, HIGH, axis=0) - center, LEAST_SPREAD * default[1])
