"""The two models: is this request foreign, and when will the session be lost.

Small on purpose, since explaining costs leaves times depth squared; monotone in every direction a feature declares,
since otherwise raising a suspicion could lower the risk. Only a share of the negatives is fitted, which the calibration
puts back on the intercept. No class weights: they would distort the probabilities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from features.bundle import Calibration
from features.decay import HORIZONS
from features.measures import Array
from features.vector import FEATURES
from training.outcomes import AtRisk


@dataclass(frozen=True)
class Recipe:
    """How both models are fitted."""

    trees: int = 120
    leaves: int = 15
    depth: int = 6
    learning_rate: float = 0.08
    smallest_leaf: int = 15
    l2: float = 2.0
    negatives_kept: float = 0.3
    patience: int = 15


def fit_now(
    matrix: Array, foreign: Array, stop: tuple[Array, Array], recipe: Recipe, seed: int, *, constrained: bool = True
) -> HistGradientBoostingClassifier:
    """Fit P(this request is not the owner's); `stop` are rows of other identities that say when to stop."""
    directions = [feature.direction for feature in FEATURES] if constrained else None
    kept, kept_stop = (thinned(y, recipe, seed) for y in (foreign, stop[1]))
    return fit_inputs(matrix[kept], foreign[kept], (stop[0][kept_stop], stop[1][kept_stop]), directions, recipe, seed)


def fit_hazard(
    matrix: Array, fitting: AtRisk, stopping: AtRisk, recipe: Recipe, seed: int
) -> HistGradientBoostingClassifier:
    """Fit q_k = P(the first foreign act falls in interval k | none before)."""
    directions = [feature.direction for feature in FEATURES] + [0] * len(HORIZONS)
    fitting, stopping = (_thinned_pairs(pairs, recipe, seed) for pairs in (fitting, stopping))
    stop = stopping.inputs(matrix), stopping.lost
    return fit_inputs(fitting.inputs(matrix), fitting.lost, stop, directions, recipe, seed)


def uncalibrated(recipe: Recipe) -> Calibration:
    """Only what thinning the negatives took away: its logarithm, back on every intercept."""
    rate = math.log(recipe.negatives_kept)
    return Calibration(1.0, rate, 1.0, (rate,) * len(HORIZONS))


def thinned(foreign: Array, recipe: Recipe, seed: int) -> Array:
    """All positives and a share of the negatives, as row numbers."""
    draws = np.random.default_rng(seed).random(len(foreign))
    return np.flatnonzero(foreign | (draws < recipe.negatives_kept))


def _thinned_pairs(pairs: AtRisk, recipe: Recipe, seed: int) -> AtRisk:
    kept = thinned(pairs.lost, recipe, seed)
    return AtRisk(pairs.rows[kept], pairs.interval[kept], pairs.lost[kept])


def fit_inputs(
    inputs: Array,
    target: Array,
    stop: tuple[Array, Array],
    directions: list[int] | None,
    recipe: Recipe,
    seed: int,
) -> HistGradientBoostingClassifier:
    """Fit one booster; raises ValueError when there is nothing of one kind to learn from."""
    if not 0 < int(target.sum()) < len(target):
        raise ValueError(f"{int(target.sum())} of {len(target)} rows are foreign: nothing to tell apart")
    watched = 0 < int(stop[1].sum()) < len(stop[1])
    model = HistGradientBoostingClassifier(
        max_iter=recipe.trees,
        max_leaf_nodes=recipe.leaves,
        max_depth=recipe.depth,
        learning_rate=recipe.learning_rate,
        min_samples_leaf=recipe.smallest_leaf,
        l2_regularization=recipe.l2,
        monotonic_cst=directions,
        early_stopping=watched,
        n_iter_no_change=recipe.patience,
        random_state=seed,
    )
    inputs = _without_empty_columns(inputs)
    return model.fit(inputs, target, X_val=stop[0], y_val=stop[1]) if watched else model.fit(inputs, target)


def _without_empty_columns(inputs: Array) -> Array:
    """A column of which nothing is ever known becomes a constant, which no tree can use; sklearn cannot bin it."""
    empty = np.isnan(inputs).all(axis=0)
    return np.where(empty, 0.0, inputs) if empty.any() else inputs
