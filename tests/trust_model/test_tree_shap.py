"""Our SHAP values equal the definition of Shapley values and the `shap` package's, whatever is unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from features.arrays import Array
from features.kernels.tree_shap_kernel import LEAVES_PER_BLOCK, add_shares
from features.model.tree_shap import explain_forest

COLUMNS = 6


def fit_forest(
    seed: int, *, trees: int = 12, leaves: int = 31, depth: int | None = 8
) -> HistGradientBoostingClassifier:
    """A forest fitted on rows with many unknown values, where being unknown is informative."""
    rows = rows_of(seed, 3_000)
    risk = np.where(np.isnan(rows[:, 2]), 1.5, rows[:, 0] * rows[:, 1]) - np.abs(np.nan_to_num(rows[:, 3]))
    target = np.random.default_rng(seed).random(len(rows)) < 1.0 / (1.0 + np.exp(-risk))
    return HistGradientBoostingClassifier(
        max_iter=trees, max_leaf_nodes=leaves, max_depth=depth, min_samples_leaf=5, early_stopping=False
    ).fit(rows, target)


def rows_of(seed: int, count: int) -> Array:
    rng = np.random.default_rng(seed)
    rows = rng.normal(0.0, 2.0, (count, COLUMNS))
    rows[:, 4] = np.round(rows[:, 4])
    rows[rng.random(rows.shape) < 0.25] = math.nan
    return rows


def shapley_by_definition(model: HistGradientBoostingClassifier, row: Array) -> Array:
    """Each feature's mean gain over all orders in which features become known."""
    values = np.zeros(COLUMNS)
    gains = {
        known: expected_log_odds(model, row, known)
        for size in range(COLUMNS + 1)
        for known in combinations(range(COLUMNS), size)
    }
    for known, value in gains.items():
        for feature in set(range(COLUMNS)) - set(known):
            share = math.factorial(len(known)) * math.factorial(COLUMNS - len(known) - 1) / math.factorial(COLUMNS)
            values[feature] += share * (gains[tuple(sorted((*known, feature)))] - value)
    return values


def expected_log_odds(model: HistGradientBoostingClassifier, row: Array, known: tuple[int, ...]) -> float:
    """The log-odds where only some features are known; the others go the way the fitted rows went."""

    def below(nodes: Any, place: int) -> float:
        node = nodes[place]
        if node["is_leaf"]:
            return float(node["value"])
        left, right = int(node["left"]), int(node["right"])
        if node["feature_idx"] in known:
            value = row[node["feature_idx"]]
            goes_left = node["missing_go_to_left"] if np.isnan(value) else value <= node["num_threshold"]
            return below(nodes, left if goes_left else right)
        shares = {child: nodes[child]["count"] / node["count"] for child in (left, right)}
        return float(sum(share * below(nodes, child) for child, share in shares.items()))

    base = float(np.ravel(model._baseline_prediction)[0])
    return base + sum(below(tree.nodes, 0) for round_ in model._predictors for tree in round_)


@pytest.mark.parametrize("seed", range(4))
def test_shares_equal_the_definition(seed: int) -> None:
    """Over all 64 sets of six features."""
    model = fit_forest(seed, trees=3)
    explainer = explain_forest(model)

    for row in rows_of(seed + 100, 5):
        assert np.allclose(explainer.shap_values(row), shapley_by_definition(model, row), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [{"leaves": 4}, {"depth": 2}, {"leaves": 63, "depth": None}, {"trees": 40}])
def test_shares_equal_those_of_the_shap_package(shape: Mapping[str, Any]) -> None:
    """For forests of any shape and whatever is unknown. Base and shares sum to the log-odds."""
    import shap  # takes seconds

    model, rows = fit_forest(7, **shape), np.vstack([rows_of(8, 40), np.full((1, COLUMNS), math.nan)])
    package, explainer = shap.TreeExplainer(model), explain_forest(model)
    shares = np.array([explainer.shap_values(row) for row in rows])

    assert explainer.base == pytest.approx(float(np.ravel(package.expected_value)[0]), abs=1e-12)
    assert np.allclose(shares, package.shap_values(rows, check_additivity=False), rtol=0, atol=1e-12)
    assert np.allclose(explainer.base + shares.sum(axis=1), model.decision_function(rows), rtol=0, atol=1e-12)


def test_a_split_between_known_and_unknown_is_explained() -> None:
    """Its threshold is infinite."""
    rows = np.where(np.arange(400)[:, None] % 2 == 0, math.nan, np.arange(400.0)[:, None])
    model = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5).fit(rows, np.arange(400) % 2 == 0)
    explainer = explain_forest(model)

    assert math.isinf(model._predictors[0][0].nodes["num_threshold"][0])
    for row in rows[:2]:
        assert explainer.base + explainer.shap_values(row) == pytest.approx(model.decision_function(row[None]))


def test_a_forest_without_splits_is_all_base() -> None:
    """Rows that are all the same cannot be told apart."""
    model = HistGradientBoostingClassifier(max_iter=2).fit(np.zeros((40, 2)), np.arange(40) % 4 == 0)
    explainer = explain_forest(model)

    assert explainer.shap_values(np.zeros(2)).tolist() == [0.0, 0.0]
    assert explainer.base == pytest.approx(float(model.decision_function(np.zeros((1, 2)))[0]))


def test_compiled_and_plain_python_agree_to_the_last_bit() -> None:
    """The kernel is run uncompiled as well."""
    explainer, row = explain_forest(fit_forest(3, trees=6)), rows_of(4, 1)[0]
    unknown, plain = np.isnan(row), np.zeros(COLUMNS)
    readings = np.concatenate((row, np.where(unknown, np.inf, row), np.where(unknown, -np.inf, row)))
    as_python: Any = add_shares
    as_python(
        readings,
        *vars(explainer.paths).values(),
        *np.empty((3, 9, LEAVES_PER_BLOCK)),
        np.empty(LEAVES_PER_BLOCK),
        plain,
    )

    assert plain.tobytes() == explainer.shap_values(row).tobytes()
