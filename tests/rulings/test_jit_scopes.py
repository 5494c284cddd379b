"""A just-in-time credential counts for its category and resource, and for as long as it was made for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.decisions import NOW, ago, an_event, decide_on

from features.event.schema import Event
from serving.decision.jit_scopes import covers, narrowest_scope
from serving.decision.proofs import claimed_proofs

SCOPES: list[tuple[str, bool]] = [
    ("export:bucket", True),
    ("export:bucket/payroll", True),
    ("export:*", True),
    ("export:bucket/wiki", False),
    ("export:bucket/*", False),
    ("export:buck*", False),
    ("export:table", False),
    ("export:payroll", False),
    ("export:", False),
    ("export", False),
    ("delete:bucket", False),
    ("*:bucket", False),
    ("*:*", False),
    ("*", False),
    ("Export:bucket", False),
    (" export:bucket", False),
]


def an_export(**resource: Any) -> Event:
    return an_event("workload", "export", resource={"sensitivity": "restricted"} | resource)


@pytest.mark.parametrize(("scope", "covered"), SCOPES)
def test_a_scope_covers_its_category_and_resource(scope: str, covered: bool) -> None:
    """The resource by type, by type and id, or any by `*`; the category always by name."""
    assert covers(["read:bucket", scope], an_export(type="bucket", id="payroll")) is covered


@pytest.mark.parametrize(
    ("event", "scope"),
    [
        (an_export(), "export:*"),
        (an_export(type="bucket"), "export:bucket"),
        (an_export(type="AWS::S3::Bucket"), "export:AWS::S3::Bucket"),
        (an_export(type="b" * 256), "export:*"),
        (an_event("workload", None, resource={"type": "bucket"}), "write:bucket"),
    ],
)
def test_the_narrowest_scope_covers_its_request(event: Event, scope: str) -> None:
    """Also when the resource or the category is unknown."""
    assert narrowest_scope(event) == scope
    assert covers([scope], event)


@pytest.mark.parametrize("scope", ["export:bucket", "export:bucket/x", "export:None", "export:None/None"])
def test_an_unknown_resource_is_covered_by_no_named_one(scope: str) -> None:
    """Only by `*`; nor is a resource whose type or id alone is known."""
    assert not covers([scope], an_export())
    assert not covers(["export:bucket/None", "export:None/payroll"], an_export(type="bucket"))
    assert not covers(["export:bucket/None", "export:None/payroll"], an_export(id="payroll"))


CREDENTIALS: list[tuple[str, dict[str, Any], str]] = [
    ("as needed", {}, "allow"),
    ("for another resource", {"scope": ["export:table"]}, "step_up"),
    ("for another category", {"scope": ["read:bucket"]}, "step_up"),
    ("of unknown scope", {"scope": None}, "step_up"),
    ("without a scope", {"scope": []}, "step_up"),
    ("of another kind", {"kind": "oauth_token"}, "step_up"),
    ("that lasts too long", {"expires_at": NOW + timedelta(seconds=841)}, "step_up"),
    ("that does not expire", {"expires_at": None}, "step_up"),
    ("that has expired", {"expires_at": NOW}, "step_up"),
]


@pytest.mark.parametrize(
    ("changes", "ruling"), [case[1:] for case in CREDENTIALS], ids=[name for name, *_ in CREDENTIALS]
)
def test_a_request_made_with_its_own_credential_is_allowed(changes: dict[str, Any], ruling: str) -> None:
    """The credential of the request is the proof, when the caller may assert it."""
    credential = {
        "kind": "jit_credential",
        "issued_at": ago(60),
        "expires_at": NOW + timedelta(seconds=840),
        "scope": ["export:bucket"],
    }
    resource = {"type": "bucket", "sensitivity": "restricted"}
    event = an_event("workload", "export", resource=resource, credential=credential | changes)

    assert decide_on(event, proofs=claimed_proofs(event)).ruling == ruling


def test_a_floor_names_the_scope_and_what_it_must_cover() -> None:
    """An insufficient credential is named in the floor's sentence."""
    credential = {"kind": "jit_credential", "issued_at": ago(60), "expires_at": ago(-60), "scope": ["read:bucket"]}
    event = an_event("workload", "rotate_secret", credential=credential)
    sentence = next(
        each.full_sentence
        for each in decide_on(event, proofs=claimed_proofs(event)).floors
        if each.id == "rotate-secret"
    )

    assert sentence.endswith("The credential's scope is read:bucket; it must cover rotate_secret:*.")
