"""From margins to probabilities, by straight lines, so that explanations stay sums.

A line is taken only where it is better on identities that did not make it. Each target is calibrated on its own.
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

LIKE_OTHERS = 20.0
"""Positives are requests, and come a session at a time: so many of them are no more than one session's."""


def calibrate_now(margin: Array, malicious: Array, identity: Array) -> Calibration:
    """The line for the now-model: fitted on half of the identities, kept if better on the other half."""
    plain = Calibration()
    half = identity % 2 == 0
    line = _line(margin[half], malicious[half])
    if line is None or not malicious[~half].any():
        return plain
    before = loss(margin[~half] + plain.intercept, malicious[~half])
    after = loss(line[0] * margin[~half] + line[1], malicious[~half])
    whole = _line(margin, malicious)
    return replace(plain, slope=whole[0], intercept=whole[1]) if whole and after < before else plain


def calibrate_hazard(so_far: Calibration, margin: Array, weight: Array, pairs: AtRisk, kind: Array) -> Calibration:
    """An intercept for each identity type and interval, so that as many are compromised as were said to be; the slope stays 1.

    Each pair counts for its weight.
    """
    parts = [np.flatnonzero(pairs.interval == interval) for interval in range(len(HORIZONS))]
    found = [intercepts(margin[here], pairs.compromised[here], kind[here], weight[here]) for here in parts]
    return replace(so_far, hazard_intercepts={each: tuple(one[each] for one in found) for each in TYPES})


def intercepts(margin: Array, target: Array, kind: Array, weight: Array) -> dict[str, float]:
    """What to add to log-odds by identity type, so that as many are positive as are said to be.

    A type of which little is known is taken for like the others: its positives count beside LIKE_OTHERS as all have it.
    """
    usual = _intercept_of(margin, target, weight, 0.0, 0.5)
    parts = {each: np.flatnonzero(kind == each) for each in TYPES}
    return {
        each: _intercept_of(margin[here], target[here], weight[here], usual, LIKE_OTHERS)
        for each, here in parts.items()
    }


def _intercept_of(margin: Array, target: Array, weight: Array, usual: float, like: float) -> float:
    """What to add, so that the mean probability is the share of positives, `like` more of them as `usual` has it."""
    expected = float((weight * probability(margin + usual)).sum())
    if not expected > 0.0:
        return usual
    rate = expected / float(weight.sum()) * (float((weight * target).sum()) + like) / (expected + like)
    return intercept(margin, rate, weight)


def thresholds(trust: Array, identity_type: Array, budgets: tuple[float, ...]) -> dict[str, list[list[float]]]:
    """By identity type: the trust below which each share of benign requests lies, never falling as the share grows."""
    found = {}
    for kind in np.unique(identity_type):
        quantiles = np.quantile(trust[identity_type == kind], budgets, method="lower")
        values = np.maximum.accumulate(quantiles)
        found[str(kind)] = [[budget, float(value)] for budget, value in zip(budgets, values, strict=True)]
    return found


def _line(margin: Array, target: Array) -> tuple[float, float] | None:
    """Slope and intercept by maximum likelihood; None where there is nothing to fit or the slope is not positive."""
    if not 0 < int(target.sum()) < len(target):
        return None
    fitted = LogisticRegression(C=np.inf).fit(margin.reshape(-1, 1), target)
    slope = float(fitted.coef_[0, 0])
    return (slope, float(fitted.intercept_[0])) if slope > 0 else None


def loss(log_odds: Array, target: Array) -> float:
    """The mean log-loss of log-odds; both of shape (n,)."""
    return float(log_loss(target, probability(log_odds), labels=[False, True]))


def intercept(margin: Array, rate: float, weight: Array | None = None) -> float:
    """What to add to log-odds so that their mean probability is `rate`; by bisection, since it rises with that."""
    low, high = -60.0, 60.0
    for _ in range(80):
        middle = (low + high) / 2
        if float(np.average(probability(margin + middle), weights=weight)) < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2
