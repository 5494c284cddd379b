"""The attacker's aim: a machine meets no rule of machines, since it is declared as a person, or as another machine.

Defends against gateways that do not know what an identity is. A type is provisional until somebody who may fixes it.
"""

from __future__ import annotations

from typing import Any

import pytest
from support.live_server import Server, an_event

WORKFLOW = {"name": "ci:StartDeployment", "category": "invoke_workflow", "impact": "high"}
KEYED = {"id": "AKIA1", "kind": "access_key"}
OLD_KEY = KEYED | {"issued_at": "2024-01-01T00:00:00Z"}


def score(server: Server, identity: str, kind: str, key: str, **groups: Any) -> dict[str, Any]:
    event = an_event(identity, **groups)
    event["identity"] = event["identity"] | {"type": kind}
    return server.score(event, key)


def applied(decision: dict[str, Any]) -> set[str]:
    return {floor["id"] for floor in decision["floors"] if floor["status"] == "applied"}


@pytest.fixture(scope="module")
def gateway(small: Server) -> str:
    """A key that asks and asserts nothing."""
    return small.key("score")


@pytest.mark.parametrize(
    ("groups", "floor"),
    [
        ({"action": WORKFLOW, "credential": KEYED}, "high-impact-workflow"),
        ({"action": {"name": "files:Get", "category": "read"}, "credential": OLD_KEY}, "over-age-secret"),
    ],
)
def test_a_machine_that_calls_itself_a_person_meets_the_floors_of_machines(
    small: Server, gateway: str, groups: dict[str, Any], floor: str
) -> None:
    """By its kind of credential, until somebody fixes the type; the remedies are those of the declared type."""
    declared = score(small, f"posing {floor}", "human", gateway, **groups)
    honest = score(small, f"honest {floor}", "workload", gateway, **groups)

    assert floor in applied(declared) & applied(honest)
    assert {remedy["type"] for remedy in declared["remedies"]} <= {"interactive_mfa"}


def test_a_person_whose_type_is_fixed_meets_none_of_them(small: Server, gateway: str) -> None:
    """A caller that may assert facts has said what it is."""
    score(small, "engineer", "human", small.key("score", "assure"), action={"name": "files:Get", "category": "read"})
    decision = score(small, "engineer", "human", gateway, action=WORKFLOW, credential=KEYED)

    assert "high-impact-workflow" not in applied(decision)


def test_changing_the_declared_type_sheds_no_floor(small: Server, gateway: str) -> None:
    """An identity that was declared as an agent once meets the floors of agents as a person as well."""
    score(small, "shifter", "agent", gateway)
    decision = score(small, "shifter", "human", gateway, action=WORKFLOW)

    assert "high-impact-workflow" in applied(decision)


def test_a_request_of_another_type_than_the_fixed_one_meets_both_and_is_a_finding(small: Server, gateway: str) -> None:
    """A log's importer fixed it; the gateway is wrong, or asks for somebody else."""
    events = small.key("events", "assure")
    shipped = an_event("builder", action={"name": "files:Get", "outcome": "success"})
    shipped["identity"] = shipped["identity"] | {"type": "workload"}
    status, result = small.post("/events", [shipped], key=events)
    decision = score(small, "builder", "human", gateway, action=WORKFLOW)

    assert (status, result["folded"]) == (200, 1)
    assert "high-impact-workflow" in applied(decision)
    assert [each["kind"] for each in decision["findings"]] == ["other_identity_type"]
    assert "interactive_mfa" not in {remedy["type"] for remedy in decision["remedies"]}


def test_an_events_key_alone_fixes_nothing(small: Server, gateway: str) -> None:
    """Its events are a log of what somebody says; only an importer's rules and those who may assert fix a type."""
    shipped = an_event("drifter", action={"name": "files:Get", "outcome": "success"})
    small.post("/events", [shipped], key=small.key("events"))
    decision = score(small, "drifter", "human", gateway, action=WORKFLOW, credential=KEYED)

    assert "high-impact-workflow" in applied(decision)
