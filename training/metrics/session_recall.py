"""Recall of compromised sessions at a friction budget, with bootstrap intervals.

A session is scored by its highest score. It is compromised when a malicious request in it succeeded, and caught when
one of its malicious requests is challenged. The budget is the share of benign sessions that may be challenged, and is
spent equally in every identity type.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from features.arrays import Array
from training.data.targets import PredictionTargets
from training.metrics.bootstrap import Estimate, bootstrap_weights

Group = TypeVar("Group", bound=Hashable)


@dataclass(frozen=True)
class ScoredSessions:
    """One entry for each session."""

    score: Array
    """The highest score of its requests; of its malicious requests alone where it was compromised."""
    compromised: Array
    identity: Array
    identity_type: Array
    scenario: Array
    strength: Array
    first: Array
    """Number of the session's first row."""

    def part(self, mask: Array) -> ScoredSessions:
        """Some of the sessions."""
        return ScoredSessions(*(getattr(self, field.name)[mask] for field in fields(self)))


def score_sessions(
    targets: PredictionTargets, rows: Array, score: Array, succeeded: Array, identity_type: Array
) -> ScoredSessions:
    """Group rows into sessions.

    `score` has shape (len(rows),); `succeeded` and `identity_type` have one entry for every row of the dataset.
    Sessions with malicious requests of which none succeeded are neither compromised nor benign, and are left out.
    """
    number, session = np.unique(targets.session[rows], return_inverse=True)
    size = len(number)
    malicious = targets.malicious[rows]
    highest, highest_malicious = np.full(size, -np.inf), np.full(size, -np.inf)
    np.maximum.at(highest, session, score)
    np.maximum.at(highest_malicious, session[malicious], score[malicious])
    touched, compromised = np.zeros(size, bool), np.zeros(size, bool)
    touched[session[malicious]] = True
    compromised[session[malicious & succeeded[rows] & targets.in_session[rows]]] = True
    first = np.full(size, 0)
    first[session[::-1]] = rows[::-1]
    scenario, strength = np.full(size, "", dtype=object), np.full(size, "", dtype=object)
    scenario[session[malicious]] = targets.scenario[rows][malicious]
    strength[session[malicious]] = targets.strength[rows][malicious]
    all_sessions = ScoredSessions(
        np.where(compromised, highest_malicious, highest),
        compromised,
        targets.identity[first],
        identity_type[first],
        scenario,
        strength,
        first,
    )
    return all_sessions.part(compromised | ~touched)


def attacked_sessions(
    session: Array, score: Array, malicious: Array, identity: Array, identity_type: Array, scenario: Array | None = None
) -> ScoredSessions:
    """Group events into sessions of which those with a malicious event count, whether it succeeded or not.

    All arguments have one entry an event; `session` is a number or key. Sessions are in the order of these.
    """
    _, first, place = np.unique(session, return_index=True, return_inverse=True)
    highest, highest_malicious = (np.full(len(first), -np.inf) for _ in range(2))
    np.maximum.at(highest, place, score)
    np.maximum.at(highest_malicious, place[malicious], score[malicious])
    attacked = np.isfinite(highest_malicious)
    names = np.full(len(first), "", dtype=object)
    if scenario is not None:
        names[place[malicious]] = scenario[malicious]
    unknown = np.full(len(first), "", dtype=object)
    highest = np.where(attacked, highest_malicious, highest)
    return ScoredSessions(highest, attacked, identity[first], identity_type[first], names, unknown, first)


def session_weights(sessions: ScoredSessions, seed: int) -> Array:
    """How often each session counts in each resample of identities, shape (RESAMPLES, n); in the first, once each."""
    bootstrap = bootstrap_weights(sessions.identity, seed)
    weights: Array = bootstrap.weights[:, bootstrap.columns(sessions.identity)].astype(np.float32)
    return weights


@dataclass(frozen=True)
class Threshold:
    """In each resample, the score above which sessions are challenged, and the share of sessions challenged at it.

    Scorers that count, such as rules, give many sessions the same score. Challenging a share of the tied sessions
    spends the budget in full, by every scorer alike.
    """

    score: Array
    """Shape (RESAMPLES,)."""
    tie_share: Array
    """Shape (RESAMPLES,)."""

    def challenged(self, score: Array) -> Array:
        """The probability that each session is challenged, shape (RESAMPLES, n)."""
        ties = np.where(score == self.score[:, None], self.tie_share[:, None], 0.0)
        probability: Array = np.where(score > self.score[:, None], 1.0, ties)
        return probability


def thresholds_at_budget(sessions: ScoredSessions, budget: float, weights: Array) -> dict[str, Threshold]:
    """By identity type, the threshold that challenges a share `budget` of benign sessions in each resample."""
    thresholds = {}
    for identity_type in np.unique(sessions.identity_type):
        benign = np.flatnonzero((sessions.identity_type == identity_type) & ~sessions.compromised)
        order = benign[np.argsort(-sessions.score[benign], kind="stable")]
        thresholds[str(identity_type)] = threshold_at_budget(sessions.score[order], weights[:, order], budget)
    return thresholds


def threshold_at_budget(falling: Array, weights: Array, budget: float) -> Threshold:
    """The threshold for benign scores sorted highest first. Without benign scores nothing is challenged."""
    if not len(falling):
        return Threshold(np.full(len(weights), np.inf), np.zeros(len(weights)))
    starts = np.flatnonzero(np.r_[True, falling[1:] != falling[:-1]])
    tied = np.add.reduceat(weights, starts, axis=1, dtype=np.float64)
    spent = np.cumsum(tied, axis=1)
    allowed = budget * spent[:, -1]
    level = np.minimum((spent <= allowed[:, None]).sum(axis=1), len(starts) - 1)
    row = np.arange(len(weights))
    before = spent[row, level] - tied[row, level]
    tie_share = np.clip((allowed - before) / np.maximum(tied[row, level], 1e-300), 0.0, 1.0)
    return Threshold(falling[starts][level], tie_share)


def caught_sessions(sessions: ScoredSessions, budget: float, weights: Array) -> Array:
    """The probability that each compromised session is caught, shape (RESAMPLES, number of compromised sessions).

    It is 1 above the threshold, 0 below it, and the tie's share at it.
    """
    compromised = np.flatnonzero(sessions.compromised)
    caught = np.zeros((len(weights), len(compromised)))
    for identity_type, threshold in thresholds_at_budget(sessions, budget, weights).items():
        of_type = sessions.identity_type[compromised] == identity_type
        caught[:, of_type] = threshold.challenged(sessions.score[compromised][of_type])
    return caught


def weighted_share(caught: Array, weights: Array) -> Estimate:
    """The weighted share of what is caught; both arguments have shape (RESAMPLES, n)."""
    if not caught.shape[1]:
        return Estimate.unknown(0)
    total = weights.sum(axis=1)
    draws = (caught * weights).sum(axis=1)[total > 0] / total[total > 0]
    low, high = np.quantile(draws, (0.025, 0.975))
    return Estimate(float(caught[0].mean()), float(low), float(high), caught.shape[1])


def recall_by_group(
    sessions: ScoredSessions, budget: float, weights: Array, groups: Mapping[Group, Array]
) -> dict[Group, Estimate]:
    """Recall at a budget in each group, given as a mask over sessions. Thresholds are set anew in each resample."""
    caught, compromised = caught_sessions(sessions, budget, weights), np.flatnonzero(sessions.compromised)
    return {
        group: weighted_share(caught[:, mask[compromised]], weights[:, compromised[mask[compromised]]])
        for group, mask in groups.items()
    }
