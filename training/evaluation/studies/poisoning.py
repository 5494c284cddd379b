"""Data poisoning: attack requests fed into victims' histories, and false verdicts about one identity.

Published for logins (Wiefling et al., TOPS 2022, targeted, recall .995 after 39 logins): step-ups per legitimate login
rise from .10 to .39. In service a challenged request teaches no habit, which limits the attack; here every request is
fed as if it had been allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.event.arrow import EVENT_SCHEMA
from features.event.numpy_row import rows_of
from features.model.bundle import TrustModel
from training.data.verdicts import MAX_VERDICTS_PER_IDENTITY, verdict_weights
from training.evaluation.studies.ablations import light_recipe
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.metrics.evaluation import TestSet
from training.metrics.friction import step_up_rates
from training.metrics.slices import Slice
from training.model.fit import Examples, fit_now, row_examples
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset

POISON_SHARE = 0.05
"""The share of attack rows in a victim's history before the test."""
RECALL = 0.98


@dataclass(frozen=True)
class PoisonedHistories:
    """Step-ups per 1,000 legitimate requests of the victims, where RECALL of their compromised sessions is reached."""

    clean: Estimate
    poisoned: Estimate
    rows: int
    """The number of attack rows that were fed."""

    @property
    def change(self) -> float:
        """The change of the step-up rate, per request."""
        return (self.poisoned.value - self.clean.value) / 1_000


def poison_histories(model: TrustModel, data: Dataset, seed: int) -> PoisonedHistories:
    """Feed every victim of the test its own attacker's requests, before the test begins, as if they were allowed."""
    test_set = data.test_set_for(model)
    targets = data.targets
    sessions = test_set.sessions(model.now_log_odds(test_set.matrix))
    victims = np.unique(sessions.identity[sessions.compromised])
    history = np.flatnonzero(np.isin(targets.identity, victims))
    attack, copied = attack_rows(data, history, int(targets.time[test_set.rows].min()), seed)
    events = pa.concat_tables([data.world.events.take(history), attack])
    deployment = data.deployment[np.concatenate([history, copied])]
    matrix = data.populations_for(model).replay(rows_of(events), deployment)
    rows = test_set.rows[np.isin(test_set.identity, victims)]
    clean = replace(test_set, rows=rows, matrix=test_set.matrix[np.searchsorted(test_set.rows, rows)])
    poisoned = replace(clean, matrix=matrix[np.searchsorted(history, rows)])
    return PoisonedHistories(_step_ups(model, clean, seed), _step_ups(model, poisoned, seed), attack.num_rows)


def _step_ups(model: TrustModel, test_set: TestSet, seed: int) -> Estimate:
    score = model.now_log_odds(test_set.matrix)
    sessions = test_set.sessions(score)
    bootstrap = bootstrap_weights(test_set.identity, seed)
    whole_test = Slice.everything(test_set, sessions)
    return step_up_rates(test_set, score, sessions, whole_test, bootstrap)[RECALL].per_1000


def attack_rows(data: Dataset, history: Array, begins: int, seed: int) -> tuple[pa.Table, Array]:
    """Copies of malicious requests at random times before `begins` (in µs), in sessions of their own, and the rows they
    were copied from.

    `history` holds row numbers; each identity among them gets POISON_SHARE of attack rows in its history.
    """
    rng, targets = np.random.default_rng(seed), data.targets
    sources, times = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for victim in np.unique(targets.identity[history]):
        rows = history[targets.identity[history] == victim]
        malicious, before = rows[targets.malicious[rows]], rows[targets.time[rows] < begins]
        if len(before) and len(malicious):
            count = max(1, round(POISON_SHARE / (1 - POISON_SHARE) * len(before)))
            sources.append(np.resize(malicious, count))
            times.append(rng.integers(targets.time[before].min(), targets.time[before].max() + 1, count))
    source, time = np.concatenate(sources), np.concatenate(times)
    events, count = data.world.events.take(source), len(source)
    changed = {
        "id": pa.array([f"fed-{seed}-{n}" for n in range(count)]),
        "time": pa.array(time, pa.int64()).cast(EVENT_SCHEMA.field("time").type),
        "session.id": pa.array([f"fed-{seed}-{n // 5}" for n in range(count)]),
        "session.started_at": pa.nulls(count, EVENT_SCHEMA.field("session.started_at").type),
        "action.outcome": pa.array(["success"] * count),
    }
    copies = pa.table([changed.get(f.name, events[f.name]) for f in EVENT_SCHEMA], schema=EVENT_SCHEMA)
    return copies, source


@dataclass(frozen=True)
class PoisonedLabels:
    """How far false verdicts about one identity, as many as are accepted, move its later scores."""

    identities: int
    """The number of identities tried, one after another."""
    verdicts: int
    log_odds: float
    """Mean change of an identity's later scores."""
    by_chance: float
    """The mean absolute change from refitting with another seed."""


def poison_labels(data: Dataset, recipe: Recipe, seed: int, *, identities: int = 3) -> PoisonedLabels:
    """Refit with false verdicts on the last legitimate requests of an identity, for the most active identities in turn.

    As many verdicts are used as are accepted of one identity.
    """
    targets, fitting = data.targets, data.rows(data.split.fit)
    recipe, stopping = light_recipe(recipe), data.examples(data.rows(data.split.stop))
    scored_parts = data.split.calibrate | data.split.test | ~data.split.population
    honest, reseeded = (fit_now(data.examples(fitting), stopping, recipe, seed + n) for n in (0, 1))
    legitimate = fitting[~targets.malicious[fitting]]
    people, counts = np.unique(targets.identity[legitimate], return_counts=True)
    changes, by_chance = [], []
    for victim in people[np.argsort(-counts, kind="stable")][:identities]:
        own = np.flatnonzero((targets.identity[fitting] == victim) & ~targets.malicious[fitting])
        accused = own[-MAX_VERDICTS_PER_IDENTITY:]
        poisoned = fit_now(_with_false_verdicts(data, fitting, accused), stopping, recipe, seed)
        after = targets.time > targets.time[fitting[accused]].max()
        later = np.flatnonzero((targets.identity == victim) & ~targets.malicious & scored_parts & after)
        if len(later):
            before = honest.decision_function(data.matrix[later])
            changes.append(float(np.mean(poisoned.decision_function(data.matrix[later]) - before)))
            by_chance.append(float(np.mean(reseeded.decision_function(data.matrix[later]) - before)))
    change, chance = float(np.mean(changes or [np.nan])), float(np.mean(np.abs(by_chance or [np.nan])))
    return PoisonedLabels(len(changes), MAX_VERDICTS_PER_IDENTITY, change, chance)


def _with_false_verdicts(data: Dataset, fitting: Array, accused: Array) -> Examples:
    """Examples of the fitted rows where verdicts call some of them, given by position, malicious."""
    labels, from_verdicts = data.targets.malicious[fitting].copy(), np.zeros(len(fitting), bool)
    labels[accused] = from_verdicts[accused] = True
    weight = verdict_weights(from_verdicts, data.targets.identity[fitting])
    return row_examples(data.matrix, fitting, labels).weighted(weight)
