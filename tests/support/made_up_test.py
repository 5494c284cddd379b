"""A made-up test of a model: outcomes and features without any world behind them, for tests of what is measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from features.arrays import SECOND, Array
from features.catalogue.all import FEATURES, feature_names
from features.event.arrow import conform
from features.history.population import unmeasured
from training.data.labels import World, benign_labels
from training.data.split import Split
from training.data.targets import PredictionTargets
from training.metrics.evaluation import TestSet
from training.pipeline.dataset import Dataset

HOUR = 3_600


def outcomes_of(session: Array, malicious: Array, seconds: Array) -> PredictionTargets:
    """One identity for every two sessions; `seconds` is when each row is, from the start."""
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


def case_of(of: PredictionTargets, power: Array | None = None) -> TestSet:
    """All rows, of people, with nothing known but the power of each action."""
    matrix = np.full((len(of.session), len(FEATURES)), np.nan)
    matrix[:, feature_names().index("privilege_of_action")] = 0.0 if power is None else power
    matrix[:, feature_names().index("context_known_fraction")] = 1.0
    everything, people = np.ones(len(of.session), bool), np.full(len(of.session), "human")
    return TestSet(np.arange(len(of.session)), matrix, of, everything, people, int(of.time.max()) + 9 * HOUR * SECOND)


def a_hundred_sessions() -> TestSet:
    """A hundred sessions of one request each, a day apart, the last four of them malicious."""
    session = np.arange(100)
    return case_of(outcomes_of(session, session >= 96, session * 24.0 * HOUR))


def scored(tested: TestSet, seed: int = 1) -> Array:
    """Scores that tell something and not everything."""
    return np.random.default_rng(seed).normal(size=len(tested.rows)) + 2.0 * tested.targets.malicious[tested.rows]


def made_up() -> Dataset:
    """2,000 sessions of three requests; a twelfth are compromised at the third, and the first feature tells."""
    rng = np.random.default_rng(1)
    session = np.repeat(np.arange(2_000), 3)
    compromised = rng.random(2_000) < 1 / 12
    malicious = compromised[session] & (np.arange(6_000) % 3 == 2)
    of = outcomes_of(session, malicious, np.arange(6_000) * 600.0)
    matrix = rng.normal(size=(6_000, len(FEATURES)))
    matrix[:, 0] += 3.0 * malicious + 1.5 * compromised[session]
    part = (session // 2) % 4
    fit, stop, calibrate, test = (part == n for n in range(4))
    split = Split(np.zeros(6_000, bool), fit, stop, calibrate, test, int(of.time[-1]) + 90_000 * SECOND)
    events = conform(pa.table({"action.outcome": ["success"] * 6_000}))
    world = World(events, benign_labels(events))
    return Dataset(world, matrix, unmeasured(), split, of, np.full(6_000, "human"))


def with_scenario(of: PredictionTargets, name: str) -> PredictionTargets:
    """The same, its intruders' acts under another name."""
    return replace(of, scenario=np.where(of.malicious, name, of.scenario))
