"""All features in their order.

To add a feature, write its function in the module named for what drifts; it is found there.
"""

from __future__ import annotations

from features.catalogue import action, automation, context, credential, device, network, privilege, rhythm, travel
from features.catalogue.registration import Feature, features_in

FEATURES: tuple[Feature, ...] = features_in(
    network, device, travel, action, privilege, credential, rhythm, automation, context
)
"""Every feature, in the order of the columns."""


def feature_names() -> tuple[str, ...]:
    """The names of the columns, in order."""
    return tuple(feature.name for feature in FEATURES)
