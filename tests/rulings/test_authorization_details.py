"""A task covers what its authorization details say, every member of them, and nothing that nobody can read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.decisions import POLICY, ago, an_event, decide_on

from features.event.schema import Event
from serving.decision.authorization_details import narrowest_task, parse_intent, uncovered_part
from serving.decision.inputs import Proof, Scope

TYPES = POLICY.intent_types
RESOURCE = {"id": "payroll", "type": "bucket"}
WHOLE = {"type": "agent_action", "actions": ["read"], "locations": ["payroll"]}


def asked(resource: dict[str, Any] | None = None, category: str | None = "read", **groups: Any) -> Event:
    return an_event("agent", category, resource=RESOURCE if resource is None else resource, **groups)


def said(*details: dict[str, Any]) -> str:
    return json.dumps(details)


def lacks(event: Event, *details: dict[str, Any]) -> str | None:
    return uncovered_part(parse_intent(said(*details)) or (), event, TYPES)


COVERED: list[dict[str, Any]] = [
    {},
    {"actions": ["service:Do"]},
    {"actions": ["delete", "read"]},
    {"locations": ["wiki", "payroll"]},
    {"locations": [], "datatypes": ["bucket"]},
    {"locations": [], "identifier": "payroll"},
    {"datatypes": ["bucket"], "identifier": "payroll"},
    {"privileges": ["clerk"]},
]
LACKING: list[tuple[dict[str, Any], str]] = [
    ({"actions": []}, "the action service:Do"),
    ({"actions": ["service:Other", "write"]}, "the action service:Do"),
    ({"actions": ["*"]}, "the action service:Do"),
    ({"locations": ["payroll/2026"]}, "the resource payroll"),
    ({"locations": []}, "the resource payroll"),
    ({"datatypes": ["table"]}, "the resource payroll"),
    ({"identifier": "wiki"}, "the resource payroll"),
    ({"privileges": ["admin"]}, "the role clerk"),
    ({"type": "payment_initiation"}, "what payment_initiation means, which the policy does not say"),
    ({"until": "tomorrow"}, "what until means, which is not read here"),
    ({"until": "tomorrow", "amount": 3}, "what amount, until means, which is not read here"),
    ({"actions": ["delete"], "locations": ["wiki"]}, "the action service:Do and the resource payroll"),
]


@pytest.mark.parametrize("more", COVERED, ids=str)
def test_what_every_member_covers_is_inside(more: dict[str, Any]) -> None:
    """By the vendor's name of the action or by its category, by the resource's id or by its type."""
    assert lacks(asked(identity={"role": "clerk"}), WHOLE | more) is None


@pytest.mark.parametrize(("more", "what"), LACKING, ids=[what for _, what in LACKING])
def test_what_one_member_leaves_out_is_outside(more: dict[str, Any], what: str) -> None:
    """And it is said what that is."""
    assert lacks(asked(identity={"role": "clerk"}), WHOLE | more) == what


@pytest.mark.parametrize(
    ("resource", "what"),
    [({"type": "table"}, "the resource table"), ({}, "the resource that is not known")],
    ids=str,
)
def test_what_is_outside_is_named_as_far_as_it_is_known(resource: dict[str, Any], what: str) -> None:
    """By its type where it has no id; and nobody's role is said to be so."""
    assert lacks(asked(resource), WHOLE) == what
    assert lacks(asked(), WHOLE | {"privileges": ["admin"]}) == "the role that is not known"


def test_one_detail_must_cover_all_of_it() -> None:
    """Of two that cover a half each, neither does; what the nearer one lacks is said."""
    halves = WHOLE | {"locations": ["wiki"]}, WHOLE | {"actions": ["delete"]}

    assert (lacks(asked(), *halves), lacks(asked(), *halves, WHOLE)) == ("the resource payroll", None)


UNKNOWN: list[tuple[dict[str, Any], str | None, dict[str, Any], bool]] = [
    ({}, "read", {}, False),
    ({}, "read", {"locations": []}, True),
    ({"type": "bucket"}, "read", {"locations": []}, False),
    ({"type": "bucket"}, "read", {"locations": [], "datatypes": ["bucket"]}, True),
    ({"id": "payroll"}, "read", {"locations": [], "datatypes": ["bucket"]}, False),
    (RESOURCE, None, {}, False),
    (RESOURCE, None, {"actions": ["write"]}, True),
]


@pytest.mark.parametrize(("resource", "category", "more", "inside"), UNKNOWN)
def test_what_is_not_known_is_covered_by_nothing_that_names_it(
    resource: dict[str, Any], category: str | None, more: dict[str, Any], inside: bool
) -> None:
    """An unknown category counts as a write; a resource nobody knows is not the one that was meant."""
    assert (lacks(asked(resource, category), WHOLE | more) is None) is inside


def test_a_name_that_is_a_category_is_no_way_around_it() -> None:
    """What a vendor calls `read` and is a deletion is a deletion."""
    event = asked(category="delete", action={"name": "read"})

    assert (lacks(event, WHOLE), narrowest_task(event, TYPES)["actions"]) == ("the action delete", ["delete"])


@pytest.mark.parametrize(
    ("intent", "told"),
    [
        (None, None),
        ("read the wiki", None),
        ("[read] the wiki", None),
        ('{"type": "agent_action"}', None),
        ("[" * 2_000, None),
        ("[1]", ()),
        ('[{"actions": ["read"]}]', ()),
        ('[{"type": "agent_action", "actions": "read"}]', ()),
        ("[]", ()),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_a_session_declares(intent: str | None, told: tuple[()] | None) -> None:
    """Free text tells nothing; an array that is no authorization details authorises nothing."""
    assert parse_intent(intent) == told


def test_a_floor_that_is_not_met_says_what_the_authorised_task_leaves_out() -> None:
    """An agent whose task was to read the payroll, and who reads the wiki next."""
    task = parse_intent(said(WHOLE)) or ()
    proof = Proof(ago(60), "intent", scope=Scope("export", "bucket"), source="step_up", task=task)
    event = asked({"id": "wiki", "type": "bucket", "sensitivity": "restricted"}, "export")
    floor = next(each for each in decide_on(event, proofs=[proof]).floors if each.id == "export-sensitive")

    assert (floor.status, floor.sentence.partition("asks. ")[2]) == (
        "applied",
        "The authorised task does not cover the action service:Do and the resource wiki.",
    )
