"""Friction: how many legitimate requests are challenged where a given share of compromised sessions is caught."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from training.metrics.bootstrap import BootstrapWeights, Estimate, estimate, ratio_of
from training.metrics.evaluation import TestSet
from training.metrics.session_recall import ScoredSessions
from training.metrics.slices import Slice

RECALL_LEVELS = (0.8, 0.9, 0.95, 0.98)
DAY = 86_400_000_000
"""Microseconds."""


@dataclass(frozen=True)
class StepUpRate:
    """Step-ups at one recall."""

    per_1000: Estimate
    """Per 1,000 legitimate requests."""
    per_identity_day: Estimate
    """Per identity and day on which it was active."""


def step_up_rates(
    test_set: TestSet, score: Array, sessions: ScoredSessions, part: Slice, bootstrap: BootstrapWeights
) -> dict[float, StepUpRate]:
    """Step-up rates of a slice at each of RECALL_LEVELS.

    One threshold holds for the whole slice and is set anew in each resample. Ties are challenged in part.
    """
    compromised = np.flatnonzero(sessions.compromised & part.sessions)
    levels = np.unique(sessions.score[compromised])[::-1]
    by_level = np.zeros((len(bootstrap.identities), len(levels)))
    level_of_session = np.searchsorted(-levels, -sessions.score[compromised])
    np.add.at(by_level, (bootstrap.columns(sessions.identity[compromised]), level_of_session), 1.0)
    caught_at = bootstrap.weights @ by_level
    legitimate = np.flatnonzero(part.rows & ~test_set.malicious)
    identity = test_set.identity[legitimate]
    above, tied = _requests_by_level(score[legitimate], identity, levels, bootstrap)
    requests = bootstrap.totals(np.ones(len(legitimate)), identity)
    days = bootstrap.totals(*_active_days(test_set, legitimate))
    rates = {}
    for recall in RECALL_LEVELS:
        challenged = _challenged_at_recall(caught_at, above, tied, recall)
        rates[recall] = StepUpRate(
            estimate(ratio_of(1_000 * challenged, requests), len(compromised)),
            estimate(ratio_of(challenged, days), len(compromised)),
        )
    return rates


def _requests_by_level(
    score: Array, identity: Array, levels: Array, bootstrap: BootstrapWeights
) -> tuple[Array, Array]:
    """In each resample, the number of requests that score above each level, and exactly at it."""
    level = np.searchsorted(-levels, -score)  # the first level that is not above the score
    reached = level < len(levels)
    equal = np.zeros(len(score), bool)
    equal[reached] = levels[level[reached]] == score[reached]
    column, shape = bootstrap.columns(identity), (len(bootstrap.identities), len(levels))
    above, tied = np.zeros(shape), np.zeros(shape)
    np.add.at(tied, (column[equal], level[equal]), 1.0)
    higher = reached & ~equal
    np.add.at(above, (column[higher], level[higher]), 1.0)
    over, same = bootstrap.weights @ above, bootstrap.weights @ tied
    return np.cumsum(over, axis=1) + np.cumsum(same, axis=1) - same, same


def _challenged_at_recall(caught_at: Array, above: Array, tied: Array, recall: float) -> Array:
    """In each resample, the number of requests challenged by the threshold at which `recall` is reached."""
    caught = np.cumsum(caught_at, axis=1)
    needed = recall * caught[:, -1]
    level = np.minimum((caught < needed[:, None] - 1e-9).sum(axis=1), caught_at.shape[1] - 1)
    row = np.arange(len(caught_at))
    before = caught[row, level] - caught_at[row, level]
    tie_share = np.clip((needed - before) / np.maximum(caught_at[row, level], 1e-300), 0.0, 1.0)
    challenged: Array = above[row, level] + tie_share * tied[row, level]
    return np.where(caught[:, -1] > 0, challenged, np.nan)


def _active_days(test_set: TestSet, legitimate: Array) -> tuple[Array, Array]:
    """1 for each identity and day with a legitimate request, and that identity."""
    targets, rows = test_set.targets, test_set.rows[legitimate]
    identity = np.unique(np.column_stack([targets.identity[rows], targets.time[rows] // DAY]), axis=0)[:, 0]
    return np.ones(len(identity)), identity
