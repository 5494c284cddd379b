"""Example requests and responses for the API description. Tests validate each by the model it is an example of."""

from __future__ import annotations

from typing import Any

EVENT: dict[str, Any] = {
    "id": "7c6b5a49",
    "time": "2026-03-02T09:00:00Z",
    "identity": {"id": "ada", "type": "human"},
    "session": {"id": "s1", "started_at": "2026-03-02T08:40:00Z"},
    "action": {"name": "iam:CreateAccessKey", "category": "manage_access", "impact": "high", "reversible": True},
    "resource": {"id": "user/ada", "type": "user", "sensitivity": "confidential", "environment": "production"},
    "network": {"ip": "198.51.100.9"},
    "device": {"id": "laptop-17", "user_agent": "aws-cli/2.15.30"},
    "authentication": {"amr": ["pwd", "otp"], "time": "2026-03-02T08:40:00Z", "aal": 2},
    "credential": {"id": "c1", "kind": "session_cookie", "issued_at": "2026-03-02T08:40:00Z"},
}
SCORE_REQUEST = {"event": EVENT}
SCORE_RESPONSE: dict[str, Any] = {
    "decision_id": "01KM2EBC7RZ3E8VQ4N5YT6W9XA",
    "ruling": "step_up",
    "because": ["the model", "floor manage-access"],
    "degraded": None,
    "trust": {
        "now": 0.9820137900379085,
        "curve": [
            {"after_seconds": 0, "trust": 0.9820137900379085},
            {"after_seconds": 900, "trust": 0.9792},
            {"after_seconds": 28800, "trust": 0.9411},
        ],
        "hazard_per_hour": 0.0052,
        "valid_until": None,
    },
    "model_asks": "step_up",
    "model_would_ask": None,
    "threshold": 0.991,
    "floors": [
        {
            "id": "manage-access",
            "status": "applied",
            "sentence": "Changing who may do what, or taking on another's rights (iam:CreateAccessKey), "
            "needs a fresh proof of who asks.",
            "requires": {
                "aal": 2,
                "phishing_resistant": False,
                "max_age_seconds": 300,
                "accepts": [
                    "attest_workload_identity",
                    "jit_credential",
                    "refresh_token",
                    "intent_authorization",
                    "owner_approval",
                ],
            },
            "references": ["NIST CSF 2.0 PR.AA-03", "NIST CSF 2.0 PR.AA-05"],
        }
    ],
    "remedies": [
        {
            "type": "interactive_mfa",
            "acr_values": ["urn:example:phr"],
            "amr_values": [],
            "amr_combinations": [["pwd", "hwk"], ["pwd", "pop"]],
            "max_age_seconds": 0,
            "body": {
                "decision_id": "01KM2EBC7RZ3E8VQ4N5YT6W9XA",
                "identity": "ada",
                "session": "s1",
                "result": "completed",
                "proof": {
                    "kind": "interactive_mfa",
                    "made_at": "2026-03-02T09:00:00.000001+00:00",
                    "acr": "urn:example:phr",
                },
            },
            "sentence": "Sign in again with a phishing-resistant factor, now.",
        }
    ],
    "refused_proofs": ["The sign-in of 08:40:00 UTC does not count: it is 20 min old, and 5 min are allowed."],
    "findings": [],
    "prompt_avoided": False,
    "session": {"action": "keep", "lifetime_seconds": None, "limited_by": None},
    "explanation": {
        "base": -7.5,
        "margin": -4.0,
        "contributions": [
            {
                "feature": "network_changed_in_session",
                "value": 1.0,
                "contribution": 2.25,
                "sentence": "The session moved to another network.",
            },
            {
                "feature": "network_is_new",
                "value": 1.0,
                "contribution": 1.25,
                "sentence": "The network was never seen in this identity's history.",
            },
        ],
    },
    "context": {"known": 22, "of": 34, "thin": False},
    "challenge": 'Bearer error="insufficient_user_authentication", '
    'error_description="A different authentication level is required", '
    'acr_values="urn:example:phr", max_age="0"',
    "challenge_expires_at": "2026-03-02T09:15:00+00:00",
    "cache_seconds": 0,
    "enforceable": True,
    "versions": {"model": "1", "policy": "sha256:6f1f", "features": "sha256:09ab", "population": "sha256:52bd"},
    "ignored_claims": [],
}
"""Abridged: a real response explains every feature."""
EVENTS_REQUEST = [EVENT | {"action": {"name": "s3:GetObject", "category": "read", "outcome": "success"}}]
EVENTS_RESPONSE = {"folded": 1, "duplicates": 0, "broken": [], "left_out": {}}
STEP_UP_REQUEST = {
    "decision_id": SCORE_RESPONSE["decision_id"],
    "identity": "ada",
    "session": "s1",
    "result": "completed",
    "proof": {"made_at": "2026-03-02T09:00:40Z", "kind": "interactive_mfa", "amr": ["pwd", "hwk"]},
}
STEP_UP_RESPONSE = {
    "decision_id": SCORE_RESPONSE["decision_id"],
    "result": "completed",
    "elevated_until": "2026-03-02T09:05:40+00:00",
}
REVOCATION_REQUEST = {"identity": "ada", "session": "s1", "reason": "laptop reported stolen"}
REVOCATION_RESPONSE = {"identity": "ada", "session": "s1", "revoked_at": "2026-03-02T09:05:00+00:00"}
LIFT_RESPONSE = {"identity": "ada", "session": "s1", "lifted_at": "2026-03-02T11:00:00+00:00"}
FEEDBACK_REQUEST = {"verdict": "intruder", "note": "the owner was on a plane"}
FEEDBACK_RESPONSE = {
    "decision_id": SCORE_RESPONSE["decision_id"],
    "verdict": "intruder",
    "by": "0123456789abcdef",
    "at": "2026-03-02T10:00:00+00:00",
}
VERDICT = {
    "event_id": EVENT["id"],
    "identity": "ada",
    "verdict": "intruder",
    "at": "2026-03-02T10:00:00+00:00",
    "by": "0123456789abcdef",
    "decision_id": SCORE_RESPONSE["decision_id"],
}
DECISION_LIST = {
    "decisions": [
        {
            "decision_id": SCORE_RESPONSE["decision_id"],
            "at": "2026-03-02T09:00:00+00:00",
            "ruling": "step_up",
            "identity": "ada",
            "session": "s1",
            "erased": False,
        }
    ]
}
DECISION_RECORD = {
    "id": SCORE_RESPONSE["decision_id"],
    "space": "live",
    "caller": "0123456789abcdef",
    "identity": "ada",
    "session": "s1",
    "event_id": EVENT["id"],
    "body_digest": "sha256:a3c1",
    "category": "manage_access",
    "resource_type": "user",
    "ruling": "step_up",
    "at": "2026-03-02T09:00:00+00:00",
    "version": 41,
    "body": {
        "answer": SCORE_RESPONSE,
        "event": EVENT,
        "features": {"network_changed_in_session": 1.0, "network_is_new": 1.0, "minutes_since_sign_in": None},
        "mode": "enforce",
    },
}
FINDINGS = {
    "findings": [
        {
            "kind": "asked_too_often",
            "subject": "floor rotate-secret",
            "identity": "deploy-bot",
            "decision_id": "01KM2EBC7RZ3E8VQ4N5YT6W9XB",
            "times": 7,
            "first_at": "2026-03-02T09:00:00+00:00",
            "last_at": "2026-03-02T09:40:00+00:00",
            "sentence": "This automation was prompted 7 times in 60 min (5 allowed), all for floor rotate-secret.",
        }
    ]
}
POLICY: dict[str, object] = {
    "digest": "sha256:6f1f",
    "refused": None,
    "refused_files": [],
    "catalogues": {"digest": "sha256:41d0", "files": {"assets.yaml": "sha256:9c2e"}},
    "policy": {"version": 1, "cache_seconds": 5},
}
MODEL = {
    "version": "1",
    "missing": None,
    "tags": {"data": "simulated"},
    "population": {
        "digest": "sha256:52bd",
        "measured_on": "own events",
        "refused": None,
        "measured_at": "2026-03-02T04:00:00+00:00",
        "in_force_since": "2026-03-02T04:00:00+00:00",
        "fresh_until": "2026-04-01T04:00:00+00:00",
        "window_days": 30,
        "rows": 48210,
        "drift": 0.03,
        "why": "left out of the window: 112 challenged and not proven; 9 denied",
    },
}
READY = {"ready": True, "model": "1"}
METRICS = 'session_trust_decisions_total{identity_type="human",ruling="allow"} 118.0\n'
SIGN_IN_FORM = {"key": "0123456789abcdef.secret", "form_token": "…"}
