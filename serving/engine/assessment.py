"""What features and model say of a request."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

from features.arrays import Array
from features.catalogue.all import feature_names
from features.engine.online import vector
from features.history.layout import History
from features.model.trust_curve import TrustCurve
from serving import metrics
from serving.decision.inputs import Explanation
from serving.model.active import ActiveConfiguration

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
        values = vector(row, history, active.population)
    features = dict(zip(feature_names(), values.tolist(), strict=True))
    if champion is None:
        return Assessment(features, fault=active.missing)
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
