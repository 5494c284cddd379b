"""The ruling is the strictest that any check asks for, and never fails open."""

import math
from datetime import timedelta
from itertools import product
from typing import Any, get_args

import numpy as np
import pytest
from support.decisions import (
    DOUBTED,
    NOW,
    POLICY,
    PROOF_OF,
    TRUSTED,
    ago,
    an_event,
    attestation,
    decide_on,
    strong_proof,
)

from features.catalogue.all import feature_names
from features.event.schema import Category, Event, IdentityType
from features.model.trust_curve import TrustCurve
from serving.decision.decision import Decision
from serving.decision.inputs import Proof, Revocation, Scope, SessionState
from serving.decision.places.place import Place
from serving.policy.rules import RemedyType

PRIVILEGED = (
    "admin_console",
    "approve_payment",
    "change_security_setting",
    "rotate_secret",
    "manage_access",
    "assume_privilege",
)
KINDS = get_args(IdentityType)


def test_a_harmless_request_of_a_trusted_session_is_allowed() -> None:
    """No check asks for anything."""
    assert decide_on(an_event()).ruling == "allow"


def test_too_little_trust_asks_for_proof() -> None:
    """Below the threshold the model asks."""
    decision = decide_on(an_event(), trust=DOUBTED)

    assert decision.ruling == "step_up"
    assert decision.because == ("the model",)


def test_trust_below_the_deny_threshold_is_denied_whatever_the_proof() -> None:
    """A completed step-up does not help."""
    hardly_any = TrustCurve(6.0, (0.0,) * 4)
    session = SessionState(challenged_at={"earlier": ago(120)})
    proof = strong_proof(decision_id="earlier")

    assert decide_on(an_event(), trust=hardly_any, proofs=[proof], session=session).ruling == "deny"


def test_a_revoked_session_is_denied() -> None:
    """Neither trust nor proof helps, and the answer ends the session."""
    session = SessionState(revocation=Revocation(None, ago(5), "investigator", "stolen"))
    decision = decide_on(an_event(), session=session, proofs=[strong_proof()])

    assert decision.ruling == "deny"
    assert decision.wire()["session"]["action"] == "end"


def test_an_expired_session_is_challenged_whatever_its_trust() -> None:
    """`valid_until` is checked beside the present trust."""
    assert decide_on(an_event(), session=SessionState(valid_until=ago(1))).ruling == "step_up"


def test_a_challenged_request_does_not_extend_the_session() -> None:
    """Only an allow moves `valid_until`, or retrying would get around an expiry."""
    until = ago(1)

    assert decide_on(an_event(), session=SessionState(valid_until=until)).valid_until == until


@pytest.mark.parametrize(
    "trust",
    [None, TrustCurve(math.nan, (0.0,) * 4), TrustCurve(math.inf, (0.0,) * 4), TrustCurve(-9.0, (math.nan,) * 4)],
)
@pytest.mark.parametrize(("kind", "category"), [*product(KINDS, ["read", "write", None])])
def test_without_a_model_it_fails_closed(trust: TrustCurve | None, kind: str, category: str | None) -> None:
    """A person may step up for a harmless view, all else is denied, and both are marked as degraded."""
    decision = decide_on(an_event(kind, category), trust=trust)

    assert decision.ruling == ("step_up" if (kind, category) == ("human", "read") else "deny")
    assert decision.degraded == "the model gave no trust"


def test_a_threshold_that_is_not_a_number_fails_closed() -> None:
    """No trust can be compared with it."""
    assert decide_on(an_event("workload", "write"), threshold=math.nan).ruling == "deny"


def test_a_claim_does_not_settle_the_model_after_the_network_changed() -> None:
    """A newer sign-in says nothing about an attacker's network."""
    newer = strong_proof(seconds_ago=5)
    moved = {"asn_changed_in_session": 1.0}

    assert decide_on(an_event(), trust=DOUBTED, session=ASKED, proofs=[newer], features=moved).ruling == "step_up"


def test_any_other_fault_fails_closed_and_is_named() -> None:
    """The engine says what is wrong."""
    decision = decide_on(an_event("workload", "write"), degraded="the history is stale")

    assert decision.ruling == "deny"
    assert decision.degraded == "the history is stale"


@pytest.mark.parametrize(("category", "ruling"), [("read", "allow"), ("write", "step_up"), (None, "step_up")])
def test_in_thin_context_the_action_category_decides(category: str | None, ruling: str) -> None:
    """An unknown category counts as a write."""
    assert decide_on(an_event(category=category), features={"context_known_fraction": 0.1}).ruling == ruling


