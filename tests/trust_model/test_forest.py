"""A forest copied into plain arrays gives scikit-learn's own margins, to the last bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from features.kernels.forest_kernel import add_leaf_values
from features.model.forest import Forest, forest_of

COLUMNS = 6


def rows(seed: int, count: int) -> np.ndarray:
    """Random rows, a quarter of whose values is unknown."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0.0, 2.0, (count, COLUMNS))
    values[rng.random(values.shape) < 0.25] = math.nan
    return values


def fitted(**shape: Any) -> HistGradientBoostingClassifier:
    """A forest of some shape, which has learnt from what is unknown as well."""
    matrix = rows(1, 3_000)
    target = np.where(np.isnan(matrix[:, 2]), 1.0, matrix[:, 0] * matrix[:, 1]) > 0.5
    return HistGradientBoostingClassifier(early_stopping=False, min_samples_leaf=5, **shape).fit(matrix, target)


@pytest.mark.parametrize("shape", [{"max_iter": 1}, {"max_iter": 60}, {"max_depth": 2}, {"max_leaf_nodes": 63}])
def test_margins_are_those_of_scikit_learn(shape: dict[str, Any]) -> None:
    """For rows it was fitted on and others, and where nothing is known."""
    estimator = fitted(**shape)
    matrix = np.vstack([rows(1, 200), rows(2, 200), np.full((1, COLUMNS), math.nan)])

    assert forest_of(estimator).margins(matrix).tobytes() == estimator.decision_function(matrix).tobytes()


def test_values_at_a_threshold_go_left_as_in_scikit_learn() -> None:
    """And infinite ones where they belong."""
    estimator = fitted(max_iter=20)
    nodes = estimator._predictors[0][0].nodes
    edge = np.full((3, COLUMNS), 0.0)
    edge[0, nodes["feature_idx"][0]] = nodes["num_threshold"][0]
    edge[1], edge[2] = np.inf, -np.inf

    assert forest_of(estimator).margins(edge).tobytes() == estimator.decision_function(edge).tobytes()


def test_a_forest_of_single_leaves_is_its_baseline() -> None:
    """Rows that are all alike can be told apart by nothing."""
    estimator = HistGradientBoostingClassifier(max_iter=2).fit(np.zeros((40, COLUMNS)), np.arange(40) % 4 == 0)
    matrix = rows(3, 5)

    assert forest_of(estimator).margins(matrix).tobytes() == estimator.decision_function(matrix).tobytes()


def test_compiled_and_plain_python_agree_to_the_last_bit() -> None:
    """As every compiled function does."""
    forest, matrix = forest_of(fitted(max_iter=5)), rows(4, 10)
    plain = np.full(len(matrix), forest.base)
    as_python: Any = add_leaf_values
    _, *nodes = vars(forest).values()
    as_python(matrix, *nodes, plain)

    assert plain.tobytes() == forest.margins(matrix).tobytes()


def test_categorical_features_are_refused() -> None:
    """A copy would take them for numbers."""
    matrix = np.arange(200.0).reshape(-1, 1) % 4
    estimator = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0], min_samples_leaf=5)
    estimator.fit(matrix, matrix[:, 0] > 1)

    with pytest.raises(ValueError, match="categorical"):
        forest_of(estimator)


def test_the_arrays_stand_in_the_order_the_kernel_takes_them() -> None:
    """They are passed by place."""
    names = add_leaf_values.__code__.co_varnames[: add_leaf_values.__code__.co_argcount]

    assert names == ("rows", *[name for name in Forest.__dataclass_fields__ if name != "base"], "margins")
