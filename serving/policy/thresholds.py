"""The trust that a request needs: stated by the policy, or found by the model for the policy's budget."""

from __future__ import annotations

from features.event.schema import Event
from features.model.bundle import TrustModel
from serving.policy.schema import Policy


def threshold_for(policy: Policy, model: TrustModel | None, event: Event) -> float | None:
    """The trust that this identity type needs for this sensitivity.

    None when the policy gives a budget and there is no model, or the model has no threshold for that budget.
    """
    threshold = policy.thresholds[event.identity.type].for_sensitivity(event.resource.sensitivity)
    if threshold.trust is not None:
        return threshold.trust
    if model is None or threshold.budget is None:
        return None
    try:
        return model.threshold(event.identity.type, threshold.budget)
    except KeyError:
        return None