def test_a_proof_that_satisfies_a_floor_also_settles_thin_context() -> None:
    """The same proof is not asked for twice."""
    thin = {"context_known_fraction": 0.1}

    assert decide_on(an_event("workload", "assume_privilege"), features=thin, proofs=[attestation()]).ruling == "allow"


def test_thin_context_never_relaxes_what_the_model_asks() -> None:
    """Hiding fields does not lead to an allow."""
    assert decide_on(an_event(), trust=DOUBTED, features={"context_known_fraction": 0.1}).ruling == "step_up"


# A step-up settles its challenge -------------------------------------------------------------------------------------

ASKED = SessionState(challenged_at={"earlier": ago(120)}, valid_until=ago(1))


def completed(**changes: Any) -> Proof:
    """A completed step-up for reading."""
    values: dict[str, Any] = {
        "source": "step_up",
        "decision_id": "earlier",
        "scope": Scope("read", None),
        "expires_at": NOW + timedelta(minutes=5),
    }
    return strong_proof(**(values | changes))


def test_a_completed_step_up_settles_the_model_and_the_expiry() -> None:
    """The same proof is not asked for again."""
    assert decide_on(an_event(), trust=DOUBTED, session=ASKED, proofs=[completed()]).ruling == "allow"


@pytest.mark.parametrize(
    ("shortcoming", "proof"),
    [
        ("made before the challenge", completed(made_at=ago(130))),
        ("for a decision that did not ask", completed(decision_id="another")),
        ("given for something else", completed(scope=Scope("write", None))),
        ("expired", completed(expires_at=ago(1))),
        ("from the future", completed(made_at=NOW + timedelta(minutes=1))),
        ("a single factor", completed(amr=("pwd",))),
        ("risk scoring, which is not a factor", completed(amr=("rba",))),
        ("relayable, at a trust that needs more", completed(amr=("pwd", "otp"))),
        ("trust has fallen since", completed(trust_at_completion=0.9)),
        ("made on another network", completed(place=Place(asn=64500))),
        ("made on another device", completed(place=Place(device="phone"))),
        ("a claim older than the challenge", strong_proof(seconds_ago=200)),
    ],
)
def test_an_insufficient_proof_does_not_settle_the_model(shortcoming: str, proof: Proof) -> None:
    """Each falls short for a reason of its own."""
    event = an_event(network={"asn": 64496}, device={"id": "laptop"})

    assert decide_on(event, trust=DOUBTED, session=ASKED, proofs=[proof]).ruling == "step_up", shortcoming


def test_a_cookie_stolen_after_a_second_factor_does_not_satisfy_floors() -> None:
    """A fresh authentication does not count on another network than the session began on."""
    event = an_event(category="approve_payment")
    moved = {"asn_changed_in_session": 1.0}

    assert decide_on(event, proofs=[strong_proof()], features=moved).ruling == "step_up"


def test_after_a_step_up_on_a_doubted_session_the_lifetime_is_short() -> None:
    """The elevation ends after a quarter of an hour."""
    lifetime = decide_on(an_event(), trust=DOUBTED, session=ASKED, proofs=[completed()]).lifetime

    assert lifetime is not None
    assert lifetime.seconds == 900
    assert lifetime.limited_by == "step_up"


def test_no_lifetime_outlasts_the_assurance_level() -> None:
    """An AAL3 session ends twelve hours after authentication (SP 800-63B-4)."""
    event = an_event(authentication={"aal": 3, "time": NOW - timedelta(hours=11, minutes=59)})
    lifetime = decide_on(event).lifetime

    assert lifetime is not None
    assert lifetime.seconds == 60
    assert lifetime.limited_by == "assurance"


# Remedies ------------------------------------------------------------------------------------------------------------

MACHINE_REMEDIES: set[RemedyType] = {
    "attest_workload_identity",
    "refresh_token",
    "jit_credential",
    "intent_authorization",
    "owner_approval",
}


@pytest.mark.parametrize(("kind", "category"), [*product(("service_account", "workload", "agent"), get_args(Category))])
def test_a_machine_is_never_asked_for_a_persons_factor(kind: str, category: str) -> None:
    """Whenever it is challenged, it is offered a remedy of its own."""
    decision = decide_on(an_event(kind, category), trust=DOUBTED)
    offered = {remedy.type for remedy in decision.remedies}

    assert offered
    assert offered <= MACHINE_REMEDIES
    assert decision.wire()["challenge"] is None


def test_a_person_is_challenged_as_rfc_9470_says() -> None:
    """The header can be passed on unchanged."""
    challenge = decide_on(an_event(category="approve_payment")).wire()["challenge"]

    assert challenge == (
        'Bearer error="insufficient_user_authentication", '
        'error_description="A different authentication level is required", '
        'acr_values="urn:session-trust:aal2 urn:session-trust:aal3", max_age="300"'
    )


