"""Fit the two boosted models: is this request malicious, and when will the session be compromised.

- Explaining a prediction costs trees times leaves times depth squared, so the models are no larger than they must be.
- They are monotone where a suspicion means the same whatever else is known. Otherwise raising it could lower the risk.
- Most requests are benign and teach the same. A small first model finds the suspicious negatives, which are all
  fitted; of the others a share is fitted, with weights that keep the odds unbiased (local case-control sampling,
  Fithian and Hastie 2014). There are no class weights, and the intercept needs no correction.
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
from training.model.recipe import Recipe

NOW_CONSTRAINTS = [feature.direction for feature in FEATURES]
"""Monotone constraints of the now-model: every direction. Where what a value says depends on how much is known, the
feature itself is a likelihood ratio, which shrinks with what is known."""
LEFT_OUT = frozenset(
    {
        "authentication_strength",
        "breadth_above_usual",
        "context_known_fraction",
        "context_lost",
        "credential_age_above_rotation",
        "credential_age_days",
        "credential_breadth",
        "credential_hours_left",
        "credential_lifetime_days",
        "days_since_last_success",
        "device_compliance_lost",
        "entitlements_unused_share",
        "hour_population_rarity",
        "identity_is_human",
        "identity_is_service_account",
        "identity_is_workload",
        "known_events",
        "minutes_since_authentication",
        "minutes_since_step_up",
        "minutes_since_strong_authentication",
        "network_reputation",
        "new_actions_in_session",
        "new_resources_in_session",
        "pace",
        "person_like_client",
        "action_rarity_in_session",
        "step_rarity_in_session",
        "step_ups_recently",
    }
)
"""Features the now-model does not read: ages, amounts, reputations and kinds whose usual values follow from how a
deployment is run and logged. A model that learns a simulation's mistakes another habit for an attack. The list is that
of the design that transferred best to logs it was not fitted on; floors and the hazard model read them all."""
_READ = np.array([feature.name not in LEFT_OUT for feature in FEATURES])
HAZARD_CONSTRAINTS = [feature.direction for feature in FEATURES] + [0] * len(HORIZONS)
"""Monotone constraints of the hazard model: every direction, because losses are too few to learn more from."""
SCREENING_TREES = 60
"""Trees of the first model, which finds the suspicious negatives."""
GRID_SIZE = 255
"""Distinct values of a column that the booster can tell apart."""
BATCH_ROWS = 100_000
"""Examples whose inputs are in memory together while a model scores them."""


@dataclass(frozen=True)
class Examples:
    """Training examples of one target. Inputs are built on request: all of them together would not fit into memory."""

    inputs: Callable[[Array], Array]
    """From numbers of examples, shape (k,), to their inputs, shape (k, columns)."""
    target: Array
    """True for positives, shape (n,)."""
    weight: Array
    """How much each example counts, shape (n,)."""

    def subset(self, numbers: Array) -> Examples:
        """Some of the examples, by number."""
        return Examples(lambda chosen: self.inputs(numbers[chosen]), self.target[numbers], self.weight[numbers])

    def weighted(self, weight: Array) -> Examples:
        """The same examples with other weights."""
        return replace(self, weight=weight)

    def without_columns(self, columns: Array) -> Examples:
        """The same examples with some input columns, given by a mask, set to NaN."""

        def inputs(numbers: Array) -> Array:
            values = self.inputs(numbers)
            values[:, columns] = np.nan
            return values

        return replace(self, inputs=inputs)

    def followed_by(self, others: Examples) -> Examples:
        """These examples and then others."""
        count = len(self.target)

        def inputs(numbers: Array) -> Array:
            first = numbers < count
            own = self.inputs(numbers[first])
            values = np.empty((len(numbers), own.shape[1]))
            values[first] = own
            del own  # free it before the others are built: both together would double the memory
            values[~first] = others.inputs(numbers[~first] - count)
            return values

        target = np.concatenate((self.target, others.target))
        return Examples(inputs, target, np.concatenate((self.weight, others.weight)))

    def all_inputs(self) -> Array:
        """The inputs of every example, shape (n, columns)."""
        return self.inputs(np.arange(len(self.target)))


def unweighted_examples(inputs: Callable[[Array], Array], target: Array) -> Examples:
    """Examples of weight 1."""
    return Examples(inputs, target, np.ones(len(target)))


def row_examples(matrix: Array, rows: Array, target: Array) -> Examples:
    """One example for each of some rows of a matrix, by number, with its target."""
    return unweighted_examples(lambda numbers: matrix[rows[numbers]], target)


def hazard_examples(matrix: Array, pairs: AtRisk) -> Examples:
    """One example for each pair of a row and an interval in which its session is at risk."""
    return unweighted_examples(lambda numbers: pairs.part(numbers).inputs(matrix), pairs.compromised)


def fit_now(
    fitting: Examples, stopping: Examples | None, recipe: Recipe, seed: int, *, constrained: bool = True
) -> HistGradientBoostingClassifier:
    """Fit P(this request is malicious), by all features but those LEFT_OUT.

    `stopping` holds other identities, on which early stopping is decided.
    """
    read = fitting.without_columns(~_READ)
    held_out = None if stopping is None else stopping.without_columns(~_READ)
    return fit_booster(read, held_out, NOW_CONSTRAINTS if constrained else None, recipe, seed)


def fit_hazard(fitting: Examples, recipe: Recipe, seed: int) -> HistGradientBoostingClassifier:
    """Fit q_k = P(the first malicious request falls in interval k | none before), with a coarse recipe."""
    return fit_booster(fitting, None, HAZARD_CONSTRAINTS, coarse_recipe(recipe), seed)


def coarse_recipe(recipe: Recipe) -> Recipe:
    """The recipe for the hazard model: few, shallow, strongly regularised trees.

    All requests of a session that will be compromised are positives, so a finer model memorises those sessions, and
    held-out identities have too few of them to decide early stopping. The CHANGELOG gives the measurement.
    """
    return replace(recipe, trees=60, leaves=8, depth=6, smallest_leaf=1_000, l2=20.0, learning_rate=0.06)


def fit_booster(
    fitting: Examples, stopping: Examples | None, constraints: list[int] | None, recipe: Recipe, seed: int
) -> HistGradientBoostingClassifier:
    """Fit one booster on a sample of the examples.

    Raises ValueError when the examples are all positive or all negative.
    """
    chosen, weight = sample_examples(fitting, constraints, recipe, seed)
    usable = stopping if stopping is not None and 0 < int(stopping.target.sum()) < len(stopping.target) else None
    return _boost(fitting.subset(chosen), weight, usable, constraints, recipe, seed)


def sample_examples(fitting: Examples, constraints: list[int] | None, recipe: Recipe, seed: int) -> tuple[Array, Array]:
    """Numbers of the examples to fit, and the weight of each.

    Positives and suspicious negatives are all kept, as is any example whose weight is not 1: those were made, or
    labelled, because they teach what others do not.
    """
    target = fitting.target
    if not 0 < int(target.sum()) < len(target):
        raise ValueError(f"{int(target.sum())} of {len(target)} rows are malicious: nothing to tell apart")
    first, first_weight = thin_negatives(fitting, recipe, seed)
    screening = replace(recipe, trees=SCREENING_TREES)
    model = _boost(fitting.subset(first), first_weight, None, constraints, screening, seed)
    score = margins(model, fitting)
    kept_whole = _always_kept(fitting) | (score > np.quantile(score[~target], 1.0 - recipe.suspicious))
    draws = np.random.default_rng(seed + 1).random(len(target))
    chosen = np.flatnonzero(kept_whole | (draws < recipe.negatives_kept))
    return chosen, fitting.weight[chosen] * np.where(kept_whole[chosen], 1.0, 1.0 / recipe.negatives_kept)


def _always_kept(examples: Examples) -> Array:
    always: Array = examples.target | (examples.weight != 1.0)
    return always


def margins(model: HistGradientBoostingClassifier, examples: Examples) -> Array:
    """The model's log-odds of each example, shape (n,)."""
    starts = range(0, len(examples.target), BATCH_ROWS)
    batches = (np.arange(start, min(start + BATCH_ROWS, len(examples.target))) for start in starts)
    return np.concatenate([np.zeros(0), *(model.decision_function(examples.inputs(batch)) for batch in batches)])


