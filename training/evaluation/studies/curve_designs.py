"""Ways to a decay curve, to be compared: the pair that is used, and four that are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from features.arrays import SECOND, Array
from features.model.trust_curve import HORIZONS, probability
from training.data.targets import AtRisk, at_risk_intervals
from training.model.calibration import intercepts, loss
from training.model.fit import HAZARD_DIRECTIONS, NOW_DIRECTIONS, Examples, Recipe, counted_once, fit, margins
from training.pipeline.dataset import Dataset

Recipes = Sequence[Recipe]
POINTS = (0, *HORIZONS)


@dataclass(frozen=True)
class Curves:
    """Of the test without held-out abuse: trust at POINTS, and P(compromised by each horizon | not malicious now)."""

    trust: Array
    compromised_by: Array


@dataclass(frozen=True)
class Task:
    """Rows to learn one target from, with what stands beside their features."""

    rows: Array
    beside: Array
    target: Array

    def examples(self, matrix: Array) -> Examples:
        """Features, what stands beside them, and the target."""
        return counted_once(lambda which: np.hstack([matrix[self.rows[which]], self.beside[which]]), self.target)


def best(
    data: Dataset, make: Callable[[Array], Task], directions: list[int], recipes: Recipes, seed: int
) -> HistGradientBoostingClassifier:
    """Fitted by each recipe; the one of least log-loss on the identities kept for stopping."""
    parts = (data.split.fit, data.split.stop)
    fitting, stopping = (make(data.rows(part)).examples(data.matrix) for part in parts)
    models = [fit(fitting, stopping, directions, recipe, seed) for recipe in recipes]
    losses = [loss(margins(model, stopping), stopping.target) for model in models]
    return models[int(np.argmin(losses))]


def calibrated(
    model: HistGradientBoostingClassifier, data: Dataset, make: Callable[[Array], Task], asked: Array
) -> Array:
    """Probabilities of a model on inputs of the test, its intercepts, one for each identity type, set on the identities
    kept for calibration."""
    task = make(data.rows(data.split.calibrate))
    found = margins(model, task.examples(data.matrix))
    added = intercepts(found, task.target, data.kind[task.rows], np.ones(len(found)))
    theirs = data.kind[data.rows(data.split.test)]
    usual = np.select([theirs == kind for kind in added], [*added.values()])
    return probability(model.decision_function(asked) + usual)


def _tested(data: Dataset) -> Array:
    return data.matrix[data.rows(data.split.test)]


def _now(data: Dataset, recipes: Recipes, seed: int) -> Array:
    def make(rows: Array) -> Task:
        return Task(rows, np.zeros((len(rows), 0)), data.targets.malicious[rows])

    model = best(data, make, NOW_DIRECTIONS, recipes, seed)
    return calibrated(model, data, make, _tested(data))


def _intervals(pairs: AtRisk) -> Array:
    return np.eye(len(HORIZONS))[pairs.interval]


def _hazards(data: Dataset, recipes: Recipes, seed: int) -> Array:
    def make(rows: Array) -> Task:
        risky = at_risk_intervals(data.targets, rows, data.split.end)
        return Task(risky.rows, _intervals(risky), risky.compromised)

    model = best(data, make, HAZARD_DIRECTIONS, recipes, seed)
    return np.column_stack([_of_interval(model, data, make, k) for k in range(len(HORIZONS))])


def _of_interval(
    model: HistGradientBoostingClassifier, data: Dataset, make: Callable[[Array], Task], interval: int
) -> Array:
    """One interval's probabilities, with an intercept of its own."""

    def of_it(rows: Array) -> Task:
        task = make(rows)
        here = task.beside[:, interval] == 1.0
        return Task(task.rows[here], task.beside[here], task.target[here])

    width = make(data.rows(data.split.calibrate)).beside.shape[1]
    beside = np.tile(np.eye(width)[interval], (len(_tested(data)), 1))
    return calibrated(model, data, of_it, np.hstack([_tested(data), beside]))


def pair(data: Dataset, recipes: Recipes, seed: int) -> Curves:
    """Now and hazard, as registered."""
    return _survival(_now(data, recipes, seed), _hazards(data, recipes, seed))


def _survival(now: Array, hazards: Array) -> Curves:
    surviving = np.cumprod(1.0 - hazards, axis=1)
    return Curves((1.0 - now)[:, None] * np.column_stack([np.ones(len(now)), surviving]), 1.0 - surviving)


