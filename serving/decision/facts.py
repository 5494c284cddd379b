"""Looks up the facts that conditions name: event fields, features, and facts derived from them.

A fact that is unknown is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from features.event.arrow import EVENT_SCHEMA
from serving.decision import authorization_details
from serving.decision.inputs import DecisionContext

Fact = Callable[[DecisionContext], Any]


@cache
def fact_lookup(name: str) -> Fact:
    """The function that looks a fact up in a request."""
    if name in _DERIVED:
        return _DERIVED[name]
    return _event_field(name) if name in EVENT_SCHEMA.names else _feature(name)


def _event_field(name: str) -> Fact:
    field = attrgetter(name)
    return lambda context: field(context.event)


def _feature(name: str) -> Fact:
    def value_of(context: DecisionContext) -> float | None:
        value = context.features.get(name)
        return value if value is not None and value == value else None  # noqa: PLR0124  (only NaN differs from itself)

    return value_of


def _privileged(context: DecisionContext) -> bool | None:
    """A role on the policy's list makes a credential privileged whatever the event says of it."""
    role = context.event.identity.role
    listed = role is not None and context.policy.is_privileged_role(role)
    return True if listed else context.event.credential.privileged


def _bad_network(context: DecisionContext) -> bool | None:
    network = context.event.network
    if network.anonymizer or (network.reputation or 0.0) >= context.policy.bad_reputation:
        return True
    return None if network.anonymizer is None and network.reputation is None else False


def _not_intended(context: DecisionContext) -> str | None:
    """What the declared task leaves out, in words; None when it covers the request or is free text."""
    task = authorization_details.parse_intent(context.event.session.intent)
    if task is None:
        return None
    return authorization_details.uncovered_part(task, context.event, context.policy.intent_types)


def _outside_intent(context: DecisionContext) -> bool | None:
    task = authorization_details.parse_intent(context.event.session.intent)
    return None if task is None else _not_intended(context) is not None


_DERIVED: Mapping[str, Fact] = {
    "credential.privileged": _privileged,
    "bad_network": _bad_network,
    "outside_intent": _outside_intent,
    "not_intended": _not_intended,
    "failed_step_ups": lambda context: context.failed_step_ups,
}
