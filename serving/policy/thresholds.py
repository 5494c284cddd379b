"""The trust an identity type needs for a sensitivity: stated by the policy, or found by the model for a budget."""

from __future__ import annotations

from features.event.schema import Event
from features.model.bundle import TrustModel
from serving.policy.schema import Policy


def threshold_for(policy: Policy, model: TrustModel | None, event: Event) -> float | None:
    """The trust this identity type needs for this sensitivity; None where nothing can tell."""
    asked = policy.thresholds[event.identity.type].of(event.resource.sensitivity)
    if asked.trust is not None:
        return asked.trust
    if model is None or asked.budget is None:
        return None
    try:
        return model.threshold(event.identity.type, asked.budget)
    except KeyError:
        return None
