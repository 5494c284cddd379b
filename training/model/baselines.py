"""What the model must beat on the same sessions: rules anybody would write, a straight line, an oddity, and prompts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.arrays import Array
from features.catalogue.all import feature_names
from training.data.targets import PredictionTargets

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
PRIVILEGED = 3.0
"""From this power on an action changes who may do what (`privilege_of_action`)."""
HOUR = 3_600_000_000
AT_ONCE = 20_000
"""Rows, more or less, whose baseline scores are computed together."""


def static_rules(matrix: Array) -> Array:
    """How many rules fire, shape (n,); what is unknown fires none."""
    columns = [feature_names().index(name) for name, _ in TRIGGERS]
    bounds = np.array([bound for _, bound in TRIGGERS])
    fired: Array = (matrix[:, columns] > bounds).sum(axis=1).astype(float)
    return fired


def always_on_privileged(matrix: Array) -> Array:
    """1 where the action changes who may do what: a prompt on each of them, whoever asks."""
    prompted: Array = (matrix[:, feature_names().index("privilege_of_action")] >= PRIVILEGED).astype(float)
    return prompted


def every_hour(of: PredictionTargets, rows: Array) -> Array:
    """1 on the first request of each further hour of a session; shape (len(rows),), rows in order of time or not."""
    began = np.full(int(of.session.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(began, of.session, of.time)
    hour = (of.time[rows] - began[of.session[rows]]) // HOUR
    order = np.lexsort((of.time[rows], of.session[rows]))
    session, sorted_hour = of.session[rows[order]], hour[order]
    prompted = np.zeros(len(rows))
    same = np.r_[False, session[1:] == session[:-1]]
    earlier = np.r_[0, sorted_hour[:-1]]
    prompted[order] = np.where(same, sorted_hour > earlier, sorted_hour > 0)
    return prompted


def logistic_regression(matrix: Array, malicious: Array, kept: Array, tested: Array) -> Array:
    """Scores of a straight line fitted on the kept rows, shape (len(tested),); unknown is the median, with a mark."""
    line = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=500),
    )
    return _scored(line.fit(matrix[kept], malicious[kept]).decision_function, tested)


def isolation_forest(matrix: Array, kept: Array, tested: Array, seed: int) -> Array:
    """How odd each row is to a forest without labels, shape (len(tested),); unknown is the median, with a mark."""
    filled = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True).fit(matrix[kept])
    forest = IsolationForest(n_estimators=100, random_state=seed).fit(filled.transform(matrix[kept]))
    return _scored(lambda part: -forest.score_samples(filled.transform(part)), tested)


def _scored(score: Callable[[Array], Array], tested: Array) -> Array:
    """The scores of all rows, some at a time: filled in and marked, they take several times their memory."""
    return np.concatenate([score(part) for part in np.array_split(tested, len(tested) // AT_ONCE + 1)])
