"""The attacker's aim: what would give it away, a new network, device, client or credential, is left out.

Defends against the subject, which through an incomplete gateway can make fields disappear.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from support.live_server import Server, an_event

STRICTNESS = {"allow": 0, "step_up": 1, "deny": 2}
FOREIGN: dict[str, dict[str, Any]] = {
    "network": {"network": {"ip": "198.51.100.9", "asn": 64499, "country": "BR"}},
    "device": {"device": {"id": "d-foreign", "user_agent": "aws-cli/2.15.0"}},
    "client": {"device": {"id": "d1", "user_agent": "python-requests/2.31"}},
    "credential": {"credential": {"id": "c-foreign"}},
}
"""The plain attack: another value of each group."""


def full_event(identity: str, session: str, **groups: Any) -> dict[str, Any]:
    event = an_event(identity, session=session, network={"ip": "203.0.113.7", "asn": 64496, "country": "DE"})
    event["device"] = {
        "id": "d1",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
    }
    event["credential"] = {"id": "c1", "kind": "session_cookie"}
    for group, values in groups.items():
        event[group] = event[group] | values
    return event


def without(event: dict[str, Any], *groups: str) -> dict[str, Any]:
    """The event as a gateway passes it on that lost these groups."""
    event = copy.deepcopy(event)
    if "network" in groups:
        event["network"] = {}
    if "credential" in groups:
        event["credential"] = {}
    for group, name in (("device", "id"), ("client", "user_agent")):
        if group in groups:
            event["device"].pop(name, None)
    return event


@pytest.fixture(scope="module")
def habits(small: Server) -> str:
    """A key that has sent everything of twenty requests."""
    key = small.key("score", "network")
    for _ in range(25):
        small.score(full_event("habitual", "old"), key)
    return key


@pytest.mark.parametrize(
    "hidden", [("network",), ("device",), ("client",), ("credential",), ("network", "device"), tuple(FOREIGN)]
)
def test_hiding_is_answered_no_less_strictly_than_showing(small: Server, habits: str, hidden: tuple[str, ...]) -> None:
    """Of each group, and of all: a request without it is decided as one with a value never seen."""
    foreign: dict[str, Any] = {}
    for group in hidden:
        for name, values in FOREIGN[group].items():
            foreign[name] = foreign.get(name, {}) | values
    session = "stolen " + " ".join(hidden)
    small.score(full_event("habitual", session), habits)
    hiding = small.score(without(full_event("habitual", session), *hidden), habits)
    showing = small.score(full_event("habitual", session, **foreign), habits)

    assert hiding["context"]["withheld"] == [group for group in FOREIGN if group in hidden]
    assert min(STRICTNESS[hiding["ruling"]], 1) >= min(STRICTNESS[showing["ruling"]], 1)
    assert hiding["ruling"] != "deny" or showing["ruling"] == "deny"


def test_nothing_is_withheld_where_nothing_was_sent(small: Server) -> None:
    """A gateway that sends ids only has no habit, and is asked no more than before."""
    key = small.key("score")
    event = without(full_event("thin", "s1"), *FOREIGN)
    decisions = [small.score(event, key) for _ in range(25)]

    assert {tuple(decision["context"]["withheld"]) for decision in decisions} == {()}


def test_one_person_behind_a_rich_and_a_thin_gateway_withholds_nothing(small: Server, habits: str) -> None:
    """Habits are those of a caller: another key never sent the device."""
    thin = small.key("score")
    event = without(full_event("habitual", "thin gateway"), *FOREIGN)
    decisions = [small.score(event, thin) for _ in range(25)]

    assert {tuple(decision["context"]["withheld"]) for decision in decisions} == {()}


def test_a_new_session_id_hides_nothing(small: Server, habits: str) -> None:
    """The habit is the identity's."""
    hiding = small.score(without(full_event("habitual", "brand new"), "network", "device"), habits)

    assert hiding["context"]["withheld"] == ["network", "device"]


def test_sending_nothing_often_makes_it_no_habit(small: Server, habits: str) -> None:
    """Only days change it, and today's do not count."""
    event = without(full_event("habitual", "flood"), "network", "device", "client", "credential")
    decisions = [small.score(event, habits) for _ in range(60)]

    assert decisions[-1]["context"]["withheld"] == list(FOREIGN)
