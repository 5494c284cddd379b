"""From a dataset to a fitted, calibrated and evaluated pair of models, and the checks it has to pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from features.arrays import Array
from features.enrichment.ip_lookup import lookup
from features.model.bundle import TrustModel
from features.model.trust_curve import probability
from training.data.labels import SIMULATED
from training.data.targets import at_risk_intervals
from training.metrics.evaluation import Evaluation, evaluate
from training.model.baselines import logistic_regression, static_rules
from training.model.calibration import calibrate_hazard, calibrate_now, thresholds
from training.model.fit import Recipe, examples, fit_hazard, fit_now, hazard_examples, margins, thinned
from training.pipeline.augmentation import NOTHING, Augmentation, again
from training.pipeline.dataset import HELD_OUT, Dataset
from training.promotion.checks import SHUFFLES, Check, Rival, checks
from training.promotion.real_record_check import ordinary

BUDGETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
"""Friction budgets at which the model carries a threshold."""


def more_examples(
    data: Dataset, recipe: Recipe, seed: int, progress: Callable[[int, int], None] | None = None
) -> Augmentation:
    """Other surprises and abuse in the lives that are fitted, as often as the recipe says."""
    fitting = data.rows(data.split.fit)
    return again(data.world, data.targets, fitting, data.population, recipe.again, seed, progress)


def fit(data: Dataset, recipe: Recipe, seed: int, more: Augmentation = NOTHING) -> TrustModel:
    """Fit both models, the one of now on more examples where there are any, and calibrate each on its own target: that
    of now on identities of its own, the hazard on all but the test's, since losses are few and it is too coarse to know
    those it was fitted on.

    Raises ValueError when there is no abuse to learn from.
    """
    of, matrix = data.targets, data.matrix
    fitting, stopping, calibrating = (data.rows(p) for p in (data.split.fit, data.split.stop, data.split.calibrate))
    learnt = data.beside(fitting, more)
    now = fit_now(learnt, data.examples(stopping), recipe, seed)
    line = calibrate_now(margins(now, data.examples(calibrating)), of.malicious[calibrating], of.identity[calibrating])
    hazard = fit_hazard(hazard_examples(matrix, at_risk_intervals(of, fitting, data.split.end)), recipe, seed)
    watched = at_risk_intervals(of, np.concatenate([fitting, stopping, calibrating]), data.split.end)
    kept, weight = thinned(hazard_examples(matrix, watched), recipe, seed)
    watched = watched.part(kept)
    kind = data.kind[watched.rows]
    line = calibrate_hazard(line, margins(hazard, hazard_examples(matrix, watched)), weight, watched, kind)
    model = TrustModel(now, hazard, line, data.population, {})
    return replace(model, thresholds=_thresholds(model, data, calibrating))


def _thresholds(model: TrustModel, data: Dataset, calibrating: Array) -> dict[str, list[list[float]]]:
    benign = calibrating[~data.targets.malicious[calibrating]]
    trust = probability(-model.now_log_odds(data.matrix[benign]))
    return thresholds(trust, data.kind[benign], BUDGETS)


def assess(model: TrustModel, data: Dataset, recipe: Recipe, seed: int) -> Evaluation:
    """Evaluate against static rules and a logistic regression on the same test."""
    tested, kept = data.test_set, data.thinned(recipe, seed)
    scores = {
        "static rules": static_rules(tested.matrix),
        "logistic regression": logistic_regression(data.matrix, data.targets.malicious, kept, tested.matrix),
    }
    return evaluate(model, tested, scores, HELD_OUT, seed)


def gate(
    model: TrustModel, data: Dataset, evaluation: Evaluation, recipe: Recipe, rival: TrustModel | None, seed: int
) -> list[Check]:
    """Every check, the leak test among them: labels shuffled, constraints off, since those carry knowledge.

    A rival is scored on the same events, with features of its own population.
    """
    theirs = Rival(rival.version, rival.now_log_odds(data.seen_by(rival).matrix)) if rival else None
    return _checked(model, data, evaluation, recipe, theirs, seed)


def _checked(
    model: TrustModel, data: Dataset, evaluation: Evaluation, recipe: Recipe, rival: Rival | None, seed: int
) -> list[Check]:
    fitting, tested = data.rows(data.split.fit), data.test_set
    shuffled = [
        unconstrained(data, fitting, target, recipe, seed).decision_function(tested.matrix)
        for target in shuffles(data.targets.malicious[fitting], seed, SHUFFLES)
    ]
    asked = ordinary(model, lookup()) if data.world.source == SIMULATED else None
    return checks(model, tested, evaluation, shuffled, rival, asked, seed)


def shuffles(target: Array, seed: int, count: int) -> Iterator[Array]:
    """The same labels in other orders."""
    return (np.random.default_rng(seed + draw).permutation(target) for draw in range(count))


def unconstrained(
    data: Dataset, fitting: Array, target: Array, recipe: Recipe, seed: int
) -> HistGradientBoostingClassifier:
    """A now-model of any target, free of constraints: they carry knowledge, and would hide that labels mean nothing."""
    return fit_now(examples(data.matrix, fitting, target), None, recipe, seed, constrained=False)
