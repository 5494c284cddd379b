"""What is offered is what would do, and nothing that a thief can do as well does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from support.judging import DOUBTED, NOW, POLICY, TRUSTED, ago, an_event, judged, strong_proof
from support.random_requests import Request, requests

from features.event.schema import Event
from features.model.trust_curve import TrustCurve
from serving.decision import authorization_details
from serving.decision.decide import Decision, Proof, Scope, SessionState
from serving.decision.proofs import claimed
from serving.decision.remedies import Remedy
from serving.decision.ruling import NO_REMEDY
from serving.policy.rules import PROVES
from serving.policy.schema import ProofKind

LOW = TrustCurve(0.2, (0.0,) * 4)
"""A trust below which only what cannot be relayed counts."""
ASKED = SessionState(challenged_at={"earlier": ago(120)})
IRREVERSIBLE: dict[str, Any] = {"action": {"reversible": False}}
FOR_A_SETTING = (
    authorization_details.declared('[{"type": "agent_action", "actions": ["change_security_setting"]}]') or ()
)
many = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def made(kind: ProofKind, **changes: Any) -> Proof:
    """A proof of a kind, made a minute ago in answer to an earlier decision."""
    lives = {"expires_at": NOW + timedelta(minutes=8)}
    given: dict[str, Any] = {"made_at": ago(60), "kind": kind, "source": "step_up", "decision_id": "earlier"} | lives
    return Proof(**(given | changes))


def offered(decision: Decision) -> list[str]:
    return [remedy.type for remedy in decision.remedies]


# a: what cannot be undone -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["intent", "refresh", "attestation", "jit_credential"])
@pytest.mark.parametrize("trust", [DOUBTED, TRUSTED])
def test_an_agent_cannot_undo_by_its_own_word(kind: ProofKind, trust: TrustCurve) -> None:
    """An irreversible action of an agent needs its owner: no proof the agent makes itself is enough."""
    event = an_event("agent", "change_security_setting", **IRREVERSIBLE)
    decision = judged(event, trust=trust, proofs=[made(kind)], standing=ASKED)

    assert (decision.ruling, offered(decision)) == ("step_up", ["owner_approval"])


def test_the_owners_approval_lets_an_irreversible_action_through() -> None:
    """That, and what can be undone by intent as before."""
    cases: list[tuple[bool, ProofKind]] = [(False, "owner_approval"), (True, "intent")]
    answers = [
        judged(
            an_event("agent", "change_security_setting", action={"reversible": reversible}),
            proofs=[made(kind, task=FOR_A_SETTING)],
            standing=ASKED,
        ).ruling
        for reversible, kind in cases
    ]

    assert answers == ["allow", "allow"]


def test_who_else_needs_an_owner_is_the_policys_to_say() -> None:
    """The same rule for workloads, by data alone."""
    rules = (*POLICY.remedies["workload"], *(r for r in POLICY.remedies["agent"] if r.type == "owner_approval"))
    policy = POLICY.model_copy(
        update={
            "remedies": {**POLICY.remedies, "workload": rules},
            "irreversible_needs": {"workload": ("owner_approval",)},
        }
    )
    event = an_event("workload", "rotate_secret", **IRREVERSIBLE)

    assert [judged(event, policy=p, proofs=[made("attestation")]).ruling for p in (POLICY, policy)] == [
        "allow",
        "step_up",
    ]


# b: every remedy offered would do -----------------------------------------------------------------------------------


def performed(remedy: Remedy, event: Event) -> Iterator[Proof]:
    """Each way to do as a remedy says, a few seconds after it was asked for."""
    at, lives = NOW + timedelta(seconds=5), remedy.details.get("ttl_seconds", 600)
    proof = Proof(
        at,
        PROVES[remedy.type],
        scope=Scope(event.action.category, event.resource.type),
        expires_at=at + timedelta(seconds=lives),
        decision_id="decision",
        source="step_up",
        network_asn=event.network.asn,
        device_id=event.device.id,
        granted=tuple(remedy.details.get("scope", ())),
        task=authorization_details.declared(json.dumps(remedy.details.get("authorization_details", []))) or (),
    )
    if remedy.type != "interactive_mfa":
        yield proof
        return
    for method, acr in product(remedy.details["amr_values"], (None, *remedy.details["acr_values"])):
        yield replace(proof, amr=("pwd", method), acr=acr)
    for acr in remedy.details["acr_values"]:
        yield replace(proof, acr=acr)


@many
@given(requests())
def test_every_remedy_offered_turns_the_request_into_an_allow(request: Request) -> None:
    """Done as asked, by any of the ways it names, the very same request is allowed."""
    asked = request.ruled()
    assume(asked.ruling == "step_up")
    standing = replace(request.standing, challenged_at={**request.standing.challenged_at, "decision": NOW})
    trust = asked.trust.now if asked.trust else None
    done = [
        replace(p, trust_at_completion=trust) for remedy in asked.remedies for p in performed(remedy, request.event)
    ]
    later = NOW + timedelta(seconds=10)
    in_vain = [
        proof
        for proof in done
        if request.ruled(standing=standing, proofs=(*request.proofs, proof), at=later).ruling != "allow"
    ]

    assert done and in_vain == []


@many
@given(requests())
def test_the_shipped_policy_leaves_nobody_without_a_remedy(request: Request) -> None:
    """Whatever asks at once, there is one thing that settles it."""
    assert NO_REMEDY not in request.ruled().because


def test_a_leaked_credential_is_replaced_and_not_attested() -> None:
    """Only what the floor takes is offered."""
    decision = judged(an_event("workload"), features={"credential_exposed": 1.0})

    assert offered(decision) == ["jit_credential"]


def test_in_a_storm_what_would_not_do_is_still_not_offered() -> None:
    """A leaked credential is replaced, however often it is asked."""
    storm = SessionState(prompts_in_window=9)
    decision = judged(an_event("workload"), features={"credential_exposed": 1.0}, standing=storm)

    assert offered(decision) == ["jit_credential"]


def test_where_nothing_would_do_the_answer_is_no() -> None:
    """A step-up that nobody can answer is a denial, and says so."""
    floor = POLICY.floors[0].model_copy(
        update={"requires": POLICY.floors[0].requires.model_copy(update={"accepts": ("owner_approval",)})}
    )
    decision = judged(an_event("workload", "admin_console"), policy=POLICY.model_copy(update={"floors": (floor,)}))

    assert (decision.ruling, decision.because, decision.remedies) == ("deny", (NO_REMEDY,), ())


# c, d: strength -----------------------------------------------------------------------------------------------------


def test_a_code_satisfies_no_floor_at_low_trust() -> None:
    """Where trust is low the thief may read the codes: the floor still applies, and a key satisfies it."""
    event = an_event(category="approve_payment")
    statuses = [
        next(
            floor.status
            for floor in judged(event, trust=LOW, threshold=0.3, proofs=[strong_proof(amr=amr)]).floors
            if floor.id == "approve-payment"
        )
        for amr in (("pwd", "otp"), ("pwd", "hwk"))
    ]

    assert statuses == ["applied", "satisfied"]


@pytest.mark.parametrize(
    ("groups", "trust"),
    [({"resource": {"sensitivity": "restricted"}}, TRUSTED), ({}, LOW)],
    ids=["restricted", "low trust"],
)
def test_a_challenge_names_only_acr_values_that_do(groups: dict[str, Any], trust: TrustCurve) -> None:
    """Where only what cannot be relayed counts, AAL2 is not named."""
    challenge = judged(an_event(category="export", **groups), trust=trust).wire()["challenge"]

    assert 'acr_values="urn:session-trust:aal3"' in challenge


# e: acr without amr -------------------------------------------------------------------------------------------------

WORTH: list[tuple[dict[str, Any], str, str]] = [
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


@pytest.mark.parametrize(("said", "internal", "restricted"), WORTH, ids=[str(said) for said, *_ in WORTH])
def test_what_an_acr_is_worth(said: dict[str, Any], internal: str, restricted: str) -> None:
    """By the policy's map where no factors are named, bounded by them where they are; never more than any of both."""
    events = [
        an_event(category="manage_access", resource={"sensitivity": s}, authentication={"time": ago(60)} | said)
        for s in ("internal", "restricted")
    ]

    assert [judged(event, proofs=claimed(event)).ruling for event in events] == [internal, restricted]


