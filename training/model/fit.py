"""The two models: is this request malicious, and when will the session be compromised.

No larger than they must be, since explaining costs leaves times depth squared; monotone where a suspicion means the
same whatever else is known, since otherwise raising it could lower the risk. Most requests are ordinary and teach the
same: a first, small model says which of the owners' own are suspicious, those are all fitted, and of the others a
share that counts for all (local case-control sampling, Fithian and Hastie 2014). The weights keep the odds as they
are: no class weights, and nothing to put right on the intercept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.model.trust_curve import HORIZONS
from training.data.targets import AtRisk

NOW_DIRECTIONS = [feature.direction if feature.unit == "yes or no" else 0 for feature in FEATURES]
"""Binding for the model of now: a fact's direction. How rare or how much more than usual something is says little where
little is known, and more where much is: what these do together is learnt."""
HAZARD_DIRECTIONS = [feature.direction for feature in FEATURES] + [0] * len(HORIZONS)
"""Binding for the hazard: every direction, since losses are too few to learn more from."""
FIRST_TREES = 60
"""Of the model that says which negatives are suspicious."""
GRID = 255
"""Values of a column between which the booster can tell."""
AT_ONCE = 100_000
"""Examples whose inputs are in memory together while a model scores them."""


@dataclass(frozen=True)
class Recipe:
    """How both models are fitted."""

    trees: int = 400
    leaves: int = 31
    depth: int = 8
    learning_rate: float = 0.08
    smallest_leaf: int = 40
    l2: float = 2.0
    negatives_kept: float = 0.1
    """Share of the ordinary negatives that is fitted."""
    suspicious: float = 0.03
    """Share of the negatives that counts as suspicious: all of them are fitted."""
    patience: int = 30
    again: int = 8
    """How often other surprises and abuse are put into the lives that are fitted, for more examples of both."""


@dataclass(frozen=True)
class Examples:
    """What to learn one target from; inputs are made when asked for, since all at once would not fit into memory."""

    inputs: Callable[[Array], Array]
    """From numbers of examples to their inputs."""
    target: Array
    weight: Array
    """How much each counts."""

    def part(self, which: Array) -> Examples:
        """Some of them, by number."""
        return Examples(lambda numbers: self.inputs(which[numbers]), self.target[which], self.weight[which])

    def counting(self, weight: Array) -> Examples:
        """The same, each counting for so much."""
        return replace(self, weight=weight)

    def blind(self, columns: Array) -> Examples:
        """The same with some inputs, by a mask, unknown."""

        def inputs(numbers: Array) -> Array:
            made = self.inputs(numbers)
            made[:, columns] = np.nan
            return made

        return replace(self, inputs=inputs)

    def beside(self, others: Examples) -> Examples:
        """These, and after them others."""
        own = len(self.target)

        def inputs(numbers: Array) -> Array:
            mine = numbers < own
            first = self.inputs(numbers[mine])
            made = np.empty((len(numbers), first.shape[1]))
            made[mine] = first
            del first  # before the others come: together they would be as much again
            made[~mine] = others.inputs(numbers[~mine] - own)
            return made

        return Examples(inputs, *map(np.concatenate, ((self.target, others.target), (self.weight, others.weight))))

    def all_inputs(self) -> Array:
        """The inputs of every one."""
        return self.inputs(np.arange(len(self.target)))


def counted_once(inputs: Callable[[Array], Array], target: Array) -> Examples:
    """Examples of which each counts for one."""
    return Examples(inputs, target, np.ones(len(target)))


def examples(matrix: Array, rows: Array, target: Array) -> Examples:
    """Rows of a matrix, by number, each with its target."""
    return counted_once(lambda numbers: matrix[rows[numbers]], target)


def hazard_examples(matrix: Array, pairs: AtRisk) -> Examples:
    """Rows at risk of a loss, once for each interval."""
    return counted_once(lambda numbers: pairs.part(numbers).inputs(matrix), pairs.compromised)


def fit_now(
    fitting: Examples, stopping: Examples | None, recipe: Recipe, seed: int, *, constrained: bool = True
) -> HistGradientBoostingClassifier:
    """Fit P(this request is not the owner's); `stopping` are other identities', which say when to stop."""
    return fit(fitting, stopping, NOW_DIRECTIONS if constrained else None, recipe, seed)


def fit_hazard(fitting: Examples, recipe: Recipe, seed: int) -> HistGradientBoostingClassifier:
    """Fit q_k = P(the first malicious act falls in interval k | none before), coarsely."""
    return fit(fitting, None, HAZARD_DIRECTIONS, coarse(recipe), seed)


def coarse(recipe: Recipe) -> Recipe:
    """The same for what hardly shows beforehand: when a session will be compromised.

    All requests of a session that will be compromised are positives, so anything finer learns those sessions by heart, and
    identities kept apart hold too few of them to say when to stop. Measured: the CHANGELOG says how.
    """
    return replace(recipe, trees=60, leaves=8, depth=6, smallest_leaf=1_000, l2=20.0, learning_rate=0.06)


def fit(
    fitting: Examples, stopping: Examples | None, directions: list[int] | None, recipe: Recipe, seed: int
) -> HistGradientBoostingClassifier:
    """Fit one booster; raises ValueError when there is nothing of one kind to learn from."""
    kept, weight = weighed(fitting, directions, recipe, seed)
    watched = stopping if stopping is not None and 0 < int(stopping.target.sum()) < len(stopping.target) else None
    return _grown(fitting.part(kept), weight, watched, directions, recipe, seed)


def weighed(fitting: Examples, directions: list[int] | None, recipe: Recipe, seed: int) -> tuple[Array, Array]:
    """Numbers of the examples to fit, and how much each of them counts.

    What counts for less than one is there in numbers because it is suspicious, and is fitted whole.
    """
    target = fitting.target
    if not 0 < int(target.sum()) < len(target):
        raise ValueError(f"{int(target.sum())} of {len(target)} rows are malicious: nothing to tell apart")
    first, counts = thinned(fitting, recipe, seed)
    small = replace(recipe, trees=FIRST_TREES)
    model = _grown(fitting.part(first), counts, None, directions, small, seed)
    score = margins(model, fitting)
    whole = _rare(fitting) | (score > np.quantile(score[~target], 1.0 - recipe.suspicious))
    draws = np.random.default_rng(seed + 1).random(len(target))
    kept = np.flatnonzero(whole | (draws < recipe.negatives_kept))
    return kept, fitting.weight[kept] * np.where(whole[kept], 1.0, 1.0 / recipe.negatives_kept)


def _rare(these: Examples) -> Array:
    return these.target | (these.weight < 1.0)


def margins(model: HistGradientBoostingClassifier, of: Examples) -> Array:
    """The model's log-odds of each example, shape (n,)."""
    starts = range(0, len(of.target), AT_ONCE)
    parts = (np.arange(start, min(start + AT_ONCE, len(of.target))) for start in starts)
    return np.concatenate([np.zeros(0), *(model.decision_function(of.inputs(part)) for part in parts)])


def thinned(these: Examples, recipe: Recipe, seed: int) -> tuple[Array, Array]:
    """All that is rare and an even share of the other negatives, as numbers, and how much each counts."""
    rare = _rare(these)
    draws = np.random.default_rng(seed).random(len(rare))
    kept = np.flatnonzero(rare | (draws < recipe.negatives_kept))
    return kept, these.weight[kept] * np.where(rare[kept], 1.0, 1.0 / recipe.negatives_kept)


def _grown(
    fitting: Examples,
    weight: Array,
    stopping: Examples | None,
    directions: list[int] | None,
    recipe: Recipe,
    seed: int,
) -> HistGradientBoostingClassifier:
    model = HistGradientBoostingClassifier(
        max_iter=recipe.trees,
        max_leaf_nodes=recipe.leaves,
        max_depth=recipe.depth,
        learning_rate=recipe.learning_rate,
        min_samples_leaf=recipe.smallest_leaf,
        l2_regularization=recipe.l2,
        monotonic_cst=directions,
        early_stopping=stopping is not None,
        n_iter_no_change=recipe.patience,
        random_state=seed,
    )
    inputs = _on_a_grid(fitting.all_inputs())
    if stopping is None:
        return model.fit(inputs, fitting.target, sample_weight=weight)
    kept, counts = thinned(stopping, recipe, seed)
    stop = stopping.part(kept)
    return model.fit(
        inputs,
        fitting.target,
        sample_weight=weight,
        X_val=stop.all_inputs(),
        y_val=stop.target,
        sample_weight_val=counts,
    )


def _on_a_grid(inputs: Array) -> Array:
    """Each value moved, in place, to the nearest of GRID quantiles of its column; the booster cuts half-way between.

    So a model reads any value as it learnt it. Left to itself the booster would sort each column once for every one of
    its bins when examples have weights, and cut finest where the ordinary lie. A column of which nothing is ever known
    becomes a constant, which no tree can use; the booster could not bin it.
    """
    for column in inputs.T:
        known = np.flatnonzero(~np.isnan(column))
        if not len(known):
            column[:] = 0.0
            continue
        grid = np.unique(np.quantile(column[known], np.linspace(0.0, 1.0, GRID), method="nearest"))
        column[known] = grid[np.searchsorted((grid[:-1] + grid[1:]) / 2.0, column[known])]
    return inputs
