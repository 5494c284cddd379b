"""A small real champion in a real registry, in seconds: for tests of the service, not of the model."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from support.random_events import random_events

from features.catalogue.all import feature_names
from features.engine.batch import replay
from features.event.arrow import table_of
from features.history.population import measure
from features.model.bundle import TYPES, Calibration, TrustModel
from features.model.trust_curve import HORIZONS
from features.settings import Settings
from training.promotion.registry import promote
from training.promotion.registry import register as log_and_register

BUDGETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)


def small_model(seed: int = 1) -> TrustModel:
    """Fitted on random events; a network that changed in mid-session is what it learns to distrust."""
    table = table_of(random_events(3_000, seed=seed))
    population = measure(table)
    matrix = replay(table, population)
    lost = matrix[:, feature_names().index("asn_changed_in_session")] == 1.0
    lost |= np.random.default_rng(seed).random(len(lost)) < 0.02
    intervals = np.tile(np.eye(len(HORIZONS)), (len(matrix) // len(HORIZONS), 1))
    fit = {"max_iter": 30, "max_leaf_nodes": 8, "random_state": seed}
    return TrustModel(
        now=HistGradientBoostingClassifier(**fit).fit(matrix, lost),
        hazard=HistGradientBoostingClassifier(**fit).fit(np.hstack([matrix[: len(intervals)], intervals]), lost),
        calibration=Calibration(0.9, -0.4, 0.8, dict.fromkeys(TYPES, (-3.0, -2.5, -2.0, -1.5))),
        population=population,
        thresholds={
            kind: [[b, 0.35 + b] for b in BUDGETS] for kind in ("human", "service_account", "workload", "agent")
        },
    )


def register(model: TrustModel, here: Settings) -> str:
    """Register the model and let it answer; returns its version."""
    version = log_and_register(model, here, tags={"data": "simulated", "gate": "passed"}, parameters={}, figures={})
    promote(here, version)
    return version
