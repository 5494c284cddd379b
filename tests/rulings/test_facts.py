"""Facts of conditions: an unknown fact is None, a limit itself is not above it, a flag is true, false or unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from support.decisions import NOW, POLICY, an_event, decide_on

from features.event.schema import Event
from serving.decision import facts
from serving.decision.inputs import DecisionContext
from serving.policy.schema import Policy


@pytest.fixture(autouse=True)
def no_cached_lookups() -> None:
    """Start without the lookups that an earlier test cached."""
    facts.fact_lookup.cache_clear()


def a_context(event: Event | None = None, features: Mapping[str, float] | None = None) -> DecisionContext:
    return DecisionContext(event or an_event("workload"), features or {}, 0.9, False, POLICY, NOW)


@pytest.mark.parametrize(("features", "known"), [({"pace": 0.0}, 0.0), ({"pace": math.nan}, None), ({}, None)])
def test_a_feature_that_is_nan_or_missing_is_unknown(features: dict[str, float], known: float | None) -> None:
    """Zero is a known value."""
    assert facts.fact_lookup("pace")(a_context(features=features)) == known


def test_an_event_field_is_looked_up_by_its_dotted_name() -> None:
    """A field the event leaves out is None."""
    event = an_event("workload", credential={"exposed": False})

    assert facts.fact_lookup("credential.exposed")(a_context(event)) is False
    assert facts.fact_lookup("device.compliant")(a_context(event)) is None


@pytest.mark.parametrize(
    ("network", "bad"),
    [
        ({}, None),
        ({"anonymizer": False}, False),
        ({"reputation": 0.1}, False),
        ({"anonymizer": True}, True),
        ({"reputation": POLICY.bad_reputation}, True),
        ({"anonymizer": False, "reputation": 1.0}, True),
    ],
    ids=str,
)
def test_a_network_is_bad_by_anonymizer_or_reputation(network: dict[str, Any], bad: bool | None) -> None:
    """At the policy's reputation limit it is bad; without both facts it is unknown."""
    assert facts.fact_lookup("bad_network")(a_context(an_event(network=network))) is bad


@pytest.mark.parametrize(
    ("intent", "not_intended", "outside_intent"),
    [
        (None, None, None),
        ("tidy up", None, None),
        ('[{"type": "agent_action", "actions": ["read"]}]', None, False),
        ('[{"type": "agent_action", "actions": ["delete"]}]', "the action service:Do", True),
    ],
)
def test_only_authorization_details_say_what_is_outside_the_intent(
    intent: str | None, not_intended: str | None, outside_intent: bool | None
) -> None:
    """Of free text it is unknown."""
    context = a_context(an_event("agent", session={"id": "s", "intent": intent}))

    assert facts.fact_lookup("not_intended")(context) == not_intended
    assert facts.fact_lookup("outside_intent")(context) is outside_intent


def floor_status(features: dict[str, float], floor: str, **groups: Any) -> str | None:
    """The status of a floor of a freshly loaded policy."""
    decision = decide_on(an_event("workload", **groups), features=features, policy=Policy.load())
    return next((each.status for each in decision.floors if each.id == floor), None)


@pytest.mark.parametrize(("days", "status"), [(90.0, None), (90.001, "applied"), (math.nan, "undecided")])
def test_above_excludes_the_limit_itself(days: float, status: str | None) -> None:
    """A credential of exactly ninety days is not above ninety."""
    assert floor_status({"credential_age_days": days}, "over-age-secret", credential={"kind": "access_key"}) == status


@pytest.mark.parametrize(("exposed", "status"), [(1.0, "applied"), (0.0, None), (math.nan, "undecided")])
def test_a_flag_is_true_false_or_unknown(exposed: float, status: str | None) -> None:
    """Each leads to a status of its own."""
    assert floor_status({"credential_exposed": exposed}, "exposed-credential") == status
