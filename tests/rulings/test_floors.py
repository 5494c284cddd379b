"""The floors of the built-in policy in one table: when each applies, what satisfies it, what does not concern it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from support.decisions import (
    POLICY,
    Situation,
    ago,
    an_event,
    attestation,
    decide_on,
    strong_proof,
)

from serving.decision.authorization_details import Detail
from serving.decision.floor_evaluation import Status
from serving.decision.inputs import Proof, SessionState

RESTRICTED = {"resource": {"sensitivity": "restricted"}}
CONFIDENTIAL = {"resource": {"sensitivity": "confidential"}}
INTERNAL = {"resource": {"sensitivity": "internal"}}
VAULT = {"resource": {"id": "vault-1", "type": "vault"}}
PAYROLL = {"resource": {"id": "payroll"}}
REPORTS = {"resource": {"id": "reports"}}
API_TOKEN = {"credential": {"kind": "api_token"}}
ANY_READ = {"session": {"intent": '[{"type": "agent_action", "actions": ["read"]}]'}}
READ_REPORTS = {"session": {"intent": '[{"type": "agent_action", "actions": ["read"], "locations": ["reports"]}]'}}
FREE_TEXT = {"session": {"intent": "write the weekly report"}}
MFA, SVID = strong_proof(), attestation()


def jit_credential(scope: str) -> Proof:
    """A credential of this scope, made a minute ago and valid for ten."""
    return Proof(ago(60), "jit_credential", expires_at=ago(-540), granted=(scope,))


def approved_rotation(resource: str) -> Proof:
    """An approved task: the rotation of one resource's secret."""
    detail = Detail(type="agent_action", actions=("rotate_secret",), locations=(resource,))
    return Proof(ago(60), "intent_authorization", source="step_up", task=(detail,))


@dataclass(frozen=True)
class FloorCase:
    """A situation in which a floor applies, with the remedy offered first; and situations that are allowed.

    Those of `unconcerned` are look-alikes in which the floor is not relevant; in that of `allowed` it may be satisfied
    or undecided.
    """

    floor: str
    given: str
    applies: Situation
    unconcerned: tuple[Situation, ...] = ()
    allowed: Situation | None = None
    remedy: str = "interactive_mfa"


def high_impact(identity_type: str, category: str, impact: str, **action: object) -> Situation:
    return Situation(identity_type, category, {"action": {"impact": impact} | action})


def exposed(identity_type: str, value: float) -> Situation:
    return Situation(identity_type, "read", features={"credential_exposed": value})


def aged(identity_type: str, kind: str, days: float) -> Situation:
    return Situation(identity_type, "read", {"credential": {"kind": kind}}, {"credential_age_days": days})


def failed(identity_type: str, times: int, **more: Any) -> Situation:
    return Situation(identity_type, "read", session=SessionState(failed_step_ups=times), **more)


