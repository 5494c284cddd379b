"""What a model must show before it may answer: checks as data, each with what was found and what was asked for.

The first champion needs the checks alone; later ones must also not be worse than the champion they replace, on the
same events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.model.bundle import TrustModel
from training.metrics.evaluation import MAIN, Evaluation, TestSet
from training.metrics.session_recall import caught
from training.model.fit import HAZARD_DIRECTIONS, NOW_DIRECTIONS
from training.promotion.real_record_check import Asked

PROBES = 2_000
CARRIED_OVER = 0.05
"""The share of ordinary requests on record of which a model that learnt from a simulation may ask anything."""
SHUFFLES = 3
"""How often labels are shuffled anew to look for a leak."""
LEAK_BOUND = 3.0
"""How many times the prevalence models of shuffled labels may reach in average precision."""
SKILL = 5.0
"""How many times the prevalence the average precision must reach."""
CALIBRATED = (0.4, 2.5)
"""Predicted over actual, of requests and of losses within two hours; wide, since a test holds few losses."""


@dataclass(frozen=True)
class Rival:
    """The champion's scores of the test's rows, read with the population it was made with itself; or why there are
    none, though there is a champion."""

    version: str
    score: Array | None
    absent: str = ""


@dataclass(frozen=True)
class Check:
    """One thing asked of a model."""

    name: str
    passed: bool
    found: str
    asked: str

    def __str__(self) -> str:
        return f"{self.name}: {self.found} ({self.asked} asked for)"


def shortfalls(checks: list[Check]) -> tuple[str, ...]:
    """Those that did not pass, as sentences."""
    return tuple(str(check) for check in checks if not check.passed)


def checks(
    model: TrustModel,
    tested: TestSet,
    evaluation: Evaluation,
    shuffled: Sequence[Array],
    rival: Rival | None,
    asked: Asked | None,
    seed: int,
) -> list[Check]:
    """Every check; `shuffled` are test scores of unconstrained models, each fitted on labels shuffled anew, and `asked`
    is what the model makes of real people, None where it learnt from real people itself."""
    found = [
        monotone(model, tested.matrix, seed),
        hazard_monotone(model, tested.matrix, seed),
        never_rising(model, tested.matrix),
        additive(model, tested.matrix, seed),
        no_leak(tested, shuffled),
        better_than_chance(evaluation),
        better_than_rules(evaluation),
        *calibrated(evaluation),
    ]
    if asked:
        found.append(carried_over(asked))
    return [*found, not_worse(tested, evaluation, rival)] if rival else found


def monotone(model: TrustModel, matrix: Array, seed: int) -> Check:
    """A fact that speaks against the request never lowers the risk of now."""
    wrong = _lowered(model.now_log_odds, matrix, NOW_DIRECTIONS, seed)
    return Check("monotone", wrong == 0, f"{wrong} probes lowered the risk", "none")


def hazard_monotone(model: TrustModel, matrix: Array, seed: int) -> Check:
    """Nor does any suspicion, raised by any amount, that of an interval to come."""
    wrong = _lowered(model.hazards, matrix, HAZARD_DIRECTIONS, seed)
    return Check("hazard monotone", wrong == 0, f"{wrong} probes lowered a hazard", "none")


def never_rising(model: TrustModel, matrix: Array) -> Check:
    """Trust never grows by waiting: every curve of the test falls or stays."""
    wrong = rising(model.now_log_odds(matrix), model.hazards(matrix))
    return Check("curves never rise", wrong == 0, f"{wrong} of {len(matrix)} curves rise", "none")


def rising(now_log_odds: Array, hazards: Array) -> int:
    """How many curves rise somewhere, or are no probabilities at all."""
    now = 1.0 / (1.0 + np.exp(np.minimum(now_log_odds, 700.0)))
    return rising_curves(np.column_stack([now, now[:, None] * np.cumprod(1.0 - hazards, axis=1)]))


def rising_curves(trust: Array) -> int:
    """The same of trust at growing horizons, shape (n, points)."""
    proper = ((trust >= 0.0) & (trust <= 1.0)).all(axis=1)
    return int((~proper | (np.diff(trust, axis=1) > 0.0).any(axis=1)).sum())


def _lowered(risk: Callable[[Array], Array], matrix: Array, directions: list[int], seed: int) -> int:
    """How many probes of a raised suspicion lower the risk, in any of its columns."""
    rng = np.random.default_rng(seed)
    rows = matrix[rng.integers(len(matrix), size=PROBES)]
    before, wrong = risk(rows).reshape(len(rows), -1), 0
    for column, direction in enumerate(directions[: len(FEATURES)]):
        known = np.flatnonzero(~np.isnan(rows[:, column]))
        if direction and len(known):
            raised = rows[known]
            raised[:, column] += direction * rng.exponential(2.0, len(known))
            after = risk(raised).reshape(len(known), -1)
            wrong += int((after < before[known] - 1e-12).any(axis=1).sum())
    return wrong


def additive(model: TrustModel, matrix: Array, seed: int) -> Check:
    """SHAP's base and contributions make the margin."""
    import shap  # imported late: it takes seconds, and writes a font cache into the user's home

    rows = matrix[np.random.default_rng(seed).integers(len(matrix), size=200)]

    explainer = shap.TreeExplainer(model.now)
    sums = float(np.ravel(explainer.expected_value)[0]) + explainer.shap_values(rows, check_additivity=False).sum(
        axis=1
    )
    off = float(np.abs(sums - model.now.decision_function(rows)).max())
    return Check("explanations add up", off <= 1e-9, f"off by {off:.1e}", "at most 1e-9")


