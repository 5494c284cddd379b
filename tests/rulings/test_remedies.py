"""A remedy that is offered settles the request, and a proof that an attacker could give as well does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from support.decisions import DOUBTED, NOW, POLICY, TRUSTED, ago, an_event, decide_on, strong_proof
from support.random_requests import Request, requests

from features.event.schema import Event
from features.model.trust_curve import TrustCurve
from serving.decision import authorization_details
from serving.decision.decision import Decision
from serving.decision.inputs import Proof, Scope, SessionState
from serving.decision.places.place import place_of, request_name
from serving.decision.proofs import claimed_proofs
from serving.decision.remedies import Remedy
from serving.decision.ruling import NO_REMEDY
from serving.policy.schema import ProofKind

LOW = TrustCurve(0.2, (0.0,) * 4)
"""A trust at which only phishing-resistant proof counts."""
ASKED = SessionState(challenged_at={"earlier": ago(120)})
IRREVERSIBLE: dict[str, Any] = {"action": {"reversible": False}}
SETTING_TASK = (
    authorization_details.parse_intent('[{"type": "agent_action", "actions": ["change_security_setting"]}]') or ()
)
many = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def a_proof(kind: ProofKind, **changes: Any) -> Proof:
    """A proof of a kind, made a minute ago in answer to an earlier challenge."""
    values: dict[str, Any] = {
        "made_at": ago(60),
        "kind": kind,
        "source": "step_up",
        "decision_id": "earlier",
        "expires_at": NOW + timedelta(minutes=8),
    }
    return Proof(**(values | changes))


def remedy_types(decision: Decision) -> list[str]:
    return [remedy.type for remedy in decision.remedies]


# irreversible actions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["intent_authorization", "refresh_token", "attest_workload_identity", "jit_credential"]
)
@pytest.mark.parametrize("trust", [DOUBTED, TRUSTED])
def test_an_agents_irreversible_action_needs_owner_approval(kind: ProofKind, trust: TrustCurve) -> None:
    """No proof that the agent makes itself is enough."""
    event = an_event("agent", "change_security_setting", **IRREVERSIBLE)
    decision = decide_on(event, trust=trust, proofs=[a_proof(kind)], session=ASKED)

    assert decision.ruling == "step_up"
    assert remedy_types(decision) == ["owner_approval"]


@pytest.mark.parametrize(("reversible", "kind"), [(False, "owner_approval"), (True, "intent_authorization")])
def test_owner_approval_allows_an_irreversible_action(reversible: bool, kind: ProofKind) -> None:
    """For a reversible action, an authorised intent is enough."""
    event = an_event("agent", "change_security_setting", action={"reversible": reversible})

    assert decide_on(event, proofs=[a_proof(kind, task=SETTING_TASK)], session=ASKED).ruling == "allow"


def test_the_policy_says_which_identities_need_owner_approval() -> None:
    """Workloads need it once the policy says so."""
    rules = (*POLICY.remedies["workload"], *(r for r in POLICY.remedies["agent"] if r.type == "owner_approval"))
    policy = POLICY.model_copy(
        update={
            "remedies": {**POLICY.remedies, "workload": rules},
            "irreversible_needs": {"workload": ("owner_approval",)},
        }
    )
    event = an_event("workload", "rotate_secret", **IRREVERSIBLE)

    assert decide_on(event, policy=POLICY, proofs=[a_proof("attest_workload_identity")]).ruling == "allow"
    assert decide_on(event, policy=policy, proofs=[a_proof("attest_workload_identity")]).ruling == "step_up"


# every remedy settles the request ------------------------------------------------------------------------------------


def resulting_proofs(remedy: Remedy, event: Event) -> Iterator[Proof]:
    """The proofs of each way to carry out a remedy, five seconds after the challenge."""
    made_at, ttl_seconds = NOW + timedelta(seconds=5), remedy.details.get("ttl_seconds", 600)
    proof = Proof(
        made_at,
        remedy.type,
        scope=Scope(event.action.category, event.resource.type),
        expires_at=made_at + timedelta(seconds=ttl_seconds),
        decision_id="decision",
        source="step_up",
        place=place_of(event),
        request=request_name(event),
        granted=tuple(remedy.details.get("scope", ())),
        task=authorization_details.parse_intent(json.dumps(remedy.details.get("authorization_details", []))) or (),
    )
    if remedy.type != "interactive_mfa":
        yield proof
        return
    combinations = [*([value] for value in remedy.details["amr_values"]), *remedy.details["amr_combinations"]]
    for amr, acr in product(combinations, (None, *remedy.details["acr_values"])):
        yield replace(proof, amr=tuple(amr), acr=acr)
    for acr in remedy.details["acr_values"]:
        yield replace(proof, acr=acr)


@many
@given(requests())
def test_every_remedy_offered_turns_the_request_into_an_allow(request: Request) -> None:
    """Carried out in any of the ways it names, it makes the same request an allow."""
    challenge = request.decide()
    assume(challenge.ruling == "step_up")
    session = replace(request.session, challenged_at={**request.session.challenged_at, "decision": NOW})
    trust = challenge.trust.now if challenge.trust else None
    proofs = [
        replace(proof, trust_at_completion=trust)
        for remedy in challenge.remedies
        for proof in resulting_proofs(remedy, request.event)
    ]
    later = NOW + timedelta(seconds=10)
    insufficient = [
        proof
        for proof in proofs
        if request.decide(session=session, proofs=(*request.proofs, proof), at=later).ruling != "allow"
    ]

    assert proofs
    assert insufficient == []


@many
@given(requests())
def test_the_built_in_policy_always_offers_a_remedy(request: Request) -> None:
    """Whatever rules ask at once, one remedy settles them all."""
    assert NO_REMEDY not in request.decide().because


def test_an_exposed_credential_must_be_replaced() -> None:
    """Only the remedy that the floor accepts is offered."""
    decision = decide_on(an_event("workload"), features={"credential_exposed": 1.0})

    assert remedy_types(decision) == ["jit_credential"]


def test_an_exposed_credential_must_be_replaced_in_a_storm_too() -> None:
    """However often the identity was asked."""
    storm = SessionState(prompts_in_window=9)
    decision = decide_on(an_event("workload"), features={"credential_exposed": 1.0}, session=storm)

    assert remedy_types(decision) == ["jit_credential"]


def test_a_step_up_without_a_remedy_is_denied() -> None:
    """The decision says so."""
    floor = POLICY.floors[0].model_copy(
        update={"requires": POLICY.floors[0].requires.model_copy(update={"accepts": ("owner_approval",)})}
    )
    decision = decide_on(an_event("workload", "admin_console"), policy=POLICY.model_copy(update={"floors": (floor,)}))

    assert decision.ruling == "deny"
    assert decision.because == (NO_REMEDY,)
    assert decision.remedies == ()


# strength ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("factor", "status"), [("otp", "applied"), ("hwk", "satisfied")])
def test_a_one_time_code_satisfies_no_floor_at_low_trust(factor: str, status: str) -> None:
    """An attacker may read codes; a hardware key satisfies the floor."""
    event = an_event(category="approve_payment")
    decision = decide_on(event, trust=LOW, threshold=0.3, proofs=[strong_proof(amr=("pwd", factor))])

    assert [floor.status for floor in decision.floors if floor.id == "approve-payment"] == [status]


@pytest.mark.parametrize(
    ("groups", "trust"),
    [({"resource": {"sensitivity": "restricted"}}, TRUSTED), ({}, LOW)],
    ids=["restricted", "low trust"],
)
def test_a_challenge_names_only_sufficient_acr_values(groups: dict[str, Any], trust: TrustCurve) -> None:
    """AAL2 is not named when only phishing-resistant proof counts."""
    challenge = decide_on(an_event(category="export", **groups), trust=trust).wire()["challenge"]

    assert 'acr_values="urn:session-trust:aal3"' in challenge


# acr without amr -----------------------------------------------------------------------------------------------------

ACR_CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"acr": "urn:session-trust:aal2"}, "allow", "step_up"),
    ({"acr": "urn:session-trust:aal3"}, "allow", "allow"),
    ({"acr": "urn:session-trust:aal1"}, "step_up", "step_up"),
    ({"acr": "urn:of:somebody:else"}, "step_up", "step_up"),
    ({"aal": 2}, "allow", "step_up"),
    ({"aal": 3}, "allow", "step_up"),
    ({"acr": "urn:session-trust:aal3", "aal": 1}, "step_up", "step_up"),
    ({"acr": "urn:session-trust:aal3", "amr": ["pwd"]}, "step_up", "step_up"),
    ({"acr": "urn:session-trust:aal3", "amr": ["pwd", "otp"]}, "allow", "step_up"),
    ({"acr": "urn:session-trust:aal1", "amr": ["hwk"]}, "step_up", "step_up"),
    ({"acr": "urn:session-trust:aal3", "amr": ["rba"]}, "step_up", "step_up"),
    ({}, "step_up", "step_up"),
]


@pytest.mark.parametrize(("claim", "internal", "restricted"), ACR_CASES, ids=[str(claim) for claim, *_ in ACR_CASES])
def test_the_strength_of_an_acr(claim: dict[str, Any], internal: str, restricted: str) -> None:
    """It follows the policy's map when no factors are named; the factors limit it when they are."""
    events = [
        an_event(category="manage_access", resource={"sensitivity": s}, authentication={"time": ago(60)} | claim)
        for s in ("internal", "restricted")
    ]

    assert [decide_on(event, proofs=claimed_proofs(event)).ruling for event in events] == [internal, restricted]


