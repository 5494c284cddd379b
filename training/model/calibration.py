"""Calibrate margins into probabilities by straight lines, so that SHAP contributions stay additive.

The now-model gets a slope and an intercept (Platt scaling), kept only if they lower the log-loss on identities they
were not fitted on. The hazard model gets an intercept for each identity type and interval.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from features.arrays import Array
from features.model.bundle import TYPES, Calibration
from features.model.trust_curve import HORIZONS, probability
from training.data.targets import AtRisk

PRIOR_POSITIVES = 20.0
"""Pseudo-positives of the common rate that each identity type starts with. Positive requests come a session at a time,
so twenty of them are little more than one session."""


def calibrate_now(margin: Array, malicious: Array, identity: Array) -> Calibration:
    """Platt scaling of the now-model's margins; the identity line where scaling does not help.

    The line is fitted on half of the identities and kept if its log-loss on the other half is lower. All arrays have
    shape (n,).
    """
    unchanged = Calibration()
    half = identity % 2 == 0
    line = _fit_line(margin[half], malicious[half])
    if line is None or not malicious[~half].any():
        return unchanged
    before = mean_log_loss(margin[~half] + unchanged.intercept, malicious[~half])
    after = mean_log_loss(line[0] * margin[~half] + line[1], malicious[~half])
    full_line = _fit_line(margin, malicious) if after < before else None
    if full_line is None:
        return unchanged
    return replace(unchanged, slope=full_line[0], intercept=full_line[1])


def calibrate_hazard(
    calibration: Calibration, margin: Array, weight: Array, pairs: AtRisk, identity_type: Array
) -> Calibration:
    """Add an intercept for each identity type and interval, so that predicted losses match actual ones.

    The slope stays 1. Each pair counts for its weight. Arrays have one entry a pair.
    """
    rows = [np.flatnonzero(pairs.interval == interval) for interval in range(len(HORIZONS))]
    by_interval = [
        intercepts_by_type(margin[part], pairs.compromised[part], identity_type[part], weight[part]) for part in rows
    ]
    return replace(
        calibration,
        hazard_intercepts={name: tuple(intercepts[name] for intercepts in by_interval) for name in TYPES},
    )


def intercepts_by_type(margin: Array, target: Array, identity_type: Array, weight: Array) -> dict[str, float]:
    """What to add to the log-odds of each identity type so that predicted positives match actual ones.

    A type with few positives is shrunk towards the intercept of all types together: PRIOR_POSITIVES at the common rate
    are added to its own.
    """
    common = _shrunk_intercept(margin, target, weight, 0.0, 0.5)
    rows = {name: np.flatnonzero(identity_type == name) for name in TYPES}
    return {
        name: _shrunk_intercept(margin[part], target[part], weight[part], common, PRIOR_POSITIVES)
        for name, part in rows.items()
    }


def _shrunk_intercept(margin: Array, target: Array, weight: Array, common: float, prior: float) -> float:
    """The intercept at which the mean probability is the share of positives, with `prior` more as `common` expects."""
    expected = float((weight * probability(margin + common)).sum())
    if not expected > 0.0:
        return common
    rate = expected / float(weight.sum()) * (float((weight * target).sum()) + prior) / (expected + prior)
    return intercept_for_rate(margin, rate, weight)


def base_log_odds(malicious: Array, identity_type: Array) -> dict[str, float]:
    """By identity type: the log-odds that a request is malicious. Both arrays have shape (n,).

    A type with few malicious requests is shrunk towards the common rate, by PRIOR_POSITIVES.
    """
    common = (float(malicious.sum()) + 0.5) / (len(malicious) + 1.0)
    found = {}
    for name in TYPES:
        own = malicious[identity_type == name]
        rate = (float(own.sum()) + PRIOR_POSITIVES) / (len(own) + PRIOR_POSITIVES / common)
        found[name] = float(np.log(rate / (1.0 - rate)))
    return found


def trust_thresholds(trust: Array, identity_type: Array, budgets: tuple[float, ...]) -> dict[str, list[list[float]]]:
    """By identity type: pairs of a friction budget and the trust below which that share of benign requests lies.

    Trust never falls as the budget grows.
    """
    thresholds = {}
    for name in np.unique(identity_type):
        quantiles = np.quantile(trust[identity_type == name], budgets, method="lower")
        values = np.maximum.accumulate(quantiles)
        thresholds[str(name)] = [[budget, float(value)] for budget, value in zip(budgets, values, strict=True)]
    return thresholds


def _fit_line(margin: Array, target: Array) -> tuple[float, float] | None:
    """Slope and intercept by maximum likelihood; None when only one class is present or the slope is not positive."""
    if not 0 < int(target.sum()) < len(target):
        return None
    fitted = LogisticRegression(C=np.inf).fit(margin.reshape(-1, 1), target)
    slope = float(fitted.coef_[0, 0])
    return (slope, float(fitted.intercept_[0])) if slope > 0 else None


def mean_log_loss(log_odds: Array, target: Array) -> float:
    """The mean log-loss of predicted log-odds; both arguments have shape (n,)."""
    return float(log_loss(target, probability(log_odds), labels=[False, True]))


def intercept_for_rate(margin: Array, rate: float, weight: Array | None = None) -> float:
    """What to add to log-odds so that their mean probability is `rate`; by bisection, since it is monotone."""
    low, high = -60.0, 60.0
    for _ in range(80):
        middle = (low + high) / 2
        if float(np.average(probability(margin + middle), weights=weight)) < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2
