"""Totals and rates with 95 % intervals by resampling identities, since requests of one identity are not independent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.model.bootstrap import resample_weights


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval; NaN when there is nothing to count."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """The estimate as JSON, with null for NaN."""
        return {name: None if np.isnan(v) else v for name, v in vars(self).items()}


def resample_totals(sums: Array, seed: int) -> Array:
    """Column totals under bootstrap resampling of identities.

    `sums` has shape (identities, k), the result (RESAMPLES, k); its first row holds the observed totals.
    """
    totals: Array = np.array([counts @ sums for counts in resample_weights(len(sums), seed)])
    return totals


def total(totals: Array, column: int) -> Estimate:
    """The total of one column."""
    return _estimate(totals[:, column])


def rate(totals: Array, numerator: int, denominator: int, scale: float = 1.0) -> Estimate:
    """One column's total divided by another's, times `scale`; resamples with a denominator of 0 are left out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _estimate(scale * totals[:, numerator] / totals[:, denominator])


def _estimate(resamples: Array) -> Estimate:
    finite = resamples[np.isfinite(resamples)]
    if not np.isfinite(resamples[0]):
        return Estimate(np.nan, np.nan, np.nan)
    low, high = np.quantile(finite, (0.025, 0.975))
    return Estimate(float(resamples[0]), float(low), float(high))


def percentage(estimate: Estimate) -> str:
    """A share with its interval, in per cent.

    >>> percentage(Estimate(0.015, 0.01, 0.02))
    '1.500% [1.000%, 2.000%]'
    """
    if np.isnan(estimate.value):
        return "an unknown share"
    return f"{estimate.value:.3%} [{estimate.low:.3%}, {estimate.high:.3%}]"
