"""Figures with 95 % intervals over identities drawn anew, and how they are summed up in every resample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.model.bootstrap import resample_weights


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval over resampled identities, and how many things it was measured on."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        if not np.isfinite(self.value):
            return "-"
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}] of {self.count}"


def estimate(draws: Array, count: int) -> Estimate:
    """From one value a resample, the first of them as found; unknown where too few resamples know it."""
    known = draws[np.isfinite(draws)]
    if len(known) < len(draws) / 2 or not np.isfinite(draws[0]):
        return Estimate(np.nan, np.nan, np.nan, count)
    low, high = np.quantile(known, (0.025, 0.975))
    return Estimate(float(draws[0]), float(low), float(high), count)


@dataclass(frozen=True)
class BootstrapWeights:
    """How often each identity counts in every resample, shape (RESAMPLES, identities); the first row is all ones."""

    people: Array
    weights: Array

    def place(self, identity: Array) -> Array:
        """Where each identity's column is."""
        return np.searchsorted(self.people, identity)

    def totals(self, values: Array, identity: Array) -> Array:
        """In every resample, the sum of one value a row, shape (RESAMPLES,)."""
        sums = np.bincount(self.place(identity), weights=values.astype(float), minlength=len(self.people))
        total: Array = self.weights @ sums
        return total

    def mean(self, values: Array, identity: Array) -> Estimate:
        """The mean of one value a row."""
        return self.ratio(values, np.ones(len(values)), identity)

    def ratio(self, over: Array, under: Array, identity: Array) -> Estimate:
        """The ratio of two sums over the same rows."""
        with np.errstate(divide="ignore", invalid="ignore"):
            draws = self.totals(over, identity) / self.totals(under, identity)
        return estimate(draws, len(over))


def bootstrap_weights(identity: Array, seed: int) -> BootstrapWeights:
    """Resamples of the identities there are."""
    people = np.unique(identity)
    return BootstrapWeights(people, np.array(list(resample_weights(len(people), seed))))
