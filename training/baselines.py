"""What the model must beat on the same sessions: rules anybody would write, and a straight line."""

from __future__ import annotations

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.measures import Array
from features.vector import names

TRIGGERS: tuple[tuple[str, float], ...] = (
    ("device_is_new", 0.5),
    ("speed_km_per_hour", 1_000.0),
    ("network_reputation", 0.8),
    ("first_write_after_reads", 0.5),
    ("privilege_above_identity", 0.5),
    ("country_is_new", 0.5),
)
"""A rule fires when its feature is above the number: new device, impossible travel, bad address, reading turned to
writing, more power than ever, new country."""


def static_rules(matrix: Array) -> Array:
    """How many rules fire, shape (n,); what is unknown fires none."""
    columns = [names().index(name) for name, _ in TRIGGERS]
    bounds = np.array([bound for _, bound in TRIGGERS])
    fired: Array = (matrix[:, columns] > bounds).sum(axis=1).astype(float)
    return fired


def logistic_regression(matrix: Array, foreign: Array, kept: Array, tested: Array) -> Array:
    """Scores of a straight line fitted on the kept rows, shape (len(tested),); unknown is the median, with a mark."""
    line = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=500),
    )
    scores: Array = line.fit(matrix[kept], foreign[kept]).decision_function(tested)
    return scores
