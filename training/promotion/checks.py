"""Promotion checks: what a model must show before it may answer, each with what was measured and what is required.

The first champion needs the checks alone. A later one must also not be worse than the champion it replaces, on the same
events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.model.bundle import TrustModel
from training.metrics.bootstrap import Estimate
from training.metrics.evaluation import MAIN_BUDGET, Evaluation, TestSet
from training.metrics.session_recall import caught_sessions
from training.model.fit import HAZARD_CONSTRAINTS, NOW_CONSTRAINTS
from training.promotion.real_record_check import RealRecordChallenges

PROBES = 2_000
"""Rows of the test that are probed for monotonicity."""
REAL_RECORDS_CHALLENGED = 0.05
"""The largest share of legitimate requests on record that a model trained on a simulation may challenge."""
SHUFFLES = 3
"""How many times labels are shuffled to look for a leak."""
LEAK_BOUND = 3.0
"""The largest average precision of a model of shuffled labels, in multiples of the prevalence."""
SKILL = 5.0
"""The smallest average precision of the model, in multiples of the prevalence."""
_REACHABLE = 0.8
"""The largest average precision that is asked for, where a multiple of the prevalence would be more than any has."""
TESTED = 3
"""Attacked sessions of the test, or victims, below which nothing can be said."""
CALIBRATION_TESTED = 20
"""Attacked sessions below which predicted over actual is chance."""
CALIBRATED = (0.4, 2.5)
"""Bounds of predicted over actual requests, and losses within two hours; wide, because a test holds few losses."""


@dataclass(frozen=True)
class ChampionScores:
    """The champion's scores of the test's rows, or why there are none although there is a champion."""

    version: str
    score: Array | None
    """Shape (rows of the test,), from features computed with the champion's own population."""
    unavailable: str = ""


@dataclass(frozen=True)
class Check:
    """One requirement and whether a model meets it, or why these data cannot tell."""

    name: str
    passed: bool
    measured: str
    required: str
    skipped: bool = False
    """Whether nothing was asked, for the reason that `measured` gives."""

    def __str__(self) -> str:
        return f"{self.name}: {self.measured}" + ("" if self.skipped else f" (required: {self.required})")

    @property
    def state(self) -> str:
        """In one word: passed, skipped or NOT PASSED."""
        return "skipped" if self.skipped else "passed" if self.passed else "NOT PASSED"

    @staticmethod
    def skip(name: str, reason: str) -> Check:
        """A requirement that no model could meet, or fail, on these data."""
        return Check(name, True, reason, "nothing", skipped=True)


def shortfalls(checks: Sequence[Check]) -> tuple[str, ...]:
    """The checks that did not pass, as sentences."""
    return tuple(str(check) for check in checks if not check.passed)


def promotion_checks(
    model: TrustModel,
    test_set: TestSet,
    evaluation: Evaluation,
    shuffled: Sequence[Array],
    champion: ChampionScores | None,
    real_records: RealRecordChallenges | None,
    seed: int,
) -> list[Check]:
    """Every check of a model.

    `shuffled` holds test scores of unconstrained models, each fitted on labels in another random order. `real_records`
    is None for a model that was trained on real records itself.
    """
    checks = [
        check_tested(evaluation),
        check_monotone(model, test_set.matrix, seed),
        check_hazard_monotone(model, test_set.matrix, seed),
        check_curves_never_rise(model, test_set.matrix),
        check_explanations_add_up(model, test_set.matrix, seed),
        check_no_leak(test_set, shuffled),
        check_better_than_chance(evaluation),
        check_better_than_rules(evaluation),
        *check_calibrated(evaluation),
    ]
    if real_records:
        checks.append(check_real_records(real_records))
    if champion:
        checks.append(check_not_worse(test_set, evaluation, champion))
    return checks


def check_tested(evaluation: Evaluation) -> Check:
    """The test holds enough attacked sessions to say anything about attacks."""
    count = int(evaluation.figures["compromised_sessions"])
    measured = f"{count} attacked sessions in the test"
    return Check("tested on attacks", count >= TESTED, measured, f"at least {TESTED}: a log of more identities or days")


