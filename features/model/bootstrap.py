"""Bootstrap weights over identities, for 95 % intervals.

The events of one identity are not independent: resampling events instead would give intervals that are too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from features.arrays import Array

RESAMPLES = 1_000


def resample_weights(identities: int, seed: int) -> Iterator[Array]:
    """Yield the weight of each identity in RESAMPLES resamples, each of shape (identities,); in the first, all are 1.

    >>> [int(counts.sum()) for counts in resample_weights(3, seed=1)][:4]
    [3, 3, 3, 3]
    """
    yield np.ones(identities)
    rng, uniform = np.random.default_rng(seed), np.full(identities, 1 / max(identities, 1))
    for _ in range(RESAMPLES - 1):
        yield rng.multinomial(identities, uniform).astype(float) if identities else np.zeros(0)
