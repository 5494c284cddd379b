"""Evaluate a model on a test set: recall at each friction budget, calibration, and baselines on the same sessions.

The evaluation is open loop: histories grew by what was logged, not by what would have been decided. Simulated figures
compare models with each other; they say nothing about real traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss

from features.arrays import SECOND, Array
from features.model.bundle import TrustModel
from features.model.trust_curve import HORIZONS, probability
from training.data.targets import PredictionTargets
from training.metrics.bootstrap import Estimate
from training.metrics.session_recall import (
    ScoredSessions,
    recall_by_group,
    score_sessions,
    session_weights,
    thresholds_at_budget,
)

BUDGETS = (0.001, 0.005, 0.01)
"""Friction budgets: shares of benign sessions that may be challenged."""
MAIN_BUDGET = 0.005
YARDSTICK_BUDGET = 0.01
"""The share of benign sessions, visits, runs or requests at which the yardsticks are measured."""
RECALL_LEVELS = (0.8, 0.9)
"""Recalls at which challenged legitimate requests are counted."""


@dataclass(frozen=True)
class TestSet:
    """The rows of the test, their features and their prediction targets."""

    __test__ = False  # pytest takes classes named Test* for test cases

    rows: Array
    """Numbers of the rows in the dataset, ascending."""
    matrix: Array
    """Features, shape (len(rows), features)."""
    targets: PredictionTargets
    """For every row of the dataset, as are `succeeded` and `identity_type`."""
    succeeded: Array
    identity_type: Array
    end: int
    """The last moment of the data, in µs."""

    @property
    def malicious(self) -> Array:
        """Whether each row of the test is malicious, shape (len(rows),)."""
        return self.targets.malicious[self.rows]

    @property
    def identity(self) -> Array:
        """The identity number of each row of the test, shape (len(rows),)."""
        return self.targets.identity[self.rows]

    def without_scenarios(self, scenarios: frozenset[str]) -> Array:
        """By row: whether none of these scenarios happened in its session.

        A model that was never trained on a scenario cannot know how often it happens.
        """
        affected = np.unique(self.targets.session[np.isin(self.targets.scenario, list(scenarios))])
        mask: Array = ~np.isin(self.targets.session[self.rows], affected)
        return mask

    def part(self, mask: Array) -> TestSet:
        """Some rows of the test."""
        return replace(self, rows=self.rows[mask], matrix=self.matrix[mask])

    def sessions(self, score: Array) -> ScoredSessions:
        """The sessions of the test under a score of shape (len(rows),)."""
        return score_sessions(self.targets, self.rows, score, self.succeeded, self.identity_type)


Recalls = dict[str, dict[float, dict[str, Estimate]]]
"""Recall by group, budget and name."""


@dataclass(frozen=True)
class Evaluation:
    """A model's figures by name, its recalls, and the scored sessions they were computed from."""

    figures: dict[str, float]
    recalls: Recalls
    sessions: ScoredSessions
    weights: Array
    """How often each session counts in each resample, shape (RESAMPLES, sessions)."""
    counts: dict[str, int] = field(default_factory=dict)
    """By figure: on how many things it was measured, malicious requests, losses or sessions."""

    def metrics(self) -> dict[str, float]:
        """Every finite figure by name, for a tracking server."""
        values = dict(self.figures)
        for group, by_budget in self.recalls.items():
            for budget, by_name in by_budget.items():
                for name, recall in by_name.items():
                    values[f"recall_at_{budget:g}/{group}/{name}".replace(" ", "_")] = recall.value
        return {name: value for name, value in values.items() if np.isfinite(value)}

    def rows(self) -> list[tuple[str, str, list[str]]]:
        """The table of recalls: group, name, and the recall at each of BUDGETS as text."""
        return [
            (group, name, [f"{by_budget[budget][name]:.2f}" for budget in BUDGETS])
            for group, by_budget in self.recalls.items()
            for name in by_budget[BUDGETS[0]]
        ]

    def records(self) -> list[dict[str, Any]]:
        """The table of recalls as plain data, for a JSON file."""
        return [
            {"group": group, "name": name, **{f"{b:g}": text for b, text in zip(BUDGETS, recalls, strict=True)}}
            for group, name, recalls in self.rows()
        ]


