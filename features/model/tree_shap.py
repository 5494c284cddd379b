"""Exact SHAP values of a boosted forest: what each feature adds to the log-odds, in one pass over the leaves.

They equal those of SHAP's tree explainer (path-dependent; Lundberg et al. 2020): at a node that tests a feature outside
the coalition, a row follows both branches, weighted by the share of training rows in each. A leaf of value v adds to
feature i on its path

    v (o_i - z_i) ∫ Π (z_j + (o_j - z_j) t) dt,  j on the path but i, t from 0 to 1,

where o_j is 1 if the row passes every test of feature j on the path, else 0, and z_j is the share of training rows that
do. The product is a polynomial in t of lower degree than the number of features, so Gauss-Legendre quadrature with half
as many points gives the exact integral. SHAP's explainer takes time quadratic in the depth for each leaf and holds the
GIL; this takes a few operations per feature, handles several leaves at once, and releases the GIL.
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
from features.kernels.tree_shap_kernel import LEAVES_PER_BLOCK

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier


@dataclass(frozen=True)
class Paths:
    """The leaves of a forest and the tests on the path to each, in the order of the arguments of `add_shares`."""

    groups: Array
    """Shape (g, 5): features per path, leaves, index of the first step, index of the first leaf, quadrature points."""
    points: Array
    weights: Array
    value: Array
    """For each leaf."""
    reading: Array
    """For each step: the index of the tested value in a row's readings."""
    feature: Array
    above: Array
    until: Array
    share: Array


@dataclass(frozen=True)
class TreeShap:
    """SHAP values of one forest; `base` is its expected log-odds."""

    base: float
    width: int
    paths: Paths

    def shap_values(self, values: Array) -> Array:
        """The SHAP value of each feature, shape (F,); together with `base` they sum to the log-odds of the row."""
        unknown, deepest = np.isnan(values), int(self.paths.groups[:, 0].max(initial=0))
        readings = np.concatenate((values, *(np.where(unknown, beyond, values) for beyond in (np.inf, -np.inf))))
        gained, factor, sums = np.empty((3, deepest, LEAVES_PER_BLOCK))
        shap_values = np.zeros(self.width)
        step().add_shares(
            readings, *vars(self.paths).values(), gained, factor, sums, np.empty(LEAVES_PER_BLOCK), shap_values
        )
        return shap_values


class _Step(NamedTuple):
    """All tests of one feature on a path: it must be above one value and at most another, and may be unknown or not."""

    above: float
    until: float
    unknown: bool
    share: float

    def reading(self, feature: int, width: int) -> int:
        """The index of the value to test in a row's readings.

        If the feature may be unknown, the values as they are: NaN is neither too large nor too small. Otherwise the
        copy in which unknown values are infinite and so fail the test.
        """
        return feature + width * (0 if self.unknown else 1 if np.isfinite(self.until) else 2)


_NODE_FIELDS = ("is_leaf", "value", "count", "feature_idx", "num_threshold", "missing_go_to_left", "left", "right")
"""Fields of scikit-learn's tree nodes; they are private, but there is no public access to the trees."""
_FREE = _Step(-np.inf, np.inf, True, 1.0)
_Leaf = tuple[float, dict[int, _Step]]


def explain_forest(forest: HistGradientBoostingClassifier) -> TreeShap:
    """Prepare a fitted forest for SHAP values."""
    trees = [
        {name: tree.nodes[name].tolist() for name in _NODE_FIELDS} for round_ in forest._predictors for tree in round_
    ]
    leaves = [leaf for tree in trees for leaf in _leaves(tree, 0, {})]
    leaves.sort(key=lambda leaf: len(leaf[1]))
    base = sum(value * math.prod(step.share for step in steps.values()) for value, steps in leaves)
    width = int(forest.n_features_in_)
    return TreeShap(float(np.ravel(forest._baseline_prediction)[0] + base), width, _paths(leaves, width))


def _leaves(tree: Mapping[str, list[Any]], node: int, steps: dict[int, _Step]) -> Iterator[_Leaf]:
    """Yield each leaf below a node: its value, and the tests of each feature on the path."""
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


def _paths(leaves: list[_Leaf], width: int) -> Paths:
    groups: list[tuple[int, ...]] = []
    steps: list[tuple[int, _Step]] = []
    for features, group in groupby(leaves, key=lambda leaf: len(leaf[1])):
        paths = [list(leaf[1].items()) for leaf in group]
        groups.append((features, len(paths), len(steps), sum(other[1] for other in groups), -(-features // 2)))
        steps += [path[number] for number in range(features) for path in paths]
    points, weights = np.zeros((2, len(groups), max(other[-1] for other in groups)))
    for number, (*_, count) in enumerate(groups):
        if count:
            ends, counts = np.polynomial.legendre.leggauss(count)
            points[number, :count], weights[number, :count] = (ends + 1.0) / 2.0, counts / 2.0
    columns = [(step.reading(feature, width), feature, step.above, step.until, step.share) for feature, step in steps]
    reading, feature, above, until, share = np.array(columns, float).reshape(-1, 5).T.copy()
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
