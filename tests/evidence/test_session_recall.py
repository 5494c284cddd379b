"""Recall at a budget: thresholds are spent on benign sessions, in full, whatever the ties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.metrics.session_recall import (
    ScoredSessions,
    caught_sessions,
    recall_by_group,
    session_weights,
    thresholds_at_budget,
)

ONCE = np.ones((1, 104))
"""Every session once: no resampling."""


def make_sessions() -> ScoredSessions:
    """A hundred benign sessions scored 0 to 99 and four compromised ones; two sessions for each identity."""
    score = np.r_[np.arange(100.0), 98.5, 97.5, 50.0, 200.0]
    compromised = np.r_[np.zeros(100, bool), np.ones(4, bool)]
    nothing = np.full(104, "", dtype=object)
    number = np.arange(104)
    return ScoredSessions(score, compromised, number // 2, np.full(104, "human"), nothing, nothing, number)


def test_a_budget_is_spent_on_benign_sessions() -> None:
    """One in a hundred may be challenged: the threshold is the second highest benign score."""
    threshold = thresholds_at_budget(make_sessions(), 0.01, ONCE)["human"]

    assert threshold.score.tolist() == [98.0]
    assert threshold.tie_share.tolist() == [0.0]


def test_ties_are_challenged_in_part() -> None:
    """Where all sessions score alike, a budget of 1 % challenges one in a hundred, compromised ones too."""
    sessions = replace(make_sessions(), score=np.full(104, 3.0))

    assert caught_sessions(sessions, 0.01, ONCE)[0].round(12).tolist() == [0.01] * 4


def test_recall_counts_sessions_above_the_threshold() -> None:
    """Two of the four compromised sessions score above 98."""
    sessions = make_sessions()

    recall = recall_by_group(sessions, 0.01, session_weights(sessions, 1), {"all": np.ones(104, bool)})["all"]

    assert recall.value == 0.5
    assert recall.count == 4
    assert recall.low <= 0.5 <= recall.high
