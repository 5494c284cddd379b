"""Synthetic datasets and test sets: labels and features without a simulated world behind them, for tests of metrics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from features.arrays import SECOND, Array
from features.catalogue.all import FEATURES, feature_names
from features.event.arrow import conform
from features.history.population import empty_population
from training.data.labels import World, benign_labels
from training.data.split import Split
from training.data.targets import PredictionTargets
from training.metrics.evaluation import TestSet
from training.pipeline.dataset import Dataset
from training.pipeline.deployments import DeploymentPopulations

HOUR = 3_600
"""Seconds."""


def make_targets(session: Array, malicious: Array, seconds: Array) -> PredictionTargets:
    """Targets with one identity for every two sessions; `seconds` is the time of each row, from the start."""
    count, first = len(session), np.full(int(session.max()) + 1, np.inf)
    np.minimum.at(first, session[malicious], seconds[malicious])
    nothing = np.full(count, "", dtype=object)
    return PredictionTargets(
        known=np.ones(count, bool),
        malicious=malicious,
        session=session,
        in_session=np.ones(count, bool),
        identity=session // 2,
        scenario=np.where(malicious, "theft", nothing),
        strength=nothing,
        escalation=np.zeros(count, bool),
        prior_sessions=session % 2,
        seconds=first[session] - seconds,
        time=(seconds * SECOND).astype(np.int64),
    )


def make_test_set(targets: PredictionTargets, privilege: Array | None = None) -> TestSet:
    """All rows, of human identities; no feature is known but the privilege of the action and the share of context."""
    count = len(targets.session)
    matrix = np.full((count, len(FEATURES)), np.nan)
    matrix[:, feature_names().index("privilege_of_action")] = 0.0 if privilege is None else privilege
    matrix[:, feature_names().index("context_known_fraction")] = 1.0
    end = int(targets.time.max()) + 9 * HOUR * SECOND
    return TestSet(np.arange(count), matrix, targets, np.ones(count, bool), np.full(count, "human"), end)


def hundred_sessions() -> TestSet:
    """A hundred sessions of one request each, a day apart; the last four are malicious."""
    session = np.arange(100)
    return make_test_set(make_targets(session, session >= 96, session * 24.0 * HOUR))


def informative_score(test_set: TestSet, seed: int = 1) -> Array:
    """Scores that are higher on malicious rows, but not always."""
    return np.random.default_rng(seed).normal(size=len(test_set.rows)) + 2.0 * test_set.malicious


def make_dataset() -> Dataset:
    """2,000 sessions of three requests; a twelfth are compromised at the third, and the first feature shows it."""
    rng = np.random.default_rng(1)
    session = np.repeat(np.arange(2_000), 3)
    compromised = rng.random(2_000) < 1 / 12
    malicious = compromised[session] & (np.arange(6_000) % 3 == 2)
    targets = make_targets(session, malicious, np.arange(6_000) * 600.0)
    matrix = rng.normal(size=(6_000, len(FEATURES)))
    matrix[:, 0] += 3.0 * malicious + 1.5 * compromised[session]
    part = (session // 2) % 4
    fit, stop, calibrate, test = (part == number for number in range(4))
    split = Split(np.zeros(6_000, bool), fit, stop, calibrate, test, int(targets.time[-1]) + 90_000 * SECOND)
    time = pa.array(targets.time).cast(pa.timestamp("us", "UTC"))
    events = conform(pa.table({"time": time, "action.outcome": ["success"] * 6_000}))
    world = World(events, benign_labels(events))
    return Dataset(
        world, matrix, DeploymentPopulations.one_log(empty_population()), split, targets, np.full(6_000, "human")
    )


def with_scenario(targets: PredictionTargets, name: str) -> PredictionTargets:
    """The same targets with malicious requests of another scenario."""
    return replace(targets, scenario=np.where(targets.malicious, name, targets.scenario))