def check_monotone(model: TrustModel, matrix: Array, seed: int) -> Check:
    """Raising any suspicious feature never lowers the risk of now."""
    wrong = _probes_lowered(model.now_log_odds, matrix, NOW_CONSTRAINTS, seed)
    return Check("monotone", wrong == 0, f"{wrong} probes lowered the risk", "none")


def check_hazard_monotone(model: TrustModel, matrix: Array, seed: int) -> Check:
    """Raising any suspicious feature never lowers the hazard of an interval."""
    wrong = _probes_lowered(model.hazards, matrix, HAZARD_CONSTRAINTS, seed)
    return Check("hazard monotone", wrong == 0, f"{wrong} probes lowered a hazard", "none")


def check_curves_never_rise(model: TrustModel, matrix: Array) -> Check:
    """Trust never grows with time: every curve of the test falls or stays level."""
    wrong = count_rising_curves(model.now_log_odds(matrix), model.hazards(matrix))
    return Check("curves never rise", wrong == 0, f"{wrong} of {len(matrix)} curves rise", "none")


def count_rising_curves(now_log_odds: Array, hazards: Array) -> int:
    """How many trust curves rise somewhere or leave the range of probabilities."""
    now = 1.0 / (1.0 + np.exp(np.minimum(now_log_odds, 700.0)))
    return count_rising(np.column_stack([now, now[:, None] * np.cumprod(1.0 - hazards, axis=1)]))


def count_rising(trust: Array) -> int:
    """The same from trust at growing horizons, shape (n, horizons)."""
    proper = ((trust >= 0.0) & (trust <= 1.0)).all(axis=1)
    return int((~proper | (np.diff(trust, axis=1) > 0.0).any(axis=1)).sum())


def _probes_lowered(risk: Callable[[Array], Array], matrix: Array, constraints: list[int], seed: int) -> int:
    """How many probes of a raised suspicion lower the risk, in any of its columns."""
    rng = np.random.default_rng(seed)
    rows = matrix[rng.integers(len(matrix), size=PROBES)]
    before, wrong = risk(rows).reshape(len(rows), -1), 0
    for column, direction in enumerate(constraints[: len(FEATURES)]):
        known = np.flatnonzero(~np.isnan(rows[:, column]))
        if direction and len(known):
            raised = rows[known]
            raised[:, column] += direction * rng.exponential(2.0, len(known))
            after = risk(raised).reshape(len(known), -1)
            wrong += int((after < before[known] - 1e-12).any(axis=1).sum())
    return wrong


def check_explanations_add_up(model: TrustModel, matrix: Array, seed: int) -> Check:
    """SHAP's base and contributions sum to the margin."""
    import shap  # imported late: it takes seconds, and writes a font cache into the user's home

    rows = matrix[np.random.default_rng(seed).integers(len(matrix), size=200)]
    explainer = shap.TreeExplainer(model.now)
    contributions = explainer.shap_values(rows, check_additivity=False)
    sums = float(np.ravel(explainer.expected_value)[0]) + contributions.sum(axis=1)
    off = float(np.abs(sums - model.now.decision_function(rows)).max())
    return Check("explanations add up", off <= 1e-9, f"off by {off:.1e}", "at most 1e-9")


def check_no_leak(test_set: TestSet, shuffled: Sequence[Array]) -> Check:
    """Models of shuffled labels must not do better than chance, or the test gives its labels away.

    The median counts: a leak lifts every model, while chance lifts a single one, where one victim's requests lie
    together.
    """
    prevalence, victims = float(test_set.malicious.mean()), len(np.unique(test_set.identity[test_set.malicious]))
    if victims < TESTED or prevalence * LEAK_BOUND >= 1.0:
        return Check.skip("no leak", f"{prevalence:.2%} of the test's requests, of {victims} victims, tell nothing")
    precision = [average_precision_score(test_set.malicious, score) for score in shuffled]
    times = float(np.median(precision) / prevalence)
    return Check("no leak", times <= LEAK_BOUND, f"{times:.1f} times the prevalence", f"at most {LEAK_BOUND:g}")


