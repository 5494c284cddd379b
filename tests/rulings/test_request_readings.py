"""A request is read as the stricter of what its caller says and what the deployment knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.decisions import POLICY, an_event

from features.event.schema import Event
from serving.decision.readings import KnownTypes, Readings
from serving.deployment.catalogue_files import Catalogues, load_catalogues
from serving.deployment.request_reading import read_request
from serving.policy.schema import PolicyError

ACTIONS = """
version: 1
actions:
  - {match: ["crm:Bulk*"], category: export, impact: high, reversible: false}
  - {match: ["crm:*"], category: read}
"""
ASSETS = """
version: 1
assets:
  - {id: ["arn:aws:s3:::cards*"], sensitivity: restricted, environment: production, owner: payments}
  - {type: [bucket], sensitivity: internal}
"""
IDENTITIES = """
version: 1
identities:
  - {match: ["arn:aws:iam::*:role/ci-*"], type: workload, entitlements: 40}
  - {match: ["chief"], role: Administrator}
"""


@pytest.fixture(scope="module")
def catalogues(tmp_path_factory: pytest.TempPathFactory) -> Catalogues:
    folder = tmp_path_factory.mktemp("catalogues")
    for name, text in (("actions", ACTIONS), ("assets", ASSETS), ("identities", IDENTITIES)):
        (folder / f"{name}.yaml").write_text(text)
    return load_catalogues(folder)


def read(event: Event, catalogues: Catalogues, assured: bool = False, **types: Any) -> Readings:
    return read_request(event, POLICY, catalogues, KnownTypes(**types), assured=assured)


def types_of(readings: Readings) -> list[str]:
    return list(
        dict.fromkeys(each.identity.type for each in (readings.event, *(each.event for each in readings.others)))
    )


def test_actions_yaml_replaces_declaration_and_name(catalogues: Catalogues) -> None:
    """The first entry that matches, in any letter case, with its impact and reversibility."""
    bulk = read(an_event(category="read", action={"name": "CRM:BulkDelete"}), catalogues).event.action
    other = read(an_event(category="export", action={"name": "crm:ExportContacts"}), catalogues)

    assert (bulk.category, bulk.impact, bulk.reversible) == ("export", "high", False)
    assert (other.event.action.category, other.others) == ("read", ())


@pytest.mark.parametrize(
    ("declared", "resource", "counts"),
    [
        ("public", {"id": "arn:aws:s3:::cards-2026", "type": "bucket"}, "restricted"),
        ("restricted", {"type": "bucket"}, "restricted"),
        (None, {"type": "bucket"}, "internal"),
        ("public", {"type": "queue"}, "public"),
    ],
)
def test_the_stricter_sensitivity_counts(
    catalogues: Catalogues, declared: str | None, resource: dict[str, str], counts: str
) -> None:
    """Of what is declared and every entry that matches."""
    event = an_event(resource={"sensitivity": declared} | resource)

    assert read(event, catalogues).event.resource.sensitivity == counts


@pytest.mark.parametrize(
    ("assured", "sensitivity", "counts"),
    [
        (False, "public", None),
        (False, "internal", None),
        (False, "confidential", "confidential"),
        (True, "public", "public"),
    ],
)
def test_a_low_sensitivity_of_an_export_is_believed_of_those_who_may_assert(
    catalogues: Catalogues, assured: bool, sensitivity: str, counts: str | None
) -> None:
    """Without an entry; otherwise it is unknown, and the floor of exports applies."""
    event = an_event(category="export", resource={"type": "queue", "sensitivity": sensitivity})

    assert read(event, catalogues, assured).event.resource.sensitivity == counts
    trusting = POLICY.model_copy(update={"trust_declared_sensitivity": True})
    assert read_request(event, trusting, catalogues, assured=False).event.resource.sensitivity == sensitivity


def test_a_known_role_makes_the_credential_privileged(catalogues: Catalogues) -> None:
    """Though the request names none."""
    assert read(an_event(identity={"id": "chief"}), catalogues).event.credential.privileged is True


@pytest.mark.parametrize("role", ["Administrator", " ADMIN ", "\uff32oot", "prod-AdministratorAccess-7"])
def test_a_privileged_role_matches_in_any_spelling(role: str) -> None:
    """Letter case, width and spaces; AWS's managed policies for administrators wherever they stand in a name."""
    assert POLICY.is_privileged_role(role)
    assert not POLICY.is_privileged_role("administrative-assistant")


