"""Training copies a few numbers of the shipped policy instead of reading it; they must stay equal."""

from __future__ import annotations

import statistics

import yaml

from features.settings import Settings
from serving.model.active import policy_file
from serving.policy.schema import Policy
from training.metrics.policy_constants import (
    DENY_BELOW_TRUST,
    FRESH_PROOF_MINUTES,
    LIFETIME_RISK,
    SHORTEST_LIFETIME_SECONDS,
    STEP_UP_SECONDS,
    UNSTATED_SENSITIVITY_BUDGET,
)


def test_the_constants_equal_the_shipped_policy() -> None:
    """Lifetime, duration of a step-up, age of a fresh proof, the trust below which no proof
    helps, and the budget of a request that states no sensitivity."""
    policy = Policy.model_validate(yaml.safe_load(policy_file(Settings()).read_text()))
    ages = [floor.requires.max_age_seconds for floor in policy.floors if floor.kind == "action"]

    assert policy.lifetime.risk == LIFETIME_RISK
    assert policy.lifetime.shortest_seconds == SHORTEST_LIFETIME_SECONDS
    assert policy.lifetime.elevation_seconds == STEP_UP_SECONDS
    assert statistics.mode(ages) == FRESH_PROOF_MINUTES * 60
    assert set(policy.deny_below.values()) == {DENY_BELOW_TRUST}
    assert {each.for_sensitivity(None).budget for each in policy.thresholds.values()} == {UNSTATED_SENSITIVITY_BUDGET}
