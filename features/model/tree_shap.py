"""What each feature adds to the log-odds of a boosted forest: Shapley values, exactly, in one pass over its leaves.

They are those of SHAP's tree explainer (path-dependent; Lundberg et al. 2020): where a node asks for a feature that is
left out, a row goes both ways, as many parts of it as rows did when the model was fitted. A leaf of value v gives to
feature i of those on its path

    v (o_i - z_i) ∫ Π (z_j + (o_j - z_j) t) dt,  j on the path but i, t from 0 to 1,

where o is 1 if the row goes on towards the leaf wherever its feature is asked for, else 0, and z the share of fitted
rows that did. The product is a polynomial in t of a lower degree than there are features, so the sum of Gauss and
Legendre over half as many points is its integral. The explainer's own way takes depth squared for each leaf and keeps
all other threads of the process waiting; this takes a few operations a feature, several leaves at once, and keeps none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from features.arrays import Array
from features.engine.online import step
from features.kernels.tree_shap_kernel import AT_ONCE

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier


@dataclass(frozen=True)
class Paths:
    """The leaves of a forest and what is asked on the way to each, as `shares.add_shares` wants it, in its order."""

    groups: Array
    """Shape (g, 5): features on each path, leaves, the first step's place, the first leaf's, points of the sum."""
    points: Array
    weights: Array
    value: Array
    """Of each leaf."""
    reading: Array
    """Of each step: where what is asked for stands in a row's readings."""
    feature: Array
    above: Array
    until: Array
    share: Array


@dataclass(frozen=True)
class Shapley:
    """What the features of a row add to the log-odds of one forest; `base` is what no row is needed for."""

    base: float
    width: int
    paths: Paths

    def shares(self, values: Array) -> Array:
        """What each adds, shape (F,), for features of shape (F,): with the base they sum to the log-odds."""
        unknown, deepest = np.isnan(values), int(self.paths.groups[:, 0].max(initial=0))
        readings = np.concatenate((values, *(np.where(unknown, beyond, values) for beyond in (np.inf, -np.inf))))
        gained, factor, sums = np.empty((3, deepest, AT_ONCE))
        found = np.zeros(self.width)
        step().add_shares(readings, *vars(self.paths).values(), gained, factor, sums, np.empty(AT_ONCE), found)
        return found


class _Step(NamedTuple):
    """All that a path asks of one feature: to lie above one value, up to another, or to be unknown."""

    above: float
    until: float
    unknown: bool
    share: float

    def reading(self, feature: int, width: int) -> int:
        """Where what is asked for stands: among the values as they are, in which what is unknown is never too large or
        too small; or, if it must be known, among those in which it lies beyond one of the two."""
        return feature + width * (0 if self.unknown else 1 if np.isfinite(self.until) else 2)


_ASKED = ("is_leaf", "value", "count", "feature_idx", "num_threshold", "missing_go_to_left", "left", "right")
"""Of a node of scikit-learn's, which shows its trees nowhere else."""
_FREE = _Step(-np.inf, np.inf, True, 1.0)
_Leaf = tuple[float, dict[int, _Step]]


def shapley(forest: HistGradientBoostingClassifier) -> Shapley:
    """Take a fitted forest apart."""
    trees = [{name: tree.nodes[name].tolist() for name in _ASKED} for round_ in forest._predictors for tree in round_]
    leaves = [leaf for tree in trees for leaf in _leaves(tree, 0, {})]
    leaves.sort(key=lambda leaf: len(leaf[1]))
    base = sum(value * math.prod(step.share for step in steps.values()) for value, steps in leaves)
    width = int(forest.n_features_in_)
    return Shapley(float(np.ravel(forest._baseline_prediction)[0] + base), width, _laid_out(leaves, width))


def _leaves(tree: Mapping[str, list[Any]], node: int, steps: dict[int, _Step]) -> Iterator[_Leaf]:
    """Each leaf below a node: its value, and what is asked of each feature on the way."""
    if tree["is_leaf"][node]:
        yield tree["value"][node], steps
        return
    feature, limit = tree["feature_idx"][node], tree["num_threshold"][node]
    before = steps.get(feature, _FREE)
    for child, left in ((tree["left"][node], True), (tree["right"][node], False)):
        step = _Step(
            before.above if left else max(before.above, limit),
            min(before.until, limit) if left else before.until,
            before.unknown and bool(tree["missing_go_to_left"][node]) == left,
            before.share * tree["count"][child] / tree["count"][node],
        )
        yield from _leaves(tree, child, steps | {feature: step})


def _laid_out(leaves: list[_Leaf], width: int) -> Paths:
    groups: list[tuple[int, ...]] = []
    steps: list[tuple[int, _Step]] = []
    for features, alike in groupby(leaves, key=lambda leaf: len(leaf[1])):
        paths = [list(leaf[1].items()) for leaf in alike]
        groups.append((features, len(paths), len(steps), sum(group[1] for group in groups), -(-features // 2)))
        steps += [path[number] for number in range(features) for path in paths]
    points, weights = np.zeros((2, len(groups), max(group[-1] for group in groups)))
    for number, (*_, count) in enumerate(groups):
        if count:
            ends, counts = np.polynomial.legendre.leggauss(count)
            points[number, :count], weights[number, :count] = (ends + 1.0) / 2.0, counts / 2.0
    asked = [(step.reading(feature, width), feature, step.above, step.until, step.share) for feature, step in steps]
    reading, feature, above, until, share = np.array(asked, float).reshape(-1, 5).T.copy()
    return Paths(
        np.array(groups, np.uint64),
        points,
        weights,
        np.array([value for value, _ in leaves]),
        reading.astype(np.uint32),
        feature.astype(np.uint32),
        above,
        until,
        share,
    )
