"""Promotion checks on few or many attacks: one that no model could pass, or fail, is not asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.synthetic_dataset import hundred_sessions

from training.metrics.bootstrap import Estimate
from training.metrics.evaluation import MAIN_BUDGET, Evaluation
from training.promotion.checks import (
    Check,
    check_better_than_chance,
    check_better_than_rules,
    check_calibrated,
    check_no_leak,
    check_tested,
    shortfalls,
)

RATIOS = ("predicted_over_actual/all", "compromised_predicted_over_actual/7200_s")


def evaluated(
    *, prevalence: float = 0.01, precision: float = 0.5, attacked: int = 40, rules: float = 0.3, ratio: float = 1.0
) -> Evaluation:
    """Figures alone, as an evaluation gives them."""
    test_set = hundred_sessions()
    figures = {"prevalence": prevalence, "average_precision": precision, "compromised_sessions": float(attacked)}
    value = 0.8 if attacked else float("nan")
    recalls = {
        "overall": {MAIN_BUDGET: {"all": Estimate(value, value, value, attacked)}},
        "baseline": {MAIN_BUDGET: {"static rules": Estimate(rules, rules, rules, attacked)}},
    }
    sessions = test_set.sessions(np.zeros(100))
    return Evaluation(figures | dict.fromkeys(RATIOS, ratio), recalls, sessions, np.ones((1, 100)))


@pytest.mark.parametrize(
    ("prevalence", "precision", "state", "required"),
    [
        (0.01, 0.5, "passed", "at least 5"),
        (0.01, 0.04, "NOT PASSED", "at least 5"),
        (0.35, 0.9, "passed", "at least 2.29"),
        (0.35, 0.5, "NOT PASSED", "at least 2.29"),
        (0.9, 0.99, "skipped", "nothing"),
        (0.0, 0.0, "skipped", "nothing"),
    ],
)
def test_no_more_precision_is_asked_than_there_can_be(
    prevalence: float, precision: float, state: str, required: str
) -> None:
    """Five times a prevalence of 35 % would be a precision of 1.75."""
    check = check_better_than_chance(evaluated(prevalence=prevalence, precision=precision))

    assert (check.state, check.required) == (state, required)


def test_a_skipped_check_says_why_and_is_no_shortfall() -> None:
    """It is printed without a requirement."""
    check = check_better_than_chance(evaluated(prevalence=0.9))

    assert str(check) == "better than chance: 90% of the test's requests are malicious"
    assert shortfalls([check, Check("other", False, "1", "2")]) == ("other: 1 (required: 2)",)


@pytest.mark.parametrize(("attacked", "state"), [(0, "skipped"), (40, "passed")])
def test_rules_are_beaten_where_there_is_an_attack(attacked: int, state: str) -> None:
    """And the figure says of how many sessions."""
    check = check_better_than_rules(evaluated(attacked=attacked))

    assert check.state == state
    assert ("of 40 sessions" in check.measured) == (attacked == 40)


def test_rules_that_catch_everything_cannot_be_beaten() -> None:
    """So it is not asked."""
    assert check_better_than_rules(evaluated(rules=1.0)).state == "skipped"


@pytest.mark.parametrize(
    ("attacked", "ratio", "state"),
    [(40, 1.0, "passed"), (40, 9.0, "NOT PASSED"), (3, 9.0, "skipped"), (40, np.nan, "skipped")],
)
def test_calibration_is_not_judged_on_a_handful_of_attacks(attacked: int, ratio: float, state: str) -> None:
    """Predicted over actual is chance there."""
    assert [check.state for check in check_calibrated(evaluated(attacked=attacked, ratio=ratio))] == [state, state]


def test_a_model_that_met_no_attack_is_not_promoted() -> None:
    """Skipping everything must not let a model answer that was tested on nothing."""
    assert [check_tested(evaluated(attacked=n)).state for n in (0, 2, 3)] == ["NOT PASSED", "NOT PASSED", "passed"]


def test_a_leak_is_looked_for_where_shuffled_labels_can_show_it() -> None:
    """Not where half of the test is malicious, and not on two victims."""
    few, many = hundred_sessions(), hundred_sessions()
    half = np.arange(100) % 2 == 0
    many = replace(many, targets=replace(many.targets, malicious=half))
    spread = np.arange(100) % 15 == 0
    some = replace(few, targets=replace(few.targets, malicious=spread))
    score = np.random.default_rng(1).random(100)

    assert check_no_leak(few, [score]).state == "skipped"
    assert check_no_leak(many, [score]).state == "skipped"
    assert check_no_leak(some, [spread.astype(float)]).state == "NOT PASSED"
