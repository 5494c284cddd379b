"""Picks an even share of numbered things (identities, actions, deployments) without drawing random numbers.

What is picked depends on the numbers and the share alone. A larger share picks the same things and more, and no other
part of a world changes, because the random stream is untouched.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def van_der_corput(numbers: Array, base: int) -> Array:
    """The radical inverse of non-negative integers, in [0, 1): their digits mirrored at the point.

    Any run of `base` consecutive numbers is spread evenly over the interval (van der Corput, 1935).

    >>> van_der_corput(np.arange(6), 2).tolist()
    [0.0, 0.5, 0.25, 0.75, 0.125, 0.625]
    """
    rest, value, weight = np.asarray(numbers, np.int64), np.zeros(np.shape(numbers)), 1.0
    while np.any(rest):
        weight /= base
        value += rest % base * weight
        rest = rest // base
    return value


def pick_share(numbers: Array, share: Array | float, base: int) -> Array:
    """Mask of an even share of the numbers; for shares in multiples of 1 / base, that many of any `base` in a row.

    >>> pick_share(np.arange(10), 0.2, base=5).nonzero()[0].tolist()
    [0, 5]
    """
    picked: Array = van_der_corput(numbers, base) < share
    return picked