FLOOR_CASES = (
    FloorCase(
        "repeated-step-up-failures",
        "step-ups of a person failed five times lately",
        failed("human", 5),
        (failed("human", 4),),
        failed("human", 5, proofs=(MFA,)),
    ),
    FloorCase(
        "admin-console",
        "a person opens an administration console",
        Situation("human", "admin_console"),
        (Situation("human", "read"),),
    ),
    FloorCase(
        "approve-payment",
        "a person approves a payment",
        Situation("human", "approve_payment"),
        (Situation("human", "write"),),
        Situation("human", "approve_payment", proofs=(MFA,)),
    ),
    FloorCase(
        "change-security-setting",
        "a workload changes a security setting",
        Situation("workload", "change_security_setting"),
        (Situation("workload", "write"),),
        remedy="attest_workload_identity",
    ),
    FloorCase(
        "export-sensitive",
        "a person exports confidential data",
        Situation("human", "export", CONFIDENTIAL),
        (Situation("human", "export", INTERNAL),),
    ),
    FloorCase(
        "export-sensitive",
        "a person exports restricted data",
        Situation("human", "export", RESTRICTED),
        allowed=Situation("human", "export", RESTRICTED, proofs=(MFA,)),
    ),
    FloorCase(
        "rotate-secret",
        "a service account rotates a secret",
        Situation("service_account", "rotate_secret"),
        (Situation("service_account", "read"),),
        Situation("service_account", "rotate_secret", proofs=(SVID,)),
        remedy="attest_workload_identity",
    ),
    FloorCase(
        "rotate-secret",
        "a workload holds a credential made for another task",
        Situation("workload", "rotate_secret", VAULT, proofs=(jit_credential("rotate_secret:bucket"),)),
        allowed=Situation("workload", "rotate_secret", VAULT, proofs=(jit_credential("rotate_secret:vault"),)),
        remedy="attest_workload_identity",
    ),
    FloorCase(
        "rotate-secret",
        "an agent's task was approved for another resource",
        Situation("agent", "rotate_secret", VAULT, proofs=(approved_rotation("wiki"),)),
        allowed=Situation("agent", "rotate_secret", VAULT, proofs=(approved_rotation("vault-1"),)),
        remedy="intent_authorization",
    ),
    FloorCase(
        "manage-access",
        "a person changes access rights",
        Situation("human", "manage_access"),
        (Situation("human", "list"),),
    ),
    FloorCase(
        "manage-access",
        "a person assumes a privileged role",
        Situation("human", "assume_privilege"),
        allowed=Situation("human", "assume_privilege", proofs=(MFA,)),
    ),
    FloorCase(
        "manage-access",
        "a workload assumes another role",
        Situation("workload", "assume_privilege"),
        allowed=Situation("workload", "assume_privilege", proofs=(SVID,)),
        remedy="attest_workload_identity",
    ),
    FloorCase(
        "high-impact-workflow",
        "an agent starts a workflow of high impact",
        high_impact("agent", "invoke_workflow", "high"),
        (high_impact("agent", "invoke_workflow", "low"),),
        remedy="intent_authorization",
    ),
    FloorCase(
        "high-impact-workflow",
        "an agent runs code of high impact",
        high_impact("agent", "execute_code", "high"),
        (high_impact("agent", "execute_code", "low"), high_impact("human", "execute_code", "high")),
        remedy="intent_authorization",
    ),
    FloorCase(
        "high-impact-workflow",
        "an agent runs code of high impact that is irreversible",
        high_impact("agent", "execute_code", "high", reversible=False),
        (high_impact("human", "execute_code", "high", reversible=False),),
        remedy="owner_approval",
    ),
    FloorCase(
        "privileged-credential",
        "a privileged credential is used",
        Situation("human", "read", {"credential": {"privileged": True}}),
        (Situation("human", "read", {"credential": {"privileged": False}}),),
    ),
    FloorCase(
        "privileged-credential",
        "an administrator acts in that role",
        Situation("human", "read", {"identity": {"role": "Administrator"}}),
        allowed=Situation("human", "read", {"identity": {"role": "administrative assistant"}}),
    ),
    FloorCase(
        "non-compliant-device",
        "a non-compliant device reads restricted data",
        Situation("human", "read", RESTRICTED | {"device": {"compliant": False}}),
        (
            Situation("human", "read", RESTRICTED | {"device": {"compliant": True}}),
            Situation("human", "read", INTERNAL | {"device": {"compliant": False}}),
        ),
    ),
    FloorCase(
        "exposed-credential",
        "a service account's credential was found in a public place",
        exposed("service_account", 1.0),
        (exposed("service_account", 0.0),),
        remedy="jit_credential",
    ),
    FloorCase(
        "exposed-credential",
        "a workload's credential was found in a public place",
        exposed("workload", 1.0),
        (exposed("workload", 0.0),),
        remedy="jit_credential",
    ),
    FloorCase(
        "over-age-secret",
        "a service account's key is older than 90 days",
        aged("service_account", "access_key", 91.0),
        (aged("service_account", "x509_svid", 91.0),),
        remedy="jit_credential",
    ),
    FloorCase(
        "over-age-secret",
        "a workload's token is older than 90 days",
        aged("workload", "api_token", 91.0),
        (aged("workload", "api_token", 90.0), aged("human", "api_token", 900.0)),
        remedy="jit_credential",
    ),
    FloorCase(
        "environment-mismatch",
        "a development key is used in production",
        Situation("workload", "read", features={"credential_environment_mismatch": 1.0}),
        (Situation("workload", "read", features={"credential_environment_mismatch": 0.0}),),
        remedy="attest_workload_identity",
    ),
    FloorCase(
        "shared-credential",
        "two workloads share one credential",
        Situation("workload", "read", features={"credential_instances_last_hour": 2.0}),
        (
            Situation("workload", "read", features={"credential_instances_last_hour": 1.0}),
            Situation("human", "read", features={"credential_instances_last_hour": 2.0}),
        ),
        remedy="attest_workload_identity",
    ),
    FloorCase(
        "person-on-service-account",
        "a person uses a service account",
        Situation("service_account", "read", features={"person_like_client": 1.0}),
        (
            Situation("service_account", "read", features={"person_like_client": 0.0}),
            Situation("human", "read", features={"person_like_client": 1.0}),
        ),
        remedy="attest_workload_identity",
    ),
    FloorCase(
        "standing-over-privilege",
        "a workload has far more rights than it uses",
        Situation("workload", "write", features={"entitlements_unused_share": 0.95}),
        (Situation("workload", "write", features={"entitlements_unused_share": 0.5}),),
        remedy="jit_credential",
    ),
    FloorCase(
        "standing-over-privilege",
        "an agent has far more rights than it uses",
        Situation("agent", "write", features={"entitlements_unused_share": 0.95}),
        (Situation("agent", "read", features={"entitlements_unused_share": 0.95}),),
        remedy="intent_authorization",
    ),
    FloorCase(
        "outside-intent",
        "an agent that declared only reads deletes",
        Situation("agent", "delete", ANY_READ),
        (Situation("agent", "read", ANY_READ), Situation("workload", "delete", ANY_READ)),
        remedy="intent_authorization",
    ),
    FloorCase(
        "outside-intent",
        "an agent deletes the resource it declared to read",
        Situation("agent", "delete", REPORTS | READ_REPORTS),
        (Situation("agent", "read", REPORTS | READ_REPORTS),),
        remedy="intent_authorization",
    ),
    FloorCase(
        "outside-intent",
        "an agent reads another resource than it declared",
        Situation("agent", "read", PAYROLL | READ_REPORTS),
        allowed=Situation("agent", "read", PAYROLL | FREE_TEXT),
        remedy="intent_authorization",
    ),
    FloorCase(
        "impossible-travel",
        "a person is in two places at once",
        Situation("human", "read", features={"travel_km_per_hour": 1_001.0}),
        (Situation("human", "read", features={"travel_km_per_hour": 900.0}),),
    ),
    FloorCase(
        "bad-network-sensitive-write",
        "confidential data is changed through an anonymiser",
        Situation("human", "write", CONFIDENTIAL | {"network": {"anonymizer": True}}),
        (Situation("human", "read", CONFIDENTIAL | {"network": {"anonymizer": True}}),),
    ),
    FloorCase(
        "bad-network-sensitive-write",
        "restricted data is changed through an anonymiser",
        Situation("human", "write", RESTRICTED | {"network": {"anonymizer": True}}),
        (Situation("human", "write", RESTRICTED | {"network": {"anonymizer": False}}),),
    ),
    FloorCase(
        "bad-network-sensitive-write",
        "restricted data is deleted from an address of bad reputation",
        Situation("human", "delete", RESTRICTED | {"network": {"reputation": 0.8}}),
        (Situation("human", "delete", RESTRICTED | {"network": {"reputation": 0.79}}),),
    ),
)
UNCONCERNED = [(case.floor, situation) for case in FLOOR_CASES for situation in case.unconcerned]
ALLOWED = [(case.given, case.allowed) for case in FLOOR_CASES if case.allowed is not None]


