"""Ranking and calibration: average precision, expected calibration error, reliability bins, losses at each horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import SECOND, Array
from features.model.trust_curve import HORIZONS
from training.metrics.bootstrap import BootstrapWeights, Estimate, estimate, ratio_of
from training.metrics.evaluation import TestSet

RANKING_RESAMPLES = 200
"""Resamples of figures that have to go through the whole ranking in each."""
ECE_BINS = 15
RELIABILITY_EDGES = (0.0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)


def average_precision(target: Array, score: Array, identity: Array, bootstrap: BootstrapWeights) -> Estimate:
    """The average precision of a ranking, with ties taken together. Arrays have shape (n,)."""
    return estimate(average_precision_draws(target, score, identity, bootstrap), int(target.sum()))


def average_precision_draws(target: Array, score: Array, identity: Array, bootstrap: BootstrapWeights) -> Array:
    """The average precision in each of the first RANKING_RESAMPLES resamples."""
    order = np.argsort(-score, kind="stable")
    hit, column = target[order].astype(float), bootstrap.columns(identity[order])
    ends = np.flatnonzero(np.r_[score[order][1:] != score[order][:-1], True])
    draws = (_weighted_average_precision(hit, bootstrap.weights[n][column], ends) for n in range(RANKING_RESAMPLES))
    return np.array([*draws])


def _weighted_average_precision(hit: Array, weight: Array, ends: Array) -> float:
    """`ends` are the last places of each group of ties, in order of falling score."""
    hits, ranked = np.cumsum(hit * weight)[ends], np.cumsum(weight)[ends]
    if hits[-1] == 0:
        return float("nan")
    return float((np.diff(hits, prepend=0.0) * hits / np.maximum(ranked, 1e-300)).sum() / hits[-1])


def calibration_error(target: Array, risk: Array, identity: Array, bootstrap: BootstrapWeights) -> Estimate:
    """Expected calibration error: the mean of |predicted - actual| over bins with equally many rows."""
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, ECE_BINS + 1)[1:-1]))
    row_bin = np.searchsorted(edges, risk, side="right")
    differences = sum(
        np.abs(bootstrap.totals(np.where(row_bin == number, risk - target, 0.0), identity))
        for number in range(len(edges) + 1)
    )
    draws = ratio_of(np.asarray(differences), bootstrap.totals(np.ones(len(risk)), identity))
    return estimate(draws, len(risk))


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows with a predicted probability between `low` and `high`."""

    low: float
    high: float
    predicted: float
    """The mean predicted probability."""
    actual: Estimate
    """The share of positives."""


def reliability_bins(target: Array, risk: Array, identity: Array, bootstrap: BootstrapWeights) -> list[ReliabilityBin]:
    """Bins on a logarithmic scale; empty ones are left out."""
    row_bin = np.clip(np.searchsorted(RELIABILITY_EDGES, risk, side="right") - 1, 0, len(RELIABILITY_EDGES) - 2)
    bins = []
    for number in range(len(RELIABILITY_EDGES) - 1):
        mask = row_bin == number
        if mask.any():
            actual = bootstrap.mean(target[mask], identity[mask])
            low, high = RELIABILITY_EDGES[number : number + 2]
            bins.append(ReliabilityBin(low, high, float(risk[mask].mean()), actual))
    return bins


@dataclass(frozen=True)
class HorizonOutcomes:
    """Rows at risk whose fate at a horizon is known: observed until then, or compromised within it."""

    rows: Array
    """Positions in the test set."""
    compromised: Array
    identity: Array


def outcomes_within(test_set: TestSet, horizon: float) -> HorizonOutcomes:
    """Outcomes within `horizon` seconds of the test's rows that are not yet malicious."""
    targets, rows = test_set.targets, test_set.rows
    seconds_to_loss, observed_seconds = targets.seconds[rows], (test_set.end - targets.time[rows]) / SECOND
    compromised = seconds_to_loss <= horizon
    known = compromised | (observed_seconds >= horizon)
    at_risk = (seconds_to_loss > 0) & ~targets.malicious[rows] & targets.in_session[rows] & known
    positions = np.flatnonzero(at_risk)
    return HorizonOutcomes(positions, compromised[positions], targets.identity[rows[positions]])


def horizon_calibration(test_set: TestSet, compromised_by: Array, bootstrap: BootstrapWeights) -> dict[int, Estimate]:
    """Predicted over actual losses at each horizon.

    `compromised_by` holds P(compromised by the horizon | not malicious now), shape (len(rows), horizons).
    """
    ratios = {}
    for interval, horizon in enumerate(HORIZONS):
        outcomes = outcomes_within(test_set, horizon)
        predicted = compromised_by[outcomes.rows, interval]
        ratios[horizon] = bootstrap.ratio(predicted, outcomes.compromised, outcomes.identity)
    return ratios