# f: the end of an assurance level -----------------------------------------------------------------------------------

H = 3_600
PAST: list[tuple[int | None, float, float | None, str]] = [
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


@pytest.mark.parametrize(("aal", "authenticated", "seen", "ruling"), PAST)
def test_past_its_levels_limits_a_session_is_authenticated_again(
    aal: int | None, authenticated: float, seen: float | None, ruling: str
) -> None:
    """However well it is trusted; activity nobody knows of limits nothing."""
    event = an_event(authentication={"aal": aal, "time": ago(authenticated)})
    decision = judged(event, standing=SessionState(last_seen=ago(seen) if seen else None))

    assert decision.ruling == ruling and (ruling == "allow" or "authenticated again" in decision.because[0])


def test_only_a_proof_of_its_own_level_renews_a_session() -> None:
    """After AAL3 has ended, a code does not bring it back; a key does."""
    event = an_event(authentication={"aal": 3, "time": ago(13 * H)})
    weak, strong = (
        judged(event, proofs=[made("authentication", amr=("pwd", method))], standing=ASKED) for method in ("otp", "hwk")
    )

    assert (weak.ruling, strong.ruling, judged(event).remedies[0].details["acr_values"]) == (
        "step_up",
        "allow",
        ["urn:session-trust:aal3"],
    )


def test_a_machine_has_no_assurance_level_to_lose() -> None:
    """The limits are a person's."""
    assert judged(an_event("workload", authentication={"aal": 3, "time": ago(20 * H)})).ruling == "allow"


def test_an_active_session_may_be_left_alone_for_so_long() -> None:
    """The lifetime of an allow ends with inactivity at its level."""
    lifetime = judged(an_event(authentication={"aal": 2, "time": ago(60)})).lifetime

    assert lifetime is not None and (lifetime.seconds, lifetime.limited_by) == (H, "inactivity")


# g: what a thief can do as well -------------------------------------------------------------------------------------


@pytest.mark.parametrize("features", [{}, {"credential_exposed": 1.0}])
def test_refreshing_a_doubted_session_proves_nothing(features: dict[str, float]) -> None:
    """Whoever stole the credential can exchange it: neither offered nor taken where the model doubts, or it leaked."""
    trust = TRUSTED if features else DOUBTED
    event = an_event("workload", "rotate_secret")
    decision = judged(event, trust=trust, features=features, proofs=[made("refresh")], standing=ASKED)

    assert (decision.ruling, "refresh_token" in offered(decision)) == ("step_up", False)


def test_refreshing_a_trusted_session_does() -> None:
    """An over-age secret of a workload nobody doubts is settled by a new one."""
    event = an_event("workload", credential={"kind": "api_token"})
    old = {"credential_age_days": 400.0}

    assert (judged(event, features=old).ruling, judged(event, features=old, proofs=[made("refresh")]).ruling) == (
        "step_up",
        "allow",
    )


@pytest.mark.parametrize("expires_at", [None, NOW + timedelta(days=365)])
def test_a_credential_for_one_task_ends_soon(expires_at: Any) -> None:
    """What lives for a year, or for ever, is a secret under another name."""
    proof = made("jit_credential", expires_at=expires_at)

    assert judged(an_event("workload", "rotate_secret"), proofs=[proof]).ruling == "step_up"


# i: what could not be told ------------------------------------------------------------------------------------------


def test_an_undecided_floor_says_what_is_missing() -> None:
    """Never as a fact: nobody reads that a credential leaked where nobody knows."""
    said = {
        floor.id: floor.sentence for floor in judged(an_event(category="write")).floors if floor.status == "undecided"
    }

    assert said["exposed-credential"] == (
        "It could not be told whether this applies: credential_exposed is not known."
    ) and all(sentence.startswith("It could not be told") for sentence in said.values())
