"""The compiled part of `features.model.tree_shap`: one pass over the leaves of a forest for one row.

It is apart from the rest, since it is compiled with the step over all features, which must not import models.
"""

from __future__ import annotations

import numpy as np

from features.arrays import Array
from features.kernels.compilation import unchecked

LEAVES_PER_BLOCK = 64
"""Leaves handled together, so that their factors stay in the nearest cache."""


@unchecked
def add_shares(
    row: Array,
    groups: Array,
    points: Array,
    weights: Array,
    value: Array,
    reading: Array,
    feature: Array,
    above: Array,
    until: Array,
    share: Array,
    gained: Array,
    factor: Array,
    sums: Array,
    product: Array,
    shares: Array,
) -> None:
    """Add the SHAP value of each feature of a row to `shares`.

    Leaves are grouped by the number of features on their paths; within a group the first features of all leaves are
    adjacent, then the second. `gained`, `factor` and `sums`, shape (features on a path, LEAVES_PER_BLOCK), and
    `product`, (LEAVES_PER_BLOCK,), hold intermediate results. Indices are unsigned, since signed ones may count from
    the end, which costs a test.
    """
    many, one = np.uintp(LEAVES_PER_BLOCK), np.uintp(1)
    for g in range(len(groups)):
        width, leaves, steps, values = groups[g, 0], groups[g, 1], groups[g, 2], groups[g, 3]
        for block in range((leaves + many - one) // many):
            begin = np.uintp(block) * many
            count = min(many, leaves - begin)
            for j in range(width):
                at = steps + np.uintp(j) * leaves + begin
                for i in range(count):
                    said = row[reading[at + i]]
                    gone = (said <= above[at + i]) | (said > until[at + i])
                    gained[j, i] = (0.0 if gone else 1.0) - share[at + i]
                    sums[j, i] = 0.0
            for q in range(groups[g, 4]):
                for i in range(count):
                    product[i] = weights[g, q] * value[values + begin + i]
                for j in range(width):
                    at = steps + np.uintp(j) * leaves + begin
                    for i in range(count):
                        factor[j, i] = share[at + i] + gained[j, i] * points[g, q]
                        product[i] *= factor[j, i]
                for j in range(width):
                    for i in range(count):
                        sums[j, i] += product[i] / factor[j, i]
            for j in range(width):
                at = steps + np.uintp(j) * leaves + begin
                for i in range(count):
                    shares[feature[at + i]] += sums[j, i] * gained[j, i]
