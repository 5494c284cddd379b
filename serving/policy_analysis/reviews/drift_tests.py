"""Tests whether two samples differ: how far apart they are (PSI), and how surely (a test corrected for many).

Both are needed: with many requests the smallest difference is significant, and with few the largest may be chance.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.arrays import Array

MATERIAL_PSI = 0.2
"""The population stability index from which a change counts as material."""
SIGNIFICANT_Q = 0.05
"""The greatest share of false alarms among the changes that are reported."""
_BINS = 10
_SMALLEST_SHARE = 1e-4
"""An empty bin counts as this share, so that the index stays finite."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Drift:
    """How far apart two samples of one variable are; `q` is the p-value corrected for multiple tests."""

    name: str
    psi: float
    p: float
    q: float = 1.0

    @property
    def changed(self) -> bool:
        """Whether the change is material and significant."""
        return self.psi >= MATERIAL_PSI and self.q <= SIGNIFICANT_Q


def numeric_drift(name: str, before: Array, after: Array) -> Drift:
    """The drift of a number, NaN where unknown.

    PSI is over the deciles of the earlier sample and the unknown share. The p-value is that of a two-sample
    Kolmogorov-Smirnov test on known values, or of a test of the unknown share where that is more significant.

    >>> rng = np.random.default_rng(1)
    >>> numeric_drift("same", rng.normal(size=999), rng.normal(size=999)).psi < 0.05
    True
    >>> numeric_drift("moved", rng.normal(size=999), rng.normal(1, size=999)).psi > 0.2
    True
    """
    known = before[np.isfinite(before)], after[np.isfinite(after)]
    edges = np.unique(np.quantile(known[0], np.linspace(0, 1, _BINS + 1)[1:-1])) if len(known[0]) else np.zeros(1)
    counts = [
        np.append(np.bincount(np.searchsorted(edges, part), minlength=len(edges) + 1), len(whole) - len(part))
        for part, whole in zip(known, (before, after), strict=True)
    ]
    p = _unknown_share_test(counts[0], counts[1])
    if min(map(len, known)) and sum(map(len, known)) > 2:  # of one value against one, the test can say nothing
        p = min(1.0, 2 * min(p, float(_stats().ks_2samp(*known, method="asymp").pvalue)))
    return Drift(name, psi(*counts), p)


def categorical_drift(name: str, before: Sequence[object], after: Sequence[object]) -> Drift:
    """The drift of a category, None where unknown: PSI over categories, and a chi-square test of homogeneity."""
    counts = [Counter(UNKNOWN if value is None else value for value in sample) for sample in (before, after)]
    values = sorted({*counts[0], *counts[1]}, key=str)
    table = np.array([[sample[value] for value in values] for sample in counts])
    return Drift(name, psi(table[0], table[1]), _homogeneity_test(table))


def psi(before: Array, after: Array) -> float:
    """The population stability index of two rows of counts: Σ (a - b) · ln(a / b) over their shares.

    >>> round(psi(np.array([50, 50]), np.array([50, 50])), 6)
    0.0
    """
    shares = [np.maximum(counts / max(counts.sum(), 1), _SMALLEST_SHARE) for counts in (before, after)]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def correct_for_multiple_tests(drifts: Sequence[Drift]) -> list[Drift]:
    """The drifts with q-values by Benjamini and Hochberg, most changed first."""
    if not drifts:
        return []
    q = q_values([drift.p for drift in drifts])
    return sorted(
        (Drift(drift.name, drift.psi, drift.p, float(value)) for drift, value in zip(drifts, q, strict=True)),
        key=lambda drift: (not drift.changed, -drift.psi),
    )


def q_values(p: Sequence[float]) -> list[float]:
    """The q-values of p-values, by Benjamini and Hochberg."""
    return [float(value) for value in _stats().false_discovery_control(p, method="bh")]


def _stats() -> Any:
    """scipy.stats, imported late: it takes a second, and a service that starts needs none of it."""
    return importlib.import_module("scipy.stats")


def _unknown_share_test(before: Array, after: Array) -> float:
    unknown_and_known = np.array([[counts[-1], counts[:-1].sum()] for counts in (before, after)])
    return _homogeneity_test(unknown_and_known)


def _homogeneity_test(table: Array) -> float:
    """The p-value that both rows are of one distribution; 1 when there is nothing to compare."""
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        return 1.0
    return float(_stats().chi2_contingency(table, correction=False).pvalue)
