"""What `valid_until` is worth: takeovers that met a session already expired, at equal friction.

A pair is two events of one session that follow each other, the first of them the owner's. A lifetime granted at the
first expires what the second asks if it is shorter than the gap. Friction is the share of the owner's own gaps that
expire.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from features.arrays import SECOND, Array
from features.model.trust_curve import HORIZONS
from training.data.labels import World, events_to_frame
from training.data.targets import PredictionTargets
from training.metrics.bootstrap import BootstrapWeights, Estimate, estimate
from training.metrics.calibration import REDRAWN
from training.metrics.session_recall import limit_of
from training.scenarios.attacks.registry import SCENARIOS
from training.scenarios.victims import victim_weights

FRICTION = 0.03
"""Share of legitimate gaps that may expire."""


@dataclass(frozen=True)
class Pairs:
    """By pair: the rows of both events (numbers of the world's), the seconds between, whether the second is malicious."""

    first: Array
    second: Array
    gap: Array
    malicious: Array


def pairs(of: PredictionTargets, rows: Array) -> Pairs:
    """Pairs among rows, up to the loss of each session."""
    named = rows[of.in_session[rows]]
    order = named[np.lexsort((of.time[named], of.session[named]))]
    first, second = order[:-1], order[1:]
    kept = (of.session[first] == of.session[second]) & ~of.malicious[first] & (of.seconds[first] > 0)
    first, second = first[kept], second[kept]
    return Pairs(first, second, (of.time[second] - of.time[first]) / SECOND, of.malicious[second])


def whole_horizon(rows: Array, seconds: float) -> Pairs:
    """As if each row were followed by a request so many seconds later, in its own session."""
    return Pairs(rows, rows, np.full(len(rows), seconds), np.zeros(len(rows), bool))


def spent(hazards: Array, gap: Array) -> Array:
    """The cumulative hazard over each gap: as `TrustCurve.cumulative_hazard`, of many at once."""
    return spent_by(1.0 - np.cumprod(1.0 - hazards, axis=1), gap)


def spent_by(compromised_by: Array, gap: Array) -> Array:
    """The same from P(compromised by each horizon), shape (n, horizons)."""
    total, start, before = np.zeros(len(gap)), 0, np.zeros(len(gap))
    for interval, end in enumerate(HORIZONS):
        cumulative = -np.log1p(-np.minimum(compromised_by[:, interval], 1.0 - 1e-12))
        rate, before = (cumulative - before) / (end - start), cumulative
        until = gap if end == HORIZONS[-1] else np.minimum(gap, end)
        total += rate * np.maximum(until - start, 0.0)
        start = end
    return total


def expired(these: Pairs, score: Array, of: PredictionTargets, drawn: BootstrapWeights) -> Estimate:
    """The share of takeovers whose pair scores above what FRICTION of the owners' pairs do; ties are drawn by lot."""
    place, weights = drawn.place(of.identity[these.first]), drawn.weights[:REDRAWN].astype(np.float32)
    own = np.flatnonzero(~these.malicious)
    order = own[np.argsort(-score[own], kind="stable")]
    limit = limit_of(score[order], weights[:, place[order]], FRICTION)
    taken = weights[:, place[these.malicious]]
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = (limit.challenged(score[these.malicious]) * taken).sum(axis=1) / taken.sum(axis=1)
    return estimate(draws, int(these.malicious.sum()))


def oracle(world: World, of: PredictionTargets) -> Callable[[Pairs], Array]:
    """The score of one who knows how the simulation chose its victims and how long its intruders wait, but not who was
    chosen: for each scenario, the chance that it befalls this identity at this event, times that it begins within the
    gap."""
    before = pairs(of, np.flatnonzero(of.known))  # of the whole world: it knows how long they wait
    waits = {s.name: np.sort(before.gap[before.malicious & (of.scenario[before.second] == s.name)]) for s in SCENARIOS}
    own = events_to_frame(world.events)[(world.labels["compromised"].to_numpy() == 0)]
    own = own.sort_values(["identity.id", "time"], kind="stable", ignore_index=True)
    begins = np.flatnonzero(~own["identity.id"].duplicated().to_numpy())
    kinds, events = own["identity.type"].to_numpy()[begins], np.diff(begins, append=len(own))
    drawn_to = victim_weights(own)
    chances = np.zeros((len(SCENARIOS), int(of.identity.max()) + 1))
    codes = dict(zip(world.events["identity.id"].to_pylist(), of.identity.tolist(), strict=True))
    place = [codes[name] for name in own["identity.id"].to_numpy()[begins]]
    for number, scenario in enumerate(SCENARIOS):
        weight = drawn_to[scenario.prefers] * np.isin(kinds, scenario.identity_types)
        chances[number, place] = weight / max(weight.sum(), 1e-300) / events

    def score(these: Pairs) -> Array:
        whose = of.identity[these.first]
        begun = [np.searchsorted(waits[s.name], these.gap, side="right") for s in SCENARIOS]
        parts: Array = np.stack([chances[number, whose] * each for number, each in enumerate(begun)])
        total: Array = parts.sum(axis=0)
        return total

    return score