def evaluate_model(
    model: TrustModel, test_set: TestSet, baselines: Mapping[str, Array], held_out: frozenset[str], seed: int
) -> Evaluation:
    """Every figure of a model on a test set.

    `baselines` maps names to scores of shape (len(rows),); `held_out` names the scenarios kept out of training.
    """
    log_odds = model.now_log_odds(test_set.matrix)
    sessions = test_set.sessions(log_odds)
    weights = session_weights(sessions, seed)
    recalls = _recalls(sessions, weights, held_out)
    recalls["baseline"] = _baseline_recalls(test_set, baselines, weights)
    figures = _figures(model, test_set, log_odds, sessions, held_out)
    return Evaluation(figures, recalls, sessions, weights, _counts(figures, test_set, sessions, held_out))


def _recalls(sessions: ScoredSessions, weights: Array, held_out: frozenset[str]) -> Recalls:
    scenarios = {
        name or "unnamed": sessions.scenario == name
        for name in sorted({str(name) for name in sessions.scenario[sessions.compromised]})
    }
    groups = {
        "overall": {"all": np.ones(len(sessions.compromised), bool)},
        "identity type": {name: sessions.identity_type == name for name in np.unique(sessions.identity_type)},
        "scenario": {name: mask for name, mask in scenarios.items() if name not in held_out},
        "held-out scenario": {name: mask for name, mask in scenarios.items() if name in held_out},
    }
    masks = {(group, name): mask for group, by_name in groups.items() for name, mask in by_name.items()}
    by_budget = {budget: recall_by_group(sessions, budget, weights, masks) for budget in BUDGETS}
    return {
        group: {budget: {name: recalls[group, name] for name in by_name} for budget, recalls in by_budget.items()}
        for group, by_name in groups.items()
    }


def _baseline_recalls(
    test_set: TestSet, baselines: Mapping[str, Array], weights: Array
) -> dict[float, dict[str, Estimate]]:
    recalls: dict[float, dict[str, Estimate]] = {budget: {} for budget in BUDGETS}
    for name, score in baselines.items():
        sessions = test_set.sessions(score)
        everything = {name: np.ones(len(sessions.compromised), bool)}
        for budget in BUDGETS:
            recalls[budget] |= recall_by_group(sessions, budget, weights, everything)
    return recalls


def _figures(
    model: TrustModel, test_set: TestSet, log_odds: Array, sessions: ScoredSessions, held_out: frozenset[str]
) -> dict[str, float]:
    malicious = test_set.malicious
    trained = test_set.without_scenarios(held_out)
    risk = probability(log_odds)
    figures = {
        "average_precision": float(average_precision_score(malicious, risk)),
        "brier": float(brier_score_loss(malicious, risk)),
        "prevalence": float(malicious.mean()),
        "predicted_over_actual/all": _predicted_over_actual(risk[trained], malicious[trained]),
        "compromised_sessions": float(sessions.compromised.sum()),
        "benign_sessions": float((~sessions.compromised).sum()),
        "compromised_share": float(sessions.compromised.mean()),
        "escalations_challenged": _escalations_challenged(test_set, log_odds, sessions),
    }
    identity_type = test_set.identity_type[test_set.rows]
    for name in np.unique(identity_type):
        mask = trained & (identity_type == name)
        figures[f"predicted_over_actual/{name}"] = _predicted_over_actual(risk[mask], malicious[mask])
    for recall in RECALL_LEVELS:
        figures[f"challenges_per_1000_requests_at_recall_{recall:g}"] = _challenges_per_1000(
            log_odds, malicious, sessions, recall
        )
    figures |= friction_by_identity(sessions)
    return figures | _hazard_figures(model, test_set.part(trained))


def friction_by_identity(sessions: ScoredSessions) -> dict[str, float]:
    """At the main budget: the share of identities with a challenged benign session, and the share of these challenges
    that falls on the identity with the most. One identity can be all the friction of a source."""
    benign = sessions.part(~sessions.compromised)
    challenged, once = np.zeros(len(benign.score)), np.ones((1, len(benign.score)))
    for name, threshold in thresholds_at_budget(benign, MAIN_BUDGET, once).items():
        of_type = benign.identity_type == name
        challenged[of_type] = threshold.challenged(benign.score[of_type])[0]
    by_identity = np.bincount(np.unique(benign.identity, return_inverse=True)[1], weights=challenged)
    total = float(challenged.sum())
    return {
        "identities_challenged": float((by_identity > 0.0).mean()) if len(by_identity) else float("nan"),
        "largest_identity_share_of_challenges": float(by_identity.max()) / total if total else float("nan"),
    }


