"""Whether two samples are of one kind: how far apart they are (PSI), and how surely (a test, corrected for many).

Both are asked for: with many requests the smallest difference is sure, and with few the largest may be chance.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.arrays import Array

MATERIAL = 0.2
"""The population stability index from which a change is held to matter."""
SURE = 0.05
"""The share of false alarms among what is reported as changed."""
_BINS = 10
_LEAST = 1e-4
"""A share that is nothing counts as this, so that the index stays finite."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Drift:
    """How far apart two samples of one thing are; `q` is the p-value once corrected for all that was tested."""

    name: str
    psi: float
    p: float
    q: float = 1.0

    @property
    def changed(self) -> bool:
        """Whether it matters and is sure."""
        return self.psi >= MATERIAL and self.q <= SURE


def of_numbers(name: str, before: Array, after: Array) -> Drift:
    """Numbers, NaN where unknown: PSI over the earlier sample's tenths and the unknown, a two-sample KS test over what
    is known, or a test of the unknown's share where that differs more surely.

    >>> rng = np.random.default_rng(1)
    >>> of_numbers("same", rng.normal(size=999), rng.normal(size=999)).psi < 0.05
    True
    >>> of_numbers("moved", rng.normal(size=999), rng.normal(1, size=999)).psi > 0.2
    True
    """
    known = before[np.isfinite(before)], after[np.isfinite(after)]
    edges = np.unique(np.quantile(known[0], np.linspace(0, 1, _BINS + 1)[1:-1])) if len(known[0]) else np.zeros(1)
    counts = [
        np.append(np.bincount(np.searchsorted(edges, part), minlength=len(edges) + 1), len(whole) - len(part))
        for part, whole in zip(known, (before, after), strict=True)
    ]
    p = _unknown_differs(counts[0], counts[1])
    if min(map(len, known)) and sum(map(len, known)) > 2:  # of one value against one, KS can say nothing
        p = min(1.0, 2 * min(p, float(_stats().ks_2samp(*known, method="asymp").pvalue)))
    return Drift(name, psi(*counts), p)


def of_choices(name: str, before: Sequence[object], after: Sequence[object]) -> Drift:
    """Choices, None where unknown: PSI over them, and a chi-square test of homogeneity."""
    counted = [Counter(UNKNOWN if value is None else value for value in sample) for sample in (before, after)]
    values = sorted({*counted[0], *counted[1]}, key=str)
    table = np.array([[sample[value] for value in values] for sample in counted])
    return Drift(name, psi(table[0], table[1]), _homogeneous(table))


def psi(before: Array, after: Array) -> float:
    """Population stability index of two rows of counts: Σ (a - b) · ln(a / b) over their shares.

    >>> round(psi(np.array([50, 50]), np.array([50, 50])), 6)
    0.0
    """
    shares = [np.maximum(counts / max(counts.sum(), 1), _LEAST) for counts in (before, after)]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def corrected(found: Sequence[Drift]) -> list[Drift]:
    """The same with q-values by Benjamini and Hochberg, most changed first."""
    if not found:
        return []
    q = false_discovery([each.p for each in found])
    return sorted(
        (Drift(each.name, each.psi, each.p, float(value)) for each, value in zip(found, q, strict=True)),
        key=lambda each: (not each.changed, -each.psi),
    )


def false_discovery(p: Sequence[float]) -> list[float]:
    """The q-values of p-values by Benjamini and Hochberg."""
    return [float(value) for value in _stats().false_discovery_control(p, method="bh")]


def _stats() -> Any:
    """Imported late: it takes a second, and a service that starts needs none of it."""
    return importlib.import_module("scipy.stats")


def _unknown_differs(before: Array, after: Array) -> float:
    unknown = np.array([[counts[-1], counts[:-1].sum()] for counts in (before, after)])
    return _homogeneous(unknown)


def _homogeneous(table: Array) -> float:
    """The p-value of both rows being alike; 1 where there is nothing to compare."""
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        return 1.0
    return float(_stats().chi2_contingency(table, correction=False).pvalue)
