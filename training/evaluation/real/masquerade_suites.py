"""The masquerade suites: what a model finds of other people's sessions in real users' logs, by a fixed protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from features.arrays import Array
from features.model.bundle import TrustModel
from features.model.trust_curve import probability
from training.metrics.bootstrap import BootstrapWeights, Estimate, bootstrap_weights, estimate, ratio_of
from training.metrics.evaluation import YARDSTICK_BUDGET as BUDGET
from training.metrics.policy_constants import UNSTATED_SENSITIVITY_BUDGET
from training.metrics.ranking import auc_draws
from training.metrics.session_recall import ScoredSessions, attacked_sessions, caught_sessions, thresholds_at_budget
from training.real_records.masquerades import MasqueradeLog, Protocol, move_own_sessions, move_sessions
from training.real_records.scoring import own_population, risk_threshold, score_events
from training.real_records.shared_logs import LOGON_PROTOCOL, SHELL_PROTOCOL, logon_sessions, shell_sessions

FOLDS = (("u1", "u2"), ("u3", "u4"), ("u5", "u6"), ("u7", "u8"))
"""The users who leave the population and only donate, two at a time."""
Logs = Callable[[Path, int], list[MasqueradeLog]]
"""The deployments of a suite, each a log, from the folder of real logs and a seed."""


@dataclass(frozen=True)
class Suite:
    """One kind of masquerade in one source."""

    name: str
    """As figures are called: `source/donor`."""
    logs: Logs
    null: Logs
    """The same with everybody's own sessions."""
    with_abuse_in_window: Callable[[Path, int, float], list[MasqueradeLog]] | None = None
    """The logs when a share of the window's sessions is hit as well."""


def _shells(folder: Path, seed: int, protocol: Protocol = SHELL_PROTOCOL) -> list[MasqueradeLog]:
    rng = np.random.default_rng(seed)
    return [move_sessions(shell_sessions(folder, rng), protocol, rng)]


def _shells_from_outside(folder: Path, seed: int) -> list[MasqueradeLog]:
    logs = []
    for donors in FOLDS:
        rng = np.random.default_rng(seed)
        logs.append(move_sessions(shell_sessions(folder, rng), SHELL_PROTOCOL, rng, donors))
    return logs


def _own_shells(folder: Path, seed: int) -> list[MasqueradeLog]:
    rng = np.random.default_rng(seed)
    return [move_own_sessions(shell_sessions(folder, rng), SHELL_PROTOCOL.in_place(), rng)]


def _logons(folder: Path, seed: int, protocol: Protocol = LOGON_PROTOCOL) -> list[MasqueradeLog]:
    return [move_sessions(logon_sessions(folder), protocol, np.random.default_rng(seed))]


def _own_logons(folder: Path, seed: int) -> list[MasqueradeLog]:
    return [move_own_sessions(logon_sessions(folder), LOGON_PROTOCOL.in_place(), np.random.default_rng(seed))]


SUITES = (
    Suite(
        "shells/colleague",
        _shells,
        _own_shells,
        lambda folder, seed, share: _shells(folder, seed, replace(SHELL_PROTOCOL, window_share=share)),
    ),
    Suite("shells/outsider", _shells_from_outside, _own_shells),
    Suite(
        "logons/colleague",
        _logons,
        _own_logons,
        lambda folder, seed, share: _logons(folder, seed, replace(LOGON_PROTOCOL, window_share=share)),
    ),
)


@dataclass(frozen=True)
class ScoredLog:
    """One log as one model scores it; only what comes after the deployment's own window."""

    score: Array
    """Log-odds of each event, shape (n,)."""
    moved: Array
    user: Array
    session: Array
    """The number of each event's session, shape (n,): events are in order of these."""
    sessions: ScoredSessions
    """Scored by their highest event, hit ones by their highest moved event."""
    challenged: Array
    """Whether the shipped policy challenges each session, shape (sessions,)."""

    def auc(self, bootstrap: BootstrapWeights) -> Array:
        """Of events, in each resample of users."""
        return auc_draws(self.score, self.moved, self.user, bootstrap)

    def session_auc(self, bootstrap: BootstrapWeights) -> Array:
        """Of sessions, in each resample of users."""
        return auc_draws(self.sessions.score, self.sessions.compromised, self.sessions.identity, bootstrap)

    def delays(self, budget: float) -> Array:
        """For each hit session that is caught: how many moved events came before the first that is challenged."""
        once = np.ones((1, len(self.sessions.compromised)))
        limit = thresholds_at_budget(self.sessions, budget, once)["human"].score[0]
        rows = np.flatnonzero(self.moved)
        session = self.session[rows]
        place = np.arange(len(rows)) - np.searchsorted(session, session)
        _, first = np.unique(session[self.score[rows] > limit], return_index=True)
        delays: Array = place[self.score[rows] > limit][first]
        return delays


