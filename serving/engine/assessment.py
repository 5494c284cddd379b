"""What features and model say of a request."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.catalogue.all import feature_names
from features.engine.online import vector
from features.history.layout import History, copied
from features.history.population import empty_population
from features.model.trust_curve import TrustCurve
from serving import metrics
from serving.decision.inputs import Explanation
from serving.model.active import ActiveConfiguration
from serving.model.explainer import Explainer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Assessment:
    """What features and model say of a request; `fault` is why the model says nothing."""

    features: dict[str, float]
    trust: TrustCurve | None = None
    explanation: Explanation | None = None
    fault: str | None = None


def assess(row: Array, history: History, active: ActiveConfiguration) -> Assessment:
    """The features of a request, and the model's trust with its explanation."""
    champion = active.champion
    with metrics.FEATURES.time():
        values = vector(row, history, champion.model.population if champion else empty_population())
    if champion is None:
        return Assessment(dict(zip(feature_names(), values.tolist(), strict=True)), fault=active.missing)
    return _assessed(values, champion)


def _assessed(values: Array, champion: Explainer) -> Assessment:
    features = dict(zip(feature_names(), values.tolist(), strict=True))
    try:
        trust, explanation = champion.assess(values)
        if not math.isfinite(explanation.margin):
            return Assessment(features, fault="the model gave no number")
        return Assessment(features, trust, explanation)
    except Exception as error:  # a broken model must not become an unrecorded request, nor an allow
        log.exception("the model failed")
        return Assessment(features, fault=f"the model failed: {error}")


def stricter(one: Assessment, other: Assessment) -> Assessment:
    """The assessment with the lower trust; one at fault before one that is not."""
    for each in (one, other):
        if each.trust is None:
            return each
    assert one.trust is not None
    assert other.trust is not None
    return one if one.trust.now <= other.trust.now else other


_BY_PLACE = (
    "network_is_new",
    "network_rarity",
    "asn_rarity",
    "country_is_new",
    "country_rarity",
    "device_is_new",
    "device_rarity",
    "agent_rarity",
)
"""The features that compare a network, device or client with how often the identity has used it."""


def assess_as_new(row: Array, history: History, kinds: Collection[str], active: ActiveConfiguration) -> Assessment:
    """What the model would say of a request if its network, device or client (`kinds`) were used for the first time:
    what was done there is taken out of the habits it is compared with, and all else stays as it is."""
    if active.champion is None:
        return Assessment({}, fault=active.missing)
    population = active.champion.model.population
    values = vector(row, history, population)
    as_new = vector(
        row, History(_without(row, history.identity, kinds), history.session, history.credential), population
    )
    columns = [feature_names().index(name) for name in _BY_PLACE]
    values[columns] = as_new[columns]
    return _assessed(values, active.champion)


def _without(row: Array, habits: Array, kinds: Collection[str]) -> Array:
    """A copy of an identity's habits without what it did at the row's values of these kinds.

    Of a network, at most as much was done as by its operator and in its country, whichever is less: the other one may
    have been usual before.
    """
    habits, done = copied(habits), [0.0]
    if "network" in kinds:
        shared = [_count(row, habits, field) for field in ("asn", "country") if int(row[field][0]) != 0]
        done.append(min(shared, default=_count(row, habits, "network")))
        for field in ("asn", "country"):
            _lower(row, habits, field, done[-1])
        _lower(row, habits, "network", np.inf)
    for kind, field in (("device", "instance"), ("client", "agent")):
        if kind in kinds:
            done.append(_count(row, habits, field))
            _lower(row, habits, field, np.inf)
    mass = float(habits["mass"][0])
    left = mass - max(done)
    nothing = left <= mass * _ROUNDING
    habits["mass"] = 0.0 if nothing else left
    habits["events"] = 0 if nothing else habits["events"]
    return habits


_ROUNDING = 1e-6


def _count(row: Array, habits: Array, field: str) -> float:
    found = habits[f"{field}_key"][0] == row[field][0]
    return float(habits[f"{field}_count"][0][found].sum()) if int(row[field][0]) != 0 else 0.0


def _lower(row: Array, habits: Array, field: str, by: float) -> None:
    """Lower the count of the row's value; what is left by rounding is nothing."""
    counts = habits[f"{field}_count"][0]
    found = habits[f"{field}_key"][0] == row[field][0]
    left = np.maximum(counts[found] - by, 0.0)
    counts[found] = np.where(left <= counts[found] * _ROUNDING, 0.0, left)
