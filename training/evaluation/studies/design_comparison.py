"""Compare five designs of a decay curve over several simulated worlds, each tuned equally.

Every design gets the same features, rows, thinning of negatives, recipes to choose from (by log-loss on the identities
kept for stopping) and the same intercept for each horizon on the identities kept for calibration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import average_precision_score

from features.arrays import Array
from features.model.trust_curve import HORIZONS
from training.evaluation.studies.curve_designs import DESIGNS, Curves, Recipes
from training.evaluation.tables import Table
from training.metrics.bootstrap import bootstrap_weights
from training.metrics.calibration import outcomes_within
from training.metrics.session_expiry import (
    EXPIRY_FRICTION,
    cumulative_hazard_from_risk,
    hypothetical_pairs,
    oracle_scorer,
    request_pairs,
    takeovers_expired,
)
from training.model.fit import coarse_recipe
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset, prepare
from training.progress import ProgressCallback
from training.promotion.checks import count_rising
from training.simulation.parameters import draw_parameters
from training.simulation.world import simulate

RECIPES = (Recipe(trees=80), Recipe(trees=80, leaves=7, learning_rate=0.05, l2=10.0), coarse_recipe(Recipe()))


@dataclass(frozen=True)
class DesignResult:
    """One design in one world."""

    world: int
    design: str
    future_precision: float
    """Average precision of takeovers within two hours, on rows not yet malicious."""
    rising: float
    """Share of curves that rise somewhere."""
    expired: float
    """Share of takeovers that met an expired session, at equal friction."""
    predicted: tuple[float, ...]
    """Predicted over actual losses by each horizon."""


def simulated_datasets(
    worlds: int, identities: int, days: int, seed: int, progress: ProgressCallback
) -> Iterator[Dataset]:
    """Datasets of simulated worlds with different parameters, one after another."""
    for number in range(worlds):
        progress(f"world {number + 1}: simulating", number / worlds)
        world = simulate(seed + 1_000 * number, parameters=draw_parameters(seed + number, identities, days))
        progress(f"world {number + 1}: computing features", (number + 0.3) / worlds)
        yield prepare(world, seed + number)


def compare_designs(
    datasets: Iterator[Dataset], worlds: int, seed: int, progress: ProgressCallback, recipes: Recipes = RECIPES
) -> Iterator[DesignResult]:
    """Every design on every dataset, and for each dataset a fixed lifetime and an oracle as yardsticks."""
    for number, data in enumerate(datasets):
        for place, (name, design) in enumerate(DESIGNS.items()):
            progress(f"world {number + 1}: {name}", (number + 0.4 + 0.6 * place / len(DESIGNS)) / worlds)
            yield _result(number + 1, name, data, design(data, recipes, seed), seed)
        yield from _yardsticks(number + 1, data, seed)


def _result(world: int, name: str, data: Dataset, curves: Curves, seed: int) -> DesignResult:
    rows = data.rows(data.split.test)
    test_set = replace(data.test_set, rows=rows, matrix=data.matrix[rows])
    outcomes = [outcomes_within(test_set, horizon) for horizon in HORIZONS]
    predicted = [
        _predicted_over_actual(curves.compromised_by[each.rows, k], each.compromised) for k, each in enumerate(outcomes)
    ]
    two_hours = outcomes[2]
    precisions = [
        _precision(two_hours.compromised, risk[two_hours.rows, 2])
        for risk in (curves.compromised_by, 1.0 - curves.trust[:, 1:])
    ]
    pairs = request_pairs(data.targets, rows)
    risk = curves.compromised_by[np.searchsorted(rows, pairs.first)]
    bootstrap = bootstrap_weights(data.targets.identity[rows], seed)
    expired = takeovers_expired(pairs, cumulative_hazard_from_risk(risk, pairs.gap), data.targets, bootstrap)
    rising = count_rising(curves.trust) / len(rows)
    return DesignResult(world, name, max(precisions), rising, expired.value, tuple(predicted))


def _yardsticks(world: int, data: Dataset, seed: int) -> Iterator[DesignResult]:
    """One lifetime for all sessions, and an oracle that knows how victims are chosen."""
    rows, targets, unknown = data.rows(data.split.test), data.targets, float("nan")
    pairs, bootstrap = request_pairs(targets, rows), bootstrap_weights(targets.identity[rows], seed)
    not_measured = (unknown,) * len(HORIZONS)
    fixed = takeovers_expired(pairs, pairs.gap, targets, bootstrap).value
    yield DesignResult(world, "fixed lifetime", unknown, 0.0, fixed, not_measured)
    test_set = replace(data.test_set, rows=rows, matrix=data.matrix[rows])
    outcomes = outcomes_within(test_set, HORIZONS[2])
    oracle = oracle_scorer(data.world, targets)
    precision = _precision(outcomes.compromised, oracle(hypothetical_pairs(rows[outcomes.rows], HORIZONS[2])))
    expired = takeovers_expired(pairs, oracle(pairs), targets, bootstrap).value
    yield DesignResult(world, "oracle", precision, 0.0, expired, not_measured)


def _precision(compromised: Array, score: Array) -> float:
    return float(average_precision_score(compromised, score)) if compromised.any() else float("nan")


def _predicted_over_actual(risk: Array, compromised: Array) -> float:
    return float(risk.sum() / compromised.sum()) if compromised.any() else float("nan")


def comparison_tables(results: Sequence[DesignResult]) -> tuple[Table, ...]:
    """The means over worlds with their range, and the figures of each world."""
    measures: tuple[Callable[[DesignResult], float], ...] = (
        lambda result: result.future_precision,
        lambda result: result.rising,
        lambda result: result.expired,
        *((lambda result, k=k: result.predicted[k]) for k in range(len(HORIZONS))),
    )
    means = []
    for design in dict.fromkeys(result.design for result in results):
        of_design = [result for result in results if result.design == design]
        means.append((design, *(_mean_and_range([measure(each) for each in of_design]) for measure in measures)))
    by_world = tuple(
        (str(each.world), each.design, f"{each.future_precision:.4f}", f"{each.rising:.1%}", f"{each.expired:.3f}")
        for each in results
    )
    columns = ("average precision of takeovers within 2 h", "curves that rise", "takeovers that met an expired session")
    ratios = tuple(f"predicted over actual, {horizon} s" for horizon in HORIZONS)
    note = (
        "Mean over the worlds [lowest, highest]. Precision of takeovers: the better of P(compromised by 2 h) and of "
        "the same given that the request is not malicious now. Expired: where "
        f"{EXPIRY_FRICTION:.0%} of the legitimate gaps expire."
    )
    worlds = len({result.world for result in results})
    return (
        Table(f"Means over {worlds} worlds", ("design", *columns, *ratios), tuple(means), note),
        Table("By world", ("world", "design", *columns), by_world),
    )


def _mean_and_range(values: list[float]) -> str:
    known = [value for value in values if np.isfinite(value)]
    return f"{np.mean(known):.3g} [{min(known):.3g}, {max(known):.3g}]" if known else "-"
