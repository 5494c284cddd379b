"""Training does not read policies; that its evidence means the same as the shipped one is seen here."""

from __future__ import annotations

import statistics

import yaml

from features.settings import Settings
from serving.model.active import policy_file
from serving.policy.schema import Policy
from training.metrics.policy_constants import DENIED_BELOW, FRESH_MINUTES, RISK, SHORTEST_SECONDS, STEP_UP_SECONDS


def test_the_numbers_are_those_of_the_shipped_policy() -> None:
    """How long a session may go on, how long a proof counts, how fresh it must be, and when none helps."""
    policy = Policy.model_validate(yaml.safe_load(policy_file(Settings()).read_text()))
    rules, ages = policy.lifetime, [f.requires.max_age_seconds for f in policy.floors if f.kind == "action"]

    assert (rules.risk, rules.shortest_seconds) == (RISK, SHORTEST_SECONDS)
    assert statistics.mode(ages) == FRESH_MINUTES * 60
    assert rules.elevation_seconds == STEP_UP_SECONDS
    assert set(policy.deny_below.values()) == {DENIED_BELOW}
