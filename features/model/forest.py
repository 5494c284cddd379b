"""A fitted HistGradientBoosting forest as plain arrays: the same margins, without scikit-learn and in microseconds.

scikit-learn takes seconds to import and 400 µs to score four rows; a service does that for every request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from features.arrays import Array
from features.engine.online import step
from features.kernels.forest_kernel import NO_CHILD

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier


@dataclass(frozen=True)
class Forest:
    """All trees' nodes behind each other; the arrays stand in the order `add_leaf_values` takes them."""

    base: float
    """The margin before the first tree."""
    roots: Array
    feature: Array
    threshold: Array
    missing_left: Array
    left: Array
    right: Array
    value: Array

    def margins(self, rows: Array) -> Array:
        """The margin of each row: shape (n,) for rows of shape (n, F). Equal to `decision_function` to the last bit."""
        _, *nodes = vars(self).values()
        margins = np.full(len(rows), self.base)
        step().add_leaf_values(np.ascontiguousarray(rows), *nodes, margins)
        return margins


def forest_of(estimator: HistGradientBoostingClassifier) -> Forest:
    """Copy a fitted binary forest without categorical features."""
    trees = [tree.nodes for round_ in estimator._predictors for tree in round_]
    starts = np.concatenate(([0], np.cumsum([len(nodes) for nodes in trees])))[:-1]
    nodes = np.concatenate(trees)
    if nodes["is_categorical"].any():
        raise ValueError("the forest has categorical features, which these models do not use")
    offset = np.repeat(starts, [len(nodes) for nodes in trees])
    leaf = nodes["is_leaf"].astype(bool)
    left, right = (np.where(leaf, NO_CHILD, nodes[side] + offset).astype(np.uintp) for side in ("left", "right"))
    return Forest(
        base=float(np.ravel(estimator._baseline_prediction)[0]),
        roots=starts.astype(np.uintp),
        feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.uintp),
        threshold=nodes["num_threshold"].astype(np.float64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        left=left,
        right=right,
        value=nodes["value"].astype(np.float64),
    )