def status_of(floor: str, situation: Situation) -> Status | None:
    """The status of a floor in a situation; None when it is not relevant."""
    return next((result.status for result in situation.decide().floors if result.id == floor), None)


@pytest.mark.parametrize("case", FLOOR_CASES, ids=lambda case: case.given)
def test_a_floor_applies_when_it_should(case: FloorCase) -> None:
    """The request needs proof because of it, and the remedy for this identity type is offered first."""
    decision = case.applies.decide()

    assert status_of(case.floor, case.applies) == "applied"
    assert decision.ruling == "step_up"
    assert f"floor {case.floor}" in decision.because
    assert decision.remedies[0].type == case.remedy


@pytest.mark.parametrize(
    ("floor", "situation"), UNCONCERNED, ids=[f"{floor}-{number}" for number, (floor, _) in enumerate(UNCONCERNED)]
)
def test_a_look_alike_does_not_concern_a_floor(floor: str, situation: Situation) -> None:
    """The floor is not relevant, and the request is allowed."""
    decision = situation.decide()

    assert status_of(floor, situation) is None
    assert decision.ruling == "allow"
    assert decision.because == ()
    assert decision.remedies == ()


@pytest.mark.parametrize("situation", [situation for _, situation in ALLOWED], ids=[given for given, _ in ALLOWED])
def test_a_satisfied_or_undecided_floor_allows_the_request(situation: Situation) -> None:
    """The same request passes with proof, or where the floor cannot tell."""
    decision = situation.decide()

    assert decision.ruling == "allow"
    assert decision.because == ()
    assert decision.remedies == ()


