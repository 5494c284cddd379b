"""The area under the ROC in every resample of identities, exactly and at once."""

from __future__ import annotations

import numpy as np

from features.arrays import Array
from training.metrics.bootstrap import BootstrapWeights, ratio_of


def auc_draws(score: Array, positive: Array, identity: Array, bootstrap: BootstrapWeights) -> Array:
    """The area under the ROC in each resample, shape (RESAMPLES,); NaN where one class is empty.

    It counts the pairs of a positive row of one identity and a negative row of another (or the same) in which the
    positive scores higher, ties half, and weights each pair by how often both identities were drawn. The first three
    arrays have one entry a row.

    >>> from training.metrics.bootstrap import bootstrap_weights
    >>> identity = np.array([4, 4, 9, 9])
    >>> draws = auc_draws(np.array([1, 2, 3, 0]), np.array([0, 1, 1, 0]) > 0, identity, bootstrap_weights(identity, 1))
    >>> float(draws[0])
    1.0
    """
    column, size = bootstrap.columns(identity), len(bootstrap.identities)
    wins = np.zeros((size, size))
    for place in range(size):
        negative = np.sort(score[~positive & (column == place)])
        below = np.searchsorted(negative, score[positive], side="left")
        not_above = np.searchsorted(negative, score[positive], side="right")
        wins[:, place] = np.bincount(column[positive], weights=(below + not_above) / 2.0, minlength=size)
    positives, negatives = (np.bincount(column[rows], minlength=size) for rows in (positive, ~positive))
    weights = bootstrap.weights
    won = np.einsum("ri,ij,rj->r", weights, wins, weights, optimize=True)
    return ratio_of(won, (weights @ positives) * (weights @ negatives))
