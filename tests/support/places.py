"""Requests of a live server from places, and what a floor says of the proofs that were made."""

from __future__ import annotations

import copy
from typing import Any

from support.live_server import Server, an_event
from support.step_ups import report_completed

STRICTNESS = {"allow": 0, "step_up": 1, "deny": 2}
HOME: dict[str, dict[str, Any]] = {
    "network": {"ip": "203.0.113.7", "asn": 64_496, "country": "DE"},
    "device": {"id": "d1", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"},
}
FOREIGN: dict[str, dict[str, dict[str, Any]]] = {
    "network": {"network": {"ip": "198.51.100.9", "asn": 64_499, "country": "BR"}},
    "device": {"device": {"id": "d-foreign"}},
    "client": {"device": {"user_agent": "python-requests/2.31"}},
}
"""The attacker's own place, part by part."""
FIELDS = {
    "network": ("network", ("ip", "asn", "country", "hosting", "anonymizer")),
    "device": ("device", ("id",)),
    "client": ("device", ("user_agent",)),
}
"""The fields of an event that say each part of its place."""


def request_from(
    identity: str, session: str = "s1", *, foreign: tuple[str, ...] = (), hidden: tuple[str, ...] = (), **groups: Any
) -> dict[str, Any]:
    """A request from home, with some parts of the place foreign and others hidden."""
    home: dict[str, Any] = copy.deepcopy(HOME)
    event = an_event(identity, session, **home)
    changes = [FOREIGN[part] for part in foreign]
    for change in (*changes, groups):
        for name, values in change.items():
            event[name] = event.get(name, {}) | values if isinstance(values, dict) else values
    for part in hidden:
        group, names = FIELDS[part]
        event[group] = {name: value for name, value in event[group].items() if name not in names}
    return event


def privileged(event: dict[str, Any]) -> dict[str, Any]:
    """The same as a request that always needs a second factor."""
    return event | {"action": {"name": "iam:AttachRolePolicy", "category": "manage_access"}}


def use_gateway(server: Server, identity: str, key: str, requests: int = 25, **groups: Any) -> None:
    """An identity whose requests through a gateway say everything of its place."""
    for _ in range(requests):
        server.score(request_from(identity, "earlier", **groups), key)


def step_up(server: Server, event: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    """Send a request, meet its challenge, and send it again; the last decision."""
    challenge = server.score(event, key)
    assert challenge["ruling"] == "step_up", challenge
    identity, session = event["identity"]["id"], event["session"]["id"]
    status, answer = report_completed(server, challenge, identity, session=session)
    assert status == 200, answer
    return server.score(event, key)


def floor_status(decision: dict[str, Any], floor: str = "manage-access") -> str | None:
    """What a decision says of a floor."""
    return next((each["status"] for each in decision["floors"] if each["id"] == floor), None)
