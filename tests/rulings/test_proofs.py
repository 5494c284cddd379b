"""Where a proof begins and ceases to count, to the second; and what a session's own sign-in is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.judging import DOUBTED, NOW, POLICY, TRUSTED, ago, an_event, judged, strong_proof

from features.model.trust_curve import TrustCurve
from serving.decision.decide import Proof, SessionState
from serving.decision.proofs import level
from serving.decision.reauthentication import session_level

TOLERATED = POLICY.clock_tolerance_seconds
ADMIN = an_event("human", "admin_console")
AGE = next(floor.requires.max_age_seconds for floor in POLICY.floors if floor.id == "admin-console")


def ruled(proof: Proof) -> str:
    return next(each.status for each in judged(ADMIN, proofs=[proof]).floors if each.id == "admin-console")


@pytest.mark.parametrize(
    ("seconds_ago", "status"),
    [
        (AGE, "satisfied"),
        (AGE + 1, "applied"),
        (0, "satisfied"),
        (-TOLERATED, "satisfied"),
        (-TOLERATED - 1, "applied"),
    ],
)
def test_a_proof_counts_up_to_its_age_and_no_further_ahead_than_clocks_differ(seconds_ago: int, status: str) -> None:
    """At the limit it counts, a second beyond it does not."""
    assert ruled(strong_proof(seconds_ago)) == status


@pytest.mark.parametrize(("seconds", "status"), [(1, "satisfied"), (0, "applied"), (-1, "applied")])
def test_a_proof_that_ends_now_has_ended(seconds: int, status: str) -> None:
    """Its last second is the one before."""
    assert ruled(strong_proof(expires_at=NOW + timedelta(seconds=seconds))) == status


@pytest.mark.parametrize(
    ("asked", "more", "ruling"),
    [
        ({"first": ago(120)}, {"decision_id": "first"}, "allow"),
        ({"first": ago(60)}, {"decision_id": "first"}, "step_up"),
        ({"first": ago(120)}, {"decision_id": "another"}, "step_up"),
        ({"first": ago(300), "second": ago(120)}, {}, "allow"),
        ({"first": ago(300), "second": ago(60)}, {}, "step_up"),
        ({"first": ago(300), "second": ago(30)}, {}, "step_up"),
        ({}, {}, "step_up"),
    ],
    ids=str,
)
def test_only_a_proof_made_after_it_was_asked_for_answers_the_model(asked: Any, more: Any, ruling: str) -> None:
    """Made at the very moment is not after; nobody asked, nobody answered."""
    proof = strong_proof(60, **more)
    answer = judged(an_event("human"), trust=DOUBTED, proofs=[proof], standing=SessionState(challenged_at=asked))

    assert answer.ruling == ruling


def test_trust_that_falls_by_the_margin_itself_is_no_new_evidence_yet() -> None:
    """Beyond it, what was proven before is not enough any more."""
    now = DOUBTED.now
    for fallen, ruling in ((POLICY.new_evidence_margin, "allow"), (POLICY.new_evidence_margin + 0.01, "step_up")):
        proof = strong_proof(60, decision_id="first", trust_at_completion=now + fallen)
        standing = SessionState(challenged_at={"first": ago(120)})
        assert judged(an_event("human"), trust=DOUBTED, proofs=[proof], standing=standing).ruling == ruling


@pytest.mark.parametrize(
    ("proof", "worth"),
    [
        (Proof(NOW, "authentication"), 0),
        (Proof(NOW, "authentication", aal=1), 1),
        (Proof(NOW, "authentication", acr="urn:session-trust:aal2"), 2),
        (Proof(NOW, "authentication", acr="urn:unheard-of"), 0),
        (Proof(NOW, "authentication", acr="urn:session-trust:aal3", aal=1), 1),
        (Proof(NOW, "authentication", amr=("pwd", "hwk"), aal=2), 2),
    ],
    ids=str,
)
def test_a_proof_is_worth_the_least_of_what_is_said_and_nothing_where_nothing_is(proof: Proof, worth: int) -> None:
    """An acr that the policy does not know says nothing."""
    assert level(proof, POLICY) == worth


@pytest.mark.parametrize(
    ("said", "worth"),
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
def test_a_session_has_the_level_its_sign_in_names(said: dict[str, Any], worth: int) -> None:
    """Factors alone show AAL2 at most: AAL3 needs more than they tell, and only its name says that it was met."""
    assert session_level(an_event("human", authentication=said), POLICY) == worth


def test_a_hazard_that_is_certain_or_no_number_is_no_trust() -> None:
    """A curve that would fall to nothing at once, or rise, fails closed."""
    for hazards in ((1.0, 0.0, 0.0, 0.0), (-0.1, 0.0, 0.0, 0.0), (float("nan"), 0.0, 0.0, 0.0)):
        assert judged(an_event("human"), trust=TrustCurve(-12.0, hazards)).degraded == "the model gave no trust"


def test_a_policy_that_is_over_fails_closed_when_enforced_and_not_in_a_replay() -> None:
    """What is past may be tried with any policy; a request may not."""
    over = POLICY.model_copy(update={"expires": NOW - timedelta(seconds=1)})

    assert judged(an_event("human"), policy=over).degraded
    assert not judged(an_event("human"), policy=POLICY).degraded


def test_a_decision_keeps_when_and_why() -> None:
    """The moment it was made at, and whose rules asked."""
    decision = judged(ADMIN, trust=TRUSTED)

    assert (decision.at, decision.lifetime, decision.asked_by) == (NOW, None, ("floor admin-console",))
    assert replace(decision, explanation=None).wire()["explanation"] is None


@pytest.mark.parametrize(("exposed", "ruling"), [(1.0, "step_up"), (0.0, "allow"), (float("nan"), "allow")])
def test_refreshing_a_leaked_credential_proves_nothing(exposed: float, ruling: str) -> None:
    """Whoever found it can refresh it: even where no floor asks about leaks."""
    silent = POLICY.model_copy(update={"floors": tuple(f for f in POLICY.floors if f.id != "exposed-credential")})
    event = an_event("service_account", "rotate_secret")
    refreshed = Proof(ago(10), "refresh", source="step_up")

    assert judged(event, proofs=[refreshed], features={"credential_exposed": exposed}, policy=silent).ruling == ruling


def test_at_the_threshold_itself_nobody_asks() -> None:
    """Trust must be below it."""
    assert judged(an_event("human"), trust=DOUBTED, threshold=DOUBTED.now).ruling == "allow"
    assert judged(an_event("human"), trust=DOUBTED, threshold=DOUBTED.now + 1e-9).ruling == "step_up"


def test_without_a_model_a_person_who_was_asked_and_proved_himself_gets_his_harmless_look() -> None:
    """It is what he was asked for."""
    proof = strong_proof(60, decision_id="first")
    standing = SessionState(challenged_at={"first": ago(120)})

    assert judged(an_event("human"), trust=None, proofs=[proof], standing=standing).ruling == "allow"


def test_context_is_thin_below_the_limit_and_where_nothing_is_known_of_it() -> None:
    """At the limit it is not."""
    limit = POLICY.thin_context.below
    for known, thin in ((limit, False), (limit - 1e-9, True), (float("nan"), True)):
        assert judged(an_event("human", "write"), features={"context_known_fraction": known}).thin is thin