# session limits of an assurance level --------------------------------------------------------------------------------

H = 3_600
LIMIT_CASES: list[tuple[int | None, float, float | None, str]] = [
    (3, 12 * H - 1, None, "allow"),
    (3, 12 * H, None, "step_up"),
    (2, 13 * H, None, "allow"),
    (2, 24 * H, None, "step_up"),
    (1, 25 * H, None, "allow"),
    (1, 30 * 24 * H, None, "step_up"),
    (None, 25 * H, None, "allow"),
    (3, 2 * H, 14 * 60, "allow"),
    (3, 2 * H, 15 * 60, "step_up"),
    (2, 2 * H, 59 * 60, "allow"),
    (2, 2 * H, 60 * 60, "step_up"),
    (1, 2 * H, 2 * H, "allow"),
    (3, 60, 2 * H, "allow"),
]


@pytest.mark.parametrize(("aal", "authenticated_ago", "seen_ago", "ruling"), LIMIT_CASES)
def test_a_session_past_a_limit_of_its_level_must_authenticate_again(
    aal: int | None, authenticated_ago: float, seen_ago: float | None, ruling: str
) -> None:
    """Whatever its trust; unknown activity limits nothing."""
    event = an_event(authentication={"aal": aal, "time": ago(authenticated_ago)})
    decision = decide_on(event, session=SessionState(last_seen=ago(seen_ago) if seen_ago else None))

    assert decision.ruling == ruling
    assert ruling == "allow" or "authenticated again" in decision.because[0]


