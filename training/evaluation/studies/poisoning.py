"""What an intruder gains who teaches: attacks fed into his victims' histories, and labels that lie about one identity.

Published for logins (Wiefling et al., TOPS 2022, targeted, recall .995 after 39 logins): step-ups per legitimate login
rise from .10 to .39. A request that was challenged teaches no habit, which is what keeps ours from it; here all of it
is fed as if it had been allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.engine.batch import replay
from features.event.arrow import EVENT_SCHEMA
from features.model.bundle import TrustModel
from training.data.verdicts import MAX_VERDICTS_PER_IDENTITY, verdict_weights
from training.evaluation.studies.ablations import lighter
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.metrics.evaluation import TestSet
from training.metrics.friction import friction
from training.metrics.slices import Slice
from training.model.fit import Recipe, examples, fit_now
from training.pipeline.dataset import Dataset

SHARE = 0.05
"""Of a victim's history before the test."""
RECALL = 0.98


@dataclass(frozen=True)
class Poisoned:
    """Step-ups per 1,000 legitimate requests of the victims at RECALL of their compromised sessions, before and after."""

    clean: Estimate
    fed: Estimate
    rows: int
    """How many attack rows were fed."""

    @property
    def moved(self) -> float:
        """The change of the step-up rate, per request."""
        return (self.fed.value - self.clean.value) / 1_000


def poisoned(model: TrustModel, data: Dataset, seed: int) -> Poisoned:
    """Feed every victim of the test his own intruder's acts, before the test begins, as if nobody had minded."""
    test_set = data.seen_by(model)
    of = data.targets
    sessions = test_set.sessions(model.now_log_odds(test_set.matrix))
    victims = np.unique(sessions.identity[sessions.compromised])
    theirs = np.flatnonzero(np.isin(of.identity, victims))
    added = fed(data, theirs, int(of.time[test_set.rows].min()), seed)
    events = pa.concat_tables([data.world.events.take(theirs), added])
    matrix = replay(events, model.population)
    rows = test_set.rows[np.isin(of.identity[test_set.rows], victims)]
    clean = replace(test_set, rows=rows, matrix=test_set.matrix[np.searchsorted(test_set.rows, rows)])
    taught = replace(clean, matrix=matrix[np.searchsorted(theirs, rows)])
    return Poisoned(_step_ups(model, clean, seed), _step_ups(model, taught, seed), added.num_rows)


def _step_ups(model: TrustModel, test_set: TestSet, seed: int) -> Estimate:
    score = model.now_log_odds(test_set.matrix)
    sessions = test_set.sessions(score)
    everything = Slice("", "", np.ones(len(sessions.compromised), bool), np.ones(len(test_set.rows), bool))
    drawn = bootstrap_weights(test_set.targets.identity[test_set.rows], seed)
    return friction(test_set, score, sessions, everything, drawn)[RECALL].per_1000


def fed(data: Dataset, theirs: Array, begins: int, seed: int) -> pa.Table:
    """The intruders' acts, again and again, laid at random times into the history before, in sessions of their own."""
    rng, of = np.random.default_rng(seed), data.targets
    sources, times = [], []
    for victim in np.unique(of.identity[theirs]):
        own = theirs[of.identity[theirs] == victim]
        acts, before = own[of.malicious[own]], own[of.time[own] < begins]
        if len(before) and len(acts):
            count = max(1, round(SHARE / (1 - SHARE) * len(before)))
            sources.append(np.resize(acts, count))
            times.append(rng.integers(of.time[before].min(), of.time[before].max() + 1, count))
    source, time = (np.concatenate(each) if each else np.zeros(0, np.int64) for each in (sources, times))
    taken = data.world.events.take(source)
    count = len(source)
    changed = {
        "id": pa.array([f"fed-{seed}-{n}" for n in range(count)]),
        "time": pa.array(time, pa.int64()).cast(EVENT_SCHEMA.field("time").type),
        "session.id": pa.array([f"fed-{seed}-{n // 5}" for n in range(count)]),
        "session.started_at": pa.nulls(count, EVENT_SCHEMA.field("session.started_at").type),
        "action.outcome": pa.array(["success"] * count),
    }
    return pa.table([changed.get(f.name, taken[f.name]) for f in EVENT_SCHEMA], schema=EVENT_SCHEMA)


@dataclass(frozen=True)
class Misled:
    """How far lying verdicts about one identity, as many as are taken, move what the model makes of it."""

    identities: int
    verdicts: int
    log_odds: float
    """Mean change of an identity's scores after, over the identities tried; refitting with other draws moves them by
    `by_chance`."""
    by_chance: float


def misled(data: Dataset, recipe: Recipe, seed: int, *, identities: int = 3) -> Misled:
    """Refit with CAP of an identity's own requests called malicious, for several identities of the fitted in turn."""
    of, fitting, stopping = data.targets, data.rows(data.split.fit), data.rows(data.split.stop)
    recipe = lighter(recipe)
    stop = data.examples(stopping)
    later = data.split.calibrate | data.split.test | ~data.split.population
    honest = fit_now(data.examples(fitting), stop, recipe, seed)
    again = fit_now(data.examples(fitting), stop, recipe, seed + 1)
    clean = fitting[~of.malicious[fitting]]
    people, counts = np.unique(of.identity[clean], return_counts=True)
    chosen = people[np.argsort(-counts, kind="stable")][:identities]
    moved, chance = [], []
    for victim in chosen:
        told = np.flatnonzero((of.identity[fitting] == victim) & ~of.malicious[fitting])[-MAX_VERDICTS_PER_IDENTITY:]
        target, said = of.malicious[fitting].copy(), np.zeros(len(fitting), bool)
        target[told] = said[told] = True
        lies = examples(data.matrix, fitting, target).counting(verdict_weights(said, of.identity[fitting]))
        lied_to = fit_now(lies, stop, recipe, seed)
        seen = np.flatnonzero(
            (of.identity == victim) & ~of.malicious & later & (of.time > of.time[fitting[told]].max())
        )
        before = honest.decision_function(data.matrix[seen]) if len(seen) else np.zeros(0)
        if len(seen):
            moved.append(float(np.mean(lied_to.decision_function(data.matrix[seen]) - before)))
            chance.append(float(np.mean(again.decision_function(data.matrix[seen]) - before)))
    return Misled(
        len(moved),
        MAX_VERDICTS_PER_IDENTITY,
        float(np.mean(moved or [np.nan])),
        float(np.mean(np.abs(chance or [np.nan]))),
    )
