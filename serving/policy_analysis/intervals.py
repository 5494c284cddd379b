"""Sums with 95 % intervals over identities drawn anew: requests of one identity are alike and count as one witness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.model.bootstrap import resample_weights


@dataclass(frozen=True)
class Figure:
    """A value and its 95 % interval; NaN where there is nothing to count."""

    value: float
    low: float
    high: float

    def plain(self) -> dict[str, float | None]:
        """As JSON."""
        return {name: None if np.isnan(v) else v for name, v in vars(self).items()}


def resampled(sums: Array, seed: int) -> Array:
    """Totals of the columns of `sums`, shape (identities, k), with identities drawn anew; the first row is as found.

    Shape (RESAMPLES, k).
    """
    totals: Array = np.array([counts @ sums for counts in resample_weights(len(sums), seed)])
    return totals


def total(totals: Array, column: int) -> Figure:
    """One column's total."""
    return _figure(totals[:, column])


def rate(totals: Array, of: int, among: int, each: float = 1.0) -> Figure:
    """One column's total as a share of another's, times `each`; a resample in which the other is 0 says nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _figure(each * totals[:, of] / totals[:, among])


def _figure(drawn: Array) -> Figure:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(drawn[0]):
        return Figure(np.nan, np.nan, np.nan)
    low, high = np.quantile(known, (0.025, 0.975))
    return Figure(float(drawn[0]), float(low), float(high))
