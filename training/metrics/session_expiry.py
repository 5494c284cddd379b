"""What session expiry is worth: takeovers that meet an expired session, at equal friction.

A pair is two consecutive requests of one session, the first of them legitimate. A lifetime granted at the first request
makes the second one expired if it is shorter than the gap between them. Friction is the share of legitimate gaps that
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
from training.metrics.bootstrap import BootstrapWeights, Estimate, estimate, ratio_of
from training.metrics.calibration import RANKING_RESAMPLES
from training.metrics.session_recall import threshold_at_budget
from training.scenarios.attacks.registry import SCENARIOS
from training.scenarios.victims import victim_weights

EXPIRY_FRICTION = 0.03
"""The share of legitimate gaps that may expire."""


@dataclass(frozen=True)
class RequestPairs:
    """Pairs of consecutive requests; each array has one entry a pair."""

    first: Array
    """Row number of the first request, in the dataset."""
    second: Array
    gap: Array
    """Seconds between the two."""
    malicious: Array
    """Whether the second request is malicious: a takeover."""


def request_pairs(targets: PredictionTargets, rows: Array) -> RequestPairs:
    """The pairs among some rows, up to the loss of each session."""
    in_session = rows[targets.in_session[rows]]
    order = in_session[np.lexsort((targets.time[in_session], targets.session[in_session]))]
    first, second = order[:-1], order[1:]
    same_session = targets.session[first] == targets.session[second]
    kept = same_session & ~targets.malicious[first] & (targets.seconds[first] > 0)
    first, second = first[kept], second[kept]
    gap = (targets.time[second] - targets.time[first]) / SECOND
    return RequestPairs(first, second, gap, targets.malicious[second])


def hypothetical_pairs(rows: Array, seconds: float) -> RequestPairs:
    """Pairs as if each row were followed by a legitimate request so many seconds later."""
    return RequestPairs(rows, rows, np.full(len(rows), seconds), np.zeros(len(rows), bool))


def cumulative_hazard(hazards: Array, gap: Array) -> Array:
    """The cumulative hazard over each gap, as `TrustCurve.cumulative_hazard` gives it for one.

    `hazards` has shape (n, horizons), `gap` is in seconds, shape (n,).
    """
    return cumulative_hazard_from_risk(1.0 - np.cumprod(1.0 - hazards, axis=1), gap)


def cumulative_hazard_from_risk(compromised_by: Array, gap: Array) -> Array:
    """The same from P(compromised by each horizon), shape (n, horizons)."""
    total, start, before = np.zeros(len(gap)), 0, np.zeros(len(gap))
    for interval, end in enumerate(HORIZONS):
        cumulative = -np.log1p(-np.minimum(compromised_by[:, interval], 1.0 - 1e-12))
        rate, before = (cumulative - before) / (end - start), cumulative
        until = gap if end == HORIZONS[-1] else np.minimum(gap, end)
        total += rate * np.maximum(until - start, 0.0)
        start = end
    return total


def takeovers_expired(
    pairs: RequestPairs, score: Array, targets: PredictionTargets, bootstrap: BootstrapWeights
) -> Estimate:
    """The share of takeovers that meet an expired session where EXPIRY_FRICTION of the legitimate gaps expire.

    Pairs expire in order of falling `score`; ties expire in part.
    """
    column = bootstrap.columns(targets.identity[pairs.first])
    weights = bootstrap.weights[:RANKING_RESAMPLES].astype(np.float32)
    legitimate = np.flatnonzero(~pairs.malicious)
    order = legitimate[np.argsort(-score[legitimate], kind="stable")]
    threshold = threshold_at_budget(score[order], weights[:, column[order]], EXPIRY_FRICTION)
    takeover_weights = weights[:, column[pairs.malicious]]
    expired = threshold.challenged(score[pairs.malicious]) * takeover_weights
    draws = ratio_of(expired.sum(axis=1), takeover_weights.sum(axis=1))
    return estimate(draws, int(pairs.malicious.sum()))


def oracle_scorer(world: World, targets: PredictionTargets) -> Callable[[RequestPairs], Array]:
    """A scorer that knows how the simulation chooses victims and how long attackers wait, but not who was chosen.

    Its score sums, over scenarios, the chance that the scenario begins at this event of this identity, times the number
    of attackers who would have begun within the gap.
    """
    all_pairs = request_pairs(targets, np.flatnonzero(targets.known))  # of the whole world: the oracle knows the waits
    waits = {}
    for scenario in SCENARIOS:
        takeovers = all_pairs.malicious & (targets.scenario[all_pairs.second] == scenario.name)
        waits[scenario.name] = np.sort(all_pairs.gap[takeovers])
    chances = _victim_chances(world, targets)

    def score(pairs: RequestPairs) -> Array:
        identity = targets.identity[pairs.first]
        begun = [np.searchsorted(waits[scenario.name], pairs.gap, side="right") for scenario in SCENARIOS]
        parts: Array = np.stack([chances[number, identity] * count for number, count in enumerate(begun)])
        total: Array = parts.sum(axis=0)
        return total

    return score


def _victim_chances(world: World, targets: PredictionTargets) -> Array:
    """The chance that each scenario begins at any one event of each identity, shape (scenarios, identities)."""
    benign = events_to_frame(world.events)[(world.labels["compromised"].to_numpy() == 0)]
    benign = benign.sort_values(["identity.id", "time"], kind="stable", ignore_index=True)
    starts = np.flatnonzero(~benign["identity.id"].duplicated().to_numpy())
    identity_type = benign["identity.type"].to_numpy()[starts]
    event_count = np.diff(starts, append=len(benign))
    weights = victim_weights(benign)
    chances = np.zeros((len(SCENARIOS), int(targets.identity.max()) + 1))
    numbers = dict(zip(world.events["identity.id"].to_pylist(), targets.identity.tolist(), strict=True))
    identity = [numbers[name] for name in benign["identity.id"].to_numpy()[starts]]
    for number, scenario in enumerate(SCENARIOS):
        weight = weights[scenario.prefers] * np.isin(identity_type, scenario.identity_types)
        chances[number, identity] = weight / max(weight.sum(), 1e-300) / event_count
    return chances