def thin_negatives(examples: Examples, recipe: Recipe, seed: int) -> tuple[Array, Array]:
    """Numbers and weights of all positives and an even share of the negatives."""
    always = _always_kept(examples)
    draws = np.random.default_rng(seed).random(len(always))
    chosen = np.flatnonzero(always | (draws < recipe.negatives_kept))
    return chosen, examples.weight[chosen] * np.where(always[chosen], 1.0, 1.0 / recipe.negatives_kept)


def _boost(
    fitting: Examples,
    weight: Array,
    stopping: Examples | None,
    constraints: list[int] | None,
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
        monotonic_cst=constraints,
        early_stopping=stopping is not None,
        n_iter_no_change=recipe.patience,
        random_state=seed,
    )
    inputs = _snap_to_grid(fitting.all_inputs())
    if stopping is None:
        return model.fit(inputs, fitting.target, sample_weight=weight)
    chosen, stopping_weight = thin_negatives(stopping, recipe, seed)
    validation = stopping.subset(chosen)
    return model.fit(
        inputs,
        fitting.target,
        sample_weight=weight,
        X_val=validation.all_inputs(),
        y_val=validation.target,
        sample_weight_val=stopping_weight,
    )


def _snap_to_grid(inputs: Array) -> Array:
    """Move each value, in place, to the nearest of GRID_SIZE quantiles of its column.

    The booster then cuts half-way between neighbouring grid values, so that it reads any value as it learnt it. With
    sample weights it would otherwise sort each column once for every bin, and cut finest where benign values lie.
    A column that is never known becomes a constant, which no tree can use: the booster cannot bin an all-NaN column.
    """
    for column in inputs.T:
        known = np.flatnonzero(~np.isnan(column))
        if not len(known):
            column[:] = 0.0
            continue
        grid = np.unique(np.quantile(column[known], np.linspace(0.0, 1.0, GRID_SIZE), method="nearest"))
        column[known] = grid[np.searchsorted((grid[:-1] + grid[1:]) / 2.0, column[known])]
    return inputs
