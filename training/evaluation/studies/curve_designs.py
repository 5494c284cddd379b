"""Five model designs for a decay curve: the pair that is used, and four alternatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from features.arrays import SECOND, Array
from features.model.trust_curve import HORIZONS, probability
from training.data.targets import AtRisk, at_risk_intervals
from training.model.calibration import intercepts_by_type, mean_log_loss
from training.model.fit import (
    HAZARD_CONSTRAINTS,
    NOW_CONSTRAINTS,
    Examples,
    fit_booster,
    margins,
    unweighted_examples,
)
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset

Recipes = Sequence[Recipe]
POINTS = (0, *HORIZONS)
"""Seconds from now at which a curve is evaluated."""


@dataclass(frozen=True)
class Curves:
    """Curves of the test's rows, held-out abuse left out."""

    trust: Array
    """Trust at POINTS, shape (rows, points)."""
    compromised_by: Array
    """P(compromised by each horizon | not malicious now), shape (rows, horizons)."""


@dataclass(frozen=True)
class Task:
    """What one classifier learns."""

    rows: Array
    """Row numbers of its examples; a row may occur several times."""
    extra: Array
    """Columns beside the features, shape (examples, columns)."""
    target: Array

    def examples(self, matrix: Array) -> Examples:
        """Features and extra columns as inputs, with the target."""
        return unweighted_examples(
            lambda numbers: np.hstack([matrix[self.rows[numbers]], self.extra[numbers]]), self.target
        )

    def part(self, mask: Array) -> Task:
        """Some of the examples."""
        return Task(self.rows[mask], self.extra[mask], self.target[mask])


TaskBuilder = Callable[[Array], Task]
"""From row numbers of one part of the split to a task."""


def best_fit(
    data: Dataset, build: TaskBuilder, constraints: list[int], recipes: Recipes, seed: int
) -> HistGradientBoostingClassifier:
    """Fit every recipe and return the model of lowest log-loss on the identities kept for stopping."""
    fitting, stopping = (build(data.rows(part)).examples(data.matrix) for part in (data.split.fit, data.split.stop))
    models = [fit_booster(fitting, stopping, constraints, recipe, seed) for recipe in recipes]
    losses = [mean_log_loss(margins(model, stopping), stopping.target) for model in models]
    return models[int(np.argmin(losses))]


def calibrated_probability(
    model: HistGradientBoostingClassifier, data: Dataset, build: TaskBuilder, inputs: Array
) -> Array:
    """Probabilities of inputs that belong to the rows of the test.

    An intercept for each identity type is set on the identities kept for calibration.
    """
    task = build(data.rows(data.split.calibrate))
    log_odds = margins(model, task.examples(data.matrix))
    intercepts = intercepts_by_type(log_odds, task.target, data.identity_type[task.rows], np.ones(len(log_odds)))
    identity_type = data.identity_type[data.rows(data.split.test)]
    intercept = np.select([identity_type == name for name in intercepts], [*intercepts.values()])
    return probability(model.decision_function(inputs) + intercept)


def _test_matrix(data: Dataset) -> Array:
    return data.matrix[data.rows(data.split.test)]


def _now(data: Dataset, recipes: Recipes, seed: int) -> Array:
    def build(rows: Array) -> Task:
        return Task(rows, np.zeros((len(rows), 0)), data.targets.malicious[rows])

    model = best_fit(data, build, NOW_CONSTRAINTS, recipes, seed)
    return calibrated_probability(model, data, build, _test_matrix(data))


def _one_hot_intervals(pairs: AtRisk) -> Array:
    return np.eye(len(HORIZONS))[pairs.interval]


def _hazards(data: Dataset, recipes: Recipes, seed: int) -> Array:
    def build(rows: Array) -> Task:
        pairs = at_risk_intervals(data.targets, rows, data.split.end)
        return Task(pairs.rows, _one_hot_intervals(pairs), pairs.compromised)

    model = best_fit(data, build, HAZARD_CONSTRAINTS, recipes, seed)
    return np.column_stack([_interval_probability(model, data, build, k) for k in range(len(HORIZONS))])


def _interval_probability(
    model: HistGradientBoostingClassifier, data: Dataset, build: TaskBuilder, interval: int
) -> Array:
    """The probabilities of one interval, with intercepts of its own."""

    def build_interval(rows: Array) -> Task:
        task = build(rows)
        return task.part(task.extra[:, interval] == 1.0)

    width = build(data.rows(data.split.calibrate)).extra.shape[1]
    extra = np.tile(np.eye(width)[interval], (len(_test_matrix(data)), 1))
    return calibrated_probability(model, data, build_interval, np.hstack([_test_matrix(data), extra]))


def now_and_hazard(data: Dataset, recipes: Recipes, seed: int) -> Curves:
    """The pair of models that is registered: one of now, one of the hazard."""
    return _from_hazards(_now(data, recipes, seed), _hazards(data, recipes, seed))


