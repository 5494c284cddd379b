"""What conditions may ask about a request, by name: the Event's fields, the features, and what follows from them.

What is not known is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from features.event.arrow import EVENT_SCHEMA
from serving.decision import authorization_details
from serving.decision.proofs import Circumstances

Fact = Callable[[Circumstances], Any]


@cache
def fact(name: str) -> Fact:
    """How to look one up."""
    if name in _FOLLOWING:
        return _FOLLOWING[name]
    return _of_event(name) if name in EVENT_SCHEMA.names else _of_features(name)


def _of_event(name: str) -> Fact:
    field = attrgetter(name)
    return lambda case: field(case.event)


def _of_features(name: str) -> Fact:
    def known(case: Circumstances) -> float | None:
        value = case.features.get(name)
        return value if value is not None and value == value else None  # noqa: PLR0124  (only NaN differs from itself)

    return known


def _privileged(case: Circumstances) -> bool | None:
    """A role on the policy's list makes a credential privileged whatever is said of it."""
    role = case.event.identity.role
    named = role is not None and role.lower() in case.policy.privileged_roles
    return True if named else case.event.credential.privileged


def _bad_network(case: Circumstances) -> bool | None:
    network = case.event.network
    if network.anonymizer or (network.reputation or 0.0) >= case.policy.bad_reputation:
        return True
    return None if network.anonymizer is None and network.reputation is None else False


def _not_intended(case: Circumstances) -> str | None:
    """What the declared task leaves out; None also where nobody can tell."""
    task = authorization_details.declared(case.event.session.intent)
    return None if task is None else authorization_details.outside(task, case.event, case.policy.intent_types)


def _outside_intent(case: Circumstances) -> bool | None:
    declared = authorization_details.declared(case.event.session.intent)
    return None if declared is None else _not_intended(case) is not None


_FOLLOWING: Mapping[str, Fact] = {
    "credential.privileged": _privileged,
    "bad_network": _bad_network,
    "outside_intent": _outside_intent,
    "not_intended": _not_intended,
}
