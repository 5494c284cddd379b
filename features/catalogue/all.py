"""All features, in column order.

To add a feature, write its function in the module for what it measures; it is registered automatically.
"""

from __future__ import annotations

from features.catalogue import (
    action,
    automation,
    context,
    credential,
    device,
    evidence,
    intent,
    network,
    privilege,
    rhythm,
    session_evidence,
    travel,
)
from features.catalogue.registration import Feature, features_in

FEATURES: tuple[Feature, ...] = features_in(
    network,
    device,
    travel,
    action,
    privilege,
    credential,
    rhythm,
    automation,
    context,
    evidence,
    session_evidence,
    intent,
)
"""Every feature, in column order."""


def feature_names() -> tuple[str, ...]:
    """The names of all features, in column order."""
    return tuple(feature.name for feature in FEATURES)