def _lost_within(data: Dataset, rows: Array, seconds: int) -> tuple[Array, Array]:
    """Rows watched so far or compromised by then, and whether malicious now or compromised by then."""
    of = data.targets
    ahead = np.where(of.malicious[rows], 0.0, np.where(of.seconds[rows] > 0, of.seconds[rows], np.inf))
    compromised = ahead <= seconds
    seen = compromised | ((data.split.end - of.time[rows]) / SECOND >= seconds)
    usable = seen & (of.malicious[rows] | ((of.seconds[rows] > 0) & of.in_session[rows]))
    return rows[usable], compromised[usable]


def stacked(data: Dataset, recipes: Recipes, seed: int) -> Curves:
    """One classifier for all horizons, now among them; risk may only grow with the horizon it is told."""

    def make(rows: Array) -> Task:
        parts = [(*_lost_within(data, rows, seconds), seconds) for seconds in POINTS]
        beside = np.concatenate([np.full(len(r), np.log1p(seconds)) for r, _, seconds in parts])
        return Task(np.concatenate([r for r, _, _ in parts]), beside[:, None], np.concatenate([y for _, y, _ in parts]))

    def at(seconds: int) -> Callable[[Array], Task]:
        def only(rows: Array) -> Task:
            task = make(rows)
            here = task.beside[:, 0] == np.log1p(seconds)
            return Task(task.rows[here], task.beside[here], task.target[here])

        return only

    model, tested = best(data, make, [*NOW_DIRECTIONS, 1], recipes, seed), _tested(data)
    compromised = [
        calibrated(model, data, at(s), np.hstack([tested, np.full((len(tested), 1), np.log1p(s))])) for s in POINTS
    ]
    return _of_compromised(np.column_stack(compromised))


def per_horizon(data: Dataset, recipes: Recipes, seed: int) -> Curves:
    """A classifier for each horizon, and nothing that keeps them in order."""
    compromised = []
    for seconds in POINTS:

        def make(rows: Array, seconds: int = seconds) -> Task:
            usable, target = _lost_within(data, rows, seconds)
            return Task(usable, np.zeros((len(usable), 0)), target)

        model = best(data, make, NOW_DIRECTIONS, recipes, seed)
        compromised.append(calibrated(model, data, make, _tested(data)))
    return _of_compromised(np.column_stack(compromised))


def _of_compromised(compromised: Array) -> Curves:
    trust = 1.0 - compromised
    return Curves(trust, np.clip(1.0 - trust[:, 1:] / trust[:, :1], 0.0, 1.0))


def single_hazard(data: Dataset, recipes: Recipes, seed: int) -> Curves:
    """One hazard model whose first interval is now."""

    def make(rows: Array) -> Task:
        risky = at_risk_intervals(data.targets, rows, data.split.end)
        intervals = np.concatenate([np.zeros(len(rows), np.int64), risky.interval + 1])
        target = np.concatenate([data.targets.malicious[rows], risky.compromised])
        return Task(np.concatenate([rows, risky.rows]), np.eye(len(POINTS))[intervals], target)

    model = best(data, make, NOW_DIRECTIONS + [0] * len(POINTS), recipes, seed)
    hazards = np.column_stack([_of_interval(model, data, make, k) for k in range(len(POINTS))])
    return _survival(hazards[:, 0], hazards[:, 1:])


def exponential(data: Dataset, recipes: Recipes, seed: int) -> Curves:
    """Now, and from there one constant rate for each identity type."""
    of, calibrating, testing = data.targets, data.rows(data.split.calibrate), data.rows(data.split.test)
    now, rates = _now(data, recipes, seed), np.zeros(len(testing))
    risky = at_risk_intervals(of, calibrating, data.split.end)
    lengths = np.diff(POINTS)[risky.interval]
    for kind in np.unique(data.kind):
        here = data.kind[risky.rows] == kind
        rates[data.kind[testing] == kind] = (risky.compromised[here].sum() + 0.5) / (lengths[here].sum() + 1.0)
    hazards = 1.0 - np.exp(-rates[:, None] * np.diff(POINTS)[None, :])
    return _survival(now, hazards)


DESIGNS: dict[str, Callable[[Dataset, Recipes, int], Curves]] = {
    "now and hazard": pair,
    "one stacked-horizon classifier": stacked,
    "one classifier a horizon": per_horizon,
    "one hazard model": single_hazard,
    "now and exponential": exponential,
}
