"""A small champion in a real registry, in seconds: for tests of the service, not of the model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from support.random_events import random_events

from features.arrays import Array
from features.catalogue.all import feature_names
from features.engine.batch import replay
from features.event.arrow import table_of
from features.history.population import measure_population
from features.model.bundle import TYPES, Calibration, TrustModel
from features.model.trust_curve import HORIZONS
from features.settings import Settings
from training.promotion.registry import CHECKS_TAG, PASSED, promote
from training.promotion.registry import register as register_version

BUDGETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)


def moved_network(matrix: Array) -> Array:
    """Which rows of features are of sessions whose network changed."""
    changed: Array = matrix[:, feature_names().index("asn_changed_in_session")] == 1.0
    return changed


def rare_network(matrix: Array) -> Array:
    """Which rows of features are of networks that are rare for the identity."""
    rare: Array = matrix[:, feature_names().index("asn_rarity")] > 2.0
    return rare


def small_model(seed: int = 1, malicious_rows: Callable[[Array], Array] = moved_network) -> TrustModel:
    """A model fitted on random events, which learns to distrust a network that changes in mid-session, or others."""
    table = table_of(random_events(3_000, seed=seed))
    population = measure_population(table)
    matrix = replay(table, population)
    malicious = malicious_rows(matrix)
    malicious |= np.random.default_rng(seed).random(len(malicious)) < 0.02
    intervals = np.tile(np.eye(len(HORIZONS)), (len(matrix) // len(HORIZONS), 1))
    settings = {"max_iter": 30, "max_leaf_nodes": 8, "random_state": seed}
    hazard_inputs = np.hstack([matrix[: len(intervals)], intervals])
    return TrustModel(
        now=HistGradientBoostingClassifier(**settings).fit(matrix, malicious),
        hazard=HistGradientBoostingClassifier(**settings).fit(hazard_inputs, malicious[: len(intervals)]),
        calibration=Calibration(0.9, -0.4, 0.8, dict.fromkeys(TYPES, (-3.0, -2.5, -2.0, -1.5))),
        population=population,
        thresholds={name: [[budget, 0.35 + budget] for budget in BUDGETS] for name in TYPES},
    )


def register(model: TrustModel, settings: Settings) -> str:
    """Register the model and promote it; returns its version."""
    tags = {"data": "simulated", CHECKS_TAG: PASSED}
    version = register_version(model, settings, tags=tags, parameters={}, figures={})
    promote(settings, version)
    return version