def _counts(
    figures: Mapping[str, float], test_set: TestSet, sessions: ScoredSessions, held_out: frozenset[str]
) -> dict[str, int]:
    """On how many things each figure was measured: what is rare in it, so malicious requests, losses or attacked
    sessions."""
    trained, targets = test_set.part(test_set.without_scenarios(held_out)), test_set.targets
    identity_type, seconds = test_set.identity_type[trained.rows], targets.seconds[trained.rows]
    counts = dict.fromkeys(figures, int(test_set.malicious.sum()))
    for name in figures:
        group, _, kind = name.partition("/")
        if group == "predicted_over_actual":
            counts[name] = int(trained.malicious[(identity_type == kind) | (kind == "all")].sum())
        elif group == "compromised_predicted_over_actual":
            counts[name] = int(((seconds > 0) & (seconds <= int(kind.removesuffix("_s")))).sum())
        elif group.startswith("future"):
            counts[name] = int(((seconds > 0) & (seconds <= HORIZONS[2])).sum())
        elif group == "escalations_challenged":
            counts[name] = int((targets.escalation[test_set.rows] & ~test_set.malicious).sum())
        elif group.endswith(("identities_challenged", "share_of_challenges")):
            counts[name] = len(np.unique(sessions.identity[~sessions.compromised]))
        elif group.startswith(("compromised", "benign", "challenges")):
            counts[name] = int(sessions.compromised.sum())
    return counts


def _predicted_over_actual(risk: Array, positive: Array) -> float:
    return float(risk.sum() / positive.sum()) if positive.any() else float("nan")


def _escalations_challenged(test_set: TestSet, log_odds: Array, sessions: ScoredSessions) -> float:
    """The share of requests of legitimate escalations that the model challenges at the main budget."""
    rows = test_set.targets.escalation[test_set.rows] & ~test_set.malicious
    challenged = challenge_probability(test_set, log_odds, sessions, MAIN_BUDGET)[rows]
    return float(np.mean(challenged)) if len(challenged) else float("nan")


def challenge_probability(test_set: TestSet, score: Array, sessions: ScoredSessions, budget: float) -> Array:
    """The probability that each row is challenged when a share `budget` of benign sessions is, shape (len(rows),).

    It is 1 above the threshold, 0 below it, and the tie's share at it.
    """
    challenged, identity_type = np.zeros(len(score)), test_set.identity_type[test_set.rows]
    once = np.ones((1, len(sessions.compromised)))
    for name, threshold in thresholds_at_budget(sessions, budget, once).items():
        challenged[identity_type == name] = threshold.challenged(score[identity_type == name])[0]
    return challenged


def _challenges_per_1000(log_odds: Array, malicious: Array, sessions: ScoredSessions, recall: float) -> float:
    """Challenged legitimate requests per 1,000 where this share of compromised sessions is caught."""
    compromised = sessions.score[sessions.compromised]
    threshold = float(np.quantile(compromised, 1 - recall)) if len(compromised) else np.inf
    return float(1_000 * np.mean(log_odds[~malicious] >= threshold))


def _hazard_figures(model: TrustModel, test_set: TestSet) -> dict[str, float]:
    """Predicted over actual losses within each horizon, on rows not yet malicious and observed to its end."""
    targets, rows = test_set.targets, test_set.rows
    open_rows = (targets.seconds[rows] > 0) & ~targets.malicious[rows] & targets.in_session[rows]
    survival = np.cumprod(1.0 - model.hazards(test_set.matrix[open_rows]), axis=1)
    seconds_to_loss = targets.seconds[rows][open_rows]
    observed_seconds = (test_set.end - targets.time[rows][open_rows]) / SECOND
    figures = {}
    for interval, horizon in enumerate(HORIZONS):
        compromised = seconds_to_loss <= horizon
        known = compromised | (observed_seconds >= horizon)
        figures[f"compromised_predicted_over_actual/{horizon}_s"] = _predicted_over_actual(
            1.0 - survival[known, interval], compromised[known]
        )
    two_hours = seconds_to_loss <= HORIZONS[2]
    if two_hours.any():
        figures["future_average_precision_2h"] = float(average_precision_score(two_hours, 1.0 - survival[:, 2]))
        figures["future_prevalence_2h"] = float(two_hours.mean())
    return figures
