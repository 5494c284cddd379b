"""What features add to a forest's log-odds is what the definition says, and SHAP, whatever is unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from features.arrays import Array
from features.kernels.tree_shap_kernel import AT_ONCE, add_shares
from features.model.tree_shap import explain_forest

COLUMNS = 6


def forest(seed: int, *, trees: int = 12, leaves: int = 31, depth: int | None = 8) -> HistGradientBoostingClassifier:
    """Fitted on rows of which much is unknown, of which it says something that is unknown."""
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


def by_definition(model: HistGradientBoostingClassifier, row: Array) -> Array:
    """Each feature's mean gain over all orders in which features become known."""
    found = np.zeros(COLUMNS)
    worth = {
        known: expected(model, row, known)
        for size in range(COLUMNS + 1)
        for known in combinations(range(COLUMNS), size)
    }
    for known, value in worth.items():
        for feature in set(range(COLUMNS)) - set(known):
            share = math.factorial(len(known)) * math.factorial(COLUMNS - len(known) - 1) / math.factorial(COLUMNS)
            found[feature] += share * (worth[tuple(sorted((*known, feature)))] - value)
    return found


def expected(model: HistGradientBoostingClassifier, row: Array, known: tuple[int, ...]) -> float:
    """The log-odds where only some features are told, the rest as fitted rows went."""

    def below(nodes: Any, place: int) -> float:
        node = nodes[place]
        if node["is_leaf"]:
            return float(node["value"])
        left, right = int(node["left"]), int(node["right"])
        if node["feature_idx"] in known:
            value = row[node["feature_idx"]]
            goes = node["missing_go_to_left"] if np.isnan(value) else value <= node["num_threshold"]
            return below(nodes, left if goes else right)
        shares = {child: nodes[child]["count"] / node["count"] for child in (left, right)}
        return float(sum(share * below(nodes, child) for child, share in shares.items()))

    base = float(np.ravel(model._baseline_prediction)[0])
    return base + sum(below(tree.nodes, 0) for round_ in model._predictors for tree in round_)


@pytest.mark.parametrize("seed", range(4))
def test_shares_are_what_shapley_defined(seed: int) -> None:
    """Over all 64 sets of six features."""
    model = forest(seed, trees=3)
    apart = explain_forest(model)

    for row in rows_of(seed + 100, 5):
        assert np.allclose(apart.shap_values(row), by_definition(model, row), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [{"leaves": 4}, {"depth": 2}, {"leaves": 63, "depth": None}, {"trees": 40}])
def test_shares_are_those_of_shap(shape: Mapping[str, Any]) -> None:
    """Of forests of any shape, for whatever is unknown; base and shares make the log-odds."""
    import shap  # takes seconds

    model, rows = forest(7, **shape), np.vstack([rows_of(8, 40), np.full((1, COLUMNS), math.nan)])
    explainer, apart = shap.TreeExplainer(model), explain_forest(model)
    shares = np.array([apart.shap_values(row) for row in rows])

    assert apart.base == pytest.approx(float(np.ravel(explainer.expected_value)[0]), abs=1e-12)
    assert np.allclose(shares, explainer.shap_values(rows, check_additivity=False), rtol=0, atol=1e-12)
    assert np.allclose(apart.base + shares.sum(axis=1), model.decision_function(rows), rtol=0, atol=1e-12)


def test_whether_a_value_is_unknown_can_be_all_that_is_asked() -> None:
    """A tree that tells the unknown from the known, at a limit beyond every value."""
    rows = np.where(np.arange(400)[:, None] % 2 == 0, math.nan, np.arange(400.0)[:, None])
    model = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5).fit(rows, np.arange(400) % 2 == 0)
    apart = explain_forest(model)

    assert math.isinf(model._predictors[0][0].nodes["num_threshold"][0])
    for row in rows[:2]:
        assert apart.base + apart.shap_values(row) == pytest.approx(model.decision_function(row[None]))


def test_a_forest_that_asks_nothing_is_all_base() -> None:
    """Of rows that are all the same nothing can be told apart."""
    model = HistGradientBoostingClassifier(max_iter=2).fit(np.zeros((40, 2)), np.arange(40) % 4 == 0)
    apart = explain_forest(model)

    assert apart.shap_values(np.zeros(2)).tolist() == [0.0, 0.0]
    assert apart.base == pytest.approx(float(model.decision_function(np.zeros((1, 2)))[0]))


def test_compiled_and_plain_python_agree_to_the_last_bit() -> None:
    """As every feature does."""
    apart, row = explain_forest(forest(3, trees=6)), rows_of(4, 1)[0]
    unknown, plain = np.isnan(row), np.zeros(COLUMNS)
    readings = np.concatenate((row, np.where(unknown, np.inf, row), np.where(unknown, -np.inf, row)))
    as_python: Any = add_shares
    as_python(readings, *vars(apart.paths).values(), *np.empty((3, 9, AT_ONCE)), np.empty(AT_ONCE), plain)

    assert plain.tobytes() == apart.shap_values(row).tobytes()