def test_entitlements_are_the_larger_number(catalogues: Catalogues) -> None:
    """A request that says fewer is not believed."""
    event = an_event("workload", identity={"id": "arn:aws:iam::1:role/ci-deploy", "entitlements_granted": 2})

    assert read(event, catalogues).event.identity.entitlements_granted == 40


def test_identities_yaml_fixes_the_type(catalogues: Catalogues) -> None:
    """A request of another type meets the floors of both; remedies follow the fixed type, and it is reported."""
    readings = read(an_event("human", identity={"id": "arn:aws:iam::1:role/ci-deploy"}), catalogues)

    assert (types_of(readings), readings.other_type) == (["workload", "human"], True)


def test_a_provisional_type_meets_the_floors_of_every_type_declared_so_far(catalogues: Catalogues) -> None:
    """The declared type first, whose remedies are offered."""
    assert types_of(read(an_event("human"), catalogues, declared=("agent", "human"))) == ["human", "agent"]
    assert types_of(read(an_event("human"), catalogues, fixed="human", declared=("agent",))) == ["human"]


def test_a_person_with_a_machines_credential_meets_three_floors_of_machines(catalogues: Catalogues) -> None:
    """Until somebody fixes the type; with a person's kind of credential none."""
    keyed = an_event("human", category="write", credential={"kind": "access_key"})
    provisional, fixed = read(keyed, catalogues), read(keyed, catalogues, fixed="human")
    cookie = read(an_event("human", category="write", credential={"kind": "session_cookie"}), catalogues)

    assert [each.floors for each in provisional.others] == [frozenset(POLICY.provisional_type.floors)]
    assert (fixed.others, cookie.others) == ((), ())


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("actions.yaml", "version: 1\nactions: [{match: ['a'], category: reed}]", "did you mean 'read'?"),
        ("assets.yaml", "version: 1\nassets: [{sensitivty: public}]", "did you mean 'sensitivity'?"),
        ("identities.yaml", "version: 1\nidentities: [{match: [], type: human}]", "match"),
        ("actions.yaml", "&a [*a]", "actions.yaml:1"),
    ],
)
def test_a_catalogue_is_refused_with_line_and_reason(tmp_path: Path, file: str, text: str, reason: str) -> None:
    """By the loader of the policy."""
    (tmp_path / file).write_text(text)

    with pytest.raises(PolicyError) as refusal:
        load_catalogues(tmp_path)
    assert reason in str(refusal.value)
    assert file in str(refusal.value)


def test_without_files_nothing_is_known(tmp_path: Path) -> None:
    """And no digest is named in a decision."""
    assert load_catalogues(tmp_path) == Catalogues()


@pytest.mark.parametrize(
    ("declared", "counts", "floors_of"),
    [
        ("read", "write", ("write", "read")),
        (None, "write", ("write",)),
        ("export", "export", ("export", "write")),
        ("authenticate", "write", ("write", "authenticate")),
    ],
)
def test_a_name_that_says_nothing_is_at_least_a_write(
    declared: Any, counts: str, floors_of: tuple[str, ...], catalogues: Catalogues
) -> None:
    """Never a read because somebody says so; that is no finding, since nothing proves it wrong."""
    action = read(an_event(category=declared, action={"name": "frobnicate"}), catalogues).action

    assert action is not None
    assert (action.category, action.all, action.understated) == (counts, floors_of, False)


def test_what_was_declared_before_is_read_as_it_was_recorded() -> None:
    """Records of before 0.3 hold none of it."""
    known = KnownTypes("workload", ("human", "workload"), "[]")

    assert KnownTypes.from_record(known.record()) == known
    assert known.record() == {"fixed": "workload", "declared": ["human", "workload"], "intent": "[]"}
    assert KnownTypes.from_record({}) == KnownTypes()


def test_the_answer_says_how_the_action_was_read(catalogues: Catalogues) -> None:
    """What was declared, what the name has, and what counts of both."""
    action = read(an_event(category="read", action={"name": "SearchExported"}), catalogues).action

    assert action is not None
    assert action.wire() == {
        "category": "export",
        "declared": "read",
        "derived": "export",
        "derived_from": "vendor",
    }
    assert action.understated
