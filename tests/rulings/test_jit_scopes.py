"""A credential for one task counts for that task: its category, its resource, and for as long as it was made for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.decisions import NOW, ago, an_event, decide_on

from features.event.schema import Event
from serving.decision.jit_scopes import covers, narrowest_scope
from serving.decision.proofs import claimed_proofs

COVERS: list[tuple[str, bool]] = [
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


def exported(**resource: Any) -> Event:
    return an_event("workload", "export", resource={"sensitivity": "restricted"} | resource)


@pytest.mark.parametrize(("scope", "counts"), COVERS)
def test_a_scope_covers_its_category_and_resource(scope: str, counts: bool) -> None:
    """The resource by type, or by type and id, or any of them by `*`; the category always by name."""
    assert covers(["read:bucket", scope], exported(type="bucket", id="payroll")) is counts


@pytest.mark.parametrize(
    ("event", "scope"),
    [
        (exported(), "export:*"),
        (exported(type="bucket"), "export:bucket"),
        (exported(type="AWS::S3::Bucket"), "export:AWS::S3::Bucket"),
        (exported(type="b" * 256), "export:*"),
        (an_event("workload", None, resource={"type": "bucket"}), "write:bucket"),
    ],
)
def test_what_is_asked_for_is_what_counts(event: Event, scope: str) -> None:
    """Also where the resource or the category is not known."""
    assert (narrowest_scope(event), covers([narrowest_scope(event)], event)) == (scope, True)


@pytest.mark.parametrize("scope", ["export:bucket", "export:bucket/x", "export:None", "export:None/None"])
def test_an_unknown_resource_is_covered_by_none_that_is_named(scope: str) -> None:
    """Only by `*`; nor by what would name it if it were half known."""
    assert not covers([scope], exported())
    assert not covers(["export:bucket/None", "export:None/payroll"], exported(type="bucket"))
    assert not covers(["export:bucket/None", "export:None/payroll"], exported(id="payroll"))


HELD: list[tuple[str, dict[str, Any], str]] = [
    ("as asked", {}, "allow"),
    ("of another resource", {"scope": ["export:table"]}, "step_up"),
    ("of another category", {"scope": ["read:bucket"]}, "step_up"),
    ("of unknown scope", {"scope": None}, "step_up"),
    ("of no scope", {"scope": []}, "step_up"),
    ("of another kind", {"kind": "oauth_token"}, "step_up"),
    ("that lives too long", {"expires_at": NOW + timedelta(seconds=841)}, "step_up"),
    ("without an end", {"expires_at": None}, "step_up"),
    ("that has ended", {"expires_at": NOW}, "step_up"),
]


@pytest.mark.parametrize(("held", "more", "ruling"), HELD, ids=[held for held, *_ in HELD])
def test_a_request_made_with_a_credential_for_it_is_allowed(held: str, more: dict[str, Any], ruling: str) -> None:
    """The credential of the request itself is the proof, where the caller may say so."""
    credential = {
        "kind": "jit_credential",
        "issued_at": ago(60),
        "expires_at": NOW + timedelta(seconds=840),
        "scope": ["export:bucket"],
    }
    resource = {"type": "bucket", "sensitivity": "restricted"}
    event = an_event("workload", "export", resource=resource, credential=credential | more)

    assert decide_on(event, proofs=claimed_proofs(event)).ruling == ruling


def test_the_ruling_says_what_the_scope_must_cover() -> None:
    """With what it is."""
    credential = {"kind": "jit_credential", "issued_at": ago(60), "expires_at": ago(-60), "scope": ["read:bucket"]}
    event = an_event("workload", "rotate_secret", credential=credential)
    sentence = next(
        each.sentence for each in decide_on(event, proofs=claimed_proofs(event)).floors if each.id == "rotate-secret"
    )

    assert sentence.endswith("The credential's scope is read:bucket; it must cover rotate_secret:*.")
