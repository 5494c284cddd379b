"""The guidance this product follows beside its floors: each situation asks for proof, and its look-alike is allowed.

Floors are tabled in test_floors.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from support.decisions import DOUBTED, NOW, TRUSTED, Situation, ago, attestation, strong_proof

from features.model.trust_curve import TrustCurve
from serving.decision.inputs import Proof, Revocation, Scope, SessionState
from serving.decision.ruling import REAUTHENTICATE, TOO_OFTEN

HARDLY_ANY = TrustCurve(6.0, (0.0,) * 4)
MFA, SVID = strong_proof(), attestation()
REVOKED = SessionState(revocation=Revocation("s", ago(5), "ada", "stolen"))
EVERYTHING_OFFERED = SessionState(
    prompts_in_window=10, prompts_by_remedy={"attest_workload_identity": 5, "intent_authorization": 5}
)


def signed_in(aal: int, hours_ago: float) -> dict[str, object]:
    return {"authentication": {"aal": aal, "time": NOW - timedelta(hours=hours_ago)}}


@dataclass(frozen=True)
class GuidanceCase:
    """A situation with its ruling, reason and first remedy, and a look-alike that is allowed."""

    given: str
    asks: Situation
    allowed: Situation
    because: str
    remedy: str = "interactive_mfa"
    ruling: str = "step_up"


CASES = (
    GuidanceCase(
        "a person's session drifts",
        Situation("human", "read", trust=DOUBTED),
        Situation("human", "read", trust=TRUSTED),
        "the model",
    ),
    GuidanceCase(
        "a workload's session drifts",
        Situation("workload", "read", trust=DOUBTED),
        Situation("workload", "read", trust=TRUSTED),
        "the model",
        "attest_workload_identity",
    ),
    GuidanceCase(
        "an agent's session drifts",
        Situation("agent", "read", trust=DOUBTED),
        Situation("agent", "read", trust=TRUSTED),
        "the model",
        "intent_authorization",
    ),
    GuidanceCase(
        "hardly any trust is left",
        Situation("human", "read", trust=HARDLY_ANY),
        Situation("human", "read", trust=TRUSTED),
        "the model",
        "",
        "deny",
    ),
    GuidanceCase(
        "the session's trust has expired",
        Situation("human", "read", session=SessionState(valid_until=ago(1))),
        Situation("human", "read", session=SessionState(valid_until=NOW)),
        "the session's trust has expired",
    ),
    GuidanceCase(
        "little is known about a write",
        Situation("human", "write", features={"context_known_fraction": 0.1}),
        Situation("human", "read", features={"context_known_fraction": 0.1}),
        "too little is known",
    ),
    GuidanceCase(
        "an investigator has revoked the session",
        Situation("human", "read", proofs=(MFA,), session=REVOKED),
        Situation("human", "read"),
        "the session is revoked",
        "",
        "deny",
    ),
    GuidanceCase(
        "an AAL3 session is older than twelve hours",
        Situation("human", "read", signed_in(3, 12)),
        Situation("human", "read", signed_in(2, 12)),
        REAUTHENTICATE,
    ),
    GuidanceCase(
        "an AAL2 session was inactive for an hour",
        Situation("human", "read", signed_in(2, 2), session=SessionState(last_seen=ago(3_600))),
        Situation("human", "read", signed_in(2, 2)),
        REAUTHENTICATE,
    ),
    GuidanceCase(
        "a workload was offered every remedy too often",
        Situation("workload", "rotate_secret", session=EVERYTHING_OFFERED),
        Situation("workload", "rotate_secret", proofs=(SVID,), session=EVERYTHING_OFFERED),
        TOO_OFTEN,
        "",
        "deny",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.given)
def test_guidance_asks_when_it_should(case: GuidanceCase) -> None:
    """The ruling, its reason, and the remedy that is offered first."""
    decision = case.asks.decide()

    assert decision.ruling == case.ruling
    assert any(reason.startswith(case.because) for reason in decision.because)
    assert (decision.remedies[0].type if decision.remedies else "") == case.remedy


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.given)
def test_a_look_alike_is_allowed(case: GuidanceCase) -> None:
    """Nothing is asked."""
    decision = case.allowed.decide()

    assert decision.ruling == "allow"
    assert decision.because == ()
    assert decision.remedies == ()


@pytest.mark.parametrize(
    ("exposed", "findings"),
    [(1.0, ["The credential has been seen where it must not be: replace it."]), (0.0, [])],
)
def test_an_exposed_credential_is_a_finding_even_after_a_step_up(exposed: float, findings: list[str]) -> None:
    """A workload that shows a new credential may continue, but the exposed one must still be replaced."""
    proof = Proof(ago(60), "jit_credential", expires_at=ago(-540), granted=("read:*",))
    decision = Situation("workload", "read", features={"credential_exposed": exposed}, proofs=(proof,)).decide()

    assert decision.ruling == "allow"
    assert [finding.sentence for finding in decision.findings] == findings


def after_step_up(category: str) -> Situation:
    """A request in a doubted session after a step-up for reading."""
    expires_at = NOW + timedelta(minutes=9)
    proof = strong_proof(source="step_up", decision_id="asked", scope=Scope("read", None), expires_at=expires_at)
    session = SessionState(challenged_at={"asked": ago(120)})
    return Situation("human", category, trust=DOUBTED, proofs=(proof,), session=session)


def test_a_step_up_keeps_the_session_and_shortens_it() -> None:
    """A doubted session continues for a quarter of an hour after its step-up."""
    session = after_step_up("read").decide().wire()["session"]

    assert session == {"action": "keep", "lifetime_seconds": 900, "limited_by": "step_up"}


@pytest.mark.parametrize(("category", "ruling"), [("read", "allow"), ("delete", "step_up")])
def test_a_step_up_counts_for_what_was_asked(category: str, ruling: str) -> None:
    """A step-up for reading does not count for deleting."""
    assert after_step_up(category).decide().ruling == ruling


@pytest.mark.parametrize(("prompts", "first"), [(4, "attest_workload_identity"), (5, "intent_authorization")])
def test_an_automation_asked_too_often_states_its_intent(prompts: int, first: str) -> None:
    """After so many prompts within the hour, it is offered to declare its task instead."""
    decision = Situation("workload", "rotate_secret", session=SessionState(prompts_in_window=prompts)).decide()

    assert decision.remedies[0].type == first


def test_a_person_asked_too_often_is_still_asked_for_a_factor() -> None:
    """The remedies of machines are not for people."""
    decision = Situation("human", "admin_console", session=SessionState(prompts_in_window=50)).decide()

    assert [remedy.type for remedy in decision.remedies] == ["interactive_mfa"]
