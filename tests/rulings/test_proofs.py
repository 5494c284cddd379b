"""When a proof begins and ceases to count, to the second, and the assurance level of proofs and sessions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.decisions import DOUBTED, NOW, POLICY, TRUSTED, ago, an_event, decide_on, strong_proof

from features.model.trust_curve import TrustCurve
from serving.decision.inputs import Proof, SessionState
from serving.decision.proofs import assurance
from serving.decision.reauthentication import session_assurance_level

TOLERANCE = POLICY.clock_tolerance_seconds
ADMIN = an_event("human", "admin_console")
AGE = next(floor.requires.max_age_seconds for floor in POLICY.floors if floor.id == "admin-console")


def floor_status(proof: Proof) -> str:
    return next(floor.status for floor in decide_on(ADMIN, proofs=[proof]).floors if floor.id == "admin-console")


@pytest.mark.parametrize(
    ("seconds_ago", "status"),
    [
        (AGE, "satisfied"),
        (AGE + 1, "applied"),
        (0, "satisfied"),
        (-TOLERANCE, "satisfied"),
        (-TOLERANCE - 1, "applied"),
    ],
)
def test_a_proof_counts_within_its_age_and_the_clock_tolerance(seconds_ago: int, status: str) -> None:
    """At each limit it counts, a second beyond it does not."""
    assert floor_status(strong_proof(seconds_ago)) == status


@pytest.mark.parametrize(("seconds", "status"), [(1, "satisfied"), (0, "applied"), (-1, "applied")])
def test_a_proof_that_expires_now_has_expired(seconds: int, status: str) -> None:
    """It counts until the second before."""
    assert floor_status(strong_proof(expires_at=NOW + timedelta(seconds=seconds))) == status


@pytest.mark.parametrize(
    ("challenged_at", "changes", "ruling"),
    [
        ({"first": ago(120)}, {"decision_id": "first"}, "allow"),
        ({"first": ago(59.001)}, {"decision_id": "first"}, "allow"),
        ({"first": ago(59)}, {"decision_id": "first"}, "step_up"),
        ({"first": ago(59.5)}, {"decision_id": "first", "made_at": ago(59.6)}, "step_up"),
        ({"first": ago(54.001)}, {"decision_id": "first", "source": "step_up"}, "allow"),
        ({"first": ago(54)}, {"decision_id": "first", "source": "step_up"}, "step_up"),
        ({"first": ago(120)}, {"decision_id": "another"}, "step_up"),
        ({}, {"decision_id": "first", "source": "step_up", "asked_at": ago(120)}, "allow"),
        ({"first": ago(300), "second": ago(120)}, {}, "allow"),
        ({"first": ago(300), "second": ago(59)}, {}, "step_up"),
        ({"first": ago(300), "second": ago(30)}, {}, "step_up"),
        ({}, {}, "step_up"),
    ],
    ids=str,
)
def test_only_a_proof_made_after_its_challenge_settles_the_model(challenged_at: Any, changes: Any, ruling: str) -> None:
    """A time of whole seconds counts to the end of its second; of a step-up, the clock may also be behind by as much as
    the policy tolerates."""
    session = SessionState(challenged_at=challenged_at)
    decision = decide_on(an_event("human"), trust=DOUBTED, proofs=[strong_proof(60, **changes)], session=session)

    assert decision.ruling == ruling


@pytest.mark.parametrize(("beyond_margin", "ruling"), [(0.0, "allow"), (0.01, "step_up")])
def test_trust_that_fell_by_more_than_the_margin_is_new_evidence(beyond_margin: float, ruling: str) -> None:
    """A proof does not count any more once trust has fallen further than that since."""
    before = DOUBTED.now + POLICY.new_evidence_margin + beyond_margin
    proof = strong_proof(60, decision_id="first", trust_at_completion=before)
    session = SessionState(challenged_at={"first": ago(120)})

    assert decide_on(an_event("human"), trust=DOUBTED, proofs=[proof], session=session).ruling == ruling


@pytest.mark.parametrize(
    ("proof", "level"),
    [
        (Proof(NOW, "interactive_mfa"), 0),
        (Proof(NOW, "interactive_mfa", aal=1), 1),
        (Proof(NOW, "interactive_mfa", acr="urn:session-trust:aal2"), 2),
        (Proof(NOW, "interactive_mfa", acr="urn:unheard-of"), 0),
        (Proof(NOW, "interactive_mfa", acr="urn:session-trust:aal3", aal=1), 1),
        (Proof(NOW, "interactive_mfa", amr=("pwd", "hwk"), aal=2), 2),
    ],
    ids=str,
)
def test_a_proof_has_the_lowest_level_of_its_inputs(proof: Proof, level: int) -> None:
    """An acr that the policy does not map is ignored; without any input the level is 0."""
    assert assurance(proof, POLICY).level == level


@pytest.mark.parametrize(
    ("claim", "level"),
    [
        ({}, 1),
        ({"acr": "urn:session-trust:aal3"}, 3),
        ({"acr": "urn:session-trust:aal2"}, 2),
        ({"acr": "urn:unheard-of"}, 1),
        ({"amr": ["pwd", "otp"]}, 2),
        ({"amr": ["pwd", "hwk"]}, 2),
        ({"aal": 3}, 3),
    ],
    ids=str,
)
def test_a_session_has_the_level_it_claims(claim: dict[str, Any], level: int) -> None:
    """Factors alone show AAL2 at most; AAL3 must be claimed by aal or acr."""
    assert session_assurance_level(an_event("human", authentication=claim), POLICY) == level


@pytest.mark.parametrize("hazard", [1.0, -0.1, float("nan")])
def test_a_hazard_that_is_not_below_one_is_no_trust(hazard: float) -> None:
    """A curve that falls to zero at once, rises, or is not a number fails closed."""
    hazards = (hazard, 0.0, 0.0, 0.0)

    assert decide_on(an_event("human"), trust=TrustCurve(-12.0, hazards)).degraded == "the model gave no trust"


def test_an_expired_policy_fails_closed() -> None:
    """One that is in force does not."""
    expired = POLICY.model_copy(update={"expires": NOW - timedelta(seconds=1)})

    assert decide_on(an_event("human"), policy=expired).degraded
    assert not decide_on(an_event("human"), policy=POLICY).degraded


def test_a_decision_holds_its_time_and_the_rules_that_asked() -> None:
    """A step-up has no lifetime."""
    decision = decide_on(ADMIN, trust=TRUSTED)

    assert decision.at == NOW
    assert decision.lifetime is None
    assert decision.asked_by == ("floor admin-console",)
    assert replace(decision, explanation=None).wire()["explanation"] is None


@pytest.mark.parametrize(("exposed", "ruling"), [(1.0, "step_up"), (0.0, "allow"), (float("nan"), "allow")])
def test_refreshing_an_exposed_credential_proves_nothing(exposed: float, ruling: str) -> None:
    """An attacker can refresh it as well; this holds even without the floor on exposed credentials."""
    without_floor = POLICY.model_copy(
        update={"floors": tuple(f for f in POLICY.floors if f.id != "exposed-credential")}
    )
    event = an_event("service_account", "rotate_secret")
    refreshed = Proof(ago(10), "refresh_token", source="step_up")

    assert (
        decide_on(event, proofs=[refreshed], features={"credential_exposed": exposed}, policy=without_floor).ruling
        == ruling
    )


def test_trust_equal_to_the_threshold_is_enough() -> None:
    """The model asks only below it."""
    assert decide_on(an_event("human"), trust=DOUBTED, threshold=DOUBTED.now).ruling == "allow"
    assert decide_on(an_event("human"), trust=DOUBTED, threshold=DOUBTED.now + 1e-9).ruling == "step_up"


def test_without_a_model_a_step_up_allows_a_harmless_view() -> None:
    """It settles what was asked for."""
    proof = strong_proof(60, decision_id="first")
    session = SessionState(challenged_at={"first": ago(120)})

    assert decide_on(an_event("human"), trust=None, proofs=[proof], session=session).ruling == "allow"


@pytest.mark.parametrize(
    ("known", "thin"),
    [(POLICY.thin_context.below, False), (POLICY.thin_context.below - 1e-9, True), (float("nan"), True)],
)
def test_context_is_thin_below_the_limit_or_when_unknown(known: float, thin: bool) -> None:
    """At the limit it is not thin."""
    assert decide_on(an_event("human", "write"), features={"context_known_fraction": known}).thin_context is thin