def score_log(model: TrustModel, log: MasqueradeLog) -> ScoredLog:
    """Score a log with the population of its own window."""
    late = np.flatnonzero(log.late)
    late = late[np.argsort(log.session[late], kind="stable")]
    score = score_events(model, log.events, own_population(model, log.window), late)
    moved, user, session = log.moved[late], log.user[late], log.session[late]
    sessions = attacked_sessions(session, score, moved, user, np.full(len(late), "human"))
    challenged = probability(sessions.score) > risk_threshold(model, "human", UNSTATED_SENSITIVITY_BUDGET)
    return ScoredLog(score, moved, user, session, sessions, challenged)


@dataclass(frozen=True)
class SuiteFigures:
    """A suite's figures over several logs: seeds, folds and models."""

    recall: Estimate
    auc: Estimate
    session_auc: Estimate
    friction: Estimate
    """The share of benign sessions that the shipped policy challenges."""
    caught: Estimate
    """The share of hit sessions that the shipped policy challenges."""
    highest_friction: float
    """The share of benign sessions challenged of the user who is challenged most often."""
    delay: float
    """The median number of moved events before the first challenged one; NaN where nothing is caught."""


def measure_suite(logs: Sequence[ScoredLog], seed: int, models: int = 1) -> SuiteFigures:
    """Pool logs of the same users; thresholds are set in each log, intervals are over users.

    Where several models scored the same logs, what figures are measured on is counted once.
    """
    bootstrap = bootstrap_weights(np.concatenate([log.sessions.identity for log in logs]), seed)
    hit, moved = (_count(logs, models, part) for part in ("compromised", "moved"))
    delays = np.concatenate([log.delays(BUDGET) for log in logs])
    return SuiteFigures(
        recall=recall(logs, BUDGET, bootstrap, hit),
        auc=mean_over_logs([log.auc(bootstrap) for log in logs], moved),
        session_auc=mean_over_logs([log.session_auc(bootstrap) for log in logs], hit),
        friction=_challenged(logs, False, bootstrap, models),
        caught=_challenged(logs, True, bootstrap, models),
        highest_friction=_highest_friction(logs),
        delay=float(np.median(delays)) if len(delays) else np.nan,
    )


def recall(logs: Sequence[ScoredLog], budget: float, bootstrap: BootstrapWeights, count: int) -> Estimate:
    """The share of hit sessions that is caught when a share `budget` of each log's benign sessions is challenged."""
    caught, total = np.zeros(len(bootstrap.weights)), np.zeros(len(bootstrap.weights))
    for log in logs:
        weights = bootstrap.weights[:, bootstrap.columns(log.sessions.identity)]
        hit = weights[:, log.sessions.compromised]
        caught += (caught_sessions(log.sessions, budget, weights) * hit).sum(axis=1)
        total += hit.sum(axis=1)
    return estimate(ratio_of(caught, total), count)


def mean_over_logs(draws: Sequence[Array], count: int) -> Estimate:
    """The mean of a figure over logs, in each resample over those that have it."""
    values = np.array(draws)
    known = np.isfinite(values)
    return estimate(ratio_of(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0)), count)


def _count(logs: Sequence[ScoredLog], models: int, part: str) -> int:
    """How many sessions are hit, or events moved."""
    masks = [log.moved if part == "moved" else log.sessions.compromised for log in logs]
    return sum(int(mask.sum()) for mask in masks) // models


def _challenged(logs: Sequence[ScoredLog], hit: bool, bootstrap: BootstrapWeights, models: int) -> Estimate:
    chosen = [log.sessions.compromised == hit for log in logs]
    values = np.concatenate([log.challenged[rows] for log, rows in zip(logs, chosen, strict=True)])
    user = np.concatenate([log.sessions.identity[rows] for log, rows in zip(logs, chosen, strict=True)])
    draws = ratio_of(bootstrap.totals(values, user), bootstrap.totals(np.ones(len(values)), user))
    return estimate(draws, len(values) // models)


def _highest_friction(logs: Sequence[ScoredLog]) -> float:
    user = np.concatenate([log.sessions.identity[~log.sessions.compromised] for log in logs])
    challenged = np.concatenate([log.challenged[~log.sessions.compromised] for log in logs])
    return float(np.nanmax(ratio_of(np.bincount(user, weights=challenged), np.bincount(user))))
