"""Thresholds for a budget of friction, by identity type and sensitivity, and what they buy.

Chosen on half of the identities and measured on the other half, so that what is promised was not fitted. A sensitivity
gets its share of a type's budget by WEIGHTS, and a more sensitive one never needs less trust.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from features.arrays import Array
from features.event.schema import IdentityType, Sensitivity
from features.hashing import key_of
from serving.decision.inputs import SessionState
from serving.policy.rules import IDENTITY_TYPES
from serving.policy.schema import Policy, Thresholds
from serving.policy_analysis.intervals import Figure, rate, resampled
from serving.policy_analysis.past_requests import Case, Missing
from serving.policy_analysis.replay import judged

SENSITIVITIES: tuple[Sensitivity, ...] = get_args(Sensitivity)
WEIGHTS: Mapping[Sensitivity, float] = {"public": 1.0, "internal": 2.0, "confidential": 4.0, "restricted": 10.0}
"""How much likelier a legitimate request may be challenged, the more sensitive what it is for."""
FEWEST = 200
"""So many legitimate requests a cell must have for a quantile of its own; otherwise that of its whole type stands."""
CURVE = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
"""Budgets of the trade-off curve."""
_BISECTIONS = 40
_ROW = np.dtype(
    [("identity", "i8"), ("kind", "i1"), ("cell", "i1"), ("trust", "f8"), ("stopped", "?"), ("foreign", "?")]
)

Trusts = dict[IdentityType, dict[Sensitivity, float]]
"""The trust asked for, by identity type and sensitivity."""


class TooLittleKnown(ValueError):
    """Requests too few to choose by; the message says which."""


@dataclass(frozen=True)
class Point:
    """What thresholds cost and buy: legitimate requests the model challenges, intruders' requests that are stopped."""

    budget: float
    friction: Figure
    harm_stopped: Figure
    harm_stopped_without: Figure


@dataclass(frozen=True)
class Tuned:
    """Thresholds for a budget, what they are worth on identities that did not choose them, and the curve around."""

    trusts: Trusts
    counts: dict[IdentityType, dict[Sensitivity, int]]
    chosen: Point
    by_identity_type: dict[IdentityType, Point]
    curve: tuple[Point, ...]
    kept: tuple[IdentityType, ...]
    source: str


def sampled(cases: Iterable[Case | Missing], policy: Policy) -> tuple[Array, str]:
    """What tuning needs of each request, as rows of some twenty bytes, and where the labels stem from.

    A request that nobody labelled counts as legitimate. `stopped` is whether it is stopped with no threshold at all.
    """
    sources: set[str] = set()

    def rows() -> Iterator[tuple[int, int, int, float, bool, bool]]:
        for case in cases:
            if isinstance(case, Missing) or case.trust is None:
                continue
            kind = case.event.identity.type
            cell = SENSITIVITIES.index(_counted_as(policy.thresholds[kind], case))
            stopped = judged(case, policy, 0.0, SessionState(), ()).ruling != "allow"
            if case.label.source:
                sources.add(case.label.source)
            who, place = key_of(case.event.identity.id), IDENTITY_TYPES.index(kind)
            yield who, place, cell, case.trust.now, stopped, case.label.compromised is True

    found = np.fromiter(rows(), _ROW)
    return found, ", ".join(sorted(sources)) or "none, all counted as legitimate"


def _counted_as(thresholds: Thresholds, case: Case) -> Sensitivity:
    """The sensitivity whose threshold a request falls under: an unknown one has none of its own."""
    found = thresholds.of(case.event.resource.sensitivity)
    return next(name for name in SENSITIVITIES if getattr(thresholds, name) is found)


