"""A task covers a request when every member of one authorization detail does; unreadable details cover nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.decisions import POLICY, ago, an_event, decide_on

from features.event.schema import Event
from serving.decision.authorization_details import kept_intent, narrowest_task, parse_intent, uncovered_part
from serving.decision.inputs import Proof, Scope

TYPES = POLICY.intent_types
RESOURCE = {"id": "payroll", "type": "bucket"}
DETAIL = {"type": "agent_action", "actions": ["read"], "locations": ["payroll"]}


def a_request(resource: dict[str, Any] | None = None, category: str | None = "read", **groups: Any) -> Event:
    return an_event("agent", category, resource=RESOURCE if resource is None else resource, **groups)


def as_intent(*details: dict[str, Any]) -> str:
    return json.dumps(details)


def uncovered(event: Event, *details: dict[str, Any]) -> str | None:
    return uncovered_part(parse_intent(as_intent(*details)) or (), event, TYPES)


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
UNCOVERED: list[tuple[dict[str, Any], str]] = [
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


@pytest.mark.parametrize("changes", COVERED, ids=str)
def test_a_request_is_covered_when_every_member_covers_it(changes: dict[str, Any]) -> None:
    """By the vendor's name of the action or its category, and by the resource's id or its type."""
    assert uncovered(a_request(identity={"role": "clerk"}), DETAIL | changes) is None


@pytest.mark.parametrize(("changes", "part"), UNCOVERED, ids=[part for _, part in UNCOVERED])
def test_the_uncovered_part_is_named(changes: dict[str, Any], part: str) -> None:
    """One member that does not cover the request is enough."""
    assert uncovered(a_request(identity={"role": "clerk"}), DETAIL | changes) == part


@pytest.mark.parametrize(
    ("resource", "part"),
    [({"type": "table"}, "the resource table"), ({}, "the resource that is not known")],
    ids=str,
)
def test_an_unknown_resource_or_role_is_named_as_unknown(resource: dict[str, Any], part: str) -> None:
    """A resource without an id is named by its type."""
    assert uncovered(a_request(resource), DETAIL) == part
    assert uncovered(a_request(), DETAIL | {"privileges": ["admin"]}) == "the role that is not known"


def test_one_detail_must_cover_all_of_it() -> None:
    """Two details that cover half of it each do not; the uncovered part is that of the nearest detail."""
    halves = DETAIL | {"locations": ["wiki"]}, DETAIL | {"actions": ["delete"]}

    assert uncovered(a_request(), *halves) == "the resource payroll"
    assert uncovered(a_request(), *halves, DETAIL) is None


UNKNOWN_VALUES: list[tuple[dict[str, Any], str | None, dict[str, Any], bool]] = [
    ({}, "read", {}, False),
    ({}, "read", {"locations": []}, True),
    ({"type": "bucket"}, "read", {"locations": []}, False),
    ({"type": "bucket"}, "read", {"locations": [], "datatypes": ["bucket"]}, True),
    ({"id": "payroll"}, "read", {"locations": [], "datatypes": ["bucket"]}, False),
    (RESOURCE, None, {}, False),
    (RESOURCE, None, {"actions": ["write"]}, True),
]


@pytest.mark.parametrize(("resource", "category", "changes", "covered"), UNKNOWN_VALUES)
def test_an_unknown_value_is_not_covered_by_a_named_one(
    resource: dict[str, Any], category: str | None, changes: dict[str, Any], covered: bool
) -> None:
    """An unknown category counts as a write; an unknown resource matches no named resource."""
    assert (uncovered(a_request(resource, category), DETAIL | changes) is None) is covered


def test_an_action_named_like_a_category_counts_by_its_category() -> None:
    """A deletion that its vendor calls `read` is a deletion."""
    event = a_request(category="delete", action={"name": "read"})

    assert uncovered(event, DETAIL) == "the action delete"
    assert narrowest_task(event, TYPES)["actions"] == ["delete"]


@pytest.mark.parametrize(
    ("intent", "details"),
    [
        (None, None),
        ("read the wiki", None),
        ("[read] the wiki", None),
        ("[TASK-7] read the wiki", None),
        ("7", None),
        ('"[]"', None),
        ('{"type": "agent_action"}', ()),
        ('[{"type": "agent_action", "act', ()),
        ("\ufeff[{", ()),
        ("[" * 2_000, ()),
        ("[1]", ()),
        ('[{"actions": ["read"]}]', ()),
        ('[{"type": "agent_action", "actions": "read"}]', ()),
        ("[]", ()),
    ],
    ids=lambda value: str(value)[:40],
)
def test_free_text_declares_no_details(intent: str | None, details: tuple[()] | None) -> None:
    """What is JSON, or begins so, and no array of valid details authorises nothing."""
    assert parse_intent(intent) == details


def test_a_floor_names_what_the_authorised_task_does_not_cover() -> None:
    """The agent's task was to read the payroll, and it exports the wiki."""
    task = parse_intent(as_intent(DETAIL)) or ()
    proof = Proof(ago(60), "intent_authorization", scope=Scope("export", "bucket"), source="step_up", task=task)
    event = a_request({"id": "wiki", "type": "bucket", "sensitivity": "restricted"}, "export")
    floor = next(each for each in decide_on(event, proofs=[proof]).floors if each.id == "export-sensitive")

    assert floor.status == "applied"
    assert floor.full_sentence.endswith(
        "The authorised task does not cover the action service:Do and the resource wiki."
    )


WIDE = {"type": "agent_action", "actions": ["read", "write"], "locations": ["payroll", "wiki"]}
KEPT: list[tuple[list[dict[str, Any]] | str | None, bool]] = [
    ([WIDE | {"actions": ["read"]}], True),
    ([WIDE | {"locations": ["wiki"]}], True),
    ([WIDE | {"datatypes": ["bucket"]}], True),
    ([WIDE | {"privileges": ["clerk"]}], True),
    ([WIDE | {"actions": ["read"]}, WIDE | {"locations": ["wiki"]}], True),
    ([WIDE | {"actions": ["read", "delete"]}], False),
    ([WIDE | {"locations": []}], False),
    ([WIDE | {"locations": [], "datatypes": ["bucket"]}], False),
    ([WIDE | {"locations": ["payroll", "salaries"]}], False),
    ([WIDE | {"type": "payment"}], False),
    ([WIDE | {"until": "tomorrow"}], False),
    ([WIDE | {"actions": ["read"]}, {"type": "agent_action", "actions": ["delete"]}], False),
    ([], False),
    (None, False),
    ("answer mail", False),
    ("[{", False),
]


@pytest.mark.parametrize(("declared", "replaces"), KEPT, ids=str)
def test_a_session_keeps_the_details_it_declared_first_unless_they_are_narrowed(
    declared: list[dict[str, Any]] | str | None, replaces: bool
) -> None:
    """What is left out, broken or wider replaces nothing."""
    first = as_intent(WIDE)
    later = as_intent(*declared) if isinstance(declared, list) else declared

    assert kept_intent(first, later) == (later if replaces else first)
    assert kept_intent(None, later) == (later if declared and isinstance(declared, list) else None)


def test_details_without_a_resource_are_not_narrowed_by_naming_one() -> None:
    """They cover requests that name none, and nothing else."""
    unnamed = {"type": "agent_action", "actions": ["read"]}

    assert kept_intent(as_intent(unnamed), as_intent(unnamed | {"locations": ["wiki"]})) == as_intent(unnamed)