def _from_hazards(now: Array, hazards: Array) -> Curves:
    survival = np.cumprod(1.0 - hazards, axis=1)
    return Curves((1.0 - now)[:, None] * np.column_stack([np.ones(len(now)), survival]), 1.0 - survival)


def _compromised_within(data: Dataset, rows: Array, seconds: int) -> tuple[Array, Array]:
    """Rows observed for so long, or compromised by then; and whether they are malicious now or compromised by then."""
    targets = data.targets
    malicious, to_loss = targets.malicious[rows], targets.seconds[rows]
    seconds_to_loss = np.where(malicious, 0.0, np.where(to_loss > 0, to_loss, np.inf))
    compromised = seconds_to_loss <= seconds
    observed = compromised | ((data.split.end - targets.time[rows]) / SECOND >= seconds)
    usable = observed & (malicious | ((to_loss > 0) & targets.in_session[rows]))
    return rows[usable], compromised[usable]


def stacked_horizons(data: Dataset, recipes: Recipes, seed: int) -> Curves:
    """One classifier for all horizons, now among them, with the horizon as an input. Risk may only grow with it."""

    def build(rows: Array) -> Task:
        parts = [(*_compromised_within(data, rows, seconds), seconds) for seconds in POINTS]
        horizon = np.concatenate([np.full(len(part), np.log1p(seconds)) for part, _, seconds in parts])
        target = np.concatenate([compromised for _, compromised, _ in parts])
        return Task(np.concatenate([part for part, _, _ in parts]), horizon[:, None], target)

    def at_horizon(seconds: int) -> TaskBuilder:
        def build_horizon(rows: Array) -> Task:
            task = build(rows)
            return task.part(task.extra[:, 0] == np.log1p(seconds))

        return build_horizon

    model, matrix = best_fit(data, build, [*NOW_CONSTRAINTS, 1], recipes, seed), _test_matrix(data)
    inputs = (np.hstack([matrix, np.full((len(matrix), 1), np.log1p(seconds))]) for seconds in POINTS)
    compromised = [
        calibrated_probability(model, data, at_horizon(seconds), each)
        for seconds, each in zip(POINTS, inputs, strict=True)
    ]
    return _from_probabilities(np.column_stack(compromised))


def classifier_per_horizon(data: Dataset, recipes: Recipes, seed: int) -> Curves:
    """A classifier for each horizon, with nothing that keeps them in order."""
    compromised = []
    for seconds in POINTS:

        def build(rows: Array, seconds: int = seconds) -> Task:
            usable, target = _compromised_within(data, rows, seconds)
            return Task(usable, np.zeros((len(usable), 0)), target)

        model = best_fit(data, build, NOW_CONSTRAINTS, recipes, seed)
        compromised.append(calibrated_probability(model, data, build, _test_matrix(data)))
    return _from_probabilities(np.column_stack(compromised))


def _from_probabilities(compromised: Array) -> Curves:
    trust = 1.0 - compromised
    return Curves(trust, np.clip(1.0 - trust[:, 1:] / trust[:, :1], 0.0, 1.0))


def single_hazard(data: Dataset, recipes: Recipes, seed: int) -> Curves:
    """One hazard model whose first interval is now."""

    def build(rows: Array) -> Task:
        pairs = at_risk_intervals(data.targets, rows, data.split.end)
        intervals = np.concatenate([np.zeros(len(rows), np.int64), pairs.interval + 1])
        target = np.concatenate([data.targets.malicious[rows], pairs.compromised])
        return Task(np.concatenate([rows, pairs.rows]), np.eye(len(POINTS))[intervals], target)

    model = best_fit(data, build, NOW_CONSTRAINTS + [0] * len(POINTS), recipes, seed)
    hazards = np.column_stack([_interval_probability(model, data, build, k) for k in range(len(POINTS))])
    return _from_hazards(hazards[:, 0], hazards[:, 1:])


def now_and_exponential(data: Dataset, recipes: Recipes, seed: int) -> Curves:
    """A now-model, and from there one constant rate for each identity type."""
    calibrating, testing = data.rows(data.split.calibrate), data.rows(data.split.test)
    now, rates = _now(data, recipes, seed), np.zeros(len(testing))
    pairs = at_risk_intervals(data.targets, calibrating, data.split.end)
    lengths = np.diff(POINTS)[pairs.interval]
    for identity_type in np.unique(data.identity_type):
        mask = data.identity_type[pairs.rows] == identity_type
        rate = (pairs.compromised[mask].sum() + 0.5) / (lengths[mask].sum() + 1.0)
        rates[data.identity_type[testing] == identity_type] = rate
    hazards = 1.0 - np.exp(-rates[:, None] * np.diff(POINTS)[None, :])
    return _from_hazards(now, hazards)


DESIGNS: dict[str, Callable[[Dataset, Recipes, int], Curves]] = {
    "now and hazard": now_and_hazard,
    "one stacked-horizon classifier": stacked_horizons,
    "one classifier a horizon": classifier_per_horizon,
    "one hazard model": single_hazard,
    "now and exponential": now_and_exponential,
}