def test_only_a_proof_of_its_level_renews_a_session() -> None:
    """After an AAL3 session has ended, a code does not renew it; a hardware key does."""
    event = an_event(authentication={"aal": 3, "time": ago(13 * H)})
    weak, strong = (
        decide_on(event, proofs=[a_proof("interactive_mfa", amr=("pwd", method))], session=ASKED)
        for method in ("otp", "hwk")
    )

    assert weak.ruling == "step_up"
    assert strong.ruling == "allow"
    assert decide_on(event).remedies[0].details["acr_values"] == ["urn:session-trust:aal3"]


def test_session_limits_do_not_hold_for_machines() -> None:
    """Only people sign in again."""
    assert decide_on(an_event("workload", authentication={"aal": 3, "time": ago(20 * H)})).ruling == "allow"


def test_the_lifetime_of_an_allow_ends_with_inactivity() -> None:
    """At AAL2 after an hour."""
    lifetime = decide_on(an_event(authentication={"aal": 2, "time": ago(60)})).lifetime

    assert lifetime is not None
    assert lifetime.seconds == H
    assert lifetime.limited_by == "inactivity"


# proofs that an attacker could give ----------------------------------------------------------------------------------


@pytest.mark.parametrize("features", [{}, {"credential_exposed": 1.0}])
def test_refreshing_a_doubted_session_proves_nothing(features: dict[str, float]) -> None:
    """An attacker can exchange a stolen credential: a refresh is neither offered nor accepted."""
    trust = TRUSTED if features else DOUBTED
    event = an_event("workload", "rotate_secret")
    decision = decide_on(event, trust=trust, features=features, proofs=[a_proof("refresh_token")], session=ASKED)

    assert decision.ruling == "step_up"
    assert "refresh_token" not in remedy_types(decision)


def test_refreshing_a_trusted_session_is_a_proof() -> None:
    """A new secret settles an over-age one in a session that is not doubted."""
    event = an_event("workload", credential={"kind": "api_token"})
    old = {"credential_age_days": 400.0}

    assert decide_on(event, features=old).ruling == "step_up"
    assert decide_on(event, features=old, proofs=[a_proof("refresh_token")]).ruling == "allow"


@pytest.mark.parametrize("expires_at", [None, NOW + timedelta(days=365)])
def test_a_credential_for_one_task_must_expire_soon(expires_at: Any) -> None:
    """One that lasts for a year, or without end, does not count."""
    proof = a_proof("jit_credential", expires_at=expires_at)

    assert decide_on(an_event("workload", "rotate_secret"), proofs=[proof]).ruling == "step_up"


# undecided floors ----------------------------------------------------------------------------------------------------


def test_an_undecided_floor_says_what_is_missing() -> None:
    """It never states the unknown as a fact, such as that a credential leaked."""
    sentences = {
        floor.id: floor.sentence
        for floor in decide_on(an_event(category="write")).floors
        if floor.status == "undecided"
    }

    assert sentences["exposed-credential"] == (
        "It could not be told whether this applies: credential_exposed is not known."
    )
    assert all(sentence.startswith("It could not be told") for sentence in sentences.values())