def no_leak(tested: TestSet, shuffled: Sequence[Array]) -> Check:
    """Models of shuffled labels must not know more than chance: else the test tells on itself.

    The middle one counts: a leak lifts all of them, and chance a single one, where the acts of one victim lie together.
    """
    malicious = tested.targets.malicious[tested.rows]
    times = float(np.median([average_precision_score(malicious, scores) for scores in shuffled]) / malicious.mean())
    return Check("no leak", times <= LEAK_BOUND, f"{times:.1f} times the prevalence", f"at most {LEAK_BOUND:g}")


def better_than_chance(evaluation: Evaluation) -> Check:
    """The labels mean something, and the model found it."""
    times = evaluation.figures["average_precision"] / evaluation.figures["prevalence"]
    return Check("better than chance", times >= SKILL, f"{times:.1f} times the prevalence", f"at least {SKILL:g}")


def better_than_rules(evaluation: Evaluation) -> Check:
    """At the main budget the model catches more than static rules do."""
    mine = evaluation.recalls["overall"][MAIN]["all"].value
    rules = evaluation.recalls["baseline"][MAIN]["static rules"].value
    return Check("better than static rules", mine > rules, f"recall {mine:.2f} against {rules:.2f}", "more")


def calibrated(evaluation: Evaluation) -> list[Check]:
    """As many as predicted, within stated bounds."""
    low, high = CALIBRATED
    names = ("predicted_over_actual/all", "compromised_predicted_over_actual/7200_s")
    values = {name: evaluation.figures[name] for name in names}
    return [Check(name, low <= v <= high, f"{v:.2f}", f"{low:g} to {high:g}") for name, v in values.items()]


def carried_over(asked: Asked) -> Check:
    """What was learnt from a simulation leaves real people alone who do their work."""
    found = f"of {asked.requests} ordinary requests on record {asked.below} challenged, {asked.expired} after expiry"
    return Check("carried over", asked.share <= CARRIED_OVER, found, f"at most {CARRIED_OVER:.0%}")


def not_worse(tested: TestSet, evaluation: Evaluation, rival: Rival) -> Check:
    """Recall at the main budget does not fall behind the champion's beyond the interval of the difference."""
    if rival.score is None:
        return Check("not worse than the champion", True, f"no rival: {rival.absent}", "one that this build can load")
    mine, theirs = evaluation.sessions, tested.sessions(rival.score)
    hits, rivals = (caught(each, MAIN, evaluation.weights) for each in (mine, theirs))
    weights = evaluation.weights[:, mine.compromised]
    draws = ((hits - rivals) * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1.0)
    low, high = np.quantile(draws, (0.025, 0.975))
    found = f"recall differs by {draws[0]:+.3f} [{low:+.3f}, {high:+.3f}] from version {rival.version}"
    return Check("not worse than the champion", bool(high >= 0), found, "an interval that reaches 0")
