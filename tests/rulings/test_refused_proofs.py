"""Why a proof does not count is said in a sentence: every reason, word for word, and once for each proof."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from support.decisions import DOUBTED, NOW, POLICY, TRUSTED, ago, an_event, decide_on, strong_proof
from support.random_requests import Request, requests

from serving.decision.inputs import Proof, Scope, SessionState
from serving.decision.places.place import Place
from serving.decision.proofs import claimed_proofs

ELSEWHERE = {"network": {"asn": 64_501}, "device": {"id": "d2"}}
SIGN_IN = "The sign-in of 08:59:00 UTC does not count: "
REASONS: list[tuple[str, Proof, dict[str, Any], str]] = [
    (
        "too old",
        strong_proof(301),
        {},
        "The sign-in of 08:54:59 UTC does not count: it is 301 s old, and 5 min are allowed.",
    ),
    (
        "from the future",
        strong_proof(-6),
        {},
        "The sign-in of 09:00:06 UTC does not count: its time lies in the future, further than the 5 s that clocks may "
        "differ.",
    ),
    ("expired", strong_proof(expires_at=NOW), {}, SIGN_IN + "it expired at 09:00:00 UTC."),
    ("another kind", Proof(ago(60), "owner_approval"), {}, "proof of this kind is not accepted here."),
    (
        "given for something else",
        strong_proof(scope=Scope("export", "bucket"), source="step_up"),
        {},
        SIGN_IN + "it was given for export on bucket.",
    ),
    (
        "given for what named nothing",
        strong_proof(scope=Scope(None, None), source="step_up"),
        {"resource": {"type": "role"}},
        SIGN_IN + "it was given for an unknown action on a resource without a type.",
    ),
    (
        "another network",
        strong_proof(source="step_up", place=Place(asn=64_500)),
        ELSEWHERE,
        SIGN_IN + "it was made on network AS64500, and this request comes from network AS64501.",
    ),
    (
        "another device",
        strong_proof(source="step_up", place=Place(device="d1")),
        ELSEWHERE,
        SIGN_IN + "it was made on device d1, and this request comes from device d2.",
    ),
    (
        "weak",
        strong_proof(amr=("pwd",)),
        {},
        SIGN_IN + "it proves AAL1, and AAL2 is needed: two kinds of factor, or mfa.",
    ),
    (
        "can be relayed",
        strong_proof(amr=("pwd", "otp")),
        {"resource": {"sensitivity": "restricted"}},
        SIGN_IN + "none of its factors resists phishing, which is needed here.",
    ),
]


@pytest.mark.parametrize(
    ("proof", "groups", "sentence"), [case[1:] for case in REASONS], ids=[case[0] for case in REASONS]
)
def test_every_reason_has_a_sentence(proof: Proof, groups: dict[str, Any], sentence: str) -> None:
    """In the answer and in the floor that asks."""
    answer = decide_on(an_event(category="manage_access", **groups), proofs=[proof]).wire()

    assert answer["ruling"] == "step_up"
    assert len(answer["refused_proofs"]) == 1
    assert answer["refused_proofs"][0].endswith(sentence)
    assert answer["floors"][0]["sentence"].endswith(answer["refused_proofs"][0])


CHANGES = {
    "asn_changed_in_session": "network",
    "device_changed_in_session": "device",
    "agent_changed_in_session": "client",
}


@pytest.mark.parametrize(("feature", "words"), CHANGES.items())
def test_a_claim_of_a_session_that_moved_is_told_so(feature: str, words: str) -> None:
    """And what settles it; the challenge asks for a proof that is newer than the request."""
    decision = decide_on(an_event(category="manage_access"), proofs=[strong_proof()], features={feature: 1.0})
    expected = f"the session changed its {words}, so only a step-up that is reported to POST /step-ups settles it."

    assert decision.refused_proofs == (SIGN_IN + expected,)
    assert decision.remedies[0].details["max_age_seconds"] == 0


def test_every_change_is_named() -> None:
    """In one sentence."""
    decision = decide_on(
        an_event(category="manage_access"), proofs=[strong_proof()], features=dict.fromkeys(CHANGES, 1.0)
    )

    assert "the session changed its network and device and client, so" in decision.refused_proofs[0]


@pytest.mark.parametrize(
    ("proof", "session", "reason"),
    [
        (strong_proof(), SessionState(), "no request has asked for it; a new one is needed, made after this request."),
        (
            strong_proof(),
            SessionState(challenged_at={"earlier": ago(30)}),
            "it is older than the request of 08:59:30 UTC that asked for a new one.",
        ),
        (
            strong_proof(trust_at_completion=0.9),
            SessionState(challenged_at={"earlier": ago(120)}),
            "trust has fallen too far since it was made; a new one is needed.",
        ),
        (
            strong_proof(601),
            SessionState(challenged_at={"earlier": ago(700)}),
            "it is 601 s old, and 10 min are allowed.",
        ),
    ],
)
def test_what_the_model_asks_says_why_a_proof_does_not_settle_it(
    proof: Proof, session: SessionState, reason: str
) -> None:
    """Where no floor asks."""
    decision = decide_on(an_event(), trust=DOUBTED, proofs=[proof], session=session)

    assert decision.because == ("the model",)
    assert len(decision.refused_proofs) == 1
    assert decision.refused_proofs[0].endswith(f"does not count: {reason}")


MACHINE_REASONS: list[tuple[Proof, str]] = [
    (Proof(ago(3_601), "attest_workload_identity"), "The attestation of 07:59:59 UTC does not count: it is 3601 s old"),
    (
        Proof(ago(60), "jit_credential"),
        "The credential for one task of 08:59:00 UTC does not count: it says no time at",
    ),
    (
        Proof(ago(60), "jit_credential", expires_at=NOW + timedelta(hours=1)),
        "The credential for one task of 08:59:00 UTC does not count: it lives for 61 min, and 15 min are allowed.",
    ),
    (
        Proof(ago(60), "jit_credential", expires_at=NOW + timedelta(minutes=5), granted=("read:*",)),
        "The credential's scope is read:*; it must cover rotate_secret:*.",
    ),
    (Proof(ago(9_000), "refresh_token"), "The refreshed credential of 06:30:00 UTC does not count: it is 150 min old"),
    (
        Proof(ago(9_000), "intent_authorization"),
        "The authorised task of 06:30:00 UTC does not count: it is 150 min old",
    ),
    (
        Proof(ago(60), "owner_approval"),
        "The owner's approval of 08:59:00 UTC does not count: proof of this kind is not",
    ),
]


@pytest.mark.parametrize(("proof", "sentence"), MACHINE_REASONS)
def test_the_proofs_of_machines_have_names(proof: Proof, sentence: str) -> None:
    """And reasons of their own."""
    decision = decide_on(an_event("workload", "rotate_secret"), proofs=[proof])

    assert (
        [each for each in decision.refused_proofs if each.startswith(sentence)] == list(decision.refused_proofs) != []
    )


@pytest.mark.parametrize("claim", [{"amr": ["pwd", "hwk"]}, {"acr": "urn:session-trust:aal3"}, {"aal": 3}])
def test_a_claim_without_a_time_is_told_so(claim: dict[str, Any]) -> None:
    """Its age is unknown."""
    event = an_event(category="manage_access", authentication=claim)
    expected = (
        "The sign-in that the request claims does not count: authentication.time is missing, so its age is unknown."
    )

    assert decide_on(event, proofs=claimed_proofs(event)).refused_proofs == (expected,)
    assert decide_on(an_event(category="manage_access")).refused_proofs == ()


def test_only_the_newest_proofs_are_told() -> None:
    """Three of them, the newest first."""
    proofs = [strong_proof(seconds, amr=("pwd",)) for seconds in (10, 40, 20, 30)]
    sentences = decide_on(an_event(category="manage_access"), proofs=proofs).refused_proofs

    assert [sentence.split()[3] for sentence in sentences] == ["08:59:50", "08:59:40", "08:59:30"]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests())
def test_a_step_up_never_leaves_a_proof_without_a_reason(request: Request) -> None:
    """Whatever asks: of every proof that was given it is said why it does not settle that."""
    decision = request.decide()
    assume(decision.ruling == "step_up")
    told = " ".join(decision.refused_proofs)
    untold = [proof for proof in request.proofs if f" of {proof.made_at:%H:%M:%S} UTC does not count: " not in told]

    assert [proof for proof in untold if proof.kind not in ("jit_credential", "intent_authorization")] == []


def test_an_allow_refuses_nothing() -> None:
    """Nor does a denial ask for another proof."""
    assert decide_on(an_event(), trust=TRUSTED, proofs=[strong_proof(amr=("pwd",))]).refused_proofs == ()
    assert POLICY.step_ups.challenge_seconds == 900
