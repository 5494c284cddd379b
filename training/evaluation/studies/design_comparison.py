"""Is the pair of models the right one? Five ways to a decay curve on the same worlds, each tuned as much.

Every way gets the same features, rows, thinning of negatives, recipes to choose among (by log-loss on the identities
kept for stopping) and the same intercept a horizon on the identities kept for calibration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import average_precision_score

from features.arrays import Array
from features.model.trust_curve import HORIZONS
from training.evaluation.studies.curve_designs import DESIGNS, Curves
from training.evaluation.tables import Table
from training.metrics.bootstrap import bootstrap_weights
from training.metrics.calibration import ahead
from training.metrics.session_expiry import FRICTION, expired, oracle, pairs, spent_by, whole_horizon
from training.model.fit import Recipe, coarse
from training.pipeline.dataset import Dataset, prepare
from training.promotion.checks import rising_curves
from training.simulation.parameters import draw_parameters
from training.simulation.world import simulate

RECIPES = (Recipe(trees=80), Recipe(trees=80, leaves=7, learning_rate=0.05, l2=10.0), coarse(Recipe()))


@dataclass(frozen=True)
class Row:
    """One way in one world."""

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


def compare(worlds: int, identities: int, days: int, seed: int, told: Callable[[str, float], None]) -> Iterator[Row]:
    """Every way in every world, one world after another."""
    for number in range(worlds):
        told(f"world {number + 1}: simulating", number / worlds)
        world = simulate(seed + 1_000 * number, parameters=draw_parameters(seed + number, identities, days))
        told(f"world {number + 1}: features", (number + 0.3) / worlds)
        data = prepare(world, seed + number)
        for place, (name, design) in enumerate(DESIGNS.items()):
            told(f"world {number + 1}: {name}", (number + 0.4 + 0.6 * place / len(DESIGNS)) / worlds)
            curves, rows = design(data, RECIPES, seed), data.rows(data.split.test)
            yield _row(number + 1, name, data, rows, curves, seed)
        yield from _yardsticks(number + 1, data, seed)


def _row(world: int, name: str, data: Dataset, rows: Array, curves: Curves, seed: int) -> Row:
    tested = replace(data.test_set, rows=rows, matrix=data.matrix[rows])
    seen = ahead(tested, HORIZONS[2])
    at = [ahead(tested, horizon) for horizon in HORIZONS]
    predicted = [_ratio(curves.compromised_by[s.rows, k], s.compromised) for k, s in enumerate(at)]
    steps = pairs(data.targets, rows)
    score = spent_by(curves.compromised_by[np.searchsorted(rows, steps.first)], steps.gap)
    drawn = bootstrap_weights(data.targets.identity[rows], seed)
    return Row(
        world,
        name,
        max(
            _precision(seen.compromised, said[seen.rows, 2])
            for said in (curves.compromised_by, 1.0 - curves.trust[:, 1:])
        ),
        rising_curves(curves.trust) / len(rows),
        expired(steps, score, data.targets, drawn).value,
        tuple(predicted),
    )


def _yardsticks(world: int, data: Dataset, seed: int) -> Iterator[Row]:
    """A lifetime that is the same for all, and one who knows how victims are chosen."""
    rows = data.rows(data.split.test)
    steps, drawn = pairs(data.targets, rows), bootstrap_weights(data.targets.identity[rows], seed)
    nothing = (float("nan"),) * len(HORIZONS)
    fixed = expired(steps, steps.gap, data.targets, drawn).value
    yield Row(world, "fixed lifetime", float("nan"), 0.0, fixed, nothing)
    tested = replace(data.test_set, rows=rows, matrix=data.matrix[rows])
    seen = ahead(tested, HORIZONS[2])
    knows, two_hours = oracle(data.world, data.targets), whole_horizon(rows[seen.rows], HORIZONS[2])
    yield Row(
        world,
        "oracle",
        _precision(seen.compromised, knows(two_hours)),
        0.0,
        expired(steps, knows(steps), data.targets, drawn).value,
        nothing,
    )


def _precision(compromised: Array, said: Array) -> float:
    return float(average_precision_score(compromised, said)) if compromised.any() else float("nan")


def _ratio(said: Array, compromised: Array) -> float:
    return float(said.sum() / compromised.sum()) if compromised.any() else float("nan")


def summary(rows: Sequence[Row]) -> tuple[Table, ...]:
    """The means over worlds with their range, and every world's own figures."""
    designs = list(dict.fromkeys(row.design for row in rows))
    means = []
    for design in designs:
        mine = [row for row in rows if row.design == design]
        calibration = [_range([row.predicted[k] for row in mine]) for k in range(len(HORIZONS))]
        figures = ([row.future_precision for row in mine], [row.rising for row in mine], [row.expired for row in mine])
        means.append((design, *map(_range, figures), *calibration))
    each = [
        (str(row.world), row.design, f"{row.future_precision:.4f}", f"{row.rising:.1%}", f"{row.expired:.3f}")
        for row in rows
    ]
    columns = ("average precision of takeovers within 2 h", "curves that rise", "takeovers that met an expired session")
    ratios = tuple(f"predicted over actual, {horizon} s" for horizon in HORIZONS)
    note = (
        "Mean over the worlds [lowest, highest]. Precision of takeovers: the better of P(compromised by 2 h) and of the same "
        f"given that it is not compromised now. Expired: where {FRICTION:.0%} of the owners' own gaps expire."
    )
    worlds = len({row.world for row in rows})
    return (
        Table(f"Means over {worlds} worlds", ("way", *columns, *ratios), tuple(means), note),
        Table("By world", ("world", "way", *columns), tuple(each)),
    )


def _range(values: list[float]) -> str:
    known = [value for value in values if np.isfinite(value)]
    return f"{np.mean(known):.3g} [{min(known):.3g}, {max(known):.3g}]" if known else "-"
