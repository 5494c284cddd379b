"""Whether what is said is true: ranking, error, and as many compromised as were said to be, now and at each horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import SECOND, Array
from features.model.trust_curve import HORIZONS
from training.metrics.bootstrap import BootstrapWeights, Estimate, estimate
from training.metrics.evaluation import TestSet

REDRAWN = 200
"""Resamples of a ranking, which has to be gone through whole in each."""
BINS = 15
SAID = (0.0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
"""Edges of the bins of a reliability table."""


def average_precision(target: Array, score: Array, identity: Array, drawn: BootstrapWeights) -> Estimate:
    """Of a ranking, ties taken together."""
    return estimate(precisions(target, score, identity, drawn), int(target.sum()))


def precisions(target: Array, score: Array, identity: Array, drawn: BootstrapWeights) -> Array:
    """The same in each of the first REDRAWN resamples."""
    order = np.argsort(-score, kind="stable")
    hit, place = target[order].astype(float), drawn.place(identity[order])
    ends = np.flatnonzero(np.r_[score[order][1:] != score[order][:-1], True])
    return np.array([_precision(hit, drawn.weights[r][place], ends) for r in range(REDRAWN)])


def _precision(hit: Array, weight: Array, ends: Array) -> float:
    hits, seen = np.cumsum(hit * weight)[ends], np.cumsum(weight)[ends]
    if hits[-1] == 0:
        return float("nan")
    return float((np.diff(hits, prepend=0.0) * hits / np.maximum(seen, 1e-300)).sum() / hits[-1])


def calibration_error(target: Array, risk: Array, identity: Array, drawn: BootstrapWeights) -> Estimate:
    """ECE: the mean distance between what was said and what was, over bins of equally many rows."""
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, BINS + 1)[1:-1]))
    place = np.searchsorted(edges, risk, side="right")
    off = sum(np.abs(drawn.totals(np.where(place == b, risk - target, 0.0), identity)) for b in range(len(edges) + 1))
    return estimate(np.asarray(off) / drawn.totals(np.ones(len(risk)), identity), len(risk))


@dataclass(frozen=True)
class Bin:
    """Rows of which about the same was said: its mean, and the share of which it was so."""

    low: float
    high: float
    said: float
    was: Estimate


def reliability(target: Array, risk: Array, identity: Array, drawn: BootstrapWeights) -> list[Bin]:
    """By what was said, on bins of the logarithm."""
    place = np.clip(np.searchsorted(SAID, risk, side="right") - 1, 0, len(SAID) - 2)
    found = []
    for b in range(len(SAID) - 1):
        here = place == b
        if here.any():
            was = drawn.mean(target[here], identity[here])
            found.append(Bin(SAID[b], SAID[b + 1], float(risk[here].mean()), was))
    return found


@dataclass(frozen=True)
class Ahead:
    """Rows whose session could still be compromised, and was watched to the horizon or compromised within it."""

    rows: Array
    compromised: Array
    identity: Array


def ahead(tested: TestSet, horizon: float) -> Ahead:
    """Rows not yet malicious, by place in the test; what the end of the data cut off is left out unless it was compromised."""
    of, rows = tested.targets, tested.rows
    seconds, watched = of.seconds[rows], (tested.end - of.time[rows]) / SECOND
    compromised = seconds <= horizon
    open_ = (seconds > 0) & ~of.malicious[rows] & of.in_session[rows] & (compromised | (watched >= horizon))
    places = np.flatnonzero(open_)
    return Ahead(places, compromised[places], of.identity[rows[places]])


def decay_calibration(tested: TestSet, compromised_by: Array, drawn: BootstrapWeights) -> dict[int, Estimate]:
    """Predicted over actual losses by horizon; `compromised_by` are P(compromised by h | not now), shape (len(rows), horizons)."""
    found = {}
    for interval, horizon in enumerate(HORIZONS):
        seen = ahead(tested, horizon)
        found[horizon] = drawn.ratio(compromised_by[seen.rows, interval], seen.compromised, seen.identity)
    return found
