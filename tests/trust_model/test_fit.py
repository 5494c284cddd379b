"""Fitting: repeatable, monotone, calibrated into thresholds, and no better than chance on meaningless labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.catalogue.all import feature_names
from features.model.bundle import TrustModel
from training import Recipe, evaluate, fit, run_promotion_checks
from training.metrics.evaluation import Evaluation
from training.model.baselines import RULES
from training.pipeline.dataset import Dataset
from training.promotion.checks import (
    ChampionScores,
    Check,
    check_curves_never_rise,
    check_hazard_monotone,
    check_monotone,
    check_not_worse,
    count_rising_curves,
    shortfalls,
)


@pytest.fixture(scope="module")
def model(simulated_dataset: Dataset, small_recipe: Recipe) -> TrustModel:
    return fit(simulated_dataset, small_recipe, 3)


@pytest.fixture(scope="module")
def evaluation(model: TrustModel, simulated_dataset: Dataset, small_recipe: Recipe) -> Evaluation:
    return evaluate(model, simulated_dataset, small_recipe, 3)


def test_the_same_seed_and_data_give_the_same_model(
    model: TrustModel, simulated_dataset: Dataset, small_recipe: Recipe
) -> None:
    """Scores, calibration and thresholds, to the last bit."""
    again = fit(simulated_dataset, small_recipe, 3)
    rows = simulated_dataset.matrix[simulated_dataset.rows(simulated_dataset.split.test)[:500]]

    assert again.now_log_odds(rows).tobytes() == model.now_log_odds(rows).tobytes()
    assert again.hazards(rows).tobytes() == model.hazards(rows).tobytes()
    assert again.calibration == model.calibration
    assert again.thresholds == model.thresholds


def test_raising_a_suspicion_never_lowers_the_risk(model: TrustModel, simulated_dataset: Dataset) -> None:
    """Not the risk of now, by yes-or-no features, and not a hazard, by any feature."""
    matrix = simulated_dataset.matrix

    assert check_monotone(model, matrix, 1).passed
    assert check_hazard_monotone(model, matrix, 1).passed


def test_trust_curves_never_rise(model: TrustModel, simulated_dataset: Dataset) -> None:
    """On any row of the dataset."""
    assert check_curves_never_rise(model, simulated_dataset.matrix).passed


def test_a_model_that_is_not_monotone_fails_its_checks(model: TrustModel, simulated_dataset: Dataset) -> None:
    """Here one whose calibration turns the scores around."""
    turned = replace(model.calibration, slope=-1.0, hazard_slope=-1.0)
    upside_down = replace(model, calibration=turned)

    assert not check_monotone(upside_down, simulated_dataset.matrix, 1).passed
    assert not check_hazard_monotone(upside_down, simulated_dataset.matrix, 1).passed


def test_a_rising_curve_is_counted() -> None:
    """A negative hazard would give trust back."""
    assert count_rising_curves(np.zeros(2), np.array([[0.1, 0.2, 0.0, 0.1], [0.1, -0.2, 0.1, 0.1]])) == 1


def test_thresholds_never_fall_as_the_budget_grows(model: TrustModel) -> None:
    """A larger budget requires more trust."""
    for pairs in model.thresholds.values():
        trusts = [trust for _, trust in pairs]

        assert trusts == sorted(trusts)


def test_a_champion_that_this_build_cannot_load_is_not_compared(
    simulated_dataset: Dataset, evaluation: Evaluation
) -> None:
    """The check passes, and gives the reason."""
    unloadable = ChampionScores("", None, "this build lacks shoe_size")

    check = check_not_worse(simulated_dataset.test_set, evaluation, unloadable)

    assert check.passed
    assert check.measured == "no champion to compare: this build lacks shoe_size"


def test_a_model_is_not_worse_than_itself(
    model: TrustModel, simulated_dataset: Dataset, evaluation: Evaluation, small_recipe: Recipe
) -> None:
    """With a champion there is one more check, and the champion's equal passes it."""
    champion = replace(model, version="6")

    checks = run_promotion_checks(model, simulated_dataset, evaluation, small_recipe, champion, 3)

    (check,) = [check for check in checks if "champion" in check.name]
    assert check.passed
    assert "+0.000" in check.measured


def test_shuffled_labels_pass_the_leak_test(
    model: TrustModel, simulated_dataset: Dataset, evaluation: Evaluation, small_recipe: Recipe
) -> None:
    """Models of meaningless labels do no better than chance."""
    malicious = np.random.default_rng(1).permutation(simulated_dataset.targets.malicious)
    shuffled = replace(simulated_dataset, targets=replace(simulated_dataset.targets, malicious=malicious))

    checks = run_promotion_checks(model, shuffled, evaluation, small_recipe, None, 3)

    assert next(check for check in checks if check.name == "no leak").passed


def test_shortfalls_say_what_was_measured_and_what_is_required() -> None:
    """Checks that passed are left out."""
    checks = [Check("monotone", True, "0", "none"), Check("no leak", False, "9.0 times", "at most 3")]

    assert shortfalls(checks) == ("no leak: 9.0 times (required: at most 3)",)


def test_static_rules_use_existing_features() -> None:
    """A renamed feature must not silently disarm a baseline."""
    assert {name for name, _ in RULES} <= set(feature_names())
