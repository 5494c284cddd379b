"""The answer, field by field: its shape is a contract with callers, and must not change."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.decisions import NOW, POLICY, an_event, decide_on

from features.model.trust_curve import TrustCurve
from serving.decision.inputs import Contribution, Explanation, Proof, SessionState
from serving.decision.proofs import claimed_proofs

EVEN_ODDS = TrustCurve(0.0, (0.1, 0.2, 0.3, 0.4))
EXPORT = an_event("human", "export", resource={"id": "r", "type": "bucket", "sensitivity": "confidential"})


def test_a_challenge_has_every_field() -> None:
    """Reasons, trust, floors, remedies, explanation and versions."""
    explanation = Explanation(-3.0, 0.0, (Contribution("hour_rarity", math.nan, 3.0, "It is unknown when."),))
    decision = replace(
        decide_on(EXPORT, trust=EVEN_ODDS, session=SessionState(valid_until=NOW + timedelta(seconds=9))),
        explanation=explanation,
    )
    answer = decision.wire()
    applied = [floor for floor in answer.pop("floors") if floor["status"] == "applied"]
    points = answer["trust"].pop("curve")

    assert applied == [
        {
            "id": "export-sensitive",
            "status": "applied",
            "would_apply": None,
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
        "trust": {
            "now": 0.5,
            "counted": 0.5,
            "lowest": None,
            "hazard_per_hour": EVEN_ODDS.hazard_per_hour,
            "valid_until": "2026-03-02T09:00:09+00:00",
        },
        "model_asks": "step_up",
        "model_would_ask": None,
        "threshold": 0.6,
        "action": None,
        "remedies": [
            {
                "type": "interactive_mfa",
                "acr_values": ["urn:session-trust:aal2", "urn:session-trust:aal3"],
                "amr_values": ["mfa"],
                "amr_combinations": [["pwd", value] for value in ("otp", "swk", "hwk", "pop", "sc")],
                "max_age_seconds": 0,
                "body": None,
                "sentence": "Sign in again with a second factor, now. Send session.id as well: a step-up elevates a "
                "session, and this request names none.",
            }
        ],
        "refused_proofs": [],
        "challenge_expires_at": "2026-03-02T09:15:00+00:00",
        "session": {"action": "keep", "lifetime_seconds": None, "limited_by": None},
        "explanation": {
            "base": -3.0,
            "margin": 0.0,
            "contributions": [
                {
                    "feature": "hour_rarity",
                    "value": None,
                    "contribution": 3.0,
                    "sentence": "It is unknown when.",
                }
            ],
        },
        "context": {"known": 19, "of": 24, "thin": False},
        "challenge": (
            'Bearer error="insufficient_user_authentication", '
            'error_description="A different authentication level is required", '
            'acr_values="urn:session-trust:aal2 urn:session-trust:aal3", max_age="0"'
        ),
        "retry_after_seconds": None,
        "cache_seconds": 0,
        "findings": [],
        "prompt_avoided": False,
        "enforceable": True,
        "versions": {
            "model": "7",
            "policy": POLICY.digest,
            "features": "sha256:test",
            "catalogues": None,
            "population": None,
        },
    }


def test_an_allow_says_for_how_long() -> None:
    """The lifetime and what limits it; a harmless view may be cached."""
    view = an_event(resource={"sensitivity": "internal"})
    answer = decide_on(view, trust=TrustCurve(-4.0, (0.01, 0.02, 0.03, 0.04))).wire()

    assert answer["ruling"] == "allow"
    assert answer["remedies"] == []
    assert answer["challenge"] is None
    assert answer["session"] == {"action": "keep", "lifetime_seconds": 300, "limited_by": "trust"}
    assert answer["trust"]["valid_until"] == "2026-03-02T09:05:00+00:00"
    assert answer["cache_seconds"] == POLICY.cache_seconds > 0


def test_a_known_value_is_shown_in_the_explanation() -> None:
    """Only an unknown value is null."""
    explanation = Explanation(0.0, 1.0, (Contribution("hour_rarity", 0.25, 1.0, "An hour seldom seen."),))

    answer = replace(decide_on(EXPORT), explanation=explanation).wire()

    assert answer["explanation"]["contributions"][0]["value"] == 0.25


def test_without_a_model_trust_and_explanation_are_null() -> None:
    """The answer says what is missing."""
    answer = decide_on(EXPORT, trust=None).wire()

    assert answer["trust"] is None
    assert answer["explanation"] is None
    assert answer["model_asks"] is None
    assert answer["degraded"] == "the model gave no trust"


def test_a_floor_in_shadow_mode_has_would_apply_instead_of_status() -> None:
    """It must not be taken for a demand."""
    floors = tuple(floor.model_copy(update={"mode": "shadow"}) for floor in POLICY.floors)
    floor = decide_on(EXPORT, policy=POLICY.model_copy(update={"floors": floors})).wire()["floors"][0]

    assert floor["would_apply"] == "applied"
    assert floor["status"] is None


def test_the_claims_of_an_event_are_proofs_of_their_kinds() -> None:
    """Authentication, attestation and a just-in-time credential, each with its own time."""
    claim = {"time": NOW, "acr": "urn:session-trust:aal2", "amr": ["pwd", "otp"], "aal": 2}
    later, until = NOW + timedelta(seconds=1), NOW + timedelta(minutes=5)
    jit = {"kind": "jit_credential", "issued_at": later, "expires_at": until, "attested_at": until}
    jit |= {"scope": ["read:bucket", "list:*"]}
    event = an_event("workload", authentication=claim, credential=jit, network={"asn": 5}, device={"id": "d"})
    authentication, attestation, credential = claimed_proofs(event)

    assert authentication == Proof(NOW, "interactive_mfa", "urn:session-trust:aal2", ("pwd", "otp"), 2)
    assert attestation == Proof(until, "attest_workload_identity")
    assert credential == Proof(later, "jit_credential", expires_at=until, granted=("read:bucket", "list:*"))


@pytest.mark.parametrize(
    ("groups", "proofs"),
    [
        ({"credential": {"kind": "api_token", "issued_at": NOW}}, ()),
        ({"credential": {"kind": "jit_credential", "expires_at": NOW}}, ()),
        ({"credential": {"kind": "jit_credential", "issued_at": NOW}}, (Proof(NOW, "jit_credential", granted=()),)),
        ({"authentication": {"time": NOW}}, (Proof(NOW, "interactive_mfa"),)),
    ],
    ids=["no proof", "no time of issue", "no scope", "no factors"],
)
def test_a_claim_needs_a_time_to_be_a_proof(groups: dict[str, Any], proofs: tuple[Proof, ...]) -> None:
    """Its other parts may be missing."""
    assert claimed_proofs(an_event("workload", **groups)) == proofs
