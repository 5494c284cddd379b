"""What conditions ask about, looked up anew: unknown is None, an edge is not beyond it, a flag is what it says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from support.judging import NOW, POLICY, an_event, judged

from features.event.schema import Event
from serving.decision import facts
from serving.decision.proofs import Circumstances
from serving.policy.schema import Policy


@pytest.fixture(autouse=True)
def looked_up_anew() -> None:
    """Nothing that an earlier test made ready."""
    facts.fact.cache_clear()


def a_case(event: Event | None = None, features: Mapping[str, float] | None = None) -> Circumstances:
    return Circumstances(event or an_event("workload"), features or {}, 0.9, False, POLICY, NOW)


@pytest.mark.parametrize(("features", "known"), [({"pace": 0.0}, 0.0), ({"pace": math.nan}, None), ({}, None)])
def test_a_feature_that_is_no_number_is_not_known(features: dict[str, float], known: float | None) -> None:
    """Neither one that was not computed; nought is a number like any other."""
    assert facts.fact("pace")(a_case(features=features)) == known


def test_a_field_of_the_event_is_what_it_says() -> None:
    """By its dotted name; what it leaves out is None."""
    event = an_event("workload", credential={"exposed": False})

    assert facts.fact("credential.exposed")(a_case(event)) is False
    assert facts.fact("device.compliant")(a_case(event)) is None


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
def test_a_network_is_bad_by_either_sign_and_unknown_without_both(network: dict[str, Any], bad: bool | None) -> None:
    """At the limit it is bad."""
    assert facts.fact("bad_network")(a_case(an_event(network=network))) is bad


@pytest.mark.parametrize(
    ("intent", "told", "outside"),
    [
        (None, None, None),
        ("tidy up", None, None),
        ('[{"type": "agent_action", "actions": ["read"]}]', None, False),
        ('[{"type": "agent_action", "actions": ["delete"]}]', "the action service:Do", True),
    ],
)
def test_of_free_text_nobody_can_tell_what_is_outside_it(
    intent: str | None, told: str | None, outside: bool | None
) -> None:
    """Of authorization details one can."""
    case = a_case(an_event("agent", session={"id": "s", "intent": intent}))

    assert (facts.fact("not_intended")(case), facts.fact("outside_intent")(case)) == (told, outside)


def status(features: dict[str, float], floor: str, **groups: Any) -> str | None:
    """How a floor of a policy that was read just now stands."""
    decision = judged(an_event("workload", **groups), features=features, policy=Policy.load())
    return next((each.status for each in decision.floors if each.id == floor), None)


@pytest.mark.parametrize(("days", "found"), [(90.0, None), (90.001, "applied"), (math.nan, "undecided")])
def test_a_limit_is_passed_only_beyond_it(days: float, found: str | None) -> None:
    """Ninety days are not over ninety."""
    assert status({"credential_age_days": days}, "over-age-secret", credential={"kind": "access_key"}) == found


@pytest.mark.parametrize(("exposed", "found"), [(1.0, "applied"), (0.0, None), (math.nan, "undecided")])
def test_a_flag_is_what_it_says(exposed: float, found: str | None) -> None:
    """True, not true, or not known."""
    assert status({"credential_exposed": exposed}, "exposed-credential") == found
