"""Baselines a model must beat on the same sessions: static rules, two simple models, and two kinds of plain prompts."""

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

RULES: tuple[tuple[str, float], ...] = (
    ("device_is_new", 0.5),
    ("travel_km_per_hour", 1_000.0),
    ("network_reputation", 0.8),
    ("first_write_after_reads", 0.5),
    ("privilege_above_identity", 0.5),
    ("country_is_new", 0.5),
)
"""A rule fires when its feature is above the number: new device, impossible travel, bad address, a write after reads,
more privilege than ever, new country."""
PRIVILEGED = 3.0
"""From this level of `privilege_of_action` on an action changes permissions."""
HOUR = 3_600_000_000
"""Microseconds."""
BATCH_ROWS = 20_000
"""Rows, about, that are scored together."""


def static_rules(matrix: Array) -> Array:
    """The number of rules that fire on each row, shape (n,). A rule whose feature is unknown does not fire."""
    columns = [feature_names().index(name) for name, _ in RULES]
    bounds = np.array([bound for _, bound in RULES])
    fired: Array = (matrix[:, columns] > bounds).sum(axis=1).astype(float)
    return fired


def prompt_on_privileged(matrix: Array) -> Array:
    """1 on each action that changes permissions, 0 elsewhere; shape (n,)."""
    prompted: Array = (matrix[:, feature_names().index("privilege_of_action")] >= PRIVILEGED).astype(float)
    return prompted


def prompt_every_hour(targets: PredictionTargets, rows: Array) -> Array:
    """1 on the first request of each further hour of a session; shape (len(rows),). Rows may be in any order."""
    started = np.full(int(targets.session.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(started, targets.session, targets.time)
    hour = (targets.time[rows] - started[targets.session[rows]]) // HOUR
    order = np.lexsort((targets.time[rows], targets.session[rows]))
    session, sorted_hour = targets.session[rows[order]], hour[order]
    prompted = np.zeros(len(rows))
    same_session = np.r_[False, session[1:] == session[:-1]]
    previous_hour = np.r_[0, sorted_hour[:-1]]
    prompted[order] = np.where(same_session, sorted_hour > previous_hour, sorted_hour > 0)
    return prompted


def logistic_regression(matrix: Array, malicious: Array, fitting: Array, test_matrix: Array) -> Array:
    """Scores of a logistic regression fitted on some rows, shape (len(test_matrix),).

    Unknown values become the median, with an indicator column.
    """
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=500),
    )
    return _score_in_batches(model.fit(matrix[fitting], malicious[fitting]).decision_function, test_matrix)


def isolation_forest(matrix: Array, fitting: Array, test_matrix: Array, seed: int) -> Array:
    """Anomaly scores of an isolation forest fitted on some rows without labels, shape (len(test_matrix),).

    Unknown values become the median, with an indicator column.
    """
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True).fit(matrix[fitting])
    forest = IsolationForest(n_estimators=100, random_state=seed).fit(imputer.transform(matrix[fitting]))
    return _score_in_batches(lambda batch: -forest.score_samples(imputer.transform(batch)), test_matrix)


def _score_in_batches(score: Callable[[Array], Array], matrix: Array) -> Array:
    """Score all rows a batch at a time: imputed rows with their indicators take several times the memory."""
    return np.concatenate([score(batch) for batch in np.array_split(matrix, len(matrix) // BATCH_ROWS + 1)])