def tune(sample: Array, friction: float, source: str, seed: int = 1) -> Tuned:
    """Thresholds that challenge a share `friction` of legitimate requests in each identity type.

    Raises TooLittleKnown when no type has requests enough. A type with too few keeps what it had.
    """
    half = sample["identity"] % 2 == 0
    choosing, measuring = sample[half], sample[~half]
    trusts, kept = _chosen(choosing, friction)
    if not trusts:
        least = int(np.ceil(1 / friction))
        raise TooLittleKnown(
            f"no identity type has {least} legitimate requests to choose by: a share of {friction:.2%}"
        )
    counts = {kind: {s: int(np.sum(_cell(choosing, kind, s))) for s in SENSITIVITIES} for kind in trusts}
    return Tuned(
        trusts=trusts,
        counts=counts,
        chosen=_point(measuring, trusts, friction, seed),
        by_identity_type={kind: _point(_of(measuring, kind), trusts, friction, seed) for kind in trusts},
        curve=tuple(_point(measuring, _chosen(choosing, budget)[0], budget, seed) for budget in CURVE),
        kept=kept,
        source=source,
    )


def _of(sample: Array, kind: IdentityType) -> Array:
    mine: Array = sample[sample["kind"] == IDENTITY_TYPES.index(kind)]
    return mine


def _cell(sample: Array, kind: IdentityType, sensitivity: Sensitivity) -> Array:
    cell: Array = (
        (sample["kind"] == IDENTITY_TYPES.index(kind))
        & (sample["cell"] == SENSITIVITIES.index(sensitivity))
        & ~sample["foreign"]
    )
    return cell


def _chosen(sample: Array, friction: float) -> tuple[Trusts, tuple[IdentityType, ...]]:
    """Thresholds by type, and the types that have too few legitimate requests for this budget."""
    trusts, kept = Trusts(), []
    for kind in IDENTITY_TYPES:
        mine = _of(sample, kind)
        if np.sum(~mine["foreign"]) * friction < 1:
            kept.append(kind)
        else:
            trusts[kind] = _of_type(mine[~mine["foreign"]], friction)
    return trusts, tuple(kept)


def _of_type(legitimate: Array, friction: float) -> dict[Sensitivity, float]:
    """The largest thresholds whose friction is within the budget, found by bisection: it grows with the scale."""
    ordered = [np.sort(legitimate["trust"][legitimate["cell"] == place]) for place in range(len(SENSITIVITIES))]
    everything = np.sort(legitimate["trust"])
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        spent = np.mean(_asks(legitimate, _scaled(ordered, everything, middle)))
        low, high = (middle, high) if spent <= friction else (low, middle)
    return dict(zip(SENSITIVITIES, _scaled(ordered, everything, low).tolist(), strict=True))


def _scaled(ordered: list[Array], everything: Array, scale: float) -> Array:
    """Quantiles at the scale times each weight, lowered where a less sensitive cell would need more trust."""
    largest = max(WEIGHTS.values())
    found = [
        _quantile(mine if len(mine) >= FEWEST else everything, scale * WEIGHTS[name] / largest)
        for name, mine in zip(SENSITIVITIES, ordered, strict=True)
    ]
    return np.minimum.accumulate(found[::-1])[::-1]


def _quantile(ordered: Array, share: float) -> float:
    return float(ordered[min(int(share * len(ordered)), len(ordered) - 1)])


def _asks(sample: Array, trusts: Array) -> Array:
    """Whether the model, and nothing else, challenges each request: these are what a threshold costs."""
    asked: Array = (sample["trust"] < trusts[sample["cell"]]) & ~sample["stopped"]
    return asked


def _point(sample: Array, trusts: Trusts, budget: float, seed: int) -> Point:
    """Cost and worth of thresholds, with intervals over identities."""
    needed = np.zeros((len(IDENTITY_TYPES), len(SENSITIVITIES)))
    for kind, cells in trusts.items():
        needed[IDENTITY_TYPES.index(kind)] = list(cells.values())
    asked = (sample["trust"] < needed[sample["kind"], sample["cell"]]) & ~sample["stopped"]
    foreign, stopped = sample["foreign"], sample["stopped"]
    marks = np.column_stack([~foreign, ~foreign & asked, foreign, foreign & (asked | stopped), foreign & stopped])
    people, place = np.unique(sample["identity"], return_inverse=True)
    sums = np.zeros((len(people), marks.shape[1]))
    np.add.at(sums, place, marks)
    totals = resampled(sums, seed)
    return Point(budget, rate(totals, 1, 0), rate(totals, 3, 2), rate(totals, 4, 2))
