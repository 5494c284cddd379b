"""From margins to probabilities, by straight lines, so that explanations stay sums.

A line is taken only where it is better on identities that did not make it. Each target is calibrated on its own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from features.bundle import Calibration
from features.decay import HORIZONS
from features.measures import Array
from training.outcomes import AtRisk


def calibrate_now(margin: Array, foreign: Array, identity: Array) -> Calibration:
    """The line for the now-model: fitted on half of the identities, kept if better on the other half."""
    plain = Calibration()
    half = identity % 2 == 0
    line = _line(margin[half], foreign[half])
    if line is None or not foreign[~half].any():
        return plain
    before = _loss(margin[~half] + plain.intercept, foreign[~half])
    after = _loss(line[0] * margin[~half] + line[1], foreign[~half])
    whole = _line(margin, foreign)
    return replace(plain, slope=whole[0], intercept=whole[1]) if whole and after < before else plain


def calibrate_hazard(so_far: Calibration, margin: Array, pairs: AtRisk) -> Calibration:
    """An intercept per interval, so that as many are lost as were said to be; the slope stays 1.

    Solved by bisection: the mean probability rises with the intercept.
    """
    intercepts = list(so_far.hazard_intercepts)
    for interval in range(len(HORIZONS)):
        here = pairs.interval == interval
        lost = int(pairs.lost[here].sum())
        if lost > 0:
            intercepts[interval] = intercept(margin[here], (lost + 0.5) / (int(here.sum()) + 1.0))
    return replace(so_far, hazard_intercepts=tuple(intercepts))


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


def _loss(log_odds: Array, target: Array) -> float:
    return float(log_loss(target, 1.0 / (1.0 + np.exp(-log_odds)), labels=[False, True]))


def intercept(margin: Array, rate: float) -> float:
    """What to add to log-odds so that their mean probability is `rate`."""
    low, high = -60.0, 60.0
    for _ in range(80):
        middle = (low + high) / 2
        if float(np.mean(1.0 / (1.0 + np.exp(-(margin + middle))))) < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2
