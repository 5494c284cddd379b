"""From a dataset to a fitted, calibrated and evaluated pair of models, and to its promotion checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from features.arrays import Array
from features.enrichment.ip_lookup import lookup
from features.model.bundle import TrustModel
from features.model.trust_curve import probability
from training.data.labels import SIMULATED
from training.data.targets import at_risk_intervals
from training.metrics.evaluation import Evaluation, evaluate_model
from training.model.baselines import logistic_regression, static_rules
from training.model.calibration import base_log_odds, calibrate_hazard, calibrate_now, trust_thresholds
from training.model.fit import fit_hazard, fit_now, hazard_examples, margins, row_examples, thin_negatives
from training.model.recipe import Recipe
from training.pipeline.augmentation import NO_AUGMENTATION, Augmentation, augment_rows
from training.pipeline.dataset import HELD_OUT_SCENARIOS, Dataset
from training.progress import CountCallback
from training.promotion.checks import SHUFFLES, ChampionScores, Check, promotion_checks
from training.promotion.default_thresholds import shipped_thresholds
from training.promotion.real_record_check import challenge_real_records
from training.scenarios.guessing import GUESSING

ENOUGH_REQUESTS, ENOUGH_IDENTITIES = 1_000, 10
"""Benign requests, and identities, of a type by which its thresholds are measured: from fewer they come out worse than
those of the shipped model."""
THRESHOLD_BUDGETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
"""Friction budgets for which the model carries a trust threshold."""


def augment(data: Dataset, recipe: Recipe, seed: int, progress: CountCallback | None = None) -> Augmentation:
    """Inject more hard negatives and abuse into the fitted histories, as often as the recipe says."""
    fitting = data.rows(data.split.fit)
    return augment_rows(data.world, data.targets, fitting, data.populations, recipe.augmentation, seed, progress)


def fit(data: Dataset, recipe: Recipe, seed: int, augmentation: Augmentation = NO_AUGMENTATION) -> TrustModel:
    """Fit and calibrate both models; the now-model also on an augmentation, if there is one.

    The now-model is calibrated on identities of its own. The hazard model is calibrated on all but the test's: losses
    are few, and it is too coarse to have memorised those it was fitted on.

    Raises ValueError when the data holds no abuse to learn from.
    """
    targets, matrix, end = data.targets, data.matrix, data.split.end
    fitting, stopping, calibrating = (
        data.rows(part) for part in (data.split.fit, data.split.stop, data.split.calibrate)
    )
    cold = data.cold_copies(fitting, recipe.cold_copies, seed)
    examples = cold.append_to(data.augmented_examples(fitting, augmentation), recipe.cold_copies)
    examples = data.with_agent_calls(examples, fitting, recipe.agent_runs, seed)
    examples = data.transplants(fitting, recipe.transplants, seed).append_to(examples)
    now = fit_now(examples, data.examples(stopping), recipe, seed)
    calibration = calibrate_now(
        margins(now, data.examples(calibrating)), targets.malicious[calibrating], targets.identity[calibrating]
    )
    hazard = fit_hazard(hazard_examples(matrix, at_risk_intervals(targets, fitting, end)), recipe, seed)
    pairs = at_risk_intervals(targets, np.concatenate([fitting, stopping, calibrating]), end)
    chosen, weight = thin_negatives(hazard_examples(matrix, pairs), recipe, seed)
    pairs = pairs.part(chosen)
    hazard_margins = margins(hazard, hazard_examples(matrix, pairs))
    calibration = calibrate_hazard(calibration, hazard_margins, weight, pairs, data.identity_type[pairs.rows])
    seen = np.concatenate([fitting, calibrating])
    seen = seen[~np.isin(targets.scenario[seen], GUESSING)]  # hundreds of failures are no rate of attacks
    base = base_log_odds(targets.malicious[seen], data.identity_type[seen])
    model = TrustModel(now, hazard, replace(calibration, base_log_odds=base), data.population, {})
    return replace(model, thresholds=_thresholds(model, data, calibrating))


def _thresholds(model: TrustModel, data: Dataset, calibrating: Array) -> dict[str, list[list[float]]]:
    """Thresholds of every identity type: the shipped model's where too few requests are there to measure them by."""
    benign = calibrating[~data.targets.malicious[calibrating]]
    identity_type, identity = data.identity_type[benign], data.targets.identity[benign]
    trust = probability(-model.now_log_odds(data.matrix[benign]))
    measured = trust_thresholds(trust, identity_type, THRESHOLD_BUDGETS)
    enough = {
        name: values
        for name, values in measured.items()
        if (identity_type == name).sum() >= ENOUGH_REQUESTS
        and len(np.unique(identity[identity_type == name])) >= ENOUGH_IDENTITIES
    }
    return shipped_thresholds() | enough


def evaluate(model: TrustModel, data: Dataset, recipe: Recipe, seed: int) -> Evaluation:
    """Evaluate a model on the test, beside static rules and a logistic regression."""
    test_set, fitting = data.test_set, data.baseline_rows(recipe, seed)
    baselines = {
        "static rules": static_rules(test_set.matrix),
        "logistic regression": logistic_regression(data.matrix, data.targets.malicious, fitting, test_set.matrix),
    }
    return evaluate_model(model, test_set, baselines, HELD_OUT_SCENARIOS, seed)


def run_promotion_checks(
    model: TrustModel,
    data: Dataset,
    evaluation: Evaluation,
    recipe: Recipe,
    champion: TrustModel | ChampionScores | None,
    seed: int,
) -> list[Check]:
    """Run every promotion check, the leak test with shuffled labels among them.

    A champion is scored on the same events, with features computed from its own population.
    """
    fitting, test_set = data.rows(data.split.fit), data.test_set
    shuffled = [
        fit_unconstrained(data, fitting, target, recipe, seed).decision_function(test_set.matrix)
        for target in shuffled_labels(data.targets.malicious[fitting], seed, SHUFFLES)
    ]
    if isinstance(champion, TrustModel):
        score = champion.now_log_odds(data.test_set_for(champion).matrix)
        champion = ChampionScores(champion.version, score)
    # A model trained on real records needs no check that it carries over from a simulation.
    real_records = challenge_real_records(model, lookup()) if data.world.source == SIMULATED else None
    return promotion_checks(model, test_set, evaluation, shuffled, champion, real_records, seed)


def shuffled_labels(target: Array, seed: int, count: int) -> Iterator[Array]:
    """The same labels in `count` random orders."""
    return (np.random.default_rng(seed + draw).permutation(target) for draw in range(count))


def fit_unconstrained(
    data: Dataset, fitting: Array, target: Array, recipe: Recipe, seed: int
) -> HistGradientBoostingClassifier:
    """Fit a now-model on any target, without monotone constraints.

    Constraints carry knowledge of their own, which would hide that shuffled labels mean nothing.
    """
    return fit_now(row_examples(data.matrix, fitting, target), None, recipe, seed, constrained=False)
