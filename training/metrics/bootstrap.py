"""Estimates with 95 % bootstrap intervals over identities, and the weights they are computed with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.model.bootstrap import resample_weights


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % bootstrap interval over identities, and how many things it was measured on.

    Its text has three significant digits; a format spec formats each of the three numbers.

    >>> recall = Estimate(0.51234, 0.4, 0.6, 80)
    >>> str(recall), f"{recall:.2f}", recall.interval("+.1f")
    ('0.512 [0.4, 0.6] of 80', '0.51 [0.40, 0.60] of 80', '+0.5 [+0.4, +0.6]')
    """

    value: float
    low: float
    high: float
    count: int

    @classmethod
    def exact(cls, value: float, count: int = 1) -> Estimate:
        """A figure without an interval."""
        return cls(value, value, value, count)

    @classmethod
    def unknown(cls, count: int) -> Estimate:
        """A figure that could not be measured."""
        return cls(np.nan, np.nan, np.nan, count)

    def __str__(self) -> str:
        return format(self, ".3g")

    def __format__(self, spec: str) -> str:
        return f"{self.interval(spec or '.3g')} of {self.count}" if np.isfinite(self.value) else "-"

    def interval(self, spec: str = ".3g") -> str:
        """The figure and its interval, without the count."""
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def estimate(draws: Array, count: int) -> Estimate:
    """An estimate from its value in each resample, the first of which is the figure itself.

    Unknown when the figure is, or when fewer than half of the resamples have a value.
    """
    known = draws[np.isfinite(draws)]
    if len(known) < len(draws) / 2 or not np.isfinite(draws[0]):
        return Estimate.unknown(count)
    low, high = np.quantile(known, (0.025, 0.975))
    return Estimate(float(draws[0]), float(low), float(high), count)


def mean_of(figures: Sequence[Estimate]) -> Estimate:
    """The mean of the same figure of several models, and of the ends of its interval.

    >>> str(mean_of([Estimate(0.2, 0.1, 0.4, 9), Estimate(0.4, 0.2, 0.6, 9)]))
    '0.3 [0.15, 0.5] of 9'
    """
    value, low, high = (float(np.mean([getattr(each, name) for each in figures])) for name in ("value", "low", "high"))
    return Estimate(value, low, high, figures[0].count)


def ratio_of(numerator: Array, denominator: Array) -> Array:
    """The quotient in each resample; NaN or infinite, without a warning, where the denominator is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: Array = numerator / denominator
    return quotient


@dataclass(frozen=True)
class BootstrapWeights:
    """How often each identity counts in each resample; in the first resample, once each."""

    identities: Array
    """Sorted numbers of the identities, shape (identities,)."""
    weights: Array
    """Shape (RESAMPLES, identities)."""

    def columns(self, identity: Array) -> Array:
        """The columns of `weights` that belong to some identities, given by number."""
        return np.searchsorted(self.identities, identity)

    def totals(self, values: Array, identity: Array) -> Array:
        """The sum in each resample of one value a row, shape (RESAMPLES,)."""
        sums = np.bincount(self.columns(identity), weights=values.astype(float), minlength=len(self.identities))
        total: Array = self.weights @ sums
        return total

    def mean(self, values: Array, identity: Array) -> Estimate:
        """The mean of one value a row."""
        return self.ratio(values, np.ones(len(values)), identity)

    def ratio(self, numerator: Array, denominator: Array, identity: Array) -> Estimate:
        """The ratio of two sums over the same rows."""
        draws = ratio_of(self.totals(numerator, identity), self.totals(denominator, identity))
        return estimate(draws, len(numerator))


def bootstrap_weights(identity: Array, seed: int) -> BootstrapWeights:
    """Resample the identities that occur in an array of identity numbers."""
    identities = np.unique(identity)
    return BootstrapWeights(identities, np.array(list(resample_weights(len(identities), seed))))
