"""Identities drawn anew, for 95 % intervals: what one person's or machine's events share is then no false certainty."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from features.arrays import Array

RESAMPLES = 1_000


def redraws(people: int, seed: int) -> Iterator[Array]:
    """How often each of so many identities counts, one resample at a time, shape (people,); in the first, once each.

    >>> [int(counts.sum()) for counts in redraws(3, seed=1)][:4]
    [3, 3, 3, 3]
    """
    yield np.ones(people)
    rng, even = np.random.default_rng(seed), np.full(people, 1 / max(people, 1))
    for _ in range(RESAMPLES - 1):
        yield rng.multinomial(people, even).astype(float) if people else np.zeros(0)