def test_every_floor_is_in_the_table() -> None:
    """A floor added to the policy needs a case in which it applies, and one that does not concern it."""
    floors = {floor.id for floor in POLICY.floors}

    assert {case.floor for case in FLOOR_CASES} == floors
    assert {floor for floor, _ in UNCONCERNED} == floors


UNKNOWN_FACTS: list[tuple[str, str, str, Status]] = [
    ("export-sensitive", "human", "export", "applied"),
    ("high-impact-workflow", "workload", "invoke_workflow", "applied"),
    ("privileged-credential", "human", "read", "undecided"),
    ("exposed-credential", "workload", "read", "undecided"),
    ("person-on-service-account", "workload", "read", "undecided"),
    ("outside-intent", "agent", "read", "undecided"),
    ("impossible-travel", "human", "read", "undecided"),
]


@pytest.mark.parametrize(("floor", "identity_type", "category", "status"), UNKNOWN_FACTS)
def test_an_unknown_fact_applies_an_action_floor_and_leaves_a_signal_floor_undecided(
    floor: str, identity_type: str, category: str, status: Status
) -> None:
    """A privileged action is privileged whatever else is unknown; an unseen signal challenges nobody."""
    assert status_of(floor, Situation(identity_type, category)) == status


def test_an_undecided_floor_asks_for_nothing() -> None:
    """A read with little context is allowed, and the undecided floors are recorded."""
    decision = decide_on(an_event("workload"))

    assert decision.ruling == "allow"
    assert "undecided" in {floor.status for floor in decision.floors}


def test_a_floor_in_shadow_mode_is_recorded_and_asks_for_nothing() -> None:
    """The answer says that it would apply, and the request is allowed."""
    floors = tuple(floor.model_copy(update={"mode": "shadow"}) for floor in POLICY.floors)
    policy = POLICY.model_copy(update={"floors": floors})
    decision = decide_on(an_event("agent", "write"), features={"entitlements_unused_share": 0.95}, policy=policy)
    floor = next(each for each in decision.wire()["floors"] if each["id"] == "standing-over-privilege")

    assert decision.ruling == "allow"
    assert floor["would_apply"] == "applied"


def test_a_floors_sentence_quotes_the_value() -> None:
    """An investigator reads the number that mattered."""
    decision = decide_on(an_event(), features={"travel_km_per_hour": 5000.0})
    sentence = next(floor.sentence for floor in decision.floors if floor.id == "impossible-travel")

    assert "Nobody travels at 5e+03 km/h" in sentence


def test_a_satisfied_floor_is_recorded() -> None:
    """Fresh and sufficient proof satisfies it."""
    decision = decide_on(an_event(category="approve_payment"), proofs=[strong_proof()])

    assert decision.ruling == "allow"
    assert [floor.status for floor in decision.floors if floor.id == "approve-payment"] == ["satisfied"]
