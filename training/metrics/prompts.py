"""Prompts that users see when floors act as well as the model.

Floors prompt on privileged actions without a fresh proof; the model prompts where it challenges. A completed step-up
counts in its session for a while, for floors and model alike. Legitimate users are taken to complete theirs.
"""

from __future__ import annotations

import numpy as np

from features.arrays import SECOND, Array
from features.catalogue.all import feature_names
from training.metrics.bootstrap import BootstrapWeights, Estimate
from training.metrics.evaluation import TestSet
from training.metrics.friction import DAY
from training.metrics.policy_constants import FRESH_PROOF_MINUTES, STEP_UP_SECONDS
from training.model.baselines import prompt_on_privileged

PROMPT_PERIODS = {"human": ("person and week", 7 * DAY), "machine": ("machine and day", DAY)}
"""The periods in which prompts are counted. Only periods with any activity count."""


def prompted_by_floors(matrix: Array) -> Array:
    """Whether floors prompt on each request: privileged, without a fresh proof; shape (n,)."""
    proven = matrix[:, feature_names().index("minutes_since_strong_authentication")] <= FRESH_PROOF_MINUTES
    prompted: Array = (prompt_on_privileged(matrix) > 0) & ~proven
    return prompted


def prompts_shown(test_set: TestSet, challenged: Array) -> Array:
    """Whether each legitimate request shows a prompt, by the model or by floors; shape (len(rows),).

    A request within STEP_UP_SECONDS of the last prompt in its session shows none.
    """
    targets, rows = test_set.targets, test_set.rows
    candidates = np.flatnonzero((challenged | prompted_by_floors(test_set.matrix)) & ~test_set.malicious)
    order = candidates[np.lexsort((targets.time[rows[candidates]], targets.session[rows[candidates]]))]
    sessions, times = targets.session[rows[order]].tolist(), targets.time[rows[order]].tolist()
    prompts, current, until = np.zeros(len(rows), bool), -1, 0
    for row, session, time in zip(order, sessions, times, strict=True):
        if session != current or time >= until:
            prompts[row], current, until = True, session, time + STEP_UP_SECONDS * SECOND
    return prompts


def prompt_rates(test_set: TestSet, prompts: Array, bootstrap: BootstrapWeights) -> dict[str, Estimate]:
    """Prompts in each of PROMPT_PERIODS."""
    human, rates = test_set.identity_type[test_set.rows] == "human", {}
    time = test_set.targets.time[test_set.rows]
    for group, (_, period) in PROMPT_PERIODS.items():
        mask = (human if group == "human" else ~human) & ~test_set.malicious
        identity = test_set.identity[mask]
        periods = np.stack([identity, time[mask] // period])
        first_of_period = np.zeros(int(mask.sum()))
        first_of_period[np.unique(periods, axis=1, return_index=True)[1]] = 1.0
        rates[group] = bootstrap.ratio(prompts[mask], first_of_period, identity)
    return rates