def test_restricted_resources_need_a_phishing_resistant_factor() -> None:
    """One-time codes are not enough."""
    event = an_event(category="export", resource={"sensitivity": "restricted"})

    details = decide_on(event).remedies[0].details

    assert details["amr_values"] == []
    assert details["amr_combinations"][:3] == [["pwd", "hwk"], ["pwd", "pop"], ["pwd", "sc"]]


def test_an_agents_irreversible_action_needs_owner_approval() -> None:
    """It is the first remedy."""
    decision = decide_on(an_event("agent", "change_security_setting", action={"reversible": False}))

    assert decision.remedies[0].type == "owner_approval"


def test_an_automation_asked_too_often_is_offered_intent_authorization() -> None:
    """It does not get another prompt of the same kind."""
    decision = decide_on(an_event("workload", "rotate_secret"), session=SessionState(prompts_in_window=5))

    assert decision.remedies[0].type == "intent_authorization"


# No score relaxes a floor --------------------------------------------------------------------------------------------


def random_event(rng: np.random.Generator, category: str) -> Event:
    def maybe(*values: Any) -> Any:
        return None if rng.random() < 0.3 else values[int(rng.integers(len(values)))]

    return an_event(
        str(rng.choice(KINDS)),
        category,
        action={"impact": maybe("low", "medium", "high"), "reversible": maybe(True, False)},
        resource={"sensitivity": maybe("public", "internal", "confidential", "restricted"), "type": maybe("a", "b")},
        network={"asn": maybe(64496, 64497), "anonymizer": maybe(True, False), "reputation": maybe(0.0, 1.0)},
        device={"id": maybe("laptop"), "compliant": maybe(True, False), "managed": maybe(True, False)},
        credential={"kind": maybe("access_key", "session_cookie", "oauth_token"), "privileged": maybe(True, False)},
    )


def stale_proofs(rng: np.random.Generator) -> list[Proof]:
    stale = [
        strong_proof(seconds_ago=float(rng.uniform(3_601, 90_000))),
        attestation(seconds_ago=float(rng.uniform(3_601, 90_000))),
        strong_proof(amr=("rba",)),
        strong_proof(amr=("pwd",)),
        completed(expires_at=ago(1)),
    ]
    return [proof for proof in stale if rng.random() < 0.5]


def test_no_privileged_action_without_fresh_proof_is_ever_allowed() -> None:
    """Two thousand random requests, with full trust or a broken model."""
    rng = np.random.default_rng(20260302)
    allowed: list[tuple[str, Decision]] = []
    for number in range(2_000):
        category = PRIVILEGED[number % len(PRIVILEGED)]
        features = {name: float(rng.choice([math.nan, 0.0, 1.0, rng.normal(0, 100)])) for name in feature_names()}
        trust = (TrustCurve(-40.0, (0.0,) * 4), None, TrustCurve(math.nan, (0.0,) * 4))[0 if number % 4 else number % 3]
        session = SessionState(challenged_at={"earlier": ago(9)}, valid_until=NOW + timedelta(hours=1))
        decision = decide_on(
            random_event(rng, category), trust=trust, features=features, proofs=stale_proofs(rng), session=session
        )
        if decision.ruling == "allow":
            allowed.append((category, decision))

    assert allowed == []


def test_less_trust_is_never_less_strict_and_more_proof_never_stricter() -> None:
    """On random requests, in both directions."""
    rng = np.random.default_rng(7)
    strictness = ("allow", "step_up", "deny").index
    wrong = []
    for number in range(500):
        event = random_event(rng, get_args(Category)[number % len(get_args(Category))])
        features = {name: float(rng.choice([math.nan, 0.0, 1.0])) for name in feature_names()}
        rulings = [
            strictness(decide_on(event, trust=TrustCurve(x, (0.0,) * 4), features=features).ruling)
            for x in (-9, -1, 1, 5)
        ]
        proven = decide_on(event, trust=TRUSTED, features=features, proofs=[PROOF_OF[event.identity.type]]).ruling
        if rulings != sorted(rulings) or strictness(proven) > rulings[0]:
            wrong.append(event)

    assert wrong == []


def test_only_a_harmless_view_may_be_cached() -> None:
    """Any other decision is for one request only."""
    decisions = [
        decide_on(an_event(category=category, resource={"sensitivity": sensitivity}))
        for category, sensitivity in product(["read", "write"], ["internal", "restricted"])
    ]

    assert [decision.cache_seconds for decision in decisions] == [POLICY.cache_seconds, 0, 0, 0]