def check_better_than_chance(evaluation: Evaluation) -> Check:
    """The model's average precision is well above the prevalence."""
    prevalence = evaluation.figures["prevalence"]
    if not prevalence > 0.0:
        return Check.skip("better than chance", "the test holds no malicious request")
    required = min(SKILL, _REACHABLE / prevalence)
    if required <= 1.0:
        return Check.skip("better than chance", f"{prevalence:.0%} of the test's requests are malicious")
    times = evaluation.figures["average_precision"] / prevalence
    measured = f"{times:.1f} times the prevalence of {prevalence:.2%}"
    return Check("better than chance", times >= required, measured, f"at least {required:.3g}")


def check_better_than_rules(evaluation: Evaluation) -> Check:
    """At the main budget the model catches more than static rules."""
    recall = evaluation.recalls["overall"][MAIN_BUDGET]["all"].value
    rules = evaluation.recalls["baseline"][MAIN_BUDGET]["static rules"].value
    if not np.isfinite(recall) or rules >= 1.0:
        reason = "no attacked session" if not np.isfinite(recall) else "static rules catch every attacked session"
        return Check.skip("better than static rules", f"{reason} of the test")
    count = evaluation.recalls["overall"][MAIN_BUDGET]["all"].count
    measured = f"recall {recall:.2f} against {rules:.2f} of {count} sessions"
    return Check("better than static rules", recall > rules, measured, "more")


def check_calibrated(evaluation: Evaluation) -> list[Check]:
    """Predicted over actual lies within stated bounds, for requests and for losses within two hours."""
    names = ("predicted_over_actual/all", "compromised_predicted_over_actual/7200_s")
    return [_check_ratio(name, evaluation.figures[name], evaluation.figures["compromised_sessions"]) for name in names]


def _check_ratio(name: str, ratio: float, attacked: float) -> Check:
    """Whether a ratio of predicted to actual lies within the bounds; a handful of attacks cannot tell."""
    low, high = CALIBRATED
    if not np.isfinite(ratio) or attacked < CALIBRATION_TESTED:
        return Check.skip(name, f"{attacked:.0f} attacked sessions in the test are too few to tell")
    return Check(name, low <= ratio <= high, f"{ratio:.2f}", f"{low:g} to {high:g}")


def check_real_records(challenges: RealRecordChallenges) -> Check:
    """A model trained on a simulation leaves real people at work alone."""
    measured = (
        f"of {challenges.requests} legitimate requests {challenges.below_threshold} challenged, "
        f"{challenges.expired} after expiry"
    )
    passed = challenges.share <= REAL_RECORDS_CHALLENGED
    return Check("real records", passed, measured, f"at most {REAL_RECORDS_CHALLENGED:.0%}")


def check_not_worse(test_set: TestSet, evaluation: Evaluation, champion: ChampionScores) -> Check:
    """Recall at the main budget is not below the champion's by more than the interval of the difference."""
    name = "not worse than the champion"
    if champion.score is None:
        return Check(name, True, f"no champion to compare: {champion.unavailable}", "one that this build can load")
    sessions = evaluation.sessions
    caught, caught_by_champion = (
        caught_sessions(scored, MAIN_BUDGET, evaluation.weights)
        for scored in (sessions, test_set.sessions(champion.score))
    )
    weights = evaluation.weights[:, sessions.compromised]
    draws = ((caught - caught_by_champion) * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1.0)
    low, high = np.quantile(draws, (0.025, 0.975))
    difference = Estimate(float(draws[0]), float(low), float(high), caught.shape[1]).interval("+.3f")
    measured = f"recall differs by {difference} from version {champion.version}"
    return Check(name, bool(high >= 0), measured, "an interval that reaches 0")
