"""The whole answer, field by field: what callers read has a shape of its own, and nothing of it may drift."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from support.decisions import NOW, POLICY, an_event, decide_on

from features.model.trust_curve import TrustCurve
from serving.decision.inputs import Contribution, Explanation, Proof, SessionState
from serving.decision.proofs import claimed_proofs

EVEN = TrustCurve(0.0, (0.1, 0.2, 0.3, 0.4))
EXPORT = an_event("human", "export", resource={"id": "r", "type": "bucket", "sensitivity": "confidential"})


def test_a_challenge_says_all_it_knows() -> None:
    """Why, how sure, which floor, what would do, and for how long."""
    explanation = Explanation(-3.0, 0.0, (Contribution("hour_rarity", math.nan, 3.0, "It is not known when."),))
    decision = replace(
        decide_on(EXPORT, trust=EVEN, session=SessionState(valid_until=NOW + timedelta(seconds=9))),
        explanation=explanation,
    )
    answer = decision.wire()
    applied = [floor for floor in answer.pop("floors") if floor["status"] == "applied"]
    points = answer["trust"].pop("curve")

    assert applied == [
        {
            "id": "export-sensitive",
            "status": "applied",
            "sentence": "Exporting data of sensitivity confidential needs a fresh proof of who asks.",
            "requires": next(f for f in POLICY.floors if f.id == "export-sensitive").requires.model_dump(mode="json"),
            "references": ["NIST CSF 2.0 PR.AA-03", "NIST CSF 2.0 PR.AA-05"],
        }
    ]
    assert [point["after_seconds"] for point in points] == [0, 300, 1_800, 7_200, 28_800]
    assert [point["trust"] for point in points] == pytest.approx([0.5, 0.45, 0.36, 0.252, 0.1512])
    assert answer == {
        "decision_id": "decision",
        "ruling": "step_up",
        "because": ["the model", "floor export-sensitive"],
        "degraded": None,
        "trust": {"now": 0.5, "hazard_per_hour": EVEN.hazard_per_hour, "valid_until": "2026-03-02T09:00:09+00:00"},
        "model_asks": "step_up",
        "model_would_ask": None,
        "threshold": 0.6,
        "remedies": [
            {
                "type": "interactive_mfa",
                "acr_values": ["urn:session-trust:aal2", "urn:session-trust:aal3"],
                "amr_values": ["hwk", "pop", "sc", "swk", "otp", "mfa"],
                "max_age_seconds": 300,
                "sentence": "Sign in again with a second factor, within the next 5 minutes.",
            }
        ],
        "session": {"action": "keep", "lifetime_seconds": None, "limited_by": None},
        "explanation": {
            "base": -3.0,
            "margin": 0.0,
            "contributions": [
                {
                    "feature": "hour_rarity",
                    "value": None,
                    "contribution": 3.0,
                    "sentence": "It is not known when.",
                }
            ],
        },
        "context": {"known": 19, "of": 24, "thin": False},
        "challenge": (
            'Bearer error="insufficient_user_authentication", '
            'error_description="A different authentication level is required", '
            'acr_values="urn:session-trust:aal2 urn:session-trust:aal3", max_age="300"'
        ),
        "cache_seconds": 0,
        "findings": [],
        "prompt_avoided": False,
        "enforceable": True,
        "versions": {"model": "7", "policy": POLICY.digest, "features": "sha256:test"},
    }


def test_an_allow_says_for_how_long() -> None:
    """A lifetime and what limits it; nothing is asked, and a look at something harmless may be reused."""
    look = an_event(resource={"sensitivity": "internal"})
    answer = decide_on(look, trust=TrustCurve(-4.0, (0.01, 0.02, 0.03, 0.04))).wire()

    assert (answer["ruling"], answer["remedies"], answer["challenge"]) == ("allow", [], None)
    assert answer["session"] == {"action": "keep", "lifetime_seconds": 300, "limited_by": "trust"}
    assert answer["trust"]["valid_until"] == "2026-03-02T09:05:00+00:00"
    assert answer["cache_seconds"] == POLICY.cache_seconds > 0


def test_a_value_that_is_known_stays_one() -> None:
    """Only what is not known is null."""
    explanation = Explanation(0.0, 1.0, (Contribution("hour_rarity", 0.25, 1.0, "An hour seldom seen."),))

    assert (
        replace(decide_on(EXPORT), explanation=explanation).wire()["explanation"]["contributions"][0]["value"] == 0.25
    )


def test_without_a_model_nothing_is_said_of_trust() -> None:
    """Unknown is null, and the answer says what is missing."""
    answer = decide_on(EXPORT, trust=None).wire()

    assert (answer["trust"], answer["explanation"], answer["model_asks"]) == (None, None, None)
    assert answer["degraded"] == "the model gave no trust"


def test_a_watched_floor_says_what_it_would_do() -> None:
    """`would_apply` instead of `status`, so that nobody takes it for a demand."""
    watched = POLICY.model_copy(
        update={"floors": tuple(f.model_copy(update={"mode": "shadow"}) for f in POLICY.floors)}
    )
    floor = decide_on(EXPORT, policy=watched).wire()["floors"][0]

    assert floor["would_apply"] == "applied" and "status" not in floor


def test_what_an_event_claims_is_read_as_proof_of_its_kind() -> None:
    """Sign-in, attestation and a credential for one task, each with its own time; what is not said is no proof."""
    said = {"time": NOW, "acr": "urn:session-trust:aal2", "amr": ["pwd", "otp"], "aal": 2}
    later, until = NOW + timedelta(seconds=1), NOW + timedelta(minutes=5)
    jit = {"kind": "jit_credential", "issued_at": later, "expires_at": until, "attested_at": until}
    jit |= {"scope": ["read:bucket", "list:*"]}
    event = an_event("workload", authentication=said, credential=jit, network={"asn": 5}, device={"id": "d"})

    sign_in, attested, for_one_task = claimed_proofs(event)
    assert sign_in == Proof(NOW, "authentication", "urn:session-trust:aal2", ("pwd", "otp"), 2)
    assert attested == Proof(until, "attestation")
    assert for_one_task == Proof(later, "jit_credential", expires_at=until, granted=("read:bucket", "list:*"))
    assert claimed_proofs(an_event("workload", credential={"kind": "api_token", "issued_at": NOW})) == ()
    assert claimed_proofs(an_event("workload", credential={"kind": "jit_credential", "expires_at": until})) == ()
    unscoped = claimed_proofs(an_event("workload", credential={"kind": "jit_credential", "issued_at": later}))
    assert unscoped == (Proof(later, "jit_credential", granted=()),)
    assert claimed_proofs(an_event(authentication={"time": NOW})) == (Proof(NOW, "authentication"),)
