"""The evidence: what is caught at what friction, how calibrated it is, and what the baselines do on the same sessions.

Open loop: histories grew by what was logged, not by what would have been ruled. Simulated figures compare models; they
say nothing of anybody's traffic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss

from features.arrays import SECOND, Array
from features.model.bundle import TrustModel
from features.model.trust_curve import HORIZONS, probability
from training.data.targets import PredictionTargets
from training.metrics.session_recall import Sessions, Share, limits, recalls, resampled, sessions

BUDGETS = (0.001, 0.005, 0.01)
"""Shares of benign sessions that may be challenged."""
MAIN = 0.005
RECALLS = (0.8, 0.9)


@dataclass(frozen=True)
class TestSet:
    """The rows of the test: their numbers, features, and what became of them."""

    rows: Array
    matrix: Array
    targets: PredictionTargets
    succeeded: Array
    kind: Array
    end: int

    def without(self, scenarios: frozenset[str]) -> Array:
        """By row: whether its session is one in which nobody did what these are: a model that was never told of an
        abuse cannot know how often it happens."""
        theirs = np.unique(self.targets.session[np.isin(self.targets.scenario, list(scenarios))])
        free: Array = ~np.isin(self.targets.session[self.rows], theirs)
        return free

    def part(self, mask: Array) -> TestSet:
        """Some of its rows."""
        return replace(self, rows=self.rows[mask], matrix=self.matrix[mask])

    def sessions(self, score: Array) -> Sessions:
        """Its sessions under a score of shape (len(rows),)."""
        return sessions(self.targets, self.rows, score, self.succeeded, self.kind)


@dataclass(frozen=True)
class Evaluation:
    """Figures by name, and recalls by group, budget and name."""

    figures: dict[str, float]
    recalls: dict[str, dict[float, dict[str, Share]]]
    sessions: Sessions
    weights: Array

    def flat(self) -> dict[str, float]:
        """Everything as numbers by name, as a tracking server wants it."""
        found = dict(self.figures)
        for group, by_budget in self.recalls.items():
            for budget, shares in by_budget.items():
                for name, share in shares.items():
                    found[f"recall_at_{budget:g}/{group}/{name}".replace(" ", "_")] = share.value
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def rows(self) -> list[tuple[str, str, list[Share]]]:
        """The table: group, name, and a share for each budget."""
        return [
            (group, name, [by_budget[budget][name] for budget in BUDGETS])
            for group, by_budget in self.recalls.items()
            for name in by_budget[BUDGETS[0]]
        ]


def evaluate(
    model: TrustModel, tested: TestSet, baselines: dict[str, Array], held_out: frozenset[str], seed: int
) -> Evaluation:
    """All figures of a model on the test rows; `baselines` are scores of shape (len(rows),) by name."""
    log_odds = model.now_log_odds(tested.matrix)
    mine = tested.sessions(log_odds)
    weights = resampled(mine, seed)
    groups = {
        "overall": {"all": np.ones(len(mine.compromised), bool)},
        "identity type": {kind: mine.kind == kind for kind in np.unique(mine.kind)},
        "scenario": _scenarios(mine, held_out, False),
        "held-out scenario": _scenarios(mine, held_out, True),
    }
    every = {(group, name): mask for group, masks in groups.items() for name, mask in masks.items()}
    by_budget = {budget: recalls(mine, budget, weights, every) for budget in BUDGETS}
    found = {
        group: {budget: {name: shares[group, name] for name in masks} for budget, shares in by_budget.items()}
        for group, masks in groups.items()
    }
    found["baseline"] = _baselines(tested, baselines, weights)
    return Evaluation(_figures(model, tested, log_odds, mine, held_out), found, mine, weights)


def _scenarios(mine: Sessions, held_out: frozenset[str], wanted: bool) -> dict[str, Array]:
    present = sorted({str(name) for name in mine.scenario[mine.compromised]})
    return {name or "unnamed": mine.scenario == name for name in present if (name in held_out) is wanted}


def _baselines(tested: TestSet, scores: dict[str, Array], weights: Array) -> dict[float, dict[str, Share]]:
    found: dict[float, dict[str, Share]] = {}
    for budget in BUDGETS:
        found[budget] = {}
        for name, score in scores.items():
            theirs = tested.sessions(score)
            found[budget][name] = recalls(theirs, budget, weights, {name: np.ones(len(theirs.compromised), bool)})[name]
    return found


def _figures(
    model: TrustModel, tested: TestSet, log_odds: Array, mine: Sessions, held_out: frozenset[str]
) -> dict[str, float]:
    malicious = tested.targets.malicious[tested.rows]
    seen = tested.without(held_out)
    risk = probability(log_odds)
    figures = {
        "average_precision": float(average_precision_score(malicious, risk)),
        "brier": float(brier_score_loss(malicious, risk)),
        "prevalence": float(malicious.mean()),
        "predicted_over_actual/all": _ratio(risk[seen], malicious[seen]),
        "compromised_sessions": float(mine.compromised.sum()),
        "benign_sessions": float((~mine.compromised).sum()),
        "compromised_share": float(mine.compromised.mean()),
        "escalations_challenged": _escalations(tested, log_odds, mine),
    }
    for kind in np.unique(tested.kind[tested.rows]):
        here = seen & (tested.kind[tested.rows] == kind)
        figures[f"predicted_over_actual/{kind}"] = _ratio(risk[here], malicious[here])
    for wanted in RECALLS:
        figures[f"challenges_per_1000_requests_at_recall_{wanted:g}"] = _friction(log_odds, malicious, mine, wanted)
    return figures | _hazard_figures(model, tested.part(seen))


def _ratio(risk: Array, malicious: Array) -> float:
    return float(risk.sum() / malicious.sum()) if malicious.any() else float("nan")


def _escalations(tested: TestSet, log_odds: Array, mine: Sessions) -> float:
    """Share of rows of legitimate escalations that the model challenges at the main budget."""
    rows = tested.targets.escalation[tested.rows] & ~tested.targets.malicious[tested.rows]
    challenged = challenges(tested, log_odds, mine, MAIN)[rows]
    return float(np.mean(challenged)) if len(challenged) else float("nan")


def challenges(tested: TestSet, score: Array, mine: Sessions, budget: float) -> Array:
    """How surely each row is challenged when a share `budget` of benign sessions is: 1, 0, or its chance in a tie."""
    sure, kinds = np.zeros(len(score)), tested.kind[tested.rows]
    for kind, limit in limits(mine, budget, np.ones((1, len(mine.compromised)))).items():
        sure[kinds == kind] = limit.challenged(score[kinds == kind])[0]
    return sure


def _friction(log_odds: Array, malicious: Array, mine: Sessions, wanted: float) -> float:
    """Challenged legitimate requests per 1,000 when this share of compromised sessions is caught."""
    limit = float(np.quantile(mine.score[mine.compromised], 1 - wanted)) if mine.compromised.any() else np.inf
    return float(1_000 * np.mean(log_odds[~malicious] >= limit))


def _hazard_figures(model: TrustModel, tested: TestSet) -> dict[str, float]:
    """Predicted over actual losses within each horizon, on rows not yet malicious and watched to its end."""
    of, rows = tested.targets, tested.rows
    here = (of.seconds[rows] > 0) & ~of.malicious[rows] & of.in_session[rows]
    surviving = np.cumprod(1.0 - model.hazards(tested.matrix[here]), axis=1)
    ahead, watched = of.seconds[rows][here], (tested.end - of.time[rows][here]) / SECOND
    figures = {}
    for interval, horizon in enumerate(HORIZONS):
        compromised = ahead <= horizon
        known = compromised | (watched >= horizon)
        figures[f"compromised_predicted_over_actual/{horizon}_s"] = _ratio(
            1.0 - surviving[known, interval], compromised[known]
        )
    two_hours = ahead <= HORIZONS[2]
    if two_hours.any():
        figures["future_average_precision_2h"] = float(average_precision_score(two_hours, 1.0 - surviving[:, 2]))
        figures["future_prevalence_2h"] = float(two_hours.mean())
    return figures


def readable(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The table as plain data, for a file."""
    return [
        {"group": group, "name": name, **{f"{b:g}": str(s) for b, s in zip(BUDGETS, shares, strict=True)}}
        for group, name, shares in evaluation.rows()
    ]
