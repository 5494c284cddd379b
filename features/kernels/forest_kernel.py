"""The compiled part of `features.model.forest`: the margin of a boosted forest for a few rows.

It is apart from the forest, since it is compiled with the step over all features, which must not import models.
"""

from __future__ import annotations

import math

import numpy as np

from features.arrays import Array
from features.kernels.compilation import unchecked

NO_CHILD = 0
"""A leaf's child: no node has the first root as its child."""


@unchecked
def add_leaf_values(
    rows: Array,
    roots: Array,
    feature: Array,
    threshold: Array,
    missing_left: Array,
    left: Array,
    right: Array,
    value: Array,
    margins: Array,
) -> None:
    """Add the value of the leaf that each row reaches in each tree to `margins`, in the order of the trees.

    `rows` has shape (n, F), `margins` (n,). The nodes of all trees share the arrays; `roots` and children are indices
    into them. Additions happen in scikit-learn's order, so the bits are the same.
    """
    for i in range(len(rows)):
        for t in range(len(roots)):
            node = roots[t]
            while left[node] != np.uintp(NO_CHILD):
                known = rows[i, feature[node]]
                goes_left = missing_left[node] if math.isnan(known) else known <= threshold[node]
                node = left[node] if goes_left else right[node]
            margins[i] += value[node]
